"""The main job, as a newcomer does it: upload a list, write a message, start, watch it go out."""

import json
import re
from collections import Counter
from typing import Any

from playwright.sync_api import Page, expect

from tests.product import ROOT, Product

SHEET = ROOT / "whatsapp_automation" / "demo_data" / "customers_1000.xlsx"
MINUTE = 60_000
# What the sheet holds: 1,000 rows, 10 of them blank, 20 without a usable number, 40 merged; 5 people have no WhatsApp.
PEOPLE, NOT_ON_WHATSAPP, ARRIVE = 930, 5, 925


def deliveries(product: Product) -> list[dict[str, Any]]:
    return [json.loads(line) for line in product.manage("simulator_deliveries", "--format", "jsonl").splitlines()]


def new_campaign(page: Page, name: str, text: str, *, pause: str = "0.05") -> None:
    """Walks the steps of a new campaign; the list is read then."""
    page.get_by_role("link", name="Campaigns", exact=True).first.click()
    page.get_by_role("link", name="New campaign").first.click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Choose the people").click()
    page.locator("input[type=file]").set_input_files(SHEET)
    expect(page.locator("[data-people]")).to_have_text(str(PEOPLE), timeout=MINUTE)  # counted while it is a draft
    page.get_by_role("button", name="Write the message").click()
    page.get_by_role("textbox", name="Message").fill(text)
    page.get_by_role("button", name="kota").click()
    expect(page.get_by_role("textbox", name="Message")).to_have_value(text + "{{kota}}")
    expect(page.locator(".chat-area")).to_contain_text("Hi Gita, greetings from Medan")
    page.get_by_role("button", name="Choose senders and pace").click()
    page.get_by_label("Shortest pause (seconds)").fill(pause)
    page.get_by_label("Longest pause (seconds)").fill(pause)
    page.get_by_role("button", name="Check the list and preview").click()


def figure(page: Page, label: str) -> str:
    tile = page.locator(".stats > *").filter(has=page.get_by_text(label, exact=True))
    return re.sub(r"[^\d]", "", tile.inner_text())


def test_from_a_sheet_to_the_last_receipt(signed_in_page: Page, running_product: Product) -> None:
    page = signed_in_page
    running_product.manage("simulator_deliveries", "--reset")
    new_campaign(page, "Greetings", "Hi {{name}}, greetings from ")
    start = page.get_by_role("button", name=f"Start sending to {PEOPLE} people")
    expect(start).to_be_visible(timeout=MINUTE)
    assert [figure(page, label) for label in ("Rows merged", "Rows without a usable number")] == ["40", "20"]
    expect(page.get_by_text("1,000 rows under its header, 10 of them blank")).to_be_visible()
    start.click()
    page.get_by_role("button", name="Start sending", exact=True).click()
    expect(page.get_by_text("Running", exact=True).first).to_be_visible()
    expect(page.locator("[role=progressbar]").first).not_to_have_attribute("aria-valuenow", "0", timeout=MINUTE)
    expect(page.get_by_text("Completed", exact=True).first).to_be_visible(timeout=3 * MINUTE)  # without a reload
    expect(page.locator("[role=progressbar]").first).to_have_attribute("aria-valuenow", str(PEOPLE))
    assert figure(page, "Skipped") == str(NOT_ON_WHATSAPP)
    expect(page.locator("#problems")).to_contain_text("Not on WhatsApp", timeout=MINUTE)  # the report follows shortly
    arrived = Counter(delivery["to"] for delivery in deliveries(running_product))
    assert len(arrived) == ARRIVE
    assert set(arrived.values()) == {1}
    texts = {delivery["text"] for delivery in deliveries(running_product)}
    assert "Hi O'Brien 😀, greetings from Semarang" in texts
    assert any(text.startswith("Hi <b>Tono</b> Pratama, ") for text in texts)


def test_pausing_stops_at_once_and_resuming_goes_on(signed_in_page: Page, running_product: Product) -> None:
    page = signed_in_page
    new_campaign(page, "Slow greetings", "Hi {{name}}, greetings from ", pause="0.3")
    page.get_by_role("button", name=f"Start sending to {PEOPLE} people").click(timeout=MINUTE)
    page.get_by_role("button", name="Start sending", exact=True).click()
    expect(page.locator("[role=progressbar]").first).not_to_have_attribute("aria-valuenow", "0", timeout=MINUTE)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused", exact=True).first).to_be_visible()
    page.wait_for_timeout(1000)
    arrived = len(deliveries(running_product))
    page.wait_for_timeout(2000)
    assert len(deliveries(running_product)) == arrived
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("Running", exact=True).first).to_be_visible()
    page.wait_for_timeout(2000)
    assert len(deliveries(running_product)) > arrived
    page.get_by_role("button", name=re.compile("Cancel")).click()
    page.locator("dialog, [role=dialog]").get_by_role("button", name=re.compile("Cancel|Stop")).last.click()
    expect(page.get_by_text("Cancelled", exact=True).first).to_be_visible()


def test_a_sender_is_linked_by_the_demo_phone(signed_in_page: Page) -> None:
    page = signed_in_page
    page.get_by_role("link", name="Senders", exact=True).first.click()
    page.get_by_role("link", name="Add a sender").first.click()
    page.get_by_label("Name", exact=True).fill("Bandung store")
    page.locator("main form button[type=submit]").first.click()
    connect = page.get_by_role("button", name="Connect", exact=True)
    scan = page.get_by_role("button", name=re.compile("demo phone"))
    expect(connect.or_(scan).first).to_be_visible(timeout=MINUTE)
    if connect.is_visible():
        connect.click()
    scan.click(timeout=20_000)  # appears with the code, by itself
    expect(page.get_by_text("Connected", exact=True).first).to_be_visible(timeout=20_000)
