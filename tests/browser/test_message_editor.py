"""A message is written with the editor's buttons, as the phone will show it."""

from playwright.sync_api import Page, expect

from tests.browser.accessibility import check
from tests.messaging.files import PNG


def test_a_message_with_marks_options_emoji_and_a_picture(signed_in_page: Page) -> None:
    page = signed_in_page
    page.goto("/o/demo/templates/new")
    page.get_by_label("Name").fill("Written with the editor")
    text = page.get_by_label("Message", exact=True)
    preview = page.locator(".message-editor .bubble")
    text.fill("Today")
    text.select_text()
    page.get_by_role("button", name="Bold").click()
    expect(text).to_have_value("*Today*")
    text.press("End")
    text.press_sequentially(" ")
    page.get_by_role("button", name="Options", exact=True).click()
    expect(text).to_have_value("*Today* {Hi|Hello|Hey}")
    expect(preview.locator("strong")).to_have_text("Today")
    expect(preview).to_contain_text("Today Hi")
    page.get_by_role("button", name="Other options").click()
    expect(preview).to_contain_text("Today Hello")
    page.get_by_role("button", name="Emoji").click()
    page.locator("emoji-picker input[type=search]").fill("pizza")
    page.locator("emoji-picker [role=option]", has_text="🍕").click()
    expect(text).to_have_value("*Today* {Hi|Hello|Hey}🍕")
    page.get_by_role("button", name="Emoji").click()
    page.locator("input[type=file]").set_input_files({"name": "menu.png", "mimeType": "image/png", "buffer": PNG})
    expect(preview.get_by_role("img", name="menu.png")).to_be_visible()
    expect(page.locator(".editor-length")).to_have_text("14 of 1,024 characters.")
    page.locator("input[type=file]").set_input_files({"name": "x.png", "mimeType": "image/png", "buffer": b"<html>"})
    expect(page.get_by_role("alert").filter(has_text="This is no file of the type image/png.")).to_be_visible()
    check(page)
    page.get_by_role("button", name="Save the template").click()
    expect(page.get_by_role("heading", name="Written with the editor")).to_be_visible()
    expect(preview.get_by_role("img", name="menu.png")).to_be_visible()
    page.get_by_role("button", name="Remove the file").click()
    page.get_by_role("button", name="Save the template").click()
    expect(page.get_by_text("Version 2 is saved.")).to_be_visible()
    expect(preview.get_by_role("img", name="menu.png")).not_to_be_visible()
    page.get_by_role("button", name="Archive").click()
    page.get_by_role("dialog").get_by_role("button", name="Archive").click()
