"""What the loops of a worker share: threads for the database, work in the background, and the wish to stop."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError, connection

logger = logging.getLogger(__name__)
T = TypeVar("T")

OUTAGE_SECONDS = 1.0  # between two tries to reach a database that is away


def complain(consequence: str, error: Exception) -> None:
    """One line for an outage, which repeats every second; the whole story for anything else."""
    logger.warning("%s: %s", consequence, error, exc_info=not isinstance(error, OperationalError | InterfaceError))


class Background:
    """The database is used from a few threads, each with a connection of its own, so that neither a slow write on the
    hot path nor a session that is slow to open costs a lease, nor a large file anything else. Those of auth state also
    encrypt and decrypt."""

    def __init__(self) -> None:
        self.stopping = asyncio.Event()
        self.hot = ThreadPoolExecutor(1, thread_name_prefix="dispatch")
        self.arrivals = ThreadPoolExecutor(1, thread_name_prefix="arrivals")
        self.calm = ThreadPoolExecutor(1, thread_name_prefix="calm")
        self.heart = ThreadPoolExecutor(1, thread_name_prefix="heartbeat")
        self.auth_reads = ThreadPoolExecutor(1, thread_name_prefix="auth-reads")
        self.auth_writes = ThreadPoolExecutor(1, thread_name_prefix="auth-writes")
        self.slow = ThreadPoolExecutor(1, thread_name_prefix="slow")
        self._tasks: set[asyncio.Task[None]] = set()

    async def database(self, executor: ThreadPoolExecutor, call: Callable[[], T]) -> T:
        """Runs `call` in one of the threads, with a connection that still works."""

        def run() -> T:
            connection.close_if_unusable_or_obsolete()
            return call()

        return await asyncio.get_running_loop().run_in_executor(executor, run)

    async def sleep(self, seconds: float, until: asyncio.Event | None = None) -> None:
        """Sleeps, but no longer than until the worker is stopped or `until` is set."""
        waiting: list[asyncio.Task[Any]] = [asyncio.create_task(self.stopping.wait())]
        if until is not None:
            waiting.append(asyncio.create_task(until.wait()))
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs `work` beside everything else; its failure is written to the log."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("work in the background failed", exc_info=error)

    async def settle(self, seconds: float) -> None:
        """Waits for what was started, no longer than `seconds`."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    async def close(self) -> None:
        for executor in (self.hot, self.arrivals, self.calm, self.heart, self.auth_reads, self.auth_writes, self.slow):
            await self.database(executor, lambda: connection.close())  # each thread has one of its own
            executor.shutdown()
