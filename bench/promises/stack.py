"""The product as separate process groups that may be killed at any moment, on servers of their own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from whatsapp_automation import private_servers
from whatsapp_automation.parent_death import end_with_parent
from whatsapp_automation.processes import PROCESSES

ROOT = Path(__file__).resolve().parent.parent.parent
HOST = "127.0.0.1"
RESTART_SECONDS = 0.2  # after a death of our making
SELF_RESTART_SECONDS = 1.0  # after one that was not: what dies at every start must not take the processor
STOP_SECONDS = 15


class NeverHappened(Exception):
    """Something was waited for in vain; the text says what."""


@dataclass
class Program:
    """One process to keep running. `user` is who it runs as; `as_process` is the row of the product's table."""

    name: str
    command: list[str]
    as_process: str
    folder: Path = ROOT
    user: str | None = None
    process: subprocess.Popen[bytes] | None = None
    restart_at: float = 0.0
    expected: bool = False  # the next death is of our making
    paused: bool = False

    @property
    def worker_name(self) -> str:
        """What a session worker in this process calls itself."""
        return f"{socket.gethostname()}:{self.process.pid if self.process else 0}"


@dataclass
class Stack:
    """Starts programs, restarts those that die, and kills them on request. Nothing runs in the background: `tick`
    looks after them, and every wait here does so."""

    data_dir: Path
    programs: dict[str, Program] = field(default_factory=dict)
    died_by_themselves: Counter[str] = field(default_factory=Counter)
    _orphans: list[psutil.Process] = field(default_factory=list)

    def add(self, programs: Iterable[Program]) -> None:
        for program in programs:
            self.programs[program.name] = program
            self._start(program)

    def tick(self) -> None:
        """Restarts what died."""
        moment = time.monotonic()
        for program in self.programs.values():
            if program.process is not None and program.process.poll() is not None:
                program.process = None
                program.restart_at = moment + (RESTART_SECONDS if program.expected else SELF_RESTART_SECONDS)
                if not program.expected:
                    self.died_by_themselves[program.as_process] += 1
                program.expected = False
            elif program.process is None and moment >= program.restart_at:
                self._start(program)

    def sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.tick()
            time.sleep(min(0.05, left))

    def wait(self, condition: Callable[[], object], what: str, seconds: float) -> None:
        """Until `condition` holds. Raises `NeverHappened` with `what` after `seconds`."""
        until = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > until:
                raise NeverHappened(f"waited {seconds:.0f} s in vain until {what}")
            self.sleep(0.1)

    def alive(self, as_process: str) -> list[Program]:
        return [each for each in self.programs.values() if each.as_process == as_process and each.process is not None]

    def kill(self, program: Program, number: signal.Signals = signal.SIGKILL, *, group: bool = True) -> None:
        """Ends a program at once, with its process group or alone; what it leaves behind is ended with the stack."""
        if program.process is None:
            return
        program.expected = True
        with suppress(ProcessLookupError, psutil.NoSuchProcess):
            if group:
                os.killpg(program.process.pid, number)
            else:
                self._orphans += psutil.Process(program.process.pid).children(recursive=True)
                os.kill(program.process.pid, number)

    def kill_child(self, program: Program, choose: Callable[[list[psutil.Process]], psutil.Process]) -> bool:
        """Kills one process that the program started. False if it has none."""
        if program.process is None:
            return False
        with suppress(psutil.NoSuchProcess):
            if children := psutil.Process(program.process.pid).children():
                choose(children).kill()
                return True
        return False

    def signal(self, program: Program, number: signal.Signals) -> None:
        """Sends a signal that does not end the program, as to stop and continue it."""
        if program.process is not None:
            program.process.send_signal(number)
            program.paused = number == signal.SIGSTOP

    def stop(self, names: Iterable[str] | None = None) -> None:
        """Ends programs in good order, those that were started last first; all of them without `names`."""
        wanted = list(names) if names is not None else list(self.programs)
        stopping = [self.programs.pop(name) for name in reversed(wanted) if name in self.programs]
        servers = [each for each in stopping if each.as_process in private_servers.STOP_SIGNALS]
        for each in (*(one for one in stopping if one not in servers), *servers):
            self._end(each)
        if not self.programs:
            for orphan in self._orphans:
                with suppress(psutil.NoSuchProcess):
                    orphan.kill()

    def _end(self, program: Program) -> None:
        if program.process is None:
            return
        if program.paused:
            program.process.send_signal(signal.SIGCONT)
        program.process.send_signal(private_servers.STOP_SIGNALS.get(program.as_process, signal.SIGTERM))
        try:
            program.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(program.process.pid, signal.SIGKILL)
            program.process.wait()

    def _start(self, program: Program) -> None:
        logs = self.data_dir / "logs"
        logs.mkdir(exist_ok=True)
        with (logs / f"{program.name}.log").open("ab") as log:
            program.process = subprocess.Popen(
                program.command,
                cwd=program.folder,
                user=program.user,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=end_with_parent,  # noqa: PLW1509  one thread only, and nothing may outlive this program
            )


def servers(data_dir: Path) -> list[Program]:
    """PostgreSQL and Redis in `data_dir`, prepared and not started.

    Redis answers only what it has written to its file: a `kill -9` then loses nothing that anybody was told. With the
    product's `everysec` that is not so, because it postpones writing while the last second is being synced to disk.
    The simulated network must not forget arrivals, or the test could not count them; a real one does not live there.
    """
    private_servers.prepare(data_dir)
    user = private_servers.system_user()
    postgres = private_servers.postgres_command(data_dir)
    redis = [*private_servers.redis_command(data_dir), "--appendfsync", "no"]
    return [
        Program("postgres", postgres, "postgres", data_dir / "postgres", user),
        Program("redis", redis, "redis", data_dir / "redis", user),
    ]


def product(port: int, workers: int, capacity: int) -> list[Program]:
    """The processes of the product's table, with so many session workers that hold `capacity` senders at most."""
    folder = Path(sys.executable).parent
    programs = []
    for process in PROCESSES:
        name, *arguments = process.arguments(HOST, port)
        command = [str(folder / name), *arguments]
        if process.name != "session-service":
            programs.append(Program(process.name, command, process.name))
            continue
        programs += session_workers(workers, [*command, "--capacity", str(capacity)])
    return programs


def session_workers(number: int, command: list[str] | None = None) -> list[Program]:
    """So many workers, `session-service-1` and on, by the product's own command unless another is given."""
    command = command or [sys.executable, "manage.py", "run_session_service"]
    return [Program(f"session-service-{index}", command, "session-service") for index in range(1, number + 1)]
