"""What WhatsApp's answer to a message means for it: the server's acknowledgement, or why it did not leave."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from messaging.events import Outcome

COLD_CONTACTS = "463"
NEW_CHATS = "475"


@dataclass(frozen=True, slots=True)
class Verdict:
    outcome: Outcome
    detail: str | Promise = ""


ACKNOWLEDGED = Verdict(Outcome.ACKNOWLEDGED)
BY_ACK = {
    COLD_CONTACTS: Verdict(
        Outcome.HELD, _("WhatsApp limits this number: for a while it may not write to people who never wrote to it.")
    ),
    NEW_CHATS: Verdict(Outcome.HELD, _("WhatsApp limits how many new chats this number may start.")),
    "131026": Verdict(Outcome.REJECTED, _("WhatsApp cannot deliver messages to this number.")),
    # The recipient's devices changed while the message was encrypted for them.
    "479": Verdict(Outcome.TRY_AGAIN, _("WhatsApp did not accept the message in this form.")),
}
BY_REASON = {
    "not_on_whatsapp": Verdict(Outcome.REJECTED, _("The number is not on WhatsApp.")),
    "428": Verdict(Outcome.LOST, _("The connection was lost.")),
    "408": Verdict(Outcome.LOST, _("WhatsApp did not answer in time.")),
}


def of_ack(error: str) -> Verdict:
    """By the error of an ack stanza; empty where the server took the message."""
    if not error:
        return ACKNOWLEDGED
    if known := BY_ACK.get(error):
        return known
    outcome = Outcome.TRY_AGAIN if error.startswith("5") or error == "429" else Outcome.REJECTED
    return Verdict(outcome, _("WhatsApp refused the message (%(code)s).") % {"code": error})


def of_failure(code: str, text: str) -> Verdict:
    """By what the bridge says of a message that it could not hand over."""
    return BY_REASON.get(code) or Verdict(Outcome.TRY_AGAIN, text)
