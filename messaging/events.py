"""What comes back from WhatsApp, in the ledger's own words. Providers translate into these; nothing else crosses."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from messaging.models import MessageStatus


class Outcome(Enum):
    ACKNOWLEDGED = "acknowledged"  # WhatsApp's server took the message
    REJECTED = "rejected"  # refused for good: the same message would be refused again
    TRY_AGAIN = "try again"  # did not leave, or may be repeated under the same id
    UNREACHABLE = "unreachable"  # the provider's endpoint did not answer: not this sender's fault
    CLOSED = "closed"  # the session was not open: nothing left, and nobody is to blame
    HELD = "held"  # refused because WhatsApp limits the sender's new chats: nothing left, others may take it
    UNCERTAIN = "uncertain"  # may have left, and repeating it could reach the person twice


@dataclass(frozen=True, slots=True)
class SendResult:
    """What became of one leased message. `code` is the provider's, such as `463` or `not_on_whatsapp`."""

    message_id: int
    epoch: int
    outcome: Outcome
    code: str = ""
    detail: str = ""
    whatsapp_id: str = ""  # set by providers that make their own ids
    held_until: datetime | None = None  # with HELD, where WhatsApp says how long


@dataclass(frozen=True, slots=True)
class Receipt:
    """WhatsApp says that a message of this sender reached `status` (sent, delivered, read or failed)."""

    sender_id: int
    whatsapp_id: str
    status: MessageStatus
    at: datetime
    code: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Inbound:
    """A person wrote to a sender. `phone_number` is E.164 with a plus."""

    sender_id: int
    phone_number: str
    whatsapp_id: str
    text: str
    at: datetime
