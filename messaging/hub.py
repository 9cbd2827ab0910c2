"""Fans live events out to this process's sockets: one subscription a topic, however many people watch it.

A group of the channel layer for each socket costs a Redis subscription and a decoded copy each; here each process
joins a topic's group once. A socket keeps only the newest event of each type, so that a slow phone skips steps
instead of falling behind.
"""

import asyncio
import logging
from typing import Any, Protocol, cast

from channels.layers import get_channel_layer
from channels_redis.pubsub import RedisPubSubChannelLayer

from accounts.live import topic_group

logger = logging.getLogger(__name__)


class Watcher(Protocol):
    def offer(self, event: dict[str, Any]) -> None: ...


class Hub:
    """The watchers of one process (one event loop)."""

    def __init__(self) -> None:
        self._layer = cast(RedisPubSubChannelLayer, get_channel_layer())
        self._watchers: dict[str, set[Watcher]] = {}
        self._lock = asyncio.Lock()
        self._channel = ""
        self._reader: asyncio.Task[None] | None = None

    async def join(self, topic: str, watcher: Watcher) -> None:
        async with self._lock:
            if self._reader is None or self._reader.done():
                await self._start()
            if topic not in self._watchers:
                await self._layer.group_add(topic_group(topic), self._channel)
            self._watchers.setdefault(topic, set()).add(watcher)

    async def leave(self, topic: str, watcher: Watcher) -> None:
        async with self._lock:
            watchers = self._watchers.get(topic, set())
            watchers.discard(watcher)
            if not watchers and self._watchers.pop(topic, None) is not None:
                await self._layer.group_discard(topic_group(topic), self._channel)

    async def _start(self) -> None:
        """Opens the process's channel, and joins again what was watched before a lost connection."""
        self._channel = await self._layer.new_channel("hub")
        for topic in self._watchers:
            await self._layer.group_add(topic_group(topic), self._channel)
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while True:
            message = await self._layer.receive(self._channel)
            for watcher in self._watchers.get(message["topic"], ()):
                watcher.offer(message["event"])


_hubs: dict[int, Hub] = {}


def hub() -> Hub:
    """The hub of the running event loop: one in a web process, a fresh one in each test."""
    loop = asyncio.get_running_loop()
    found = _hubs.get(id(loop))
    if found is None:
        _hubs.clear()  # hubs of loops that ended
        found = _hubs[id(loop)] = Hub()
    return found
