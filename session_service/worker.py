"""One process of the session service: holds sessions, leases due messages, hands them over, writes what comes back.

Seven loops share one event loop. `_renew_leases` renews ownership and closes what was lost; `_take_senders` takes over
and opens what nobody holds. `_dispatch` is the hot path: one commit carries the results that arrived and the leases of
the next messages, and only then are those sent. `_write_arrivals` writes receipts and inbound messages beside it.
`_tell` publishes progress, `typing_shown.Typing` shows “typing…” where a batch asks for it, and `questions.Answering`
does what web processes ask of sessions.
"""

import asyncio
import logging
import os
import socket
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TypeVar

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, transaction
from django.utils.translation import gettext as _

from messaging import ledger, progress, recall
from messaging.counts import Changes
from messaging.events import Event, Outcome, SendResult
from senders.models import SenderStatus
from session_service import background, leases, outgoing_files, registry, states
from session_service.allowance import Allowance
from session_service.arrivals import Arrivals
from session_service.auth_state import AuthStateStore
from session_service.background import Background, complain
from session_service.handover import Handover
from session_service.providers.base import OutgoingMessage, PairingCode, QrCode, Session, SessionState
from session_service.questions import Answering
from session_service.queue import lease_due
from session_service.sessions import CLOSING_SECONDS, FENCE_MARGIN_SECONDS, InFlight, OpenSender, Sessions
from session_service.typing_shown import Typing

logger = logging.getLogger(__name__)
T = TypeVar("T")

IDLE_SECONDS = 0.1  # between two looks at the queue when there was nothing to do
GATHER_SECONDS = 0.01
RESULTS_A_COMMIT = 1_000
MANY_RESULTS = 250  # worth a commit of their own at once
MOST_WAITING = 5_000  # results not yet written; beyond it, providers wait


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
    held: list[tuple[int, int, bool]]
    room: int
    late: list[int]
    in_doubt: "Doubt | None" = None
    leased: list[OutgoingMessage] = field(default_factory=list)
    batch_ids: set[int] = field(default_factory=set)
    paused_senders: list[int] = field(default_factory=list)


class Worker:
    """Holds up to `capacity` sessions until `stop` is called. Also the `Events` that providers report to."""

    def __init__(self, capacity: int | None = None) -> None:
        self._background = Background()
        self.auth_state = AuthStateStore(self._background)
        capacity = capacity or settings.SESSION_WORKER_CAPACITY
        self.sessions = Sessions(self, self._background, self.auth_state, capacity)
        self._allowance = Allowance(self.sessions)
        self._handover = Handover(self.sessions, self._background)
        self._next_lease = 0.0
        self._in_doubt = False
        self._late: set[int] = set()  # senders that could not send for a while: what piled up is planned afresh
        self._results: deque[SendResult] = deque()
        self._reported = self._settled = 0  # results: how many came, and how many of them are written
        self._arrivals = Arrivals(self._background)
        self._unpublished: set[int] = set()
        self._wake = asyncio.Event()
        self._many = asyncio.Event()
        self._written = asyncio.Event()

    @property
    def id(self) -> int:
        """Zero until the worker is registered."""
        return self.sessions.worker_id

    # -- Events: what providers report --

    async def results(self, results: Sequence[SendResult]) -> None:
        self._results.extend(results)
        self._reported += len(results)
        for result in results:
            self._late.update(self.sessions.note_answer(result))
        self._wake.set()
        if len(self._results) >= MANY_RESULTS:
            self._many.set()
        await self._room()

    async def record(self, events: Sequence[Event]) -> None:
        await self._arrivals.record(events)

    async def state(self, state: SessionState) -> None:
        sender = self.sessions.senders.get(state.sender_id)
        if sender is None or sender.held.epoch != state.epoch:
            return
        sender.connected = state.status == SenderStatus.CONNECTED
        if sender.logging_out and state.status == SenderStatus.LOGGED_OUT:
            state = replace(state, detail=_("It was logged out here."))
        logger.info("sender %s is %s %s", state.sender_id, state.status, state.detail)
        owned = await self._write_state(state)
        if not owned or state.status in states.ENDED:
            self.sessions.let_go(sender, release=owned)
        self._wake.set()

    async def qr(self, code: QrCode) -> None:
        await self._calmly(lambda: states.show_qr(code=code))

    async def pairing_code(self, code: PairingCode) -> None:
        await self._calmly(lambda: states.show_pairing_code(code=code))

    async def _write_state(self, state: SessionState) -> bool:
        """Tries until it is written or the sender is lost: a state that is not shown would hold up its queue."""
        while state.sender_id in self.sessions.senders:
            try:
                return await self._calmly(lambda: states.write_state(worker_id=self.id, state=state))
            except (DatabaseError, InterfaceError) as error:
                complain(f"the state of sender {state.sender_id} could not be written", error)
                await self._background.sleep(background.OUTAGE_SECONDS)
        return False

    async def _room(self) -> None:
        """Back-pressure: waits while more is waiting to be written than the database keeps up with."""
        while len(self._results) > MOST_WAITING:
            self._written.clear()
            await self._written.wait()

    # -- Life --

    async def run(self) -> None:
        """Works until `stop`. Returns when everything is closed, written and released."""
        await self._register()
        hot = (self._dispatch, self._write_arrivals)
        calm = (self._renew_leases, self._take_senders, self._tell)
        others = (Typing(self.sessions, self._background).run, Answering(self.sessions, self._background).run)
        work = (*hot, *calm, *others)
        loops = [asyncio.create_task(loop()) for loop in work]
        stopped = asyncio.create_task(self._background.stopping.wait())
        done, _ = await asyncio.wait([*loops, stopped], return_when=asyncio.FIRST_COMPLETED)
        self._background.stopping.set()
        await asyncio.gather(*loops, return_exceptions=True)
        await self._shut_down()
        for task in done - {stopped}:
            task.result()  # a loop that broke takes the process down, and the supervisor starts a new one

    async def _register(self) -> None:
        """Tries until the database answers, which may be started after this process, or again."""
        name = f"{socket.gethostname()}:{os.getpid()}"
        while not self._background.stopping.is_set():
            try:
                made = await self._calmly(lambda: leases.register(name=name, capacity=self.sessions.capacity))
            except (OperationalError, InterfaceError) as error:
                complain("the database does not answer; this worker waits for it", error)
                await self._background.sleep(background.OUTAGE_SECONDS)
            else:
                self.sessions.worker_id = self.auth_state.worker_id = made.pk
                logger.info("session worker %s (%s) started", self.id, name)
                return

    def stop(self) -> None:
        self._background.stopping.set()
        self._wake.set()

    async def _shut_down(self) -> None:
        """Waits a little for answers, writes them, closes the sessions and gives the senders up.

        Without the database the sessions are closed all the same; the leases then run out.
        """
        with suppress(DatabaseError, InterfaceError):
            await self._calmly(lambda: registry.set_draining(worker_id=self.id, draining=True))
        renewing = asyncio.create_task(self._renew_while_closing())
        deadline = time.monotonic() + CLOSING_SECONDS
        while self.sessions.in_flight and time.monotonic() < deadline:
            await self._write_rest()
            await asyncio.sleep(0.05)
        await self.sessions.close()
        renewing.cancel()
        while await self._write_rest():
            pass
        for provider in self.sessions.providers.values():
            await provider.close()
        await self.auth_state.close()
        with suppress(DatabaseError, InterfaceError):
            await self._calmly(lambda: leases.stop(worker_id=self.id))
        await self._publish()
        await self._background.close()
        logger.info("session worker %s stopped", self.id)

    async def _write_rest(self) -> bool:
        """One step that leases nothing, and what arrived. True if anything was written."""
        try:
            wrote = await self._step(lease=False)
            wrote |= bool(self._arrivals)
            self._unpublished |= await self._arrivals.write()
        except (DatabaseError, InterfaceError) as error:
            complain("the database does not answer; what is left is settled by whoever takes over", error)
            return False
        return wrote

    # -- Leases --

    async def _renew_leases(self) -> None:
        while not self._background.stopping.is_set():
            try:
                await self.sessions.renew()
            except (DatabaseError, InterfaceError) as error:
                complain("the database does not answer; leases are not renewed", error)
            await self._background.sleep(self._pause)

    async def _renew_while_closing(self) -> None:
        while True:
            await asyncio.sleep(self._pause)
            with suppress(DatabaseError, InterfaceError, leases.WorkerForgotten):
                await self.sessions.renew()

    async def _take_senders(self) -> None:
        while not self._background.stopping.is_set():
            try:
                await self._look_after_senders()
            except (DatabaseError, InterfaceError) as error:
                complain("the database does not answer; no sender is taken", error)
            await self._background.sleep(self._pause)

    @property
    def _pause(self) -> float:
        return min(1.0, settings.SESSION_LEASE_SECONDS / 5)

    async def _look_after_senders(self) -> None:
        await self.sessions.end_stalled()
        if settings.SEND_RATE_LIMIT:
            self._allowance.share_with(await self._calmly(leases.alive_workers))
        await self.sessions.follow_wishes()
        await self._handover.look()
        self._unpublished |= await self._calmly(leases.recover_lost)
        await self._calmly(states.settle_unwanted)

    # -- The hot path --

    async def _dispatch(self) -> None:
        worked = time.monotonic()
        while not self._background.stopping.is_set():
            self._wake.clear()
            self._many.clear()
            if time.monotonic() - worked > leases.LATE_AFTER.total_seconds():
                self._late.update(self.sessions.senders)  # the machine slept, or the database was away
            try:
                moved = await self._step(lease=time.monotonic() >= self._next_lease)
                worked = time.monotonic()
            except (DatabaseError, InterfaceError) as error:
                complain("the database does not answer; nothing is sent until it does", error)
                await self._background.sleep(background.OUTAGE_SECONDS)
                continue
            # Answers that dribble in are gathered a little, so that many senders do not mean many commits.
            if moved:
                await self._background.sleep(GATHER_SECONDS, until=self._many)
            else:
                await self._background.sleep(IDLE_SECONDS, until=self._wake)

    async def _step(self, *, lease: bool) -> bool:
        """One commit: results in, leases out. Then sends what was leased. True if anything was done."""
        results = self._take_results()
        held, room = self._allowance.now(len(results)) if lease else ([], 0)
        self._note_leasing(held)
        work = Work(results=results, held=held, room=room, late=list(self._late), in_doubt=self._doubt())
        if not (work.results or work.held):
            return False
        try:
            await self._background.database(self._background.hot, lambda: self._commit(work))
        except BaseException:
            self._results.extendleft(reversed(work.results))  # nothing was written: keep it for the next try
            self._in_doubt = True
            raise
        self._in_doubt = False
        self._late.difference_update(work.late)
        self._note_written(work)
        if work.held:
            busy = len(work.leased) >= work.room // 2
            self._next_lease = 0.0 if busy else time.monotonic() + IDLE_SECONDS
        await self._hand_over(work.leased)
        self.sessions.leasing = set()
        return bool(work.results or work.leased)

    def _note_leasing(self, held: list[tuple[int, int, bool]]) -> None:
        """Until the commit is known to have taken place or not, these senders may have messages that nobody knows of."""
        leasing = {sender_id for sender_id, _epoch, _keeps in held}
        self.sessions.leasing = self.sessions.leasing | leasing if self._in_doubt else leasing

    def _doubt(self) -> Doubt | None:
        if not self._in_doubt:
            return None
        return Doubt(
            list(self.sessions.senders), {message: sent.sender_id for message, sent in self.sessions.in_flight.items()}
        )

    def _note_written(self, work: Work) -> None:
        self._settled += len(work.results)
        self._written.set()
        for result in work.results:
            self.sessions.in_flight.pop(result.message_id, None)
        self.sessions.figures.note_sent(sum(result.outcome is Outcome.ACKNOWLEDGED for result in work.results))
        self._unpublished |= work.batch_ids
        self._allowance.spend(len(work.leased))
        if work.paused_senders:
            pausing = self._calmly(lambda: states.announce_pauses(work.paused_senders))
            self._background.start(pausing)

    def _take_results(self) -> list[SendResult]:
        return [self._results.popleft() for _ in range(min(len(self._results), RESULTS_A_COMMIT))]

    def _commit(self, work: Work) -> None:
        changes = Changes()
        results = work.results
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
            sender = self.sessions.senders.get(sender_id)
            if sender is None or sender.held.epoch != messages[0].epoch:
                logger.warning("sender %s was lost before %s messages were sent", sender_id, len(messages))
                continue
            if sender.session is None or sender.lease_ends <= fence:
                logger.warning("the lease of sender %s ended before %s messages were sent", sender_id, len(messages))
                self.sessions.let_go(sender, release=True)
                continue
            sent = InFlight(sender_id, time.monotonic())
            self.sessions.in_flight.update((message.id, sent) for message in messages)
            if with_files := [message for message in messages if outgoing_files.needs_file(message)]:
                self._background.start(self._send_with_files(sender, sender.session, with_files))
                messages = [message for message in messages if not outgoing_files.needs_file(message)]  # noqa: PLW2901
            sends.append(self._send(sender, sender.session, messages))
        await asyncio.gather(*sends)

    async def _send_with_files(self, sender: OpenSender, session: Session, messages: list[OutgoingMessage]) -> None:
        """Fetches the files first, which can take long, so that no other sender waits for it. Messages in one chat are
        leased one at a time: none overtakes."""
        ready, refused = await outgoing_files.with_files(self._background, messages)
        if refused:
            await self.results(refused)
        still_ours = self.sessions.senders.get(sender.held.id) is sender and sender.session is session
        if still_ours and sender.lease_ends > time.monotonic() + FENCE_MARGIN_SECONDS:
            await self._send(sender, session, ready)
        elif still_ours:
            self.sessions.let_go(sender, release=True)

    async def _send(self, sender: OpenSender, session: Session, messages: list[OutgoingMessage]) -> None:
        if not messages:
            return
        try:
            await session.send(messages)
        except Exception:
            logger.exception("sender %s broke while sending", sender.held.id)
            self.sessions.let_go(sender, release=True)

    # -- What arrives --

    async def _write_arrivals(self) -> None:
        while not self._background.stopping.is_set():
            await self._arrivals.wait()
            if not await self._results_are_written():
                return
            try:
                self._unpublished |= await self._arrivals.write()
            except (DatabaseError, InterfaceError) as error:
                complain("the database does not answer; what arrives waits for it", error)
                await self._background.sleep(background.OUTAGE_SECONDS)
            else:
                await self._background.sleep(GATHER_SECONDS)

    async def _results_are_written(self) -> bool:
        """Waits for the results that came up to now: a receipt for one of them then finds it written, and the two
        connections do not want the same rows. False if the worker stops first."""
        reported = self._reported
        while self._settled < reported and not self._background.stopping.is_set():
            self._written.clear()
            await self._background.sleep(background.OUTAGE_SECONDS, until=self._written)
        return not self._background.stopping.is_set()

    # -- Progress --

    async def _tell(self) -> None:
        while not self._background.stopping.is_set():
            await self._publish()
            await self._background.sleep(1 / progress.EVENTS_A_SECOND)

    async def _publish(self) -> None:
        batch_ids, self._unpublished = self._unpublished, set()
        if not batch_ids:
            return
        try:
            self._unpublished |= await self._calmly(lambda: progress.publish(batch_ids))
        except (DatabaseError, InterfaceError) as error:
            complain("progress could not be published", error)
            self._unpublished |= batch_ids

    async def _calmly(self, call: Callable[[], T]) -> T:
        return await self._background.database(self._background.calm, call)
