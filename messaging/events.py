"""What comes back from WhatsApp, in the ledger's own words. Providers translate into these; nothing else crosses."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from messaging.models import MessageStatus


class Outcome(Enum):
    ACKNOWLEDGED = "acknowledged"  # WhatsApp's server took the message
    REJECTED = "rejected"  # refused for good: the same message would be refused again
    TRY_AGAIN = "try again"  # did not leave, or may be repeated under the same id
    UNREACHABLE = "unreachable"  # the provider's endpoint did not answer: not this sender's fault
    LOST = "lost"  # the connection broke before an answer: may have left, and may be repeated under the same id
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
class ReceivedMedia:
    """The file of an inbound message: a temporary file at `path`, or the reason why there is none in `error`.

    The file belongs to the provider, which removes it once `Events.record` returned.
    """

    path: str = ""
    mime_type: str = ""
    file_name: str = ""
    size: int = 0  # bytes; of a file that was too large, as WhatsApp states it
    sha256: str = ""  # of the file's content, in hexadecimal digits
    error: str = ""  # too_large: beyond MEDIA_MAX_BYTES, so it was not fetched; failed: it could not be fetched
    media_id: int | None = None  # set by the worker when it lies in the storage; providers leave it empty


@dataclass(frozen=True, slots=True)
class Inbound:
    """A person wrote to a sender. `phone_number` is E.164 with a plus, or empty where WhatsApp shows only the LID.

    `kind` and `content` are as in `messaging.kinds`. In a group, `group` is its WhatsApp id (`…@g.us`), and the number
    and the LID are those of the member who wrote.
    """

    sender_id: int
    phone_number: str
    whatsapp_id: str
    text: str
    at: datetime
    kind: str = "text"
    content: dict[str, Any] = field(default_factory=dict)
    lid: str = ""  # digits alone
    name: str = ""  # as the person calls themself on WhatsApp
    group: str = ""
    media: ReceivedMedia | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """A message was edited (`text` is the new one) or deleted for everyone: by the person of this number or LID, or, with
    `from_me`, by the sender itself on another of its devices. Whether it was theirs to change, the ledger knows."""

    sender_id: int
    whatsapp_id: str
    at: datetime
    text: str | None = None
    deleted: bool = False
    from_me: bool = False
    phone_number: str = ""
    lid: str = ""


Event = Receipt | Inbound | Changed
