"""The whole product on one machine: which programs run, in which order, and when they are ready."""

import json
import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings

from session_service.emulator import EmulatorError
from whatsapp_automation import emulated_whatsapp, private_servers
from whatsapp_automation.processes import PROCESSES
from whatsapp_automation.supervisor import Program, Supervisor

HOST = "127.0.0.1"
EMULATOR = "whatsapp-emulator"
SERVERS, PRODUCT = 1, 2  # stages: the servers start first and stop last


class Failed(Exception):
    """The product did not start; the text says why, for the person at the terminal."""


class Stopped(BaseException):
    """Somebody asked this program to end."""


def server_names() -> list[str]:
    """The private servers that the settings rely on."""
    wanted = {"postgres": settings.USES_PRIVATE_POSTGRES, "redis": settings.USES_PRIVATE_REDIS}
    return [name for name, is_wanted in wanted.items() if is_wanted]


def programs() -> list[Program]:
    """The table of processes with the programs of this virtual environment, and the private servers."""
    servers = [
        Program(
            name,
            private_servers.COMMANDS[name](settings.DATA_DIR),
            SERVERS,
            stop_signal=private_servers.STOP_SIGNALS[name].name.removeprefix("SIG"),
            stop_seconds=4,
            user=private_servers.system_user(),
        )
        for name in server_names()
    ]
    with_parent = [sys.executable, "-m", "whatsapp_automation.parent_death"]
    folder = Path(sys.executable).parent
    product = []
    for process in PROCESSES:
        name, *arguments = process.arguments(HOST, settings.PORT)
        product.append(Program(process.name, [*with_parent, str(folder / name), *arguments], PRODUCT))
    return [*servers, *product]


def address() -> str:
    return f"http://{HOST}:{settings.PORT}"


@contextmanager
def stop_signals_raise() -> Iterator[None]:
    """Ctrl-C, `kill` and a closed terminal raise `Stopped` inside, and do nothing while we clean up."""

    def stop(number: int, frame: FrameType | None) -> None:
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)
        raise Stopped

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run(set_up: Callable[[], None], ready: Callable[[], None]) -> None:
    """Starts everything, calls `set_up` once the database is there and `ready` once pages are served.

    Returns when `Stopped` is raised by a signal; by then everything has ended. Raises `Failed`, and
    `private_servers.InUse` when the product already runs in this data folder.
    """
    with private_servers.locked(settings.DATA_DIR):
        supervisor = Supervisor(settings.DATA_DIR, programs(), settings.BASE_DIR)
        try:
            with stop_signals_raise():
                try:
                    _start(supervisor, set_up)
                    (settings.DATA_DIR / "address").write_text(address())
                    ready()
                    _watch(supervisor)
                finally:
                    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                        signal.signal(number, signal.SIG_IGN)
                    supervisor.stop()
                    private_servers.stop(settings.DATA_DIR)
        except Stopped:
            return


def _start(supervisor: Supervisor, set_up: Callable[[], None]) -> None:
    supervisor.stop_left_over()
    private_servers.stop(settings.DATA_DIR)
    _require_free_port()
    if settings.WHATSAPP_EMULATOR:
        supervisor.programs.append(_emulator())
    if names := server_names():
        private_servers.prepare(settings.DATA_DIR)
    supervisor.start()
    if names or settings.WHATSAPP_EMULATOR:
        supervisor.start_stage(SERVERS)
    for name in names:
        _wait(supervisor, 30, name, partial(private_servers.answers, settings.DATA_DIR, name))
    if settings.WHATSAPP_EMULATOR:
        _wait(supervisor, 30, EMULATOR, emulated_whatsapp.answers)
    if "postgres" in names:
        private_servers.make_database(settings.DATA_DIR)
    set_up()
    started = time.monotonic()
    supervisor.start_stage(PRODUCT)
    _wait(supervisor, 90, "web", partial(_is_healthy, started))


def _emulator() -> Program:
    """The emulated WhatsApp; from here on every process finds it in its environment."""
    try:
        prepared = emulated_whatsapp.prepare()
    except EmulatorError as error:
        raise Failed(str(error)) from error
    os.environ.update(emulated_whatsapp.environment(prepared))
    command = [sys.executable, "-m", "whatsapp_automation.parent_death", *emulated_whatsapp.command(prepared)]
    return Program(EMULATOR, command, SERVERS)


def _require_free_port() -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, settings.PORT))
        except OSError as error:
            text = f"Port {settings.PORT} cannot be used ({error.strerror}). Set PORT to another one, as in: PORT=8001"
            raise Failed(text) from error


def _wait(supervisor: Supervisor, seconds: float, name: str, is_up: Callable[[], bool]) -> None:
    """Until `is_up`; fails early when a program cannot even start."""
    until = time.monotonic() + seconds
    while not is_up():
        failing = [program for program, state in supervisor.states().items() if state in ("BACKOFF", "FATAL")]
        if failing or time.monotonic() > until:
            culprit = failing[0] if failing else name
            log = f"{supervisor.log_dir / culprit}.log"
            raise Failed(f"{culprit} does not start. The end of {log}:\n\n{supervisor.tail(culprit)}")
        time.sleep(0.1)


def _is_healthy(started: float) -> bool:
    """All is well, and it is this start's planner that ran: Redis also remembers the one before."""
    answer = health(address())
    if answer.get("status") != "ok":
        return False
    return answer["dependencies"]["planner"]["seconds_since_last_run"] < time.monotonic() - started


def health(url: str) -> dict[str, Any]:
    """What `/health` says there, or an empty dictionary while nothing answers."""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=3) as response:  # noqa: S310  always http
            return json.load(response)
    except (OSError, ValueError):
        return {}


def _watch(supervisor: Supervisor) -> None:
    """supervisord restarts what dies; only its own end is a failure."""
    code = supervisor.wait()
    raise Failed(f"The supervisor ended by itself ({code}). See {supervisor.log_dir / 'supervisord.log'}.")
