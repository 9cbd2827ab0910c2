"""Sessions on the simulated network."""

import asyncio
import heapq
import logging
import secrets
from collections.abc import Sequence
from tempfile import TemporaryDirectory

from messaging.events import Event
from senders.models import SenderStatus
from session_service.providers.base import (
    Events,
    GroupInfo,
    GroupMember,
    NumberInfo,
    OutgoingMessage,
    PairingCode,
    QrCode,
    SenderToOpen,
    SessionState,
)
from session_service.providers.simulated import files
from session_service.providers.simulated.behaviour import Behaviour
from session_service.providers.simulated.connection import Connection
from session_service.providers.simulated.groups import Groups
from session_service.providers.simulated.numbers import info_about
from session_service.providers.simulated.outbox import REFUSALS, Outbox
from session_service.providers.simulated.queue_events import parse

QR_SECONDS = 20
PAIRING_SECONDS = 120
QR_GRACE_SECONDS = 5  # a code stays good a little longer, until the next one is shown
PAIRING_LETTERS = "123456789ABCDEFGHJKLMNPQRSTVWXYZ"
SHORTEST_WAIT = 0.01  # seconds between two looks at what is due: the shorter, the smaller the batches
LONGEST_WAIT = 0.1
WAIT_AFTER_ERROR = 1.0
EVENTS_AT_ONCE = 2000

log = logging.getLogger(__name__)


class SimulatedSession:
    """One sender's session. `refusal` says why it takes no messages any more; it never becomes usable again."""

    def __init__(self, provider: "SimulatedProvider", sender: SenderToOpen, events: Events) -> None:
        self.sender_id = sender.id
        self.epoch = sender.epoch
        self.events = events
        self.provider_name = provider.name
        self.phone_number = ""  # once linked
        self.pairing_number = sender.pairing_number
        self.refusal = ""
        self._provider = provider

    async def send(self, messages: Sequence[OutgoingMessage]) -> None:
        if any(message.media for message in messages):
            messages = await asyncio.to_thread(lambda: [files.as_the_network_has_it(message) for message in messages])
        self._provider.outbox.put(self, messages)

    async def typing(self, to: str, seconds: float) -> None:
        await self._provider.note_typing(self, to, seconds)

    async def check_numbers(self, numbers: Sequence[str]) -> dict[str, NumberInfo]:
        return {number: info_about(number) for number in numbers}

    async def groups(self) -> list[GroupInfo]:
        return await self._provider.groups.of(self.phone_number)

    async def create_group(self, subject: str, numbers: Sequence[str]) -> GroupInfo:
        return await self._provider.groups.create(self.phone_number, subject, numbers)

    async def group_members(self, group: str) -> list[GroupMember]:
        return list((await self._provider.groups.find(group, self.phone_number)).members)

    async def log_out(self) -> None:
        await self._provider.log_out(self)

    async def close(self) -> None:
        """Lets the session go at once. Answers to what was handed over still come, as long as the provider lives."""
        await self._provider.close_session(self)

    async def report(self, status: SenderStatus, detail: str = "") -> None:
        await self.events.state(SessionState(self.sender_id, self.epoch, status, detail, self.phone_number))


class SimulatedProvider:
    """The sessions of one worker. However many there are, one loop listens for all of them.

    Receipts and inbound messages wait in the network until they are recorded, so a killed worker loses none: the
    next holder of the session hears them, some perhaps for the second time.
    """

    def __init__(self, behaviour: Behaviour | None = None) -> None:
        self.behaviour = behaviour or Behaviour.from_settings()
        self.keeps_message_ids = self.behaviour.keeps_message_ids
        self.name = secrets.token_hex(8)
        self._sessions: dict[int, SimulatedSession] = {}
        self._codes: list[tuple[float, int, SimulatedSession]] = []  # a heap, by when the next code is due
        self._connection = Connection()
        self.outbox = Outbox(self._connection, self.behaviour)
        self.groups = Groups(self._connection)
        self._listener: asyncio.Task[None] | None = None
        self._closed = False

    async def open(self, sender: SenderToOpen, events: Events) -> SimulatedSession:
        if self._listener is None:
            self.outbox.start()
            self._listener = asyncio.create_task(self._listen())
        session = SimulatedSession(self, sender, events)
        former = self._sessions.get(sender.id)
        self._sessions[sender.id] = session  # before the network may have something for it
        wanted_number = sender.pairing_number or sender.phone_number
        answer, *numbers = await self._connection.call("open", sender.id, self.name, sender.epoch, wanted_number)
        if answer == "replaced":
            self._sessions[sender.id] = former or session
        elif former:
            former.refusal = "replaced"
        if numbers:
            session.phone_number = numbers[0]
        if answer == "linked":
            await session.report(SenderStatus.CONNECTED)
        elif answer == "scan":
            await session.report(SenderStatus.SCAN)
            await self._show_code(session)
        else:
            await self._end(session, answer)
        return session

    async def note_typing(self, session: SimulatedSession, to: str, seconds: float) -> None:
        await self._connection.note_typing(session.phone_number, to, seconds)

    async def log_out(self, session: SimulatedSession) -> None:
        """The network then tells the session that it was logged out."""
        await self._connection.call("logout", session.phone_number)

    async def close_session(self, session: SimulatedSession) -> None:
        session.refusal = session.refusal or "closed"
        if self._sessions.get(session.sender_id) is session:
            del self._sessions[session.sender_id]
        await self._connection.call("close", session.sender_id, self.name, session.epoch)

    async def close(self) -> None:
        """Closes every session, after a little time for answers; links stay."""
        await self.outbox.wait_for_answers()
        await asyncio.gather(*(session.close() for session in list(self._sessions.values())))
        self._closed = True  # redis-py can swallow a cancellation that comes while it reads
        if self._listener:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)
        await self.outbox.close()
        await self._connection.close()

    async def _listen(self) -> None:
        """Everything that the network has for this provider's sessions, until the provider is closed."""
        while not self._closed:
            try:
                wait = await self._listen_once()
                await self._renew_codes()
            except Exception:  # Redis or the ledger is away: nothing is forgotten, so try again
                log.exception("Could not hear the simulated network")
                wait = WAIT_AFTER_ERROR
            await asyncio.sleep(wait)

    async def _listen_once(self) -> float:
        """Returns how long to wait before the next look, in seconds."""
        news, found, next_due = await self._connection.call("take", self.name, EVENTS_AT_ONCE)
        for line in news:
            await self._hear(line)
        if news:  # only now: had telling failed, it would be told again
            await self._connection.drop_news(self.name, len(news))
        await self._record(dict(zip(found[::2], found[1::2], strict=True)))
        if next_due < 0:
            return LONGEST_WAIT
        return min(max(next_due / 1000, SHORTEST_WAIT), LONGEST_WAIT)

    async def _hear(self, line: str) -> None:
        kind, sender_id, epoch, *numbers = line.split()
        session = self._sessions.get(int(sender_id))
        if session is None or session.refusal or session.epoch != int(epoch):
            return
        if kind == "linked":
            session.phone_number = numbers[0]
            await session.report(SenderStatus.CONNECTED)
        else:
            await self._end(session, kind)

    async def _end(self, session: SimulatedSession, reason: str) -> None:
        """The network ended the session: replaced, banned or logged_out, which are states of senders as well."""
        await session.report(SenderStatus(reason), REFUSALS[reason])
        session.refusal = reason  # only now: had telling failed, it would be told again

    async def _record(self, found: dict[str, list[str]]) -> None:
        """`found` has for each sender: event, when it was due (ms), and so on."""
        by_events: dict[Events, list[str]] = {}
        strangers = []  # sessions whose closing did not reach the network; their next holder hears these events
        for sender_id in found:
            if session := self._sessions.get(int(sender_id)):
                by_events.setdefault(session.events, []).append(sender_id)
            else:
                strangers.append(sender_id)
        if strangers:
            await self._connection.drop_from_index(self.name, strangers)
        for events, sender_ids in by_events.items():
            heard = [
                parse(int(sender_id), event, float(due))
                for sender_id in sender_ids
                for event, due in zip(found[sender_id][::2], found[sender_id][1::2], strict=True)
            ]
            await self._tell(events, heard)
            await self._connection.call_all(
                [("forget", [sender_id, self.name, *found[sender_id][::2]]) for sender_id in sender_ids]
            )

    async def _tell(self, events: Events, heard: Sequence[Event]) -> None:
        if not any(map(files.has_file, heard)):
            await events.record(heard)
            return
        with TemporaryDirectory(prefix="wa-") as folder:
            await events.record([await files.fetched(self._connection, event, folder) for event in heard])

    async def _renew_codes(self) -> None:
        now = asyncio.get_running_loop().time()
        while self._codes and self._codes[0][0] <= now:
            await self._show_code(heapq.heappop(self._codes)[2])

    async def _show_code(self, session: SimulatedSession) -> None:
        """Shows a new QR code or pairing code, unless the session was linked, closed or replaced meanwhile."""
        if session.phone_number or session.refusal:
            return
        by_number = bool(session.pairing_number)
        seconds = PAIRING_SECONDS if by_number else QR_SECONDS
        code = _new_pairing_code() if by_number else f"2@{secrets.token_urlsafe(32)}"
        heapq.heappush(self._codes, (asyncio.get_running_loop().time() + seconds, id(session), session))
        lifetime = round((seconds + QR_GRACE_SECONDS) * 1000)
        if not await self._connection.call("show", session.sender_id, self.name, session.epoch, code, lifetime):
            return
        if by_number:
            await session.events.pairing_code(PairingCode(session.sender_id, code, seconds))
        else:
            await session.events.qr(QrCode(session.sender_id, code, seconds))


def _new_pairing_code() -> str:
    return "".join(secrets.choice(PAIRING_LETTERS) for _ in range(8))
