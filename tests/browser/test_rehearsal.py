"""A campaign is rehearsed from its page, by a worker of the running product, and stays as it was."""

import re

from playwright.sync_api import Page, expect

from tests.browser.accessibility import check
from tests.product import Product

MINUTE = 60_000


def test_a_campaign_is_rehearsed_and_nothing_is_sent(signed_in_page: Page, running_product: Product) -> None:
    page = signed_in_page
    key = running_product.manage("create_api_key", "--organization", "demo", "--name", "rehearsal").strip()
    rows = "\n".join(f"0812{number:08},Person {number}" for number in range(50_001, 50_041))
    made = page.request.post(
        "/api/campaigns",
        headers={"X-Api-Key": key},
        multipart={
            "name": "Rehearsed",
            "template": "Hi {{name}}",
            "min_delay_ms": "30000",
            "max_delay_ms": "60000",
            "file": {"name": "people.csv", "mimeType": "text/csv", "buffer": f"phone,name\n{rows}".encode()},
        },
    ).json()
    page.goto(f"/o/demo/campaigns/{made['id']}")
    page.get_by_role("link", name="Rehearse it…").click(timeout=MINUTE)
    expect(page.get_by_text("Not rehearsed yet")).to_be_visible()
    check(page)
    page.get_by_role("button", name="Rehearse it").click()
    expect(page.get_by_role("heading", name="What would happen")).to_be_visible(timeout=MINUTE)
    expect(page.get_by_text(re.compile("times as fast as it will be"))).to_be_visible()
    expect(page.locator('[data-live-text="funnel.sent"]')).to_have_text("40")
    expect(page.locator("[data-chart=timeline] canvas")).to_be_visible()
    check(page)
    stats = page.request.get(f"/api/campaigns/{made['id']}/stats", headers={"X-Api-Key": key}).json()
    assert stats["pending"] == 40
