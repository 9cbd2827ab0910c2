"""The main job by REST alone, with a key from the command line, as the README shows it."""

import json
import subprocess
import time
from typing import Any

from tests.product import ROOT, Product

SHEET = ROOT / "whatsapp_automation" / "demo_data" / "customers_1000.xlsx"


def curl(product: Product, key: str, path: str, *arguments: str) -> tuple[int, Any]:
    """The status and the JSON that curl gets."""
    command = ["curl", "-s", "-w", "\n%{http_code}", "-H", f"X-Api-Key: {key}", *arguments, product.url + path]
    output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    body, _, status = output.rpartition("\n")
    return int(status), json.loads(body) if body else None


def test_a_campaign_by_curl(running_product: Product) -> None:
    product = running_product
    product.manage("simulator_deliveries", "--reset")
    key = product.manage("create_api_key", "--organization", "demo", "--name", "story").strip()
    form = ["name=By curl", "template=Hi {{name}} from {{kota}}", f"file=@{SHEET}", "start=true"]
    form += ["min_delay_ms=20", "max_delay_ms=40"]
    status, made = curl(product, key, "/api/campaigns", *(part for field in form for part in ("-F", field)))
    assert (status, made["status"]) == (202, "reading")
    stats: dict[str, Any] = {}
    deadline = time.monotonic() + 180
    while curl(product, key, f"/api/campaigns/{made['id']}")[1]["status"] != "completed":
        assert time.monotonic() < deadline, stats
        stats = curl(product, key, f"/api/campaigns/{made['id']}/stats")[1]
        time.sleep(1)
    while (stats := curl(product, key, f"/api/campaigns/{made['id']}/stats")[1])["sent"]:
        assert time.monotonic() < deadline, stats
        time.sleep(0.5)
    assert (stats["total"], stats["merged"], stats["invalid_rows"]) == (930, 40, 20)
    assert stats["delivered"] + stats["read"] == 925
    assert stats["skipped"] == {"not_on_whatsapp": 5}
    lines = product.manage("simulator_deliveries", "--format", "jsonl").splitlines()
    assert len(lines) == len({json.loads(line)["to"] for line in lines}) == 925


def test_a_single_message_and_its_status(running_product: Product) -> None:
    product = running_product
    key = product.manage("create_api_key", "--organization", "demo", "--name", "story").strip()
    body = json.dumps({"to": "0812-9999-1234", "text": "Halo", "idempotency_key": "order-17"})
    json_body = ("-H", "Content-Type: application/json", "-d", body)
    status, made = curl(product, key, "/api/messages", *json_body)
    assert (status, made["phone_number"]) == (202, "+6281299991234")
    assert curl(product, key, "/api/messages", *json_body)[1]["id"] == made["id"]
    deadline = time.monotonic() + 30
    while curl(product, key, f"/api/messages/{made['id']}")[1]["status"] not in ("delivered", "read"):
        assert time.monotonic() < deadline
        time.sleep(0.3)


def test_without_a_key_the_answer_says_what_to_do(running_product: Product) -> None:
    status, body = curl(running_product, "wrong", "/api/senders")
    assert status == 401
    assert "key" in json.dumps(body).lower()
