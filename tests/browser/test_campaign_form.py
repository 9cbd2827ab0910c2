"""The form of a new campaign and the pages around it, with a person who makes mistakes."""

from playwright.sync_api import Page, expect

from tests.browser.accessibility import check
from tests.contacts.workbooks import CUSTOMERS, PROTECTED

MINUTE = 60_000


def test_mistakes_are_told_where_they_are_and_nothing_is_lost(signed_in_page: Page) -> None:
    page = signed_in_page
    page.goto("/o/demo/campaigns/new")
    file = page.locator("input[type=file]")
    file.set_input_files(PROTECTED)
    expect(page.get_by_role("alert").filter(has_text="“protected.xlsx” is protected with a password")).to_be_visible()
    file.set_input_files(CUSTOMERS)
    expect(page.get_by_role("button", name="jumlah_tagihan")).to_be_visible()
    expect(page.get_by_text("is protected with a password")).to_be_hidden()
    page.get_by_role("textbox", name="Message").fill("Hi {{nmaa}}, {{kota}} calls")
    expect(page.locator(".bubble-text").first).to_have_text("Hi {{nmaa}}, Medan calls")
    page.get_by_role("button", name="Check the list and preview").click()
    expect(page.get_by_text("There is no column for {{nmaa}}. Did you mean {{nama}}?")).to_be_visible()
    expect(page.get_by_text("Give the campaign a name.")).to_be_visible()
    check(page)
    assert file.evaluate("input => input.files.length") == 1
    page.get_by_role("textbox", name="Message").fill("Hi {{nama}}, {{kota}} calls")
    page.get_by_label("Name", exact=True).fill("Second try")
    page.get_by_role("button", name="Check the list and preview").click()
    expect(page.get_by_role("heading", name="Ready to send")).to_be_visible(timeout=MINUTE)
    check(page)


def test_previews_stay_where_they_were_turned_to(signed_in_page: Page) -> None:
    page = signed_in_page
    page.goto("/o/demo/campaigns")
    page.get_by_role("link", name="Payment reminder").click()
    expect(page.get_by_text("1–3 of 930")).to_be_visible()
    page.locator("#previews").get_by_role("button", name="Next").click()
    expect(page.get_by_text("4–6 of 930")).to_be_visible()
    with page.expect_response("**/live?offset=3"):  # the page fetches its state again by itself
        pass
    expect(page.get_by_text("4–6 of 930")).to_be_visible()
    page.get_by_role("link", name="All 20").click()
    expect(page.get_by_text("halo@contoh.id")).to_be_visible()
    check(page)


def test_a_list_is_imported_and_a_number_blocked(signed_in_page: Page) -> None:
    page = signed_in_page
    page.goto("/o/demo/contacts/import")
    page.locator("input[type=file]").set_input_files(CUSTOMERS)
    page.get_by_label("named").fill("November")
    page.get_by_role("button", name="Upload and check").click()
    page.get_by_role("button", name="Import 930 people").click(timeout=MINUTE)
    page.get_by_role("link", name="See the list").click(timeout=MINUTE)
    expect(page.get_by_text("1–50 of 930")).to_be_visible()
    page.goto("/o/demo/contacts/blocklist")
    page.get_by_label("Phone number").fill("0812 9999 0001")
    page.get_by_role("button", name="Block", exact=True).click()
    expect(page.get_by_text("+6281299990001 is blocked from now on.")).to_be_visible()
    check(page)
    page.get_by_role("button", name="Unblock +6281299990001").click()
    page.get_by_role("dialog").get_by_role("button", name="Unblock").click()
    expect(page.get_by_text("+6281299990001 may be messaged again.")).to_be_visible()
