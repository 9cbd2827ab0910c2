"""A number's way as staff walk it: added, linked by its QR code, paused, disconnected, deleted."""

import re

from playwright.sync_api import Page, expect

from tests.browser.accessibility import check
from tests.product import Product

SOON = 20_000  # ms; a loaded machine takes its time to open a session


def test_a_sender_from_its_qr_code_to_its_end(signed_in_page: Page, running_product: Product) -> None:
    page = signed_in_page
    page.goto("/o/demo/senders")
    page.get_by_role("link", name="Add a sender").click()
    page.get_by_label("Name").fill("Sales Bandung")
    page.get_by_role("button", name="Add it and show the QR code").click()

    code = page.get_by_role("img", name="QR code to link a phone")
    expect(code).to_be_visible(timeout=SOON)
    check(page)
    expect(page.get_by_text("Live, as of")).to_be_visible(timeout=SOON)
    page.get_by_role("button", name="Scan with the demo phone").click()
    expect(page.get_by_text("The number is linked and sends.")).to_be_visible(timeout=SOON)
    expect(code).to_have_count(0, timeout=SOON)

    page.get_by_role("button", name="Pause sending").click()
    expect(page.get_by_text("Nothing is sent through this number.")).to_be_visible(timeout=SOON)
    check(page)
    page.get_by_role("button", name="Let it send again").click()
    expect(page.get_by_text("The number is linked and sends.")).to_be_visible(timeout=SOON)

    page.get_by_role("button", name="Disconnect").click()
    page.locator("dialog[open]").get_by_role("button", name="Disconnect").click()
    expect(page.get_by_text("connecting needs no code.")).to_be_visible(timeout=SOON)
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.get_by_text("The number is linked and sends.")).to_be_visible(timeout=SOON)

    page.get_by_role("button", name="Disconnect").click()
    page.locator("dialog[open]").get_by_role("button", name="Disconnect").click()
    page.get_by_role("button", name="Delete").click()
    page.locator("dialog[open]").get_by_role("button", name="Delete the sender").click()
    expect(page.get_by_text("“Sales Bandung” is deleted.")).to_be_visible(timeout=SOON)
    expect(page.get_by_role("row", name="Sales Bandung")).to_have_count(0, timeout=SOON)


def test_what_happens_on_the_phone_shows_without_a_reload(signed_in_page: Page, running_product: Product) -> None:
    """A command in another process links the phone; the open page follows."""
    page = signed_in_page
    page.goto("/o/demo/senders/new")
    page.get_by_label("Name").fill("Sales Medan")
    page.get_by_role("button", name="Add it and show the QR code").click()
    expect(page.get_by_role("img", name="QR code to link a phone")).to_be_visible(timeout=SOON)
    expect(page.get_by_text("Live, as of")).to_be_visible(timeout=SOON)
    sender_id = page.url.rpartition("/")[2]
    number = running_product.manage("simulator_scan", "--sender", sender_id).strip()
    expect(page.get_by_text(number)).to_be_visible(timeout=SOON)
    expect(page.get_by_text("The number is linked and sends.")).to_be_visible(timeout=SOON)


def test_linking_with_a_pairing_code_and_logging_out(signed_in_page: Page, running_product: Product) -> None:
    page = signed_in_page
    page.goto("/o/demo/senders/new")
    check(page)
    page.get_by_label("Name").fill("Sales Makassar")
    page.get_by_role("button", name="Add it and show the QR code").click()
    expect(page.get_by_role("img", name="QR code to link a phone")).to_be_visible(timeout=SOON)

    page.get_by_role("link", name="Use a pairing code instead").click()
    page.get_by_label("Phone number").fill("12")
    page.get_by_role("button", name="Show the pairing code").click()
    expect(page.get_by_text("not a possible mobile number")).to_be_visible()
    page.get_by_label("Phone number").fill("0811 2345 6780")
    check(page)
    page.get_by_role("button", name="Show the pairing code").click()
    code = page.get_by_label("Pairing code")
    expect(code).to_have_text(re.compile(r"^[0-9A-Z]{4}-[0-9A-Z]{4}$"), timeout=SOON)
    check(page)

    page.get_by_role("button", name="Show a QR code instead").click()
    expect(page.get_by_role("img", name="QR code to link a phone")).to_be_visible(timeout=SOON)
    page.get_by_role("link", name="Use a pairing code instead").click()
    page.get_by_label("Phone number").fill("0811 2345 6780")
    page.get_by_role("button", name="Show the pairing code").click()
    page.get_by_role("button", name="Type it into the demo phone").click()
    expect(page.get_by_text("The number is linked and sends.")).to_be_visible(timeout=SOON)
    expect(page.get_by_text("+6281123456780", exact=True)).to_be_visible()

    page.get_by_role("button", name="Log out").click()
    page.locator("dialog[open]").get_by_role("button", name="Log out").click()
    expect(page.get_by_text("No phone is linked any more")).to_be_visible(timeout=SOON)
    expect(page.get_by_text("not linked", exact=True)).to_be_visible()
    check(page)
    page.get_by_role("button", name="Show a QR code").click()
    expect(page.get_by_role("img", name="QR code to link a phone")).to_be_visible(timeout=SOON)
