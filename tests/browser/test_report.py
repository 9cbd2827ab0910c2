"""The report on a campaign's page: drawn, renewed without losing its charts, and readable without them."""

import re

from playwright.sync_api import Page, expect

from tests.browser.accessibility import check
from tests.product import ROOT, Product

SHEET = ROOT / "whatsapp_automation" / "demo_data" / "customers_1000.xlsx"
MINUTE = 60_000


def test_a_report_from_the_first_message_to_sending_again(signed_in_page: Page, running_product: Product) -> None:
    page = signed_in_page
    key = running_product.manage("create_api_key", "--organization", "demo", "--name", "report").strip()
    made = page.request.post(
        "/api/campaigns",
        headers={"X-Api-Key": key},
        multipart={
            "name": "Reported",
            "template": "Hi {{name}}, see you on Friday",
            "file": {"name": "list.xlsx", "mimeType": "application/octet-stream", "buffer": SHEET.read_bytes()},
            "start": "true",
            "min_delay_ms": "0",
            "max_delay_ms": "0",
        },
    )
    assert made.status == 202, made.text()
    address = re.sub(r"^https?://[^/]+", "", made.json()["url"])
    page.goto(address)
    expect(page.get_by_text("Completed", exact=True).first).to_be_visible(timeout=3 * MINUTE)
    page.reload()
    expect(page.locator("#problems")).to_contain_text("Not on WhatsApp", timeout=MINUTE)
    sent = page.locator('[data-live-text="funnel.sent"]')
    expect(sent).to_have_text("925")
    canvas = page.locator("[data-chart=timeline] canvas")
    expect(canvas).to_be_visible()
    page.evaluate("document.querySelector('[data-chart=timeline] canvas').dataset.isTheSame = 'yes'")
    with page.expect_response(re.compile("/report$")):
        page.evaluate("document.querySelector('#report').dispatchEvent(new CustomEvent('renew'))")
    expect(canvas).to_have_attribute("data-is-the-same", "yes")
    page.get_by_text("As a table").first.click()
    expect(page.locator(".as-table table").first.locator("tbody tr").last).to_contain_text("925")
    check(page)
    page.get_by_role("link", name="Not on WhatsApp").click()
    expect(page.locator("tbody tr")).to_have_count(5)
    check(page)
    page.goto(address)
    page.get_by_role("button", name=re.compile("did not reply")).click()
    page.wait_for_url(lambda url: address not in url)
    expect(page.locator("body")).to_contain_text("Who did not reply to “Reported”")
