"""A network that does nothing, for measuring what everything else costs.

It acknowledges each message after `BENCH_LATENCY_MS` milliseconds (none by default), and then reports it first as
delivered and, once that is committed, as read. One loop does it for all sessions, as in the simulated network.
"""

import asyncio
import os
from collections.abc import Sequence

from django.utils.timezone import now

from messaging.events import Outcome, Receipt, SendResult
from messaging.models import MessageStatus
from senders.models import SenderStatus
from session_service.providers.base import (
    Events,
    GroupInfo,
    GroupMember,
    NotPossible,
    NumberInfo,
    OutgoingMessage,
    SenderToOpen,
    SessionState,
)


class NullSession:
    def __init__(self, provider: "NullProvider") -> None:
        self._provider = provider

    async def send(self, messages: Sequence[OutgoingMessage]) -> None:
        self._provider.take(messages)

    async def typing(self, to: str, seconds: float) -> None: ...

    async def check_numbers(self, numbers: Sequence[str]) -> dict[str, NumberInfo]:
        return {number: NumberInfo(exists=True) for number in numbers}

    async def groups(self) -> list[GroupInfo]:
        return []

    async def create_group(self, subject: str, numbers: Sequence[str]) -> GroupInfo:
        raise NotPossible("This network has no groups.")

    async def group_members(self, group: str) -> list[GroupMember]:
        raise NotPossible("This network has no groups.")

    async def log_out(self) -> None: ...

    async def close(self) -> None: ...


class NullProvider:
    """Every number is linked already, so that a session is connected as soon as it is open."""

    keeps_message_ids = True

    def __init__(self) -> None:
        self._latency = float(os.environ.get("BENCH_LATENCY_MS", "0")) / 1000
        self._arrived: list[OutgoingMessage] = []
        self._some = asyncio.Event()
        self._answering: asyncio.Task[None] | None = None
        self._reading: set[asyncio.Task[None]] = set()

    async def open(self, sender: SenderToOpen, events: Events) -> NullSession:
        if self._answering is None:
            self._answering = asyncio.create_task(self._answer(events))
        await events.state(SessionState(sender.id, sender.epoch, SenderStatus.CONNECTED))
        return NullSession(self)

    def take(self, messages: Sequence[OutgoingMessage]) -> None:
        if self._latency:
            asyncio.get_running_loop().call_later(self._latency, self._arrive, messages)
        else:
            self._arrive(messages)

    async def close(self) -> None:
        for task in (self._answering, *self._reading):
            if task is not None:
                task.cancel()

    def _arrive(self, messages: Sequence[OutgoingMessage]) -> None:
        self._arrived += messages
        self._some.set()

    async def _answer(self, events: Events) -> None:
        while True:
            await self._some.wait()
            self._some.clear()
            messages, self._arrived = self._arrived, []
            await events.results([SendResult(each.id, each.epoch, Outcome.ACKNOWLEDGED) for each in messages])
            reading = asyncio.create_task(_confirm(events, messages))
            self._reading.add(reading)
            reading.add_done_callback(self._reading.discard)


async def _confirm(events: Events, messages: list[OutgoingMessage]) -> None:
    for status in (MessageStatus.DELIVERED, MessageStatus.READ):
        moment = now()
        await events.record([Receipt(each.sender_id, each.whatsapp_id, status, moment) for each in messages])
