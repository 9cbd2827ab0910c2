"""One process of the session service: holds sessions, leases due messages, hands them over, writes what comes back.

Three loops share one event loop. `_keep_leases` renews ownership, opens what it takes and closes what it loses.
`_dispatch` is the hot path: one commit carries the results and receipts that arrived and the leases of the next
messages, and only then are those sent. `_tell` publishes progress. The database is used from two threads, so that
a slow write on the hot path never costs a lease.
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
from django.db import DatabaseError, InterfaceError, connection, transaction

from messaging import ledger, progress
from messaging.counts import Changes
from messaging.events import Inbound, Receipt, SendResult
from senders.models import SenderStatus
from session_service import leases, states
from session_service.leases import HeldSender
from session_service.providers import PROVIDERS
from session_service.providers.base import OutgoingMessage, Provider, QrCode, SenderToOpen, Session, SessionState
from session_service.queue import lease_due

logger = logging.getLogger(__name__)
T = TypeVar("T")

IDLE_SECONDS = 0.1  # between two looks at the queue when there was nothing to do
RESULTS_A_COMMIT = 500
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


@dataclass
class Work:
    """What one dispatch step writes, and what came of it."""

    results: list[SendResult]
    events: list[tuple[Sequence[Receipt | Inbound], asyncio.Future[None]]]
    leased: list[OutgoingMessage] = field(default_factory=list)
    batch_ids: set[int] = field(default_factory=set)

    @property
    def flat_events(self) -> list[Receipt | Inbound]:
        return [event for events, _ in self.events for event in events]


class Worker:
    """Holds up to `capacity` sessions until `stop` is called. Also the `Events` that providers report to."""

    def __init__(self, capacity: int | None = None) -> None:
        self.capacity = capacity or settings.SESSION_WORKER_CAPACITY
        self.id = 0
        self.senders: dict[int, OpenSender] = {}
        self.providers: dict[str, Provider] = {}
        self.in_flight: dict[int, int] = {}  # message id to sender id: handed over, no result written yet
        self._in_doubt = False  # a commit failed, and may have leased messages all the same
        self._results: deque[SendResult] = deque()
        self._events: deque[tuple[Sequence[Receipt | Inbound], asyncio.Future[None]]] = deque()
        self._unpublished: set[int] = set()
        self._background: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._written = asyncio.Event()
        self._stopping = asyncio.Event()
        self._hot = ThreadPoolExecutor(1, thread_name_prefix="dispatch")
        self._calm = ThreadPoolExecutor(1, thread_name_prefix="leases")

    # -- Events: what providers report --

    async def results(self, results: Sequence[SendResult]) -> None:
        self._results.extend(results)
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
            self._in_background(self._close(state.sender_id, release=owned))
        self._wake.set()

    async def qr(self, code: QrCode) -> None:
        await self._database(self._calm, lambda: states.show_qr(code=code))

    async def _write_state(self, state: SessionState) -> bool:
        """Tries until it is written or the sender is lost: a state that is not shown would hold up its queue."""
        while state.sender_id in self.senders:
            try:
                return await self._database(self._calm, lambda: states.write_state(worker_id=self.id, state=state))
            except (DatabaseError, InterfaceError):
                logger.warning("the state of sender %s could not be written", state.sender_id, exc_info=True)
                await self._sleep(1.0)
        return False

    async def _room(self) -> None:
        """Back-pressure: waits while more is waiting to be written than the database keeps up with."""
        while len(self._results) > MOST_WAITING:
            self._written.clear()
            await self._written.wait()

    # -- Life --

    async def run(self) -> None:
        """Works until `stop`. Returns when everything is closed, written and released."""
        name = f"{socket.gethostname()}:{os.getpid()}"
        registered = await self._database(self._calm, lambda: leases.register(name=name, capacity=self.capacity))
        self.id = registered.pk
        logger.info("session worker %s (%s) started", self.id, name)
        loops = [asyncio.create_task(loop()) for loop in (self._keep_leases, self._dispatch, self._tell)]
        stopped = asyncio.create_task(self._stopping.wait())
        done, _ = await asyncio.wait([*loops, stopped], return_when=asyncio.FIRST_COMPLETED)
        self._stopping.set()
        await asyncio.gather(*loops, return_exceptions=True)
        await self._shut_down()
        for task in done - {stopped}:
            task.result()  # a loop that broke takes the process down, and the supervisor starts a new one

    def stop(self) -> None:
        self._stopping.set()
        self._wake.set()

    async def _shut_down(self) -> None:
        """Waits a little for answers, writes them, closes the sessions and gives the senders up."""
        deadline = time.monotonic() + CLOSING_SECONDS
        while self.in_flight and time.monotonic() < deadline:
            await self._step(lease=False)
            await asyncio.sleep(0.05)
        for sender_id in list(self.senders):
            await self._close(sender_id, release=True)
        while await self._step(lease=False):
            pass
        for provider in self.providers.values():
            await provider.close()
        await self._database(self._calm, lambda: leases.stop(worker_id=self.id))
        await self._publish()
        for executor in (self._hot, self._calm):
            await self._database(executor, lambda: connection.close())
            executor.shutdown()
        logger.info("session worker %s stopped", self.id)

    # -- Leases and sessions --

    async def _keep_leases(self) -> None:
        pause = min(1.0, settings.SESSION_LEASE_SECONDS / 5)
        while not self._stopping.is_set():
            try:
                await self._renew_and_take()
            except (DatabaseError, InterfaceError, OSError):
                logger.warning("the database does not answer; leases are not renewed", exc_info=True)
            await self._sleep(pause)

    async def _renew_and_take(self) -> None:
        began = time.monotonic()
        held = await self._database(self._calm, lambda: leases.heartbeat(worker_id=self.id))
        for sender_id, sender in list(self.senders.items()):
            if held.get(sender_id) == sender.held.epoch:
                sender.lease_ends = began + settings.SESSION_LEASE_SECONDS
            else:
                logger.warning("sender %s belongs to another worker now", sender_id)
                await self._close(sender_id, release=False)
        for sender_id in await self._database(self._calm, lambda: leases.unwanted(worker_id=self.id)):
            self._in_background(self._disconnect(sender_id))
        room = min(self.capacity - len(self.senders), OPENED_A_ROUND)
        if room > 0:
            began = time.monotonic()
            taken = await self._database(self._calm, lambda: leases.take(worker_id=self.id, limit=room))
            for taken_sender in taken:
                await self._open(taken_sender, began + settings.SESSION_LEASE_SECONDS)
        self._unpublished |= await self._database(self._calm, leases.recover_lost)
        for sender_id in await self._database(self._calm, leases.settle_unwanted):
            states.publish(sender_id, {"status": SenderStatus.DISCONNECTED, "detail": ""})

    async def _open(self, held: HeldSender, lease_ends: float) -> None:
        if held.provider not in self.providers:
            self.providers[held.provider] = PROVIDERS[held.provider]()
        sender = OpenSender(held, self.providers[held.provider], lease_ends)
        self.senders[held.id] = sender
        wanted = SenderToOpen(id=held.id, epoch=held.epoch, name=held.name, phone_number=held.phone_number)
        try:
            session = await sender.provider.open(wanted, self)
        except Exception as error:
            logger.exception("sender %s could not be opened", held.id)
            await self.state(SessionState(held.id, held.epoch, SenderStatus.RECONNECTING, str(error)))
            await self._close(held.id, release=True)
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
        while sender_id in self.in_flight.values() and (left := deadline - time.monotonic()) > 0:
            self._written.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._written.wait(), left)
        await self.state(SessionState(sender_id, sender.held.epoch, SenderStatus.DISCONNECTED))

    async def _close(self, sender_id: int, *, release: bool) -> None:
        sender = self.senders.pop(sender_id, None)
        if sender is None:
            return
        self.in_flight = {message: owner for message, owner in self.in_flight.items() if owner != sender_id}
        if sender.session is not None:
            await sender.session.close()
        if release:
            await self._database(
                self._calm,
                lambda: leases.release(worker_id=self.id, sender_id=sender_id, epoch=sender.held.epoch),
            )

    # -- The hot path --

    async def _dispatch(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                moved = await self._step(lease=True)
            except (DatabaseError, InterfaceError):
                logger.warning("the database does not answer; nothing is sent until it does", exc_info=True)
                await self._sleep(1.0)
                continue
            if not moved:
                await self._sleep(IDLE_SECONDS, wakes=True)

    async def _step(self, *, lease: bool) -> bool:
        """One commit: results and events in, leases out. Then sends what was leased. True if anything was done."""
        work = Work(results=self._take_results(), events=list(self._events))
        self._events.clear()
        held = self._sendable() if lease else []
        room = settings.SEND_CONCURRENCY - len(self.in_flight) + len(work.results)
        if not (work.results or work.events or held):
            return False
        try:
            await self._database(self._hot, lambda: self._commit(work, held, room))
        except BaseException:
            self._results.extendleft(reversed(work.results))  # nothing was written: keep it for the next try
            self._events.extendleft(reversed(work.events))
            self._in_doubt = True
            raise
        self._in_doubt = False
        self._written.set()
        for result in work.results:
            self.in_flight.pop(result.message_id, None)
        self._unpublished |= work.batch_ids
        for _, done in work.events:
            if not done.done():
                done.set_result(None)
        await self._hand_over(work.leased)
        return bool(work.results or work.events or work.leased)

    def _take_results(self) -> list[SendResult]:
        return [self._results.popleft() for _ in range(min(len(self._results), RESULTS_A_COMMIT))]

    def _sendable(self) -> list[tuple[int, int, bool]]:
        """Senders whose session is open and whose lease is sure: (sender id, epoch, provider keeps ids)."""
        fence = time.monotonic() + FENCE_MARGIN_SECONDS
        return [
            (sender.held.id, sender.held.epoch, sender.provider.keeps_message_ids)
            for sender in self.senders.values()
            if sender.connected and not sender.closing and sender.session is not None and sender.lease_ends > fence
        ]

    def _commit(self, work: Work, held: list[tuple[int, int, bool]], room: int) -> None:
        changes = Changes()
        events = work.flat_events
        with transaction.atomic():
            if self._in_doubt:
                leases.take_back_unsent(worker_id=self.id, handed_over=list(self.in_flight), changes=changes)
            ledger.write_results(work.results, changes)
            ledger.write_receipts([event for event in events if isinstance(event, Receipt)], changes)
            ledger.write_inbound([event for event in events if isinstance(event, Inbound)])
            work.leased = lease_due(worker_id=self.id, held=held, room=room, changes=changes)
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
            if sender is None or sender.session is None or sender.lease_ends <= fence:
                logger.warning("sender %s was lost before %s messages were sent", sender_id, len(messages))
                await self._close(sender_id, release=True)
                continue
            self.in_flight.update((message.id, sender_id) for message in messages)
            sends.append(self._send(sender, sender.session, messages))
        await asyncio.gather(*sends)

    async def _send(self, sender: OpenSender, session: Session, messages: list[OutgoingMessage]) -> None:
        try:
            await session.send(messages)
        except Exception:
            logger.exception("sender %s broke while sending", sender.held.id)
            await self._close(sender.held.id, release=True)

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
        except (DatabaseError, InterfaceError, OSError):
            logger.warning("progress could not be published", exc_info=True)
            self._unpublished |= batch_ids

    # -- Helpers --

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

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
