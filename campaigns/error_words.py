"""Why people did not get a message, in plain words, and what can be done about it."""

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from messaging.models import MessageStatus, SkipReason

Text = str | Promise


class Words(NamedTuple):
    """What happened, and what to do next."""

    what: Text
    advice: Text


_SKIPPED: dict[str, Words] = {
    SkipReason.BLOCKED: Words(
        _("On the blocklist"), _("Nothing to do. Staff can take somebody off the blocklist who is on it by mistake.")
    ),
    SkipReason.OPTED_OUT: Words(
        _("Asked not to be messaged"), _("Nothing to do. They get messages again after they write START.")
    ),
    SkipReason.INVALID_NUMBER: Words(_("Not a possible mobile number"), _("Correct the number in the contact.")),
    SkipReason.NOT_ON_WHATSAPP: Words(
        _("Not on WhatsApp"), _("Reach them another way, or ask them for the number that they use on WhatsApp.")
    ),
    SkipReason.DUPLICATE: Words(_("Same person twice"), _("Nothing to do: they got it once.")),
    SkipReason.MISSING_VARIABLE: Words(
        _("A variable of the text is empty"),
        _("Fill in the missing values, or write a fallback such as {{name|there}}, and send to these people again."),
    ),
    SkipReason.FREQUENCY_CAP: Words(
        _("Messaged too recently"), _("Send to them later. An admin sets the limit in the settings.")
    ),
    SkipReason.NO_CONSENT: Words(
        _("Has not agreed to be messaged"), _("Ask for their consent first, then write it down in the contact.")
    ),
    "holdout": Words(_("Left out to compare with"), _("Nothing to do: this group gets no message on purpose.")),
}
_FAILED: dict[str, Words] = {
    "refused": Words(
        _("The network refused the message"), _("The same message would be refused again: change the text first.")
    ),
    "network_error": Words(_("The network lost the message, every time"), _("Try again: it may go through now.")),
    "banned": Words(
        _("The sender was banned while it sent"), _("Connect another sender, and send to these people again.")
    ),
    "131026": Words(
        _("WhatsApp cannot deliver to this number"),
        _("The person may use an old version of WhatsApp, or be unreachable there. Reach them another way."),
    ),
    "463": Words(
        _("WhatsApp limits first contacts of this sender"), _("Wait a day, or send through a sender that they know.")
    ),
    "475": Words(
        _("WhatsApp limits new chats of this sender"), _("Wait a day, or spread the campaign over more senders.")
    ),
    "479": Words(_("WhatsApp did not accept the form of the message"), _("Try again: it may go through now.")),
    "429": Words(_("WhatsApp found that the sender sends too fast"), _("Slow the sender down, then try again.")),
    "media_missing": Words(_("The file of the message is gone"), _("Upload the file again in a new campaign.")),
    "settled_by_hand": Words(
        _("Somebody on the team saw that it did not arrive"), _("Send to these people again if it still matters.")
    ),
    "": Words(_("Out of tries, without a reason from WhatsApp"), _("Try again, or look at the sender's connection.")),
}
_UNKNOWN = Words(
    _("May have arrived: the connection broke at that moment"),
    _("Look at the sender's phone. It is not sent again by itself, so that nobody gets it twice."),
)


def words_for(status: int, code: str) -> Words:
    """`code` is the skip reason of what was skipped, else the error code."""
    if status == MessageStatus.SKIPPED:
        return _SKIPPED.get(code, Words(code, ""))
    if status == MessageStatus.UNKNOWN:
        return _UNKNOWN
    if known := _FAILED.get(code):
        return known
    if code.isdecimal() and code.startswith("5"):
        return Words(
            _("WhatsApp had a fault of its own (%(code)s)") % {"code": code}, _("Try again: it may go through now.")
        )
    return Words(
        _("WhatsApp refused the message (%(code)s)") % {"code": code},
        _("Open the list to see what WhatsApp said of each."),
    )
