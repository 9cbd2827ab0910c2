"""A number linked by its QR code, and a campaign through it: web page, planner, worker, bridge, and an emulated WhatsApp
whose phones decrypt what arrives. Worker and bridge are killed while it goes out."""

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

from tests import product
from tests.browser.conftest import DESKTOP, sign_in
from tests.contacts.workbooks import workbook
from tests.product import Product
from tests.whatsapp_emulator.running import HERE, NOT_INSTALLED

PEOPLE = 200
MINUTE = 60_000
SENDER = "+6281110000009"
ANSWERS = 5
HEARD = """
from messaging.models import Message
print(*sorted(Message.objects.filter(direction="in").values_list("phone_number", "text")), sep="\\n")
"""


@pytest.fixture(scope="module")
def emulated(servers: None) -> Iterator[Product]:
    assert (HERE / "node_modules" / "installed").exists(), NOT_INSTALLED
    with product.running(WHATSAPP_EMULATOR="1") as started:
        yield started


@pytest.fixture
def page(browser: Browser, emulated: Product) -> Iterator[Page]:
    with browser.new_context(base_url=emulated.url, viewport=DESKTOP) as context:
        page = context.new_page()
        page.set_default_timeout(20_000)
        sign_in(page, emulated)
        yield page


def number(index: int) -> str:
    return f"+62812{5550000 + index}1"


def inbox(emulated: Product) -> list[dict[str, Any]]:
    return [json.loads(line) for line in emulated.manage("emulator_inbox", "--format", "jsonl").splitlines()]


def until(condition: Callable[[], object], what: str, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for: {what}"
        time.sleep(0.5)


def kill(emulated: Product, name: str) -> None:
    """SIGKILL to the processes of the product whose command line has `name` in it."""
    found = [
        child
        for child in psutil.Process(emulated.process.pid).children(recursive=True)
        if any(name in part for part in child.cmdline()[-3:])
    ]
    assert found, f"no process {name}"
    for process in found:
        process.kill()


def test_a_campaign_through_a_linked_number_survives_kills(page: Page, emulated: Product, tmp_path: Path) -> None:
    page.goto("/o/demo/senders/new")
    page.get_by_label("Name").fill("Real number")
    page.get_by_label(re.compile("WhatsApp")).first.check()
    page.get_by_role("button", name="Add it and show the QR code").click()
    expect(page.get_by_role("img", name="QR code to link a phone")).to_be_visible(timeout=MINUTE)
    sender_id = page.url.rpartition("/")[2]
    emulated.manage("emulator_scan", "--sender", sender_id, "--phone", SENDER)
    expect(page.get_by_text("The number is linked and sends.")).to_be_visible(timeout=MINUTE)
    expect(page.get_by_text(SENDER)).to_be_visible()

    quotas = "quota_per_minute=None, quota_per_hour=None"
    emulated.manage(
        "shell",
        "-v",
        "0",
        "-c",
        f"from senders.models import Sender; Sender.objects.filter(pk={sender_id}).update({quotas})",
    )

    sheet = tmp_path / "people.xlsx"
    sheet.write_bytes(workbook(["Name", "Phone"], *([f"Person {index}", number(index)] for index in range(PEOPLE))))
    page.goto("/o/demo/campaigns/new")
    page.get_by_label("Name", exact=True).fill("Through a real number")
    page.get_by_role("button", name="Choose the people").click()
    page.locator("input[type=file]").set_input_files(sheet)
    expect(page.locator("[data-people]")).to_have_text(str(PEOPLE), timeout=MINUTE)
    page.get_by_role("button", name="Write the message").click()
    expect(page.get_by_role("button", name=re.compile("^phone"))).to_be_visible()
    page.get_by_role("textbox", name="Message").fill("Hello {{name}}, this is for you only.")
    page.get_by_role("button", name="Choose senders and pace").click()
    for box in page.locator("input[type=checkbox][name=senders]").all():
        box.set_checked(box.get_attribute("value") == sender_id)
    page.get_by_label("Shortest pause (seconds)").fill("0.1")
    page.get_by_label("Longest pause (seconds)").fill("0.2")
    page.get_by_role("button", name="Check the list and preview").click()
    page.get_by_role("button", name=f"Start sending to {PEOPLE} people").click(timeout=MINUTE)
    page.get_by_role("button", name="Start sending", exact=True).click()

    for share, victim in ((0.1, "baileys_bridge"), (0.4, "run_session_service")):
        until(lambda share=share: len(inbox(emulated)) > PEOPLE * share, f"a share of {share}")  # type: ignore[misc]
        kill(emulated, victim)
    expect(page.get_by_text("Completed", exact=True).first).to_be_visible(timeout=3 * MINUTE)

    arrived = {line["phone"]: line["text"] for line in inbox(emulated)}
    assert arrived == {number(index): f"Hello Person {index}, this is for you only." for index in range(PEOPLE)}
    assert set(Counter(line["phone"] for line in inbox(emulated)).values()) == {1}
    page.goto(f"/o/demo/senders/{sender_id}")
    expect(page.get_by_text("The number is linked and sends.")).to_be_visible(timeout=MINUTE)

    people = "from messaging.models import Message; print(Message.objects.filter(direction='out', status=60).count())"
    until(lambda: int(emulated.manage("shell", "-v", "0", "-c", people)) == PEOPLE, "all receipts")
    for index in range(ANSWERS):
        emulated.manage("emulator_say", "--from", number(index), "--to", SENDER, "--text", f"Answer {index}")
    expected = [str((number(index), f"Answer {index}")) for index in range(ANSWERS)]
    until(lambda: emulated.manage("shell", "-v", "0", "-c", HEARD).splitlines() == expected, "the answers")
