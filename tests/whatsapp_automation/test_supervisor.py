"""Programs under supervisord: restarted when they die, stopped in order, never left behind."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest
from django.conf import settings

from whatsapp_automation.supervisor import Program, Supervisor

# Writes its name and process id when it starts, and its name again when it is told to stop.
PROGRAM = """
import os, signal, sys, time
name, notes = sys.argv[1:]
def note(text):
    with open(notes, "a") as file:
        file.write(text + "\\n")
def stop(number, frame):
    note(f"{name} stopped")
    sys.exit()
signal.signal(signal.SIGTERM, stop)
note(f"{name} {os.getpid()}")
print(name, "is 100% here", flush=True)
time.sleep(60)
"""


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with TemporaryDirectory(prefix="wa-") as folder:
        yield Path(folder)


@pytest.fixture
def notes(data_dir: Path) -> Callable[[], list[str]]:
    file = data_dir / "notes"
    file.touch()
    return lambda: file.read_text().splitlines()


@pytest.fixture
def supervisor(data_dir: Path) -> Iterator[Supervisor]:
    def program(name: str, stage: int) -> Program:
        wrapper = [sys.executable, "-m", "whatsapp_automation.parent_death"]
        return Program(name, [*wrapper, sys.executable, str(script), name, str(data_dir / "notes")], stage)

    script = data_dir / "program.py"
    script.write_text(PROGRAM)
    supervisor = Supervisor(data_dir, [program("server", 1), program("product", 2)], settings.BASE_DIR)
    supervisor.start()
    yield supervisor
    supervisor.stop()


def wait_for(condition: Callable[[], object]) -> None:
    until = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < until, "waited 15 seconds in vain"
        time.sleep(0.05)


def pids(notes: list[str], name: str) -> list[int]:
    return [int(line.split()[1]) for line in notes if line.startswith(name) and not line.endswith("stopped")]


def test_stages_start_when_asked_and_stop_backwards(supervisor: Supervisor, notes: Callable[[], list[str]]) -> None:
    assert set(supervisor.states().values()) == {"STOPPED"}
    supervisor.start_stage(1)
    wait_for(notes)
    assert pids(notes(), "product") == []
    supervisor.start_stage(2)
    wait_for(lambda: len(notes()) == 2)
    supervisor.stop()
    assert notes()[2:] == ["product stopped", "server stopped"]
    assert supervisor.tail("server") == "server is 100% here"


def test_a_program_that_dies_comes_back(supervisor: Supervisor, notes: Callable[[], list[str]]) -> None:
    supervisor.start_stage(2)
    wait_for(lambda: pids(notes(), "product"))
    psutil.Process(pids(notes(), "product")[0]).kill()
    wait_for(lambda: len(pids(notes(), "product")) == 2)


def test_programs_end_with_a_killed_supervisor(supervisor: Supervisor, notes: Callable[[], list[str]]) -> None:
    supervisor.start_stage(2)
    wait_for(notes)
    assert supervisor.process is not None
    supervisor.process.kill()
    wait_for(lambda: notes()[1:] == ["product stopped"])


def test_supervisor_of_a_killed_program_is_stopped(
    supervisor: Supervisor, data_dir: Path, notes: Callable[[], list[str]]
) -> None:
    supervisor.start_stage(1)
    wait_for(notes)
    Supervisor(data_dir, [], settings.BASE_DIR).stop_left_over()
    assert notes()[1:] == ["server stopped"]


def test_a_pid_file_that_names_a_stranger_harms_nobody(data_dir: Path) -> None:
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        (data_dir / "supervisord.pid").write_text(f"{stranger.pid}\n")
        Supervisor(data_dir, [], settings.BASE_DIR).stop_left_over()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
