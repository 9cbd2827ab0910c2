"""The emulator's own tests, which use real Baileys clients, and the helper that tests in Python use."""

import subprocess

import pytest

from session_service.emulator import EmulatorError
from tests.whatsapp_emulator.running import HERE, NODE, NOT_INSTALLED, running

FILES = sorted(path.name for path in (HERE / "test").glob("*.test.mjs"))


@pytest.mark.parametrize("name", FILES)
def test_with_real_clients(name: str) -> None:
    assert (HERE / "node_modules").exists(), NOT_INSTALLED
    command = [str(NODE), "--test", "--test-force-exit", "--test-reporter=spec", f"test/{name}"]
    result = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "ℹ pass 0\n" not in result.stdout, "no test ran"


def test_it_is_where_it_was_after_it_was_killed() -> None:
    with running() as emulator:
        emulator.behave(delivered_ms=7)
        emulator.kill()
        emulator.start()
        assert emulator.get("/behaviour")["delivered_ms"] == 7
        assert emulator.lines() == []


def test_its_refusals_are_errors() -> None:
    with running() as emulator:
        with pytest.raises(EmulatorError, match="no client shows this QR code"):
            emulator.scan(qr="2@nothing,a,b,c", phone="+6281234567890")
        with pytest.raises(EmulatorError, match="not a phone number"):
            emulator.scan(qr="2@nothing,a,b,c", phone="me")
