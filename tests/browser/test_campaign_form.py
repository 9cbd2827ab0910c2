"""The steps of a new campaign and the pages around them, with a person who makes mistakes."""

from playwright.sync_api import Page, expect

from tests.browser.accessibility import check
from tests.contacts.workbooks import CUSTOMERS, PROTECTED

MINUTE = 60_000


def test_mistakes_are_told_where_they_are_and_nothing_is_lost(signed_in_page: Page) -> None:
    """A draft that keeps itself: through a bad sheet, a reload, a lost connection and a missing column."""
    page = signed_in_page
    page.goto("/o/demo/campaigns/new")
    page.get_by_label("Name", exact=True).fill("Second try")
    page.keyboard.press("Enter")
    file = page.locator("input[type=file]")
    file.set_input_files(PROTECTED)
    expect(page.get_by_role("alert").filter(has_text="“protected.xlsx” is protected with a password")).to_be_visible()
    file.set_input_files(CUSTOMERS)
    expect(page.locator("[data-people]")).to_have_text("930", timeout=MINUTE)
    expect(page.get_by_role("alert").filter(has_text="is protected with a password")).to_be_hidden()
    check(page)
    page.get_by_role("button", name="Write the message").click()
    message, saved = page.get_by_role("textbox", name="Message"), page.locator("[data-save-state]")
    message.fill("Hi {{nmaa}}, {{kota}} calls")
    expect(page.locator(".bubble-text").first).to_have_text("Hi {{nmaa}}, Medan calls")
    expect(saved).to_contain_text("Saved")
    page.context.set_offline(True)
    message.press_sequentially("!")
    expect(saved).to_contain_text("Not saved: there is no connection.")
    page.context.set_offline(False)
    expect(saved).to_contain_text("Saved")
    page.reload()
    expect(message).to_have_value("Hi {{nmaa}}, {{kota}} calls!")
    check(page)
    message.press("ControlOrMeta+End")
    message.press_sequentially("!")
    page.get_by_role("link", name="Senders and pace").click()  # keeps what was typed a moment ago
    expect(page.get_by_role("heading", name="Sending hours")).to_be_visible()
    check(page)
    page.get_by_role("button", name="Check the list and preview").click()
    expect(page.get_by_text("There is no column for {{nmaa}}. Did you mean {{nama}}?").first).to_be_visible()
    page.get_by_role("link", name="2 Message").click()
    expect(message).to_have_value("Hi {{nmaa}}, {{kota}} calls!!")
    message.fill("Hi {{nama}}, {{kota}} calls")
    page.get_by_role("button", name="Choose senders and pace").click()
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
