"""The Baileys sessions of one worker, and the bridge processes that hold their connections."""

import asyncio
import logging
import os
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any

from django.conf import settings

from messaging.events import Event, SendResult
from session_service import inbound
from session_service.auth_state import AuthStateStore
from session_service.background import Background
from session_service.providers.baileys import messages, wire
from session_service.providers.baileys.bridge import Bridge, Line
from session_service.providers.baileys.disconnects import LONGEST_DELAY, Backoff
from session_service.providers.baileys.session import BaileysSession
from session_service.providers.base import Events, SenderToOpen

log = logging.getLogger(__name__)

WAIT_AFTER_ERROR = 1.0
KEEP_ALIVE_SECONDS = 30
MEDIA_SECONDS = 30.0  # to fetch one file; the events of its session wait for it


@dataclass
class Waiting:
    """What the bridges reported and nobody has taken yet."""

    results: list[tuple[Events, SendResult]] = field(default_factory=list)
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    events: list[tuple[BaileysSession, Bridge, Line]] = field(default_factory=list)
    something: asyncio.Event = field(default_factory=asyncio.Event)


class BaileysProvider:
    """Sessions live in bridge processes, up to `BAILEYS_SESSIONS_A_PROCESS` in each; processes are started as they are
    needed, and again, after a growing pause, when they died."""

    keeps_message_ids = True

    def __init__(self, auth_state: AuthStateStore, background: Background) -> None:
        self.auth_state = auth_state
        self._background = background
        self._bridges: list[Bridge] = []
        self._sessions: dict[int, BaileysSession] = {}  # by the number of their present connection
        self._homes: dict[int, Bridge] = {}  # by sender id: the bridge that knows what it sent before
        self._numbers = count(1)
        self._starting = asyncio.Lock()
        self._starts = Backoff()
        self._next_start = 0.0
        self._waiting = Waiting()
        self._folder = tempfile.mkdtemp(prefix="whatsapp-media-")
        self._loops: list[asyncio.Task[None]] = []
        self._closed = False

    async def open(self, sender: SenderToOpen, events: Events) -> BaileysSession:
        if not self._loops:
            self._loops = [asyncio.create_task(self._report_results()), asyncio.create_task(self._record_events())]
        return BaileysSession(self, sender, events)

    async def close(self) -> None:
        """Ends the processes. The worker closed the sessions before."""
        self._closed = True
        await asyncio.gather(*(bridge.stop() for bridge in self._bridges))
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    # -- Processes --

    @property
    def waiting_events(self) -> int:
        """How many events nobody has begun to write."""
        return len(self._waiting.events)

    @property
    def bridges(self) -> list[Bridge]:
        return list(self._bridges)

    async def place(self, session: BaileysSession) -> tuple[Bridge, int]:
        """A bridge with room and the number of a new connection in it. Raises what `Bridge.start` raises."""
        async with self._starting:
            bridge = self._with_room(session.sender.id) or await self._start()
            number = next(self._numbers)
            bridge.sessions.add(number)
        self._sessions[number] = session
        self._homes[session.sender.id] = bridge
        return bridge, number

    def leave(self, session: BaileysSession) -> None:
        self._sessions.pop(session.number, None)
        for bridge in self._bridges:
            bridge.sessions.discard(session.number)

    def _with_room(self, sender_id: int) -> Bridge | None:
        most = settings.BAILEYS_SESSIONS_A_PROCESS
        free = [bridge for bridge in self._bridges if bridge.alive and len(bridge.sessions) < most]
        home = self._homes.get(sender_id)
        return home if home in free else max(free, key=lambda bridge: len(bridge.sessions), default=None)

    async def _start(self) -> Bridge:
        await asyncio.sleep(max(0.0, self._next_start - time.monotonic()))
        bridge = Bridge(on_event=self._on_event, on_question=self._on_question, on_end=self._on_end)
        try:
            await bridge.start(
                {
                    "websocket_url": settings.WHATSAPP_WEBSOCKET_URL,
                    "root_key": settings.WHATSAPP_ROOT_KEY,
                    "web_version": settings.WHATSAPP_WEB_VERSION,
                    "keep_alive_seconds": KEEP_ALIVE_SECONDS,
                    "media_folder": self._folder,
                    "media_most_bytes": settings.MEDIA_MAX_BYTES,
                    "media_seconds": MEDIA_SECONDS,
                }
            )
        except BaseException:
            self._delay_next_start()
            await bridge.stop()
            raise
        self._starts.opened()
        self._bridges.append(bridge)
        return bridge

    def _delay_next_start(self) -> None:
        self._next_start = time.monotonic() + (self._starts.next_delay() or LONGEST_DELAY)

    def _on_end(self, bridge: Bridge) -> None:
        if bridge in self._bridges:
            self._bridges.remove(bridge)
        if self._closed:
            return
        log.error("bridge %s ended; its %s sessions are opened again", bridge.pid, len(bridge.sessions))
        self._delay_next_start()
        self._homes = {sender: home for sender, home in self._homes.items() if home is not bridge}
        for number in list(bridge.sessions):
            if session := self._sessions.get(number):
                session.lose_bridge()

    # -- What the bridges say --

    def _on_event(self, bridge: Bridge, line: Line) -> None:
        session = self._sessions.get(line.get("session", 0))
        if session is None:
            if line["event"] == "trouble":
                log.warning("bridge %s: %s", bridge.pid, line["text"])
        elif "n" in line:
            self._waiting.events.append((session, bridge, line))
            self._waiting.something.set()
        else:
            session.hear(line)

    async def _on_question(self, line: Line) -> Any:
        session = self._sessions.get(line["session"])
        if session is None:
            return None
        sender_id = session.sender.id
        if line["ask"] == "keys":
            wanted = line["wanted"].items()
            return {type_: await self.auth_state.keys(sender_id, type_, ids) for type_, ids in wanted}
        if line["ask"] == "message":
            message = await self._background.database(
                self._background.calm, lambda: messages.sent_under(sender_id, line["whatsapp_id"])
            )
            return wire.outgoing(message) if message else None
        raise ValueError(f"unknown question {line['ask']}")

    async def remember_form(self, sender_id: int, number: str, form: str) -> None:
        """What could not be written is asked again before the next message."""
        with suppress(Exception):
            await self._background.database(
                self._background.calm, partial(inbound.remember_forms, {(sender_id, number): form})
            )

    def report(self, events: Events, results: Iterable[SendResult]) -> None:
        """Passes results on, soon and together with others."""
        self._waiting.results.extend((events, result) for result in results)
        self._waiting.answered.set()

    async def _report_results(self) -> None:
        while True:
            await self._waiting.answered.wait()
            self._waiting.answered.clear()
            taken, self._waiting.results = self._waiting.results, []
            by_listener: defaultdict[Events, list[SendResult]] = defaultdict(list)
            for events, result in taken:
                by_listener[events].append(result)
            for events, results in by_listener.items():
                try:
                    await events.results(results)
                except Exception:  # what a listener did must not stop the answers of all others
                    log.exception("%d results were not taken", len(results))

    async def _record_events(self) -> None:
        """Commits what people wrote and what became of messages, and only then lets WhatsApp forget it."""
        while True:
            await self._waiting.something.wait()
            self._waiting.something.clear()
            taken, self._waiting.events = self._waiting.events, []
            by_listener: defaultdict[Events, list[tuple[BaileysSession, Bridge, Line]]] = defaultdict(list)
            for session, bridge, line in taken:
                by_listener[session.events].append((session, bridge, line))
            for events, reported in by_listener.items():
                await self._record(events, reported)

    async def _record(self, events: Events, reported: list[tuple[BaileysSession, Bridge, Line]]) -> None:
        found = [event for session, _, line in reported for event in _read(session, line)]
        while True:
            try:
                await events.record(found)
                break
            except Exception as error:  # noqa: BLE001  whatever it was, WhatsApp must not forget the events
                log.warning("%d events could not be written: %s", len(found), error)
                await asyncio.sleep(WAIT_AFTER_ERROR)
        for path in wire.files(found):
            with suppress(FileNotFoundError):
                os.unlink(path)
        await self.auth_state.room()
        done: defaultdict[Bridge, list[int]] = defaultdict(list)
        for _, bridge, line in reported:
            done[bridge].append(line["n"])
        for bridge, numbers in done.items():
            bridge.tell({"done": numbers})


def _read(session: BaileysSession, line: Line) -> list[Event]:
    try:
        return wire.events(session.sender.id, line)
    except (KeyError, TypeError, ValueError):
        log.exception("sender %s: an event cannot be read", session.sender.id)
        return []
