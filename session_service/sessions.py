"""The senders that a worker holds: taken, renewed, opened, closed. Who may hold which is written in `leases`."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from django.conf import settings
from django.utils.translation import gettext as _

from messaging.events import Outcome, SendResult
from senders.models import SenderStatus
from session_service import leases
from session_service.auth_state import AuthStateStore
from session_service.background import Background
from session_service.breakers import BreakerState, CircuitBreaker
from session_service.figures import Figures
from session_service.leases import HeldSender
from session_service.providers import PROVIDERS
from session_service.providers.base import Events, Provider, SenderToOpen, Session, SessionState

logger = logging.getLogger(__name__)

FENCE_MARGIN_SECONDS = 1.0  # before the lease's end by our clock, nothing is handed over any more
CLOSING_SECONDS = 5.0  # how long is waited for answers, and for a session to close
CLOSED_AT_ONCE = 100  # so that with many of them each one still answers in time
SECONDS_TO_CLOSE_ALL = 15.0  # leases are renewed meanwhile
LOOK_SECONDS = 0.05
LOG_OUT_SECONDS = 15.0  # how long is waited for a connection to log out through, and for the network's word


@dataclass
class OpenSender:
    """A sender that this worker holds: its lease's end on this process's clock, and its session once open."""

    held: HeldSender
    provider: Provider
    lease_ends: float
    session: Session | None = None
    opened: asyncio.Event = field(default_factory=asyncio.Event)  # or found not to open
    connected: bool = False
    closing: bool = False
    logging_out: bool = False  # WhatsApp was asked to: it will say that the phone did it


@dataclass(frozen=True, slots=True)
class InFlight:
    sender_id: int
    since: float  # on this process's clock


class Sessions:
    """What one worker has open, up to `capacity`. `in_flight` is what was handed over and has no written result yet, by
    message id; what a sender was given is forgotten when it is let go. `leasing` are the senders for which a commit
    that is under way may lease messages."""

    def __init__(self, events: Events, background: Background, auth_state: AuthStateStore, capacity: int) -> None:
        self.worker_id = 0  # once registered
        self.capacity = capacity
        self.senders: dict[int, OpenSender] = {}
        self.in_flight: dict[int, InFlight] = {}
        self.leasing: set[int] = set()
        self._closes = asyncio.Semaphore(CLOSED_AT_ONCE)
        self._closing: dict[int, OpenSender] = {}  # let go, and still open: nobody else may open them yet
        self.providers: dict[str, Provider] = {}
        self.breakers: defaultdict[str, CircuitBreaker] = defaultdict(CircuitBreaker)
        self.figures = Figures()
        self._events = events
        self._background = background
        self._auth_state = auth_state

    def sendable(self) -> list[tuple[int, int, bool]]:
        """Senders whose session is open and whose lease is sure: (sender id, epoch, provider keeps ids)."""
        fence = time.monotonic() + FENCE_MARGIN_SECONDS
        return [
            (sender.held.id, sender.held.epoch, sender.provider.keeps_message_ids)
            for sender in self.senders.values()
            if sender.connected
            and not sender.closing
            and sender.session is not None
            and sender.lease_ends > fence
            and self.breakers[sender.held.provider].state is not BreakerState.OPEN
        ]

    def note_answer(self, result: SendResult) -> list[int]:
        """Tells the breaker of the endpoint that the message went to. Returns the senders that it held up until now."""
        sent = self.in_flight.get(result.message_id)
        sender = self.senders.get(sent.sender_id) if sent is not None else None
        if sender is None or result.outcome in (Outcome.CLOSED, Outcome.LOST):
            return []
        breaker = self.breakers[sender.held.provider]
        was = breaker.state
        breaker.failed() if result.outcome is Outcome.UNREACHABLE else breaker.answered()
        if was is not BreakerState.HALF_OPEN or breaker.state is not BreakerState.CLOSED:
            return []
        return [each.held.id for each in self.senders.values() if each.provider is sender.provider]

    async def renew(self) -> None:
        """Renews what this process has open, and nothing else: a lease that it got in a commit whose answer was lost,
        or could not release, runs out and is taken anew."""
        began = time.monotonic()
        present = list(self.senders.values())
        told = {
            "breakers": {name: breaker.describe() for name, breaker in self.breakers.items()},
            "connected": sum(sender.connected for sender in present),
        }
        epochs = {sender.held.id: sender.held.epoch for sender in (*self._closing.values(), *present)}
        held = await self._background.database(
            self._background.heart,
            lambda: leases.heartbeat(worker_id=self.worker_id, held=epochs, **told, **self.figures.now()),
        )
        for sender in present:
            if sender.held.id in held:
                sender.lease_ends = began + settings.SESSION_LEASE_SECONDS
            elif self.senders.get(sender.held.id) is sender:
                logger.warning("sender %s belongs to another worker now", sender.held.id)
                self.let_go(sender, release=False)

    async def take(self, limit: int) -> int:
        """Takes over up to `limit` senders that nobody holds, and opens them in the background. Returns how many."""
        began = time.monotonic()
        taken = await self._background.database(
            self._background.calm, lambda: leases.take(worker_id=self.worker_id, limit=limit)
        )
        for held in taken:
            self._background.start(self._open(self._hold(held, began + settings.SESSION_LEASE_SECONDS)))
        return len(taken)

    async def follow_wishes(self) -> None:
        """Disconnects what staff no longer want, logs out, and shows the other kind of code, in the background."""
        for wish in await self._background.database(
            self._background.calm, lambda: leases.wishes(worker_id=self.worker_id)
        ):
            sender = self.senders.get(wish.sender_id)
            if sender is None or sender.closing:
                continue
            if not wish.wanted:
                self._background.start(self._disconnect(sender))
            elif wish.logging_out:
                self._background.start(self._log_out(sender))
            elif wish.pairing_number != sender.held.pairing_number:  # it is taken again with the new one
                self.let_go(sender, release=True)

    async def end_stalled(self) -> None:
        """Re-connects sessions that look alive while WhatsApp acknowledges nothing.

        What they were sending is settled when the sender is taken again, like the work of a lost worker.
        """
        limit = time.monotonic() - settings.ACK_TIMEOUT_SECONDS
        for sender_id in {sent.sender_id for sent in self.in_flight.values() if sent.since < limit}:
            sender = self.senders.get(sender_id)
            if sender is not None:
                detail = _("No acknowledgement for %(seconds)s s. Connecting again.")
                detail = detail % {"seconds": round(settings.ACK_TIMEOUT_SECONDS)}
                await self._events.state(SessionState(sender_id, sender.held.epoch, SenderStatus.STALLED, detail))
                self.let_go(sender, release=True)

    def _hold(self, held: HeldSender, lease_ends: float) -> OpenSender:
        """Notes a taken sender, so that its lease is renewed while it opens."""
        if held.provider not in self.providers:
            self.providers[held.provider] = PROVIDERS[held.provider](self._auth_state, self._background)
        if (former := self.senders.get(held.id)) is not None:  # its lease ran out before we noticed
            self.let_go(former, release=False)
        self.senders[held.id] = OpenSender(held, self.providers[held.provider], lease_ends)
        return self.senders[held.id]

    async def _open(self, sender: OpenSender) -> None:
        held = sender.held
        wanted = SenderToOpen(
            id=held.id,
            epoch=held.epoch,
            name=held.name,
            phone_number=held.phone_number,
            pairing_number=held.pairing_number,
        )
        try:
            sender.session = await sender.provider.open(wanted, self._events)
        except Exception as error:
            logger.exception("sender %s could not be opened", held.id)
            await self._events.state(SessionState(held.id, held.epoch, SenderStatus.RECONNECTING, str(error)))
            self.let_go(sender, release=True)
        finally:
            sender.opened.set()

    async def _disconnect(self, sender: OpenSender) -> None:
        """Closes a session that staff no longer want."""
        sender.closing = True
        await self._finish(sender)
        await self._end(sender, SenderStatus.DISCONNECTED)

    async def _log_out(self, sender: OpenSender) -> None:
        """Unlinks a sender from its phone, once it is connected. Where the network does not answer for long, its
        credentials are thrown away all the same, and a person must remove the device on the phone."""
        sender.closing = True
        await self._finish(sender)
        if await self._until(lambda: sender.connected and sender.session is not None, sender) and sender.session:
            try:
                sender.logging_out = True
                await asyncio.wait_for(sender.session.log_out(), CLOSING_SECONDS)
                if await self._until(lambda: False, sender):
                    return
            except Exception:
                logger.warning("sender %s could not be logged out in order", sender.held.id, exc_info=True)
        if self.senders.get(sender.held.id) is sender:
            sender.logging_out = False
            await self._auth_state.wipe(sender.held.id, sender.held.epoch)
            detail = _("The phone could not be told. Remove this device there, under Linked devices.")
            await self._end(sender, SenderStatus.LOGGED_OUT, detail)

    async def _until(self, condition: Callable[[], bool], sender: OpenSender) -> bool:
        """Waits `LOG_OUT_SECONDS` for a condition, or the sender's end. True if it came or the sender has ended."""
        deadline = time.monotonic() + LOG_OUT_SECONDS
        while self.senders.get(sender.held.id) is sender:
            if condition():
                return True
            if time.monotonic() >= deadline:
                return False
            await asyncio.sleep(LOOK_SECONDS)
        return True

    async def _finish(self, sender: OpenSender) -> None:
        """Leaves a little time for answers to what a sender has sent."""
        deadline = time.monotonic() + CLOSING_SECONDS
        while self.is_busy(sender.held.id) and time.monotonic() < deadline:  # noqa: ASYNC110  rare; the hot path is not to care
            await asyncio.sleep(LOOK_SECONDS)

    async def _end(self, sender: OpenSender, status: SenderStatus, detail: str = "") -> None:
        await self._events.state(SessionState(sender.held.id, sender.held.epoch, status, detail))

    @property
    def closing_now(self) -> int:
        """How many were let go and still have their lease."""
        return len(self._closing)

    def is_busy(self, sender_id: int) -> bool:
        """Whether something of a sender is leased, or may be in this moment, that has no written result yet."""
        return sender_id in self.leasing or sender_id in self.sending()

    def sending(self) -> set[int]:
        """Senders that wait for an answer, or for it to be written."""
        return {sent.sender_id for sent in self.in_flight.values()}

    def let_go(self, sender: OpenSender, *, release: bool) -> None:
        """Sends nothing through a sender any more; its session is closed, and its lease given up, in the background."""
        if self.senders.get(sender.held.id) is not sender:
            return
        del self.senders[sender.held.id]
        mine = sender.held.id
        self.in_flight = {message: sent for message, sent in self.in_flight.items() if sent.sender_id != mine}
        if release:
            self._closing[mine] = sender
        self._background.start(self._close(sender, release))

    async def _close(self, sender: OpenSender, release: bool) -> None:
        """Closes, then releases. Where either fails, the lease runs out: another owner would find the session open."""
        held = sender.held
        try:
            await sender.opened.wait()  # what ends while it is opening would be open afterwards
            if sender.session is not None:
                try:
                    async with self._closes:
                        await asyncio.wait_for(sender.session.close(), CLOSING_SECONDS)
                finally:
                    await self._auth_state.flush([held.id])  # the fence refuses it where the sender was lost
            if release:
                await self._background.database(
                    self._background.calm,
                    lambda: leases.release(worker_id=self.worker_id, sender_id=held.id, epoch=held.epoch),
                )
            if held.id not in self.senders:  # it may be back already
                self._auth_state.forget(held.id)
        except Exception:
            logger.warning("the session of sender %s did not close in order", held.id, exc_info=True)
        finally:
            if self._closing.get(held.id) is sender:
                del self._closing[held.id]

    async def close(self) -> None:
        """Closes and releases everything; waits for what is opening and closing, though not for ever."""
        await self._background.settle(CLOSING_SECONDS)
        for sender in list(self.senders.values()):
            self.let_go(sender, release=True)
        await self._background.settle(SECONDS_TO_CLOSE_ALL)
