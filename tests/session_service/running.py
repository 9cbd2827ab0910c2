"""Runs a real worker beside a test: its own thread, event loop and database connections; or its own process."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import quote

from django.conf import settings
from django.db import connection

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


@contextmanager
def worker_process(**variables: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A worker in a process of its own, on the test's servers. Its leases last four seconds."""
    database = connection.settings_dict
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "whatsapp_automation.settings",
        "DATABASE_URL": f"postgres://{database['USER']}@{quote(database['HOST'], safe='')}/{database['NAME']}",
        "REDIS_URL": settings.REDIS_URL,
        "AUTH_STATE_KEYS": ",".join(settings.AUTH_STATE_KEYS),
        "SESSION_LEASE_SECONDS": "4",
        **variables,
    }
    process = subprocess.Popen([sys.executable, "manage.py", "run_session_service"], env=environment)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


def wait_until(condition: Callable[[], object], what: str, *, patience: float = PATIENCE) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"waited {patience} s in vain until {what}"
        time.sleep(0.02)
