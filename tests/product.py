"""The whole product as a person gets it from `make run`, for browser and end-to-end tests."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Product:
    """A running product with a database of its own."""

    url: str
    data_dir: Path
    environment: dict[str, str]
    process: subprocess.Popen[str]
    email: str = "demo@example.com"
    password: str = "demo"

    def manage(self, *arguments: str) -> str:
        """Runs a management command beside it and returns what it printed."""
        command = [sys.executable, "manage.py", *arguments]
        result = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False, timeout=120
        )
        assert result.returncode == 0, f"{' '.join(arguments)} failed:\n{result.stdout}{result.stderr}"
        return result.stdout


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(data_dir: Path, port: int, **variables: str) -> dict[str, str]:
    """What the shell of somebody who types `make run` would hold, free of the settings of the tests."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "whatsapp_automation.settings",
        "DATA_DIR": str(data_dir),
        "PORT": str(port),
        "LOG_LEVEL": "INFO",
        **variables,
    }


def start(variables: dict[str, str]) -> subprocess.Popen[str]:
    """`manage.py demo`, which ends with the tests however they end."""
    command = [sys.executable, "-m", "whatsapp_automation.parent_death", sys.executable, "manage.py", "demo"]
    return subprocess.Popen(
        command, cwd=ROOT, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def wait_until_ready(process: subprocess.Popen[str]) -> str:
    """Returns the address after `Ready:`. Fails with everything it said when it ends instead."""
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith("Ready: "):
            return line.removeprefix("Ready: ").strip()
    raise AssertionError(f"The product did not start (exit code {process.wait()}):\n{''.join(said)}")


def stop(process: subprocess.Popen[str], number: int = signal.SIGTERM, timeout: float = 90) -> int:
    process.send_signal(number)
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


@contextmanager
def running(**variables: str) -> Iterator[Product]:
    """A product in a fresh data folder, stopped at the end of the block."""
    with TemporaryDirectory(prefix="wa-") as folder:
        settings = environment(Path(folder), free_port(), **variables)
        process = start(settings)
        try:
            yield Product(wait_until_ready(process), Path(folder), settings, process)
        finally:
            if process.poll() is None:
                stop(process)
