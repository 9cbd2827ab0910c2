"""A listener for a provider's events, and what tests need to open sessions without a worker."""

import asyncio
import time
from collections.abc import Callable, Sequence

from messaging.events import Event, Inbound, Receipt, SendResult
from session_service.providers.base import OutgoingMessage, PairingCode, QrCode, SenderToOpen, SessionState
from session_service.providers.simulated.behaviour import Behaviour

FAST = Behaviour(ack_ms=5, delivered_ms=10, read_ms=10)
NUMBER = "+6281110000001"


class Listener:
    """Remembers everything that a provider reports. `record` fails while `deaf`, as with the database away."""

    def __init__(self) -> None:
        self.sent: list[SendResult] = []
        self.recorded: list[Event] = []
        self.states: list[SessionState] = []
        self.codes: list[QrCode] = []
        self.pairing_codes: list[PairingCode] = []
        self.deaf = False
        self.refused_records = 0

    async def results(self, results: Sequence[SendResult]) -> None:
        self.sent.extend(results)

    async def record(self, events: Sequence[Event]) -> None:
        if self.deaf:
            self.refused_records += 1
            raise ConnectionError("the database is away")
        self.recorded.extend(events)

    async def state(self, state: SessionState) -> None:
        self.states.append(state)

    async def qr(self, code: QrCode) -> None:
        self.codes.append(code)

    async def pairing_code(self, code: PairingCode) -> None:
        self.pairing_codes.append(code)

    @property
    def statuses(self) -> list[str]:
        return [state.status for state in self.states]

    @property
    def receipts(self) -> list[tuple[str, int]]:
        return [(event.whatsapp_id, event.status) for event in self.recorded if isinstance(event, Receipt)]

    @property
    def inbound(self) -> list[Inbound]:
        return [event for event in self.recorded if isinstance(event, Inbound)]

    @property
    def outcomes(self) -> dict[int, tuple[str, str]]:
        return {result.message_id: (result.outcome.value, result.code) for result in self.sent}


def sender(number: str = "", *, sender_id: int = 1, epoch: int = 1) -> SenderToOpen:
    return SenderToOpen(id=sender_id, epoch=epoch, name="Shop", phone_number=number)


def message(
    number: int, *, to: str = "", text: str = "Hello", whatsapp_id: str = "", epoch: int = 1, attempt: int = 1
) -> OutgoingMessage:
    return OutgoingMessage(
        id=number,
        sender_id=1,
        epoch=epoch,
        to=to or f"+62812{number:08d}1",
        text=text,
        whatsapp_id=whatsapp_id or f"ID{number}",
        attempt=attempt,
    )


async def until(condition: Callable[[], object], seconds: float = 5) -> None:
    """Waits until `condition()` is true, and fails when it takes longer than `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {condition}"
        await asyncio.sleep(0.005)
