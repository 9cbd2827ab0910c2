"""A provider's connection to the simulated network."""

import json
import logging
from collections.abc import Awaitable, Sequence
from typing import Any, cast

from django.conf import settings
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.commands.core import AsyncScript

from session_service.providers.simulated.network import FILES, GROUPS, PREFIX, TYPING, script

CONNECTIONS = 8  # however many sessions share them
SECONDS_TO_ANSWER = 5
TYPING_KEPT = 10_000  # the newest

log = logging.getLogger(__name__)

Step = tuple[str, Sequence[str | int]]  # name of a script, its arguments


class Connection:
    """Runs the network's steps. Raises redis-py's errors; nothing is repeated by itself.

    redis-py would repeat a command whose answer got lost: a message would arrive twice behind the product's back.
    """

    def __init__(self) -> None:
        pool = BlockingConnectionPool.from_url(
            settings.REDIS_URL,
            max_connections=CONNECTIONS,
            timeout=None,
            decode_responses=True,
            socket_timeout=SECONDS_TO_ANSWER,
            socket_connect_timeout=SECONDS_TO_ANSWER,
            retry=Retry(NoBackoff(), 0),
        )
        self._pool = pool
        self._redis = Redis.from_pool(pool)
        self._scripts: dict[str, AsyncScript] = {}

    async def reach(self) -> None:
        """Raises where no connection can be made: then nothing leaves, whereas what fails later may have."""
        await self._pool.release(await self._pool.get_connection())

    async def call(self, name: str, *arguments: str | int) -> Any:
        return await self._script(name)(args=list(arguments))

    async def call_all(self, steps: Sequence[Step]) -> list[Any]:
        """Runs steps in one round trip, in their order. An exception stands in the place of a step that failed."""
        pipeline = self._redis.pipeline(transaction=False)
        for name, arguments in steps:
            await self._script(name)(args=list(arguments), client=cast(Redis, pipeline))
        return await pipeline.execute(raise_on_error=False)

    async def drop_news(self, provider: str, number: int) -> None:
        await self._redis.ltrim(f"{PREFIX}news:{provider}", number, -1)

    async def drop_from_index(self, provider: str, sender_ids: Sequence[str]) -> None:
        await self._redis.zrem(f"{PREFIX}index:{provider}", *sender_ids)

    async def note_typing(self, sender: str, to: str, seconds: float) -> None:
        line = json.dumps({"from": sender, "to": to, "seconds": round(seconds, 1)})
        await self._redis.rpush(TYPING, line)
        await self._redis.ltrim(TYPING, -TYPING_KEPT, -1)

    async def file(self, key: str) -> str | None:
        """A file's content in base64, as long as the network has it."""
        return cast(str | None, await self._redis.get(f"{FILES}{key}"))

    async def groups(self) -> list[str]:
        """Every group, as JSON."""
        return await cast(Awaitable[list[str]], self._redis.hvals(GROUPS))

    async def keep_group(self, whatsapp_id: str, line: str) -> None:
        await self._redis.hset(GROUPS, whatsapp_id, line)

    async def close(self) -> None:
        await self._redis.aclose()

    def _script(self, name: str) -> AsyncScript:
        if name not in self._scripts:
            self._scripts[name] = self._redis.register_script(script(name))
        return self._scripts[name]
