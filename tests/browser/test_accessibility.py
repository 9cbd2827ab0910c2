"""axe on every page without an object in its address, in light and dark, on a desktop and a phone.

Pages that need an object are checked by the tests that make it: `from tests.browser.accessibility import check`.
"""

import pytest
from playwright.sync_api import Page

from tests.browser.accessibility import check
from tests.test_outsider_sweep import PAGES

SIGNED_OUT = ["/accounts/login", "/accounts/password-reset", "/accounts/password-reset/sent", "/o/nobody/nothing"]
PERSONAL = ["/accounts/profile", "/accounts/password"]
OF_ORGANIZATION = [page.at("demo", {}) for page in PAGES if not page.objects]


@pytest.mark.parametrize("path", SIGNED_OUT)
def test_signed_out(page: Page, path: str) -> None:
    page.goto(path)
    check(page)


@pytest.mark.parametrize("path", PERSONAL + OF_ORGANIZATION)
def test_signed_in(signed_in_page: Page, path: str) -> None:
    answer = signed_in_page.request.get(path)
    if answer.status == 405:
        pytest.skip("This address only takes forms.")
    if "attachment" in answer.headers.get("content-disposition", ""):
        pytest.skip("This address gives a file.")
    if "<!doctype html>" not in answer.text()[:100].lower():
        pytest.skip("This address gives a part of another page, which is checked there.")
    response = signed_in_page.goto(path)
    assert response is not None
    assert response.status == 200
    check(signed_in_page)
