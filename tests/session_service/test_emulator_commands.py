"""The commands of the emulated WhatsApp, as scripts outside the project call them."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from senders import linking
from session_service import emulator as emulators
from tests.factories import make_organization, make_sender
from tests.whatsapp_emulator.running import RunningEmulator

PERSON = "+6281234567891"


def run(name: str, *arguments: str) -> str:
    output = io.StringIO()
    call_command(name, *arguments, stdout=output)
    return output.getvalue()


@pytest.fixture
def beside(settings, tmp_path: Path) -> Iterator[RunningEmulator]:
    """An emulator in this product's data folder, as WHATSAPP_EMULATOR=1 make run has it."""
    settings.DATA_DIR = tmp_path
    emulators.folder().mkdir()
    emulator = RunningEmulator.started(emulators.folder())
    yield emulator
    emulator.stop()


@pytest.mark.parametrize(
    "command",
    [
        ("emulator_inbox", "--format", "jsonl"),
        ("emulator_say", "--from", PERSON, "--to", PERSON, "--text", "Halo"),
        ("emulator_scan", "--sender", "1", "--phone", PERSON),
    ],
)
def test_without_an_emulator_they_say_how_to_start_it(command, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    with pytest.raises(CommandError, match="WHATSAPP_EMULATOR=1 make run"):
        run(*command)


def test_an_emulator_that_ended_is_none(beside):
    beside.kill()
    with pytest.raises(CommandError, match="is not running"):
        run("emulator_inbox")


def test_nobody_to_say_it_to(beside):
    with pytest.raises(CommandError, match=r"no companion is linked to \+6281110000001"):
        run("emulator_say", "--from", PERSON, "--to", "+6281110000001", "--text", "Halo")
    with pytest.raises(CommandError, match="--to '12'"):
        run("emulator_say", "--from", PERSON, "--to", "12", "--text", "Halo")


@pytest.mark.django_db
class TestScanning:
    @pytest.fixture(autouse=True)
    def impatient(self, monkeypatch):
        monkeypatch.setattr("session_service.management.commands.emulator_scan.SECONDS_TO_WAIT", 0.5)

    def test_needs_a_code(self, beside):
        sender = make_sender(make_organization(), name="Sales", provider="baileys", phone_number="")
        with pytest.raises(CommandError, match="Sales: There is no code to scan"):
            run("emulator_scan", "--sender", str(sender.pk), "--phone", PERSON)

    def test_needs_a_code_that_somebody_shows(self, beside):
        sender = make_sender(make_organization(), name="Sales", provider="baileys", phone_number="")
        linking.show_qr(sender.pk, "2@old,a,b,c", 20)
        with pytest.raises(CommandError, match="Sales: no client shows this QR code"):
            run("emulator_scan", "--sender", str(sender.pk), "--phone", PERSON)

    def test_types_the_pairing_code_that_is_shown(self, beside):
        sender = make_sender(make_organization(), name="Sales", provider="baileys", phone_number="")
        linking.show_pairing_code(sender.pk, "ABCD1234", 20)
        with pytest.raises(CommandError, match=r"Sales: no client waits for a pairing code"):
            run("emulator_scan", "--sender", str(sender.pk), "--phone", PERSON)

    def test_needs_a_sender_with_baileys(self, beside):
        with pytest.raises(CommandError, match="There is no sender 999"):
            run("emulator_scan", "--sender", "999", "--phone", PERSON)
        sender = make_sender(make_organization(), name="Sales")
        with pytest.raises(CommandError, match="Sales does not reach WhatsApp with Baileys"):
            run("emulator_scan", "--sender", str(sender.pk), "--phone", PERSON)
