"""The border between the session service and a way of reaching WhatsApp.

A provider opens sessions; a session hands messages over; everything that comes back goes through `Events`.
Providers decide nothing: no retries, no pace, no database.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from messaging.events import Event, SendResult


@dataclass(frozen=True, slots=True)
class SenderToOpen:
    """What a provider must know of a sender. `epoch` fences: the network refuses a session of an older one."""

    id: int
    epoch: int
    name: str
    phone_number: str  # E.164 with a plus; empty until linked
    pairing_number: str = ""  # E.164; where set and nothing is linked, a pairing code for it is shown, and no QR code


@dataclass(frozen=True, slots=True)
class Media:
    """A file to send. The worker fetches it from the storage before a session sees the message."""

    name: str  # in the storage
    mime_type: str
    file_name: str  # as the recipient should see it; may be empty
    size: int  # bytes
    path: str = ""  # a local file, which stays at least until the message's result


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """One leased message. A provider that keeps ids must send it under `whatsapp_id`, on every attempt.

    It goes to the group if there is one, else to the number, else to the LID of a person whose number is not known.
    `text` is the caption where there is a file.
    """

    id: int
    sender_id: int
    epoch: int
    to: str  # E.164 with a plus; empty with `group`, and for a person known by LID only
    text: str
    whatsapp_id: str
    attempt: int  # 1 on the first
    kind: str = "text"  # of `messaging.kinds`, which also says what `content` holds
    content: dict[str, Any] = field(default_factory=dict)
    media: Media | None = None
    group: str = ""  # WhatsApp id, such as 120363041234567890@g.us
    lid: str = ""  # digits alone
    wire_number: str = ""  # the form of `to` under which WhatsApp knows it, where there are two and it was seen


@dataclass(frozen=True, slots=True)
class SessionState:
    """A change of a session, in the words of `senders.SenderStatus`.

    After `disconnected`, `logged_out`, `banned` or `replaced` it is not opened again until a person asks for it: a
    provider says `disconnected` where nobody linked a phone in time.
    """

    sender_id: int
    epoch: int
    status: str
    detail: str = ""
    phone_number: str = ""  # set when the session was linked just now, or says who it is
    next_try_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class QrCode:
    """The text that the phone must scan, valid for `expires_in` seconds; the next one replaces it."""

    sender_id: int
    text: str
    expires_in: float


@dataclass(frozen=True, slots=True)
class PairingCode:
    """Eight characters that a person types into WhatsApp on the phone, valid for `expires_in` seconds."""

    sender_id: int
    code: str
    expires_in: float


@dataclass(frozen=True, slots=True)
class NumberInfo:
    """What WhatsApp says of a phone number."""

    exists: bool
    lid: str = ""  # digits alone, where WhatsApp tells it
    wire_number: str = ""  # the form under which WhatsApp knows it, where there are two


@dataclass(frozen=True, slots=True)
class GroupMember:
    """A member of a group, by number, by LID, or both."""

    phone_number: str = ""  # E.164 with a plus
    lid: str = ""
    name: str = ""
    is_admin: bool = False


@dataclass(frozen=True, slots=True)
class GroupInfo:
    """A group that the sender is in. `members` may be empty in a list of groups: `group_members` has them all."""

    whatsapp_id: str  # such as 120363041234567890@g.us
    subject: str
    members: tuple[GroupMember, ...] = ()


class NotPossible(Exception):
    """A session cannot do what was asked, or WhatsApp refused it. The text is for the person who asked."""


class Events(Protocol):
    """Where a provider reports. Awaiting slows the provider down to what the database takes."""

    async def results(self, results: Sequence[SendResult]) -> None:
        """Takes what became of leased messages; may return before it is written."""

    async def record(self, events: Sequence[Event]) -> None:
        """Returns when the events are committed to the ledger: only then may the provider forget them, and remove the
        files that came with them. Raises where they could not be written: report them again then."""

    async def state(self, state: SessionState) -> None: ...

    async def qr(self, code: QrCode) -> None: ...

    async def pairing_code(self, code: PairingCode) -> None: ...


class Session(Protocol):
    """One open connection. `send` hands over and returns; every message gets exactly one result, later."""

    async def send(self, messages: Sequence[OutgoingMessage]) -> None: ...

    async def typing(self, to: str, seconds: float) -> None:
        """Shows “typing…” to a person. Nothing depends on it: a session that cannot does nothing."""

    async def check_numbers(self, numbers: Sequence[str]) -> dict[str, NumberInfo]:
        """Asks WhatsApp about a few numbers in E.164. Pace and cache are the caller's. May raise `NotPossible`, like
        everything about groups below."""

    async def groups(self) -> list[GroupInfo]:
        """The groups that the sender is in."""

    async def create_group(self, subject: str, numbers: Sequence[str]) -> GroupInfo:
        """Makes a group with these people; its members are those that WhatsApp accepted."""

    async def group_members(self, group: str) -> list[GroupMember]: ...

    async def log_out(self) -> None:
        """Unlinks this device from the phone. Then the state `logged_out` is reported, as if the phone had done it."""

    async def close(self) -> None:
        """Closes the connection and keeps the link: the next owner needs no QR code."""


class Provider(Protocol):
    """One per worker and kind. `keeps_message_ids` says whether a repeat under the same id is dropped."""

    keeps_message_ids: bool

    async def open(self, sender: SenderToOpen, events: Events) -> Session: ...

    async def close(self) -> None: ...
