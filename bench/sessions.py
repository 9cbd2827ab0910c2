"""`python -m bench.sessions`: what it costs to hold many linked Baileys sessions in one worker.

Links them to the emulated WhatsApp on this machine, one scan after the other; measures memory and CPU while nothing is
sent; stops the worker, starts it again, and measures how long it takes until all are connected. Prints JSON lines.
"""

import argparse
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from bench.promises.place import own_place
from bench.results import emit

if TYPE_CHECKING:
    from bench.promises.stack import Program, Stack
    from tests.whatsapp_emulator.running import RunningEmulator

BENCH = "sessions"
LINKING_AT_ONCE = 16  # codes shown at the same time
SETTLE_SECONDS = 20.0  # after the last was connected
SAYS_EVERY = 20.0


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.sessions", description="Many linked sessions in one worker."
    )
    parser.add_argument("--number", type=int, default=1000)
    parser.add_argument("--idle", type=float, default=60, help="Seconds over which the idle CPU is measured.")
    parser.add_argument("--rate", type=float, default=20, help="SESSION_RESTORE_RATE, sessions a second.")
    parser.add_argument("--a-process", type=int, default=150, help="BAILEYS_SESSIONS_A_PROCESS.")
    parser.add_argument("--keep", action="store_true", help="Keep the folder with the logs.")
    options = parser.parse_args()
    variables = {
        "SESSION_RESTORE_RATE": str(options.rate),
        "SESSION_WORKER_CAPACITY": str(options.number),
        "BAILEYS_SESSIONS_A_PROCESS": str(options.a_process),
    }
    with own_place(keep=options.keep, **variables) as data_dir:
        from bench.promises.emulated import emulated_whatsapp

        with emulated_whatsapp(data_dir) as emulator:
            import django

            django.setup()
            from bench.promises.faults import running_servers

            with running_servers(data_dir) as stack:
                Measurement(stack, emulator, data_dir, options.number, options.idle).run()


class Measurement:
    def __init__(
        self, stack: "Stack", emulator: "RunningEmulator", data_dir: Path, number: int, idle_seconds: float
    ) -> None:
        self.stack = stack
        self.emulator = emulator
        self.data_dir = data_dir
        self.number = number
        self.idle_seconds = idle_seconds
        self.said = time.monotonic()

    def run(self) -> None:
        from bench.promises.campaign import make_organization
        from bench.promises.stack import session_workers
        from senders.models import Provider, Sender

        make_organization(self.number, Provider.BAILEYS)
        Sender.objects.update(wanted=False)
        [worker] = session_workers(1)
        self.stack.add([worker])
        self._emit("linking all", self._until(self._all_linked, 3 * self.number + 60), "s")
        self._emit_idle(worker, "after linking")
        self._emit_restart(worker)
        self._emit_idle(worker, "after the restart")
        self._emit("opened twice", len(self.emulator.replaced()), "times")

    def _emit(self, subject: str, value: float, unit: str, **more: Any) -> None:
        emit(BENCH, subject, value, unit, sessions=self.number, **more)

    # -- Linking and restoring --

    def _all_linked(self) -> bool:
        """Connects some more senders where fewer than a few show their codes, and scans those."""
        from bench.promises.emulated import Scanner
        from senders.models import Sender, SenderStatus

        self.scanner = getattr(self, "scanner", None) or Scanner(self.emulator)
        unlinked = Sender.objects.filter(wanted=True, linked_at=None).count()
        more = Sender.objects.filter(wanted=False, linked_at=None).order_by("pk")
        chosen = list(more.values_list("pk", flat=True)[: max(0, LINKING_AT_ONCE - unlinked)])
        Sender.objects.filter(pk__in=chosen).update(wanted=True, status=SenderStatus.CONNECTING)
        self.scanner.scan()
        return _connected() == self.number

    def _emit_restart(self, worker: "Program") -> None:
        from senders.models import Sender, SenderStatus

        began = time.monotonic()
        worker.expected = True
        assert worker.process is not None
        worker.process.send_signal(signal.SIGTERM)
        worker.process.wait(60)
        self._emit("stopping in good order", time.monotonic() - began, "s")
        Sender.objects.update(status=SenderStatus.CONNECTING)  # so that it shows who is connected by the new one
        self._emit("restoring all", self._until(lambda: _connected() == self.number, self.number + 60), "s")

    def _until(self, condition: Callable[[], bool], seconds: float) -> float:
        """Returns how long it took."""
        began = time.monotonic()

        def checked() -> bool:
            if time.monotonic() - self.said > SAYS_EVERY:
                self.said = time.monotonic()
                print(f"{_connected()} connected after {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
            return condition()

        self.stack.wait(checked, "all are connected", seconds)
        return time.monotonic() - began

    # -- Idle --

    def _emit_idle(self, worker: "Program", when: str) -> None:
        self.stack.sleep(SETTLE_SECONDS)
        assert worker.process is not None
        parent = psutil.Process(worker.process.pid)
        processes = [parent, *parent.children(recursive=True)]
        measured = {
            "": parent,
            " of the emulator": psutil.Process(self.emulator.process.pid),
            " of PostgreSQL": self._postgres(),
        }
        before, began = {name: _cpu_seconds(process) for name, process in measured.items()}, time.monotonic()
        self.stack.sleep(self.idle_seconds)
        seconds = time.monotonic() - began
        for name, process in measured.items():
            after = _cpu_seconds(process)
            used = sum(after[pid] - before[name].get(pid, 0.0) for pid in after)
            self._emit(f"idle CPU{name} {when}", used / seconds * 100, "% of a core")
        resident = [process.memory_info().rss for process in processes]
        self._emit(f"memory {when}", sum(resident) / 2**20, "MiB", processes=len(processes))
        proportional = sum(process.memory_full_info().pss for process in processes)
        self._emit(f"memory without what is shared {when}", proportional / 2**20, "MiB")
        self._emit(f"memory of the worker {when}", resident[0] / 2**20, "MiB")
        self._emit(f"connected {when}", _connected(), "sessions")

    def _postgres(self) -> psutil.Process:
        from whatsapp_automation import private_servers

        found = private_servers.find(self.data_dir, "postgres")
        assert found is not None
        return found


def _connected() -> int:
    from senders.models import Sender, SenderStatus

    return Sender.objects.filter(status=SenderStatus.CONNECTED).count()


def _cpu_seconds(parent: psutil.Process) -> dict[int, float]:
    """Of a process and of all that it started, by process id."""
    seconds = {}
    for process in (parent, *parent.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            seconds[process.pid] = times.user + times.system
    return seconds


if __name__ == "__main__":
    main()
