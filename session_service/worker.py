"""One process of the session service: holds sessions, leases due messages, hands them over, writes what comes back.

Five loops share one event loop. `_renew_leases` renews ownership and closes what was lost; `_take_senders` takes over
and opens what nobody holds. `_dispatch` is the hot path: one commit carries the results and receipts that arrived and
the leases of the next messages, and only then are those sent. `_type` shows “typing…” where a batch asks for it, and
`_tell` publishes progress. The database is used from three threads, so that neither a slow write on the hot path nor a
session that is slow to open costs a lease.
"""

import asyncio
import logging
import os
import socket
import time
from collections import defaultdict, deque
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.utils.translation import gettext as _

from messaging import ledger, progress, recall
from messaging.counts import Changes
from messaging.events import Inbound, Outcome, Receipt, SendResult
from senders.models import SenderStatus
from session_service import leases, states
from session_service.breakers import BreakerState, CircuitBreaker
from session_service.leases import HeldSender
from session_service.providers import PROVIDERS
from session_service.providers.base import OutgoingMessage, Provider, QrCode, SenderToOpen, Session, SessionState
from session_service.queue import about_to_type, lease_due

logger = logging.getLogger(__name__)
T = TypeVar("T")

IDLE_SECONDS = 0.1  # between two looks at the queue when there was nothing to do
TYPING_LOOK_SECONDS = 0.25
GATHER_SECONDS = 0.01
OUTAGE_SECONDS = 1.0  # between two tries to reach a database that is away
RESULTS_A_COMMIT = 1_000
MOST_WAITING = 5_000  # results and events not yet written; beyond it, providers wait
OPENED_A_ROUND = 50  # sessions opened between two heartbeats, so that a restart is gentle
FENCE_MARGIN_SECONDS = 1.0  # before the lease's end by our clock, nothing is handed over any more
CLOSING_SECONDS = 5.0  # how long a stopping worker waits for answers to what it sent


@dataclass
class OpenSender:
    """A sender that this worker holds: its lease's end on this process's clock, and its session once open."""

    held: HeldSender
    provider: Provider
    lease_ends: float
    session: Session | None = None
    connected: bool = False
    closing: bool = False


@dataclass(frozen=True, slots=True)
class InFlight:
    sender_id: int
    since: float  # on this process's clock


@dataclass(frozen=True)
class Doubt:
    """A commit failed and may have taken place all the same: which senders are open, and what was handed over to them,
    as message id to sender id.

    Both are of one moment: what a sender was given is forgotten when it is let go.
    """

    sender_ids: list[int]
    handed_over: dict[int, int]


@dataclass
class Work:
    """What one dispatch step writes and leases, and what came of it."""

    results: list[SendResult]
    events: list[tuple[Sequence[Receipt | Inbound], asyncio.Future[None]]]
    held: list[tuple[int, int, bool]]
    room: int
    late: list[int]
    in_doubt: "Doubt | None" = None
    leased: list[OutgoingMessage] = field(default_factory=list)
    batch_ids: set[int] = field(default_factory=set)
    paused_senders: list[int] = field(default_factory=list)

    @property
    def flat_events(self) -> list[Receipt | Inbound]:
        return [event for events, _ in self.events for event in events]


def _complain(consequence: str, error: Exception) -> None:
    """One line for an outage, which repeats every second; the whole story for anything else."""
    logger.warning("%s: %s", consequence, error, exc_info=not isinstance(error, OperationalError | InterfaceError))


class Worker:
    """Holds up to `capacity` sessions until `stop` is called. Also the `Events` that providers report to."""

    def __init__(self, capacity: int | None = None) -> None:
        self.capacity = capacity or settings.SESSION_WORKER_CAPACITY
        self.id = 0
        self.senders: dict[int, OpenSender] = {}
        self.providers: dict[str, Provider] = {}
        self.breakers: defaultdict[str, CircuitBreaker] = defaultdict(CircuitBreaker)
        self.in_flight: dict[int, InFlight] = {}  # by message id: handed over, no result written yet
        self._rate = settings.SEND_RATE_LIMIT  # this worker's share, in messages a second
        self._tokens, self._tokens_at = 0.0, time.monotonic()
        self._next_lease = 0.0
        self._in_doubt = False
        self._late: set[int] = set()  # senders that could not send for a while: what piled up is planned afresh
        self._probes_next = False  # whose turn it is while an endpoint is tried again
        self._results: deque[SendResult] = deque()
        self._events: deque[tuple[Sequence[Receipt | Inbound], asyncio.Future[None]]] = deque()
        self._unpublished: set[int] = set()
        self._background: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._written = asyncio.Event()
        self._stopping = asyncio.Event()
        self._hot = ThreadPoolExecutor(1, thread_name_prefix="dispatch")
        self._calm = ThreadPoolExecutor(1, thread_name_prefix="calm")
        self._heart = ThreadPoolExecutor(1, thread_name_prefix="heartbeat")

    # -- Events: what providers report --

    async def results(self, results: Sequence[SendResult]) -> None:
        self._results.extend(results)
        for result in results:
            self._note_answer(result)
        self._wake.set()
        await self._room()

    async def record(self, events: Sequence[Receipt | Inbound]) -> None:
        if not events:
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._events.append((events, done))
        self._wake.set()
        await done

    async def state(self, state: SessionState) -> None:
        sender = self.senders.get(state.sender_id)
        if sender is None or sender.held.epoch != state.epoch:
            return
        sender.connected = state.status == SenderStatus.CONNECTED
        logger.info("sender %s is %s %s", state.sender_id, state.status, state.detail)
        owned = await self._write_state(state)
        if not owned or state.status in states.ENDED:
            self._let_go(sender, release=owned)
        self._wake.set()

    async def qr(self, code: QrCode) -> None:
        await self._database(self._calm, lambda: states.show_qr(code=code))

    async def _write_state(self, state: SessionState) -> bool:
        """Tries until it is written or the sender is lost: a state that is not shown would hold up its queue."""
        while state.sender_id in self.senders:
            try:
                return await self._database(self._calm, lambda: states.write_state(worker_id=self.id, state=state))
            except (DatabaseError, InterfaceError) as error:
                _complain(f"the state of sender {state.sender_id} could not be written", error)
                await self._sleep(OUTAGE_SECONDS)
        return False

    def _note_answer(self, result: SendResult) -> None:
        """Tells the breaker of the endpoint that the message went to."""
        sent = self.in_flight.get(result.message_id)
        sender = self.senders.get(sent.sender_id) if sent is not None else None
        if sender is None or result.outcome is Outcome.CLOSED:
            return
        breaker = self.breakers[sender.held.provider]
        if result.outcome is Outcome.UNREACHABLE:
            breaker.failed()
            return
        if breaker.state is BreakerState.HALF_OPEN:
            self._late.update(each.held.id for each in self.senders.values() if each.provider is sender.provider)
        breaker.answered()

    async def _room(self) -> None:
        """Back-pressure: waits while more is waiting to be written than the database keeps up with."""
        while len(self._results) > MOST_WAITING:
            self._written.clear()
            await self._written.wait()

    # -- Life --

    async def run(self) -> None:
        """Works until `stop`. Returns when everything is closed, written and released."""
        await self._register()
        work = (self._renew_leases, self._take_senders, self._dispatch, self._type, self._tell)
        loops = [asyncio.create_task(loop()) for loop in work]
        stopped = asyncio.create_task(self._stopping.wait())
        done, _ = await asyncio.wait([*loops, stopped], return_when=asyncio.FIRST_COMPLETED)
        self._stopping.set()
        await asyncio.gather(*loops, return_exceptions=True)
        await self._shut_down()
        for task in done - {stopped}:
            task.result()  # a loop that broke takes the process down, and the supervisor starts a new one

    async def _register(self) -> None:
        """Tries until the database answers, which may be started after this process, or again."""
        name = f"{socket.gethostname()}:{os.getpid()}"
        while not self._stopping.is_set():
            try:
                made = await self._database(self._calm, lambda: leases.register(name=name, capacity=self.capacity))
            except (OperationalError, InterfaceError) as error:
                _complain("the database does not answer; this worker waits for it", error)
                await self._sleep(OUTAGE_SECONDS)
            else:
                self.id = made.pk
                logger.info("session worker %s (%s) started", self.id, name)
                return

    def stop(self) -> None:
        self._stopping.set()
        self._wake.set()

    async def _shut_down(self) -> None:
        """Waits a little for answers, writes them, closes the sessions and gives the senders up.

        Without the database the sessions are closed all the same; the leases then run out.
        """
        deadline = time.monotonic() + CLOSING_SECONDS
        while self.in_flight and time.monotonic() < deadline:
            await self._write_rest()
            await asyncio.sleep(0.05)
        for sender in list(self.senders.values()):
            self._let_go(sender, release=True)
        await asyncio.gather(*self._background, return_exceptions=True)
        while await self._write_rest():
            pass
        for provider in self.providers.values():
            await provider.close()
        with suppress(DatabaseError, InterfaceError):
            await self._database(self._calm, lambda: leases.stop(worker_id=self.id))
        await self._publish()
        for executor in (self._hot, self._calm, self._heart):
            await self._database(executor, lambda: connection.close())
            executor.shutdown()
        logger.info("session worker %s stopped", self.id)

    async def _write_rest(self) -> bool:
        """One step that leases nothing. True if anything was written."""
        try:
            return await self._step(lease=False)
        except (DatabaseError, InterfaceError) as error:
            _complain("the database does not answer; what is left is settled by whoever takes over", error)
            return False

    # -- Leases and sessions --

    async def _renew_leases(self) -> None:
        while not self._stopping.is_set():
            try:
                await self._renew()
            except (DatabaseError, InterfaceError) as error:
                _complain("the database does not answer; leases are not renewed", error)
            await self._sleep(self._pause)

    async def _renew(self) -> None:
        """Renews what this process has open, and nothing else: a lease that it got in a commit whose answer was lost,
        or could not release, runs out and is taken anew."""
        began = time.monotonic()
        breakers = {name: breaker.describe() for name, breaker in self.breakers.items()}
        present = list(self.senders.values())
        epochs = {sender.held.id: sender.held.epoch for sender in present}
        held = await self._database(
            self._heart, lambda: leases.heartbeat(worker_id=self.id, held=epochs, breakers=breakers)
        )
        for sender in present:
            if sender.held.id in held:
                sender.lease_ends = began + settings.SESSION_LEASE_SECONDS
            elif self.senders.get(sender.held.id) is sender:
                logger.warning("sender %s belongs to another worker now", sender.held.id)
                self._let_go(sender, release=False)

    async def _take_senders(self) -> None:
        while not self._stopping.is_set():
            try:
                await self._take()
            except (DatabaseError, InterfaceError) as error:
                _complain("the database does not answer; no sender is taken", error)
            await self._sleep(self._pause)

    @property
    def _pause(self) -> float:
        return min(1.0, settings.SESSION_LEASE_SECONDS / 5)

    async def _take(self) -> None:
        await self._end_stalled()
        if settings.SEND_RATE_LIMIT:
            self._rate = settings.SEND_RATE_LIMIT / max(1, await self._database(self._calm, leases.alive_workers))
        for sender_id in await self._database(self._calm, lambda: leases.unwanted(worker_id=self.id)):
            self._in_background(self._disconnect(sender_id))
        room = min(self.capacity - len(self.senders), OPENED_A_ROUND)
        if room > 0:
            began = time.monotonic()
            taken = await self._database(self._calm, lambda: leases.take(worker_id=self.id, limit=room))
            held = [self._hold(each, began + settings.SESSION_LEASE_SECONDS) for each in taken]
            await asyncio.gather(*(self._open(sender) for sender in held))
        self._unpublished |= await self._database(self._calm, leases.recover_lost)
        await self._database(self._calm, states.settle_unwanted)

    async def _end_stalled(self) -> None:
        """Re-connects sessions that look alive while WhatsApp acknowledges nothing.

        What they were sending is settled when the sender is taken again, like the work of a lost worker.
        """
        limit = time.monotonic() - settings.ACK_TIMEOUT_SECONDS
        for sender_id in {sent.sender_id for sent in self.in_flight.values() if sent.since < limit}:
            sender = self.senders.get(sender_id)
            if sender is not None:
                detail = _("No acknowledgement for %(seconds)s s. Connecting again.")
                detail = detail % {"seconds": round(settings.ACK_TIMEOUT_SECONDS)}
                await self.state(SessionState(sender_id, sender.held.epoch, SenderStatus.STALLED, detail))
                self._let_go(sender, release=True)

    def _hold(self, held: HeldSender, lease_ends: float) -> OpenSender:
        """Notes a taken sender, so that its lease is renewed while it opens."""
        if held.provider not in self.providers:
            self.providers[held.provider] = PROVIDERS[held.provider]()
        if (former := self.senders.get(held.id)) is not None:  # its lease ran out before we noticed
            self._let_go(former, release=False)
        self.senders[held.id] = OpenSender(held, self.providers[held.provider], lease_ends)
        return self.senders[held.id]

    async def _open(self, sender: OpenSender) -> None:
        held = sender.held
        wanted = SenderToOpen(id=held.id, epoch=held.epoch, name=held.name, phone_number=held.phone_number)
        try:
            session = await sender.provider.open(wanted, self)
        except Exception as error:
            logger.exception("sender %s could not be opened", held.id)
            await self.state(SessionState(held.id, held.epoch, SenderStatus.RECONNECTING, str(error)))
            self._let_go(sender, release=True)
            return
        if self.senders.get(held.id) is sender:
            sender.session = session
        else:  # it ended while it was opening
            await session.close()

    async def _disconnect(self, sender_id: int) -> None:
        """Closes a session that staff no longer want, after a little time for answers to what it sent."""
        sender = self.senders.get(sender_id)
        if sender is None or sender.closing:
            return
        sender.closing = True
        deadline = time.monotonic() + CLOSING_SECONDS
        while self._is_sending(sender_id) and (left := deadline - time.monotonic()) > 0:
            self._written.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._written.wait(), left)
        await self.state(SessionState(sender_id, sender.held.epoch, SenderStatus.DISCONNECTED))

    def _is_sending(self, sender_id: int) -> bool:
        return any(sent.sender_id == sender_id for sent in self.in_flight.values())

    def _let_go(self, sender: OpenSender, *, release: bool) -> None:
        """Sends nothing through a sender any more; its session is closed, and its lease given up, in the background."""
        if self.senders.get(sender.held.id) is not sender:
            return
        del self.senders[sender.held.id]
        mine = sender.held.id
        self.in_flight = {message: sent for message, sent in self.in_flight.items() if sent.sender_id != mine}
        self._in_background(self._close(sender, release))

    async def _close(self, sender: OpenSender, release: bool) -> None:
        held = sender.held
        if sender.session is not None:
            try:
                await asyncio.wait_for(sender.session.close(), CLOSING_SECONDS)
            except Exception:
                logger.warning("the session of sender %s did not close in order", held.id, exc_info=True)
        if release:  # where that fails, the lease runs out
            await self._database(
                self._calm, lambda: leases.release(worker_id=self.id, sender_id=held.id, epoch=held.epoch)
            )

    # -- The hot path --

    async def _dispatch(self) -> None:
        looked = time.monotonic()
        while not self._stopping.is_set():
            self._wake.clear()
            if time.monotonic() - looked > leases.LATE_AFTER.total_seconds():
                self._late.update(self.senders)  # the machine slept, or the database was away
            looked = time.monotonic()
            try:
                moved = await self._step(lease=time.monotonic() >= self._next_lease)
            except (DatabaseError, InterfaceError) as error:
                _complain("the database does not answer; nothing is sent until it does", error)
                await self._sleep(OUTAGE_SECONDS)
                continue
            # Answers that dribble in are gathered a little, so that many senders do not mean many commits.
            await self._sleep(GATHER_SECONDS if moved else IDLE_SECONDS, wakes=not moved)

    async def _step(self, *, lease: bool) -> bool:
        """One commit: results and events in, leases out. Then sends what was leased. True if anything was done."""
        results, events = self._take_results(), list(self._events)
        self._events.clear()
        held, room = self._may_lease(len(results)) if lease else ([], 0)
        work = Work(
            results=results, events=events, held=held, room=room, late=list(self._late), in_doubt=self._doubt()
        )
        if not (work.results or work.events or work.held):
            return False
        try:
            await self._database(self._hot, lambda: self._commit(work))
        except BaseException:
            self._results.extendleft(reversed(work.results))  # nothing was written: keep it for the next try
            self._events.extendleft(reversed(work.events))
            self._in_doubt = True
            raise
        self._in_doubt = False
        self._late.difference_update(work.late)
        self._note_written(work)
        if work.held:
            busy = len(work.leased) >= work.room // 2
            self._next_lease = 0.0 if busy else time.monotonic() + IDLE_SECONDS
        await self._hand_over(work.leased)
        return bool(work.results or work.events or work.leased)

    def _doubt(self) -> Doubt | None:
        if not self._in_doubt:
            return None
        return Doubt(list(self.senders), {message: sent.sender_id for message, sent in self.in_flight.items()})

    def _note_written(self, work: Work) -> None:
        self._written.set()
        for result in work.results:
            self.in_flight.pop(result.message_id, None)
        self._unpublished |= work.batch_ids
        self._tokens -= len(work.leased)
        for _events, done in work.events:
            if not done.done():
                done.set_result(None)
        if work.paused_senders:
            pausing = self._database(self._calm, lambda: states.announce_pauses(work.paused_senders))
            self._in_background(pausing)

    def _may_lease(self, answered: int) -> tuple[list[tuple[int, int, bool]], int]:
        """Which senders may lease now, as (sender id, epoch, provider keeps ids), and how many messages in all."""
        room = settings.SEND_CONCURRENCY - len(self.in_flight) + answered
        if settings.SEND_RATE_LIMIT:
            room = min(room, self._tokens_now())
        held = self._sendable() if room > 0 else []
        trying = {name for name, breaker in self.breakers.items() if breaker.state is BreakerState.HALF_OPEN}
        if not trying:
            return held, room
        # One message, of whichever sender has one, finds out whether the endpoint answers again. The senders of other
        # endpoints do not wait for that: they have every other turn.
        probing = [each for each in held if self.senders[each[0]].held.provider in trying]
        others = [each for each in held if each not in probing]
        self._probes_next = not self._probes_next
        if self._probes_next and probing and not any(self._goes_to(sent, trying) for sent in self.in_flight.values()):
            return probing, 1
        return others, room

    def _goes_to(self, sent: InFlight, providers: set[str]) -> bool:
        sender = self.senders.get(sent.sender_id)
        return sender is not None and sender.held.provider in providers

    def _tokens_now(self) -> int:
        """Messages that this worker's share of the global rate allows at this moment; at most a second's worth."""
        moment = time.monotonic()
        self._tokens = min(self._rate, self._tokens + (moment - self._tokens_at) * self._rate)
        self._tokens_at = moment
        return int(self._tokens)

    def _take_results(self) -> list[SendResult]:
        return [self._results.popleft() for _ in range(min(len(self._results), RESULTS_A_COMMIT))]

    def _sendable(self) -> list[tuple[int, int, bool]]:
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

    def _commit(self, work: Work) -> None:
        changes = Changes()
        results, events = work.results, work.flat_events
        with transaction.atomic():
            if (doubt := work.in_doubt) is not None:
                results = leases.still_with_their_sender(results, doubt.handed_over)
                leases.take_back_unsent(
                    worker_id=self.id,
                    sender_ids=doubt.sender_ids,
                    handed_over=list(doubt.handed_over),
                    changes=changes,
                )
            if work.late:
                recall.take_back_late(changes, older_than=leases.LATE_AFTER, sender_ids=work.late)
            work.paused_senders = ledger.write_results(results, changes).paused_senders
            ledger.write_receipts([event for event in events if isinstance(event, Receipt)], changes)
            ledger.write_inbound([event for event in events if isinstance(event, Inbound)])
            work.leased = lease_due(worker_id=self.id, held=work.held, room=work.room, changes=changes)
            changes.save()
        work.batch_ids = changes.batch_ids

    async def _hand_over(self, leased: list[OutgoingMessage]) -> None:
        """Sends what was just leased, each sender's messages in their order.

        A lease that ran out meanwhile (this process was stopped, the machine slept) sends nothing: its messages are
        settled by whoever holds the sender next.
        """
        by_sender: defaultdict[int, list[OutgoingMessage]] = defaultdict(list)
        for message in leased:
            by_sender[message.sender_id].append(message)
        fence = time.monotonic() + FENCE_MARGIN_SECONDS
        sends = []
        for sender_id, messages in by_sender.items():
            sender = self.senders.get(sender_id)
            if sender is None or sender.held.epoch != messages[0].epoch:
                logger.warning("sender %s was lost before %s messages were sent", sender_id, len(messages))
                continue
            if sender.session is None or sender.lease_ends <= fence:
                logger.warning("the lease of sender %s ended before %s messages were sent", sender_id, len(messages))
                self._let_go(sender, release=True)
                continue
            sent = InFlight(sender_id, time.monotonic())
            self.in_flight.update((message.id, sent) for message in messages)
            sends.append(self._send(sender, sender.session, messages))
        await asyncio.gather(*sends)

    async def _send(self, sender: OpenSender, session: Session, messages: list[OutgoingMessage]) -> None:
        try:
            await session.send(messages)
        except Exception:
            logger.exception("sender %s broke while sending", sender.held.id)
            self._let_go(sender, release=True)

    # -- “typing…” --

    async def _type(self) -> None:
        """Shows “typing…” to people shortly before their message is due. Nothing is leased for it, so a pause in these
        seconds still holds the message back."""
        shown: dict[int, float] = {}
        while not self._stopping.is_set():
            try:
                await self._show_typing(shown)
            except (DatabaseError, InterfaceError) as error:
                _complain("the database does not answer; nobody is shown as typing", error)
            await self._sleep(TYPING_LOOK_SECONDS)

    async def _show_typing(self, shown: dict[int, float]) -> None:
        moment = time.monotonic()
        for message_id in [message_id for message_id, until in shown.items() if until < moment]:
            del shown[message_id]
        sender_ids = [sender_id for sender_id, _, _ in self._sendable()]
        due = (
            await self._database(self._calm, lambda: about_to_type(sender_ids, TYPING_LOOK_SECONDS))
            if sender_ids
            else []
        )
        for message_id, sender_id, phone_number, seconds in due:
            sender = self.senders.get(sender_id)
            if message_id not in shown and sender is not None and sender.session is not None:
                shown[message_id] = moment + seconds + TYPING_LOOK_SECONDS
                self._in_background(sender.session.typing(phone_number, seconds))

    # -- Progress --

    async def _tell(self) -> None:
        while not self._stopping.is_set():
            await self._publish()
            await self._sleep(1 / progress.EVENTS_A_SECOND)

    async def _publish(self) -> None:
        batch_ids, self._unpublished = self._unpublished, set()
        if not batch_ids:
            return
        try:
            self._unpublished |= await self._database(self._calm, lambda: progress.publish(batch_ids))
        except (DatabaseError, InterfaceError) as error:
            _complain("progress could not be published", error)
            self._unpublished |= batch_ids

    # -- Helpers --

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._end_of_background)

    def _end_of_background(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("work in the background failed", exc_info=error)

    async def _database(self, executor: ThreadPoolExecutor, call: Callable[[], T]) -> T:
        """Runs `call` in one of the two database threads, with a connection that still works."""

        def run() -> T:
            connection.close_if_unusable_or_obsolete()
            return call()

        return await asyncio.get_running_loop().run_in_executor(executor, run)

    async def _sleep(self, seconds: float, *, wakes: bool = False) -> None:
        """Sleeps, but no longer than until the worker is stopped (or, with `wakes`, until a provider reports)."""
        waiting: list[asyncio.Task[Any]] = [asyncio.create_task(self._stopping.wait())]
        if wakes:
            waiting.append(asyncio.create_task(self._wake.wait()))
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
