"""WHATSAPP_EMULATOR=1 make run: a newcomer links a sender without a phone, and messages go both ways."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests import product
from tests.end_to_end.test_rest_story import curl
from tests.whatsapp_emulator.running import HERE, NOT_INSTALLED

SENDER, PERSON = "+6281110000001", "+6281234567891"
HEARD = "from messaging.models import Message; print(*Message.objects.filter(direction='in').values_list('text', flat=True))"


@pytest.fixture(scope="module")
def running(servers: None) -> Iterator[product.Product]:
    assert (HERE / "node_modules" / "installed").exists(), NOT_INSTALLED
    with product.running(WHATSAPP_EMULATOR="1") as started:
        yield started


def until(look: Callable[[], Any], what: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < end, f"waited in vain for: {what}"
        time.sleep(0.3)


def test_linked_by_its_code_a_sender_sends_and_hears(running: product.Product) -> None:
    key = running.manage("create_api_key", "--organization", "demo", "--name", "emulated").strip()

    def api(path: str, **body: Any) -> Any:
        sent = ("-H", "Content-Type: application/json", "-d", json.dumps(body)) if body else ()
        return curl(running, key, f"/api{path}", *sent)[1]

    sender = api("/senders", name="Real", provider="baileys")["id"]
    curl(running, key, f"/api/senders/{sender}/connect", "-X", "POST")
    assert running.manage("emulator_scan", "--sender", str(sender), "--phone", SENDER).strip() == SENDER
    until(lambda: api(f"/senders/{sender}")["status"] == "connected", "a connected sender")

    message = api("/messages", to=PERSON, text="Halo dari produk", sender=sender)["id"]
    until(lambda: api(f"/messages/{message}")["status"] == "read", "the read receipt")
    [line] = map(json.loads, running.manage("emulator_inbox", "--format", "jsonl").splitlines())
    assert line["message_id"] == api(f"/messages/{message}")["whatsapp_id"]
    assert {name: line[name] for name in ("phone", "from", "text", "repeats")} == {
        "phone": PERSON,
        "from": SENDER,
        "text": "Halo dari produk",
        "repeats": 0,
    }

    running.manage("emulator_say", "--from", PERSON, "--to", SENDER, "--text", "Halo juga")
    until(lambda: "Halo juga" in running.manage("shell", "-c", HEARD), "the answer")
