"""Runs a real worker beside a test: its own thread, event loop and database connections."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from session_service.worker import Worker

PATIENCE = 20  # seconds


@contextmanager
def running_worker(capacity: int | None = None) -> Iterator[Worker]:
    """A worker until the end of the block, stopped in good order then. Fails the test if it broke."""
    made: list[Worker] = []
    broken: list[BaseException] = []
    started = threading.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def run() -> None:
        made.append(Worker(capacity))
        loops.append(asyncio.get_running_loop())
        started.set()
        await made[0].run()

    def work() -> None:
        try:
            asyncio.run(run())
        except BaseException as error:  # noqa: BLE001  told to the test's thread below
            broken.append(error)
            started.set()

    thread = threading.Thread(target=work, name="worker")
    thread.start()
    started.wait()
    try:
        yield made[0]
    finally:
        if thread.is_alive():
            loops[0].call_soon_threadsafe(made[0].stop)
        thread.join(PATIENCE)
    assert not thread.is_alive(), "the worker did not stop"
    assert not broken, broken


def wait_until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE} s in vain until {what}"
        time.sleep(0.02)
