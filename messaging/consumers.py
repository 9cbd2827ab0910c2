"""The WebSocket of live pages: `/ws/<topic>`, opened with a ticket or by a page of our own with its session."""

import asyncio
import json
from typing import Any
from urllib.parse import parse_qs, urlparse

from channels.auth import get_user
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db.models import QuerySet

from accounts import tickets
from accounts.models import Membership
from accounts.permissions import capabilities_of, capability_for_topic
from contacts.models import ListImport
from messaging import progress
from messaging.hub import hub
from messaging.models import Batch
from senders import linking
from senders.models import Sender

CLOSE_UNAUTHENTICATED = 4401
CLOSE_UNKNOWN_TOPIC = 4404
PING = '{"type": "ping"}'  # static/src/live.js asks, to notice a connection that died silently
PONG = '{"type": "pong"}'
CHECK_AGAIN_SECONDS = 60  # how long a socket outlives a lost membership or an ended session

# The rows that a topic is about; a topic is open to those who may see its row.
TOPICS: dict[str, QuerySet[Any]] = {
    "batch": Batch.objects.all(),
    "sender": Sender.objects.all(),
    "linking": Sender.objects.all(),
    "import": ListImport.objects.all(),
}


def organization_of(topic: str) -> int | None:
    """The organization that a topic belongs to, or None where there is no such thing."""
    kind, _, number = topic.partition(".")
    if kind not in TOPICS or not number.isdecimal() or len(number) > 18:
        return None
    return TOPICS[kind].filter(pk=int(number)).values_list("organization_id", flat=True).first()


def may_watch(user: Any, topic: str, organization_id: int | None) -> bool:
    """Whether the user is a member of the topic's organization in a role that may see such things."""
    if organization_id is None:
        return False
    membership = Membership.objects.filter(user=user, organization_id=organization_id).first()
    return membership is not None and capability_for_topic(topic) in capabilities_of(membership)


def present_state(topic: str) -> dict[str, Any] | None:
    """What a new watcher is told at once; None for topics whose pages fetch it themselves."""
    kind, _, number = topic.partition(".")
    if kind == "linking":
        code = linking.shown(int(number))
        return code.event if code is not None else None
    batch = Batch.objects.filter(pk=int(number)).first() if kind == "batch" else None
    return progress.event(batch) if batch is not None else None


class LiveConsumer(AsyncWebsocketConsumer):
    """Sends every event of one topic as JSON, and answers a page that asks whether the line still stands."""

    async def connect(self) -> None:
        self.topic: str = self.scope["url_route"]["kwargs"]["topic"]
        self.newest: dict[str, dict[str, Any]] = {}
        self.news = asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []
        self.by_session = False
        refusal = await self._refusal()
        await self.accept()  # a browser learns the code of a close only after the handshake
        if refusal:
            await self.close(code=refusal)
            return
        await hub().join(self.topic, self)
        if (present := await database_sync_to_async(present_state)(self.topic)) is not None:
            self.offer(present)  # after joining, so that nothing is missed in between
        self.tasks.append(asyncio.create_task(self._send_newest()))
        if self.by_session:
            self.tasks.append(asyncio.create_task(self._check_again()))

    async def disconnect(self, code: int) -> None:
        for task in self.tasks:
            task.cancel()
        await hub().leave(self.topic, self)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if text_data == PING:  # anything else is ignored
            await self.send(text_data=PONG)

    def offer(self, event: dict[str, Any]) -> None:
        self.newest[event["type"]] = event
        self.news.set()

    async def _send_newest(self) -> None:
        while True:
            await self.news.wait()
            self.news.clear()
            events, self.newest = self.newest, {}
            for event in events.values():
                await self.send(text_data=json.dumps(event))

    async def _refusal(self) -> int | None:
        """The close code, or None for those who may watch. An outsider learns no more than that there is nothing."""
        organization_id = await database_sync_to_async(organization_of)(self.topic)
        ticket = parse_qs(self.scope["query_string"].decode()).get("ticket", [""])[0]
        if ticket:
            bound_to = await database_sync_to_async(tickets.redeem)(ticket, self.topic)
            if bound_to is None:
                return CLOSE_UNAUTHENTICATED
            return None if bound_to == organization_id else CLOSE_UNKNOWN_TOPIC
        if not self._same_origin():
            return CLOSE_UNAUTHENTICATED
        session = self.scope["session"]  # read once; signing out since then has removed it
        if not session.session_key or not await database_sync_to_async(session.exists)(session.session_key):
            return CLOSE_UNAUTHENTICATED
        user = await get_user(self.scope)
        if not user.is_authenticated:
            return CLOSE_UNAUTHENTICATED
        self.by_session = True
        allowed = await database_sync_to_async(may_watch)(user, self.topic, organization_id)
        return None if allowed else CLOSE_UNKNOWN_TOPIC

    async def _check_again(self) -> None:
        """Closes the socket of a person who signed out or left the organization."""
        while True:
            await asyncio.sleep(CHECK_AGAIN_SECONDS)
            refusal = await self._refusal()
            if refusal:
                await self.close(code=refusal)
                return

    def _same_origin(self) -> bool:
        """Whether the page that opens the socket came from this host: a session cookie alone would let any site in."""
        headers = dict(self.scope["headers"])
        origin = urlparse(headers.get(b"origin", b"").decode("latin-1"))
        return bool(origin.netloc) and origin.netloc == headers.get(b"host", b"").decode("latin-1")
