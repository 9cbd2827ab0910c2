"""What a measurement runs on: PostgreSQL and Redis of its own, and processes that end with it."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from whatsapp_automation import private_servers

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_SECONDS = 20


@contextmanager
def servers(data_dir: Path) -> Iterator[None]:
    """Empty servers in `data_dir`, which is removed afterwards; this process and its children use nothing else."""
    os.environ.update(
        {
            "DJANGO_SETTINGS_MODULE": "whatsapp_automation.settings",
            "DATA_DIR": str(data_dir),
            "DATABASE_URL": "",
            "REDIS_URL": "",
            "LOG_LEVEL": "WARNING",
        }
    )
    shutil.rmtree(data_dir, ignore_errors=True)
    try:
        with private_servers.running(data_dir):
            yield
    finally:
        shutil.rmtree(data_dir, ignore_errors=True)


def postgres(data_dir: Path) -> psutil.Process:
    found = private_servers.find(data_dir, "postgres")
    assert found is not None, "PostgreSQL has ended"
    return found


@contextmanager
def child(*command: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """A process beside this one that ends with the block, and with this process however that ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "whatsapp_automation.parent_death", *command],
        cwd=ROOT,
        env={**os.environ, **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[str]) -> None:
    """SIGTERM to a process of ours, and SIGKILL to its group if that does not end it."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None and not stream.closed:
            stream.close()


def cpu_seconds(process: psutil.Process) -> float:
    """User and system time of a process, its threads and its children, living and gone."""
    total = 0.0
    for each in (process, *process.children(recursive=True)):
        try:
            times = each.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
        if each == process:
            total += times.children_user + times.children_system
    return total
