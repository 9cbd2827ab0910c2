"""What surrounds every page: navigation, light and dark, questions before something is done, phones."""

import re
from typing import Literal

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.product import Product

PHONE = ViewportSize(width=390, height=844)
SOME_PAGE = "/o/demo/settings"


def theme(page: Page) -> str:
    return page.evaluate("document.documentElement.dataset.bsTheme")


def test_light_and_dark_follow_the_system_until_somebody_chooses(page: Page) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto("/accounts/login")
    assert theme(page) == "dark"
    page.emulate_media(color_scheme="light")
    page.wait_for_function("() => document.documentElement.dataset.bsTheme === 'light'")


def test_a_chosen_theme_is_remembered(signed_in_page: Page) -> None:
    page = signed_in_page
    page.goto(SOME_PAGE)
    page.emulate_media(color_scheme="light")
    page.get_by_label("Light or dark").click()
    page.get_by_role("button", name="Dark", exact=True).click()
    assert theme(page) == "dark"
    page.reload()
    assert theme(page) == "dark"
    page.get_by_label("Light or dark").click()
    expect(page.get_by_role("button", name="Dark", exact=True)).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Same as system").click()
    assert theme(page) == "light"


def test_the_navigation_of_a_phone_opens_and_closes(signed_in_page: Page) -> None:
    page = signed_in_page
    page.goto(SOME_PAGE)
    page.set_viewport_size(PHONE)
    settings = page.get_by_role("link", name="Settings")
    expect(settings).to_be_hidden()
    page.get_by_label("Open the navigation").click()
    expect(settings).to_be_visible()
    expect(page.locator("#navigation")).to_be_focused()  # it has slid in
    page.keyboard.press("Escape")
    expect(settings).to_be_hidden()


def test_the_content_is_one_key_away(signed_in_page: Page) -> None:
    page = signed_in_page
    page.goto(SOME_PAGE)
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()


def test_an_api_key_is_made_shown_copied_and_revoked(signed_in_page: Page) -> None:
    page = signed_in_page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/o/demo/settings/api-keys/new")
    page.get_by_label("Name").fill("Key of the browser test")
    page.get_by_label("Send messages").check()
    page.get_by_role("button", name="Create the key").click()
    key = page.locator("#new-key").inner_text()
    assert re.fullmatch(r"wa_[\w-]{43}", key)
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == key

    page.get_by_role("link", name="I have copied it").click()
    row = page.get_by_role("row").filter(has_text="Key of the browser test")
    row.get_by_role("button", name="Revoke").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Programs that use it are refused at once")
    dialog.get_by_role("button", name="Cancel").click()
    expect(row).to_contain_text("Active")
    row.get_by_role("button", name="Revoke").click()
    dialog.get_by_role("button", name="Revoke the key").click()
    expect(row).to_contain_text("Revoked")
    expect(page.get_by_role("status").filter(has_text="is revoked")).to_be_visible()


def test_an_ended_session_leads_back_after_signing_in(signed_in_page: Page, running_product: Product) -> None:
    page = signed_in_page
    page.context.clear_cookies(name="sessionid")
    page.context.add_cookies([{"name": "sessionid", "value": "ended", "url": running_product.url}])
    page.goto("/o/demo/settings/members")
    expect(page.get_by_text("Your session has expired. Sign in again.")).to_be_visible()
    page.get_by_label("Email").fill(running_product.email)
    page.get_by_label("Password", exact=True).fill(running_product.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/o/demo/settings/members")


@pytest.mark.parametrize("colour", ["#ffff00", "#00ffcc", "#ffffff", "#000000", "#ff0000", "#0000ff"])
def test_any_accent_stays_readable(page: Page, colour: str) -> None:
    """White words on the accent, and the accent as words on the page: 4.5 to 1 in light and dark."""
    page.goto("/accounts/login")
    page.evaluate("colour => document.documentElement.style.setProperty('--accent', colour)", colour)
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function("scheme => document.documentElement.dataset.bsTheme === scheme", arg=scheme)
        ratios = page.evaluate(CONTRASTS)
        assert min(ratios) >= 4.5, f"{colour} in {scheme}: {ratios}"


CONTRASTS = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const luminance = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, two) => {
    const [dark, light] = [luminance(one), luminance(two)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };
  const style = (selector) => getComputedStyle(document.querySelector(selector));
  document.querySelectorAll("*").forEach((element) => (element.style.transition = "none"));
  const button = style(".btn-primary");
  const ground = style(".card").backgroundColor;
  return [contrast(button.color, button.backgroundColor), contrast(style("p > a").color, ground)];
}"""
