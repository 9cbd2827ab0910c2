"""What each state of a sender asks of people, in one place: pages, the admin and the API say the same."""

from datetime import timedelta
from typing import Final

from django.utils.functional import Promise
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from senders.models import Provider, Sender, SenderStatus

LONG_CONNECTING = timedelta(seconds=20)  # after that people are told what may be wrong

# What choosing a provider means, for people who never heard of any of them.
PROVIDERS: Final[dict[str, str | Promise]] = {
    Provider.SIMULATED: gettext_lazy(
        "To try everything out: a network inside this program. No real phone is needed and nobody is written to."
    ),
    Provider.BAILEYS: gettext_lazy(
        "Your own number on the real WhatsApp. This program becomes a linked device of the phone, like WhatsApp Web. "
        "WhatsApp does not officially allow it and bans numbers whose messages people do not want: use a number that "
        "you can do without, write only to people who agreed, and start slowly."
    ),
}

_WORDS: Final[dict[str, str | Promise]] = {
    SenderStatus.CONNECTED: gettext_lazy("Nothing to do: the number is linked."),
    SenderStatus.RECONNECTING: gettext_lazy(
        "Nothing to do: the connection was lost and is opened again by itself. Queued messages wait."
    ),
    SenderStatus.STALLED: gettext_lazy(
        "The connection looks open, but WhatsApp acknowledges nothing, so nothing more is sent. It is connected again "
        "by itself. If it lasts, open WhatsApp on the phone and look whether it can send."
    ),
    SenderStatus.LOGGED_OUT: gettext_lazy(
        "No phone is linked any more, and nothing can be sent. Link the phone again with a new code."
    ),
    SenderStatus.REPLACED: gettext_lazy(
        "The session was opened somewhere else. End it there, then connect here; two at once would get the number "
        "banned."
    ),
    SenderStatus.BANNED: gettext_lazy(
        "WhatsApp refuses this number. Open WhatsApp on the phone to see why and to ask for a review. Connect again "
        "once it is allowed."
    ),
}


def what_to_do(sender: Sender) -> str:
    """One or two sentences: what the state means and what a person should do, if anything."""
    if sender.logging_out:
        return _("It is being unlinked from the phone. That takes some seconds.")
    if not sender.wanted and sender.status not in _ENDED:
        return _("The session is being closed. The phone stays linked, so connecting again needs no code.")
    match sender.status:
        case SenderStatus.DISCONNECTED:
            return _while_disconnected(sender)
        case SenderStatus.CONNECTING if takes_long(sender):
            return _(
                "This takes longer than usual. Is the session service running, and has it room for one more sender? "
                "It is tried again by itself."
            )
        case SenderStatus.CONNECTING:
            return _("Nothing to do: the session is being opened.")
        case SenderStatus.SCAN if sender.pairing_number:
            return _("Type the pairing code into WhatsApp on the phone with %(number)s.") % {
                "number": sender.pairing_number
            }
        case SenderStatus.SCAN:
            return _("Scan the QR code with WhatsApp on the phone: Settings, Linked devices, Link a device.")
    return str(_WORDS[sender.status])


def takes_long(sender: Sender) -> bool:
    return sender.status == SenderStatus.CONNECTING and sender.status_at < now() - LONG_CONNECTING


_ENDED = (SenderStatus.DISCONNECTED, SenderStatus.LOGGED_OUT, SenderStatus.REPLACED, SenderStatus.BANNED)


def _while_disconnected(sender: Sender) -> str:
    if sender.is_linked:
        return _("Nothing is sent while it is disconnected. The phone is still linked: connecting needs no code.")
    return _("No phone is linked yet. Show a code and link the phone with it.")
