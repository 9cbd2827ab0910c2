"""A real Chromium. These fixtures end with this folder's tests: while Playwright runs, no async test can."""

from collections.abc import Generator, Iterator

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tests import chromium
from tests.product import Product

ARGUMENTS = [
    *("--no-sandbox", "--headless", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
DESKTOP = ViewportSize(width=1440, height=900)
SCREENSHOTS = settings.DATA_DIR / "screenshots"

failed = pytest.StashKey[bool]()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = chromium.find()
    if path is None:
        pytest.fail("No Chromium found. `python -m tests.chromium` says how to get one.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, running_product: Product, request: pytest.FixtureRequest) -> Iterator[Page]:
    """An empty page of somebody who is not signed in; relative addresses are the product's.

    Fails the test when a script on the page failed, or was refused by the content security policy.
    """
    with browser.new_context(base_url=running_product.url, viewport=DESKTOP) as context:
        page = context.new_page()
        page.set_default_timeout(10_000)
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if "Refused to" in message.text else None)
        yield page
        if request.node.stash.get(failed, False):
            SCREENSHOTS.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=SCREENSHOTS / f"{request.node.name}.png", full_page=True)
    assert problems == []


def sign_in(page: Page, running: Product) -> None:
    """As the owner of the demo organization."""
    page.goto("/accounts/login")
    page.get_by_label("Email").fill(running.email)
    page.get_by_label("Password", exact=True).fill(running.password)
    page.locator("form button[type=submit]").first.click()
    page.wait_for_url("**/o/demo**")


@pytest.fixture
def signed_in_page(page: Page, running_product: Product) -> Page:
    """The page after signing in as the owner of the demo organization."""
    sign_in(page, running_product)
    return page


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call":
        item.stash[failed] = report.failed
    return report
