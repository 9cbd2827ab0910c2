"""`manage.py demo`: one command starts everything, and nothing stays behind, however it ends."""

import json
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest

from tests import product
from whatsapp_automation.processes import PROCESSES

Run = Callable[[], subprocess.Popen[str]]


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    """One for all: only the first start makes the servers and their contents."""
    with TemporaryDirectory(prefix="wa-") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def port() -> int:
    return product.free_port()


@pytest.fixture
def run(data_dir: Path, port: int) -> Iterator[Run]:
    """Starts the command in this test's folder, any number of times."""
    started = []

    def start() -> subprocess.Popen[str]:
        started.append(product.start(product.environment(data_dir, port)))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            product.stop(process)


def processes_of(data_dir: Path) -> list[psutil.Process]:
    """Every living process that was given this data folder."""
    found = []
    for process in psutil.process_iter():
        try:
            mentioned = [*process.cmdline(), process.environ().get("DATA_DIR", "")]
            if process.status() != psutil.STATUS_ZOMBIE and any(str(data_dir) in text for text in mentioned):
                found.append(process)
        except psutil.Error:
            continue
    return found


def health(port: int) -> dict:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as response:
        return json.load(response)


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"waited {seconds} seconds in vain"
        time.sleep(0.1)


def test_start_second_start_restart_of_a_dead_process_and_stop(run: Run, data_dir: Path, port: int) -> None:
    process = run()
    assert product.wait_until_ready(process) == f"http://127.0.0.1:{port}"
    assert process.stdout is not None
    assert "demo@example.com" in process.stdout.readline()
    second = run()
    said, _ = second.communicate(timeout=60)
    assert second.returncode == 0
    assert f"Already running at http://127.0.0.1:{port}" in said
    assert health(port)["status"] == "ok"
    assert {path.stem for path in (data_dir / "logs").glob("*.log")} >= {each.name for each in PROCESSES}

    [web] = [each for each in processes_of(data_dir) if "uvicorn" in " ".join(each.cmdline())]
    web.kill()
    wait_for(lambda: not web.is_running() or web.status() == psutil.STATUS_ZOMBIE)
    wait_for(lambda: answers(port))

    assert product.stop(process) == 0
    assert processes_of(data_dir) == []


def answers(port: int) -> bool:
    try:
        return health(port)["status"] == "ok"
    except OSError:
        return False


def test_a_killed_one_leaves_nothing(run: Run, data_dir: Path) -> None:
    first = run()
    product.wait_until_ready(first)
    first.send_signal(signal.SIGKILL)
    wait_for(lambda: processes_of(data_dir) == [], seconds=120)


def test_servers_left_by_a_killed_supervisor_are_replaced(run: Run, data_dir: Path) -> None:
    first = run()
    product.wait_until_ready(first)
    supervisors = [each for each in processes_of(data_dir) if "supervisor.supervisord" in each.cmdline()]
    first.kill()
    for each in supervisors:
        each.kill()
    assert len(supervisors) == 1
    wait_for(lambda: {each.name() for each in processes_of(data_dir)} <= {"postgres", "redis-server"}, seconds=120)
    second = run()
    product.wait_until_ready(second)
    assert product.stop(second, signal.SIGINT) == 0
    assert processes_of(data_dir) == []


def test_a_taken_port_is_a_clear_error(run: Run, data_dir: Path, port: int) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # the tests before used it
        other.bind(("127.0.0.1", port))
        other.listen()
        process = run()
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"Port {port} cannot be used" in said
    assert "Set PORT to another one" in said
    assert "Traceback" not in said
    assert processes_of(data_dir) == []


@pytest.fixture
def broken_dir() -> Iterator[Path]:
    """A data folder where Redis refuses an append-only file that is none."""
    with TemporaryDirectory(prefix="wa-") as folder:
        redis = Path(folder) / "redis"
        redis.mkdir()
        redis.chmod(0o777)
        broken = redis / "appendonly.aof"
        broken.write_text("this is no append-only file\n" * 10)
        broken.chmod(0o666)
        yield Path(folder)


def test_a_program_that_cannot_start_shows_its_log(broken_dir: Path, port: int) -> None:
    process = product.start(product.environment(broken_dir, port))
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "redis does not start" in said
    assert "Bad file format reading the append only file" in said
    assert processes_of(broken_dir) == []
