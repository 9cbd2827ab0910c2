"""A template is written, shown as the phone will show it, changed and brought back."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import check

FORMATTED = [
    ("*bold* and _italic_ and ~gone~", "<strong>bold</strong> and <em>italic</em> and <s>gone</s>"),
    ("*_both_*", "<strong><em>both</em></strong>"),
    ("2*3*4 snake_case_name", "2*3*4 snake_case_name"),
    ("* alone *", '<div class="bubble-item">• alone *</div>'),
    ("```one\ntwo```", "<code>one\ntwo</code>"),
    ("`*raw*`", "<code>*raw*</code>"),
    ("> quoted\nnext", "<blockquote>quoted</blockquote>next"),
    ("a\nb", "a\nb"),
    ("<b>plain</b>", "&lt;b&gt;plain&lt;/b&gt;"),
    ("Hi {{name|you}}", 'Hi <span class="variable">{{name|you}}</span>'),
    (
        "See https://example.com/a_b_c.",
        'See <a href="https://example.com/a_b_c" target="_blank" rel="noopener noreferrer">https://example.com/a_b_c</a>.',
    ),
]


@pytest.fixture
def new(signed_in_page: Page) -> Page:
    signed_in_page.goto("/o/demo/templates/new")
    return signed_in_page


def test_the_preview_shows_formatting_as_the_phone_does(new: Page) -> None:
    for text, shown in FORMATTED:
        new.get_by_label("Message", exact=True).fill(text)
        assert new.locator(".bubble-text").inner_html() == shown


def test_from_a_new_template_to_an_old_version_that_is_back(new: Page) -> None:
    new.get_by_label("Name").fill("Greeting in the browser")
    new.get_by_label("Folder").fill("Shop")
    new.get_by_label("Message", exact=True).fill("Hello {{name")
    new.get_by_role("button", name="Save the template").click()
    expect(new.get_by_text("is not closed")).to_be_visible()
    new.get_by_label("Message", exact=True).fill("Hello *{{name}}*")
    new.get_by_role("button", name="Save the template").click()
    expect(new.get_by_role("heading", name="Greeting in the browser")).to_be_visible()
    new.get_by_label("Message", exact=True).fill("Dear {{name}}")
    new.get_by_role("button", name="Save the template").click()
    expect(new.get_by_text("Version 2 is saved.")).to_be_visible()
    check(new)
    new.get_by_role("button", name="Use again: version 1").click()
    expect(new.get_by_label("Message", exact=True)).to_have_value("Hello *{{name}}*")
    new.get_by_role("button", name="Archive").click()
    new.get_by_role("dialog").get_by_role("button", name="Archive").click()
    new.wait_for_url(re.compile("/o/demo/templates$"))
    expect(new.get_by_text("No templates yet")).to_be_visible()
    check(new)
