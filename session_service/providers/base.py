"""The border between the session service and a way of reaching WhatsApp.

A provider opens sessions; a session hands messages over; everything that comes back goes through `Events`.
Providers decide nothing: no retries, no pace, no database.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from messaging.events import Inbound, Receipt, SendResult


@dataclass(frozen=True, slots=True)
class SenderToOpen:
    """What a provider must know of a sender. `epoch` fences: the network refuses a session of an older one."""

    id: int
    epoch: int
    name: str
    phone_number: str  # E.164 with a plus; empty until linked


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """One leased message. A provider that keeps ids must send it under `whatsapp_id`, on every attempt."""

    id: int
    sender_id: int
    epoch: int
    to: str  # E.164 with a plus
    text: str
    whatsapp_id: str
    attempt: int  # 1 on the first


@dataclass(frozen=True, slots=True)
class SessionState:
    """A change of a session, in the words of `senders.SenderStatus`."""

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


class Events(Protocol):
    """Where a provider reports. Awaiting slows the provider down to what the database takes."""

    async def results(self, results: Sequence[SendResult]) -> None:
        """Takes what became of leased messages; may return before it is written."""

    async def record(self, events: Sequence[Receipt | Inbound]) -> None:
        """Returns when the events are committed to the ledger: only then may the provider forget them."""

    async def state(self, state: SessionState) -> None: ...

    async def qr(self, code: QrCode) -> None: ...


class Session(Protocol):
    """One open connection. `send` hands over and returns; every message gets exactly one result, later."""

    async def send(self, messages: Sequence[OutgoingMessage]) -> None: ...

    async def typing(self, to: str, seconds: float) -> None:
        """Shows “typing…” to a person. Nothing depends on it: a session that cannot does nothing."""

    async def close(self) -> None:
        """Closes the connection and keeps the link: the next owner needs no QR code."""


class Provider(Protocol):
    """One per worker and kind. `keeps_message_ids` says whether a repeat under the same id is dropped."""

    keeps_message_ids: bool

    async def open(self, sender: SenderToOpen, events: Events) -> Session: ...

    async def close(self) -> None: ...
