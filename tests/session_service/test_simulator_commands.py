"""The commands of the simulated network, as scripts outside the project call them."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from session_service.providers.simulated import SimulatedProvider, network
from tests.factories import make_organization, make_sender
from tests.session_service.listening import FAST, NUMBER, Listener, message, until
from tests.session_service.listening import sender as sender_to_open


def run(name: str, *arguments: str) -> str:
    output = io.StringIO()
    call_command(name, *arguments, stdout=output)
    return output.getvalue()


async def send(*messages) -> None:
    network.link(NUMBER, 1)
    provider, listener = SimulatedProvider(FAST), Listener()
    session = await provider.open(sender_to_open(NUMBER), listener)
    await session.send(messages)
    await provider.close()


async def test_deliveries_are_printed_a_line_each():
    await send(message(1, text="Baris\nbaru"), message(1, attempt=2, text="Baris\nbaru"))
    lines = run("simulator_deliveries", "--format", "jsonl").splitlines()
    printed = [json.loads(line) for line in lines]
    assert [list(line) for line in printed] == [["to", "from", "message_id", "text", "at", "attempt", "duplicate"]] * 2
    assert [(line["text"], line["attempt"], line["duplicate"]) for line in printed] == [
        ("Baris\nbaru", 1, False),
        ("Baris\nbaru", 2, True),
    ]
    assert run("simulator_deliveries").splitlines() == lines


async def test_reset_empties_the_record():
    await send(message(1))
    assert len(run("simulator_deliveries", "--format", "jsonl", "--reset").splitlines()) == 1
    assert run("simulator_deliveries", "--format", "jsonl") == ""
    await send(message(2))
    assert run("simulator_deliveries", "--reset") == ""
    assert run("simulator_deliveries") == ""


async def test_what_a_person_says_reaches_the_sender():
    network.link(NUMBER, 1)
    said = run("simulator_say", "--from", "0812 3456 7891", "--to", NUMBER, "--text", "STOP").strip()
    provider, listener = SimulatedProvider(FAST), Listener()
    await provider.open(sender_to_open(NUMBER), listener)
    await until(lambda: listener.inbound)
    await provider.close()
    [inbound] = listener.inbound
    assert (inbound.phone_number, inbound.text, inbound.whatsapp_id) == ("+6281234567891", "STOP", said)


@pytest.mark.parametrize(
    ("from_number", "to_number", "said"),
    [
        ("+6281234567891", "+628119999999", "No sender is linked to +628119999999"),
        ("someone", NUMBER, "--from 'someone'"),
        ("+6281234567891", "12", "--to '12'"),
    ],
)
def test_nobody_to_say_it_to(from_number, to_number, said):
    network.link(NUMBER, 1)
    with pytest.raises(CommandError, match=said.replace("+", r"\+")):
        run("simulator_say", "--from", from_number, "--to", to_number, "--text", "Halo")


@pytest.mark.django_db
class TestScanning:
    def test_links_what_the_sender_shows(self):
        sender = make_sender(make_organization(), phone_number="")
        network._call("open", sender.pk, "a worker", 1, "")
        network._call("show", sender.pk, "a worker", 1, "2@code", 10_000)
        number = run("simulator_scan", "--sender", str(sender.pk)).strip()
        assert number.startswith("+62811")
        assert network.say(from_number="+6281234567891", to_number=number, text="Halo")

    def test_needs_a_code(self):
        sender = make_sender(make_organization(), name="Sales")
        with pytest.raises(CommandError, match="Sales: There is no QR code to scan"):
            run("simulator_scan", "--sender", str(sender.pk))

    def test_needs_a_sender(self):
        with pytest.raises(CommandError, match="There is no sender 999"):
            run("simulator_scan", "--sender", "999")
