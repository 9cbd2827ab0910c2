"""Checks a page against WCAG 2.2 AA with axe, and that nothing sticks out sideways."""

from typing import Any, Literal

from django.conf import settings
from playwright.sync_api import Page, ViewportSize

AXE = settings.BASE_DIR / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Colours do not depend on the width, nor what is where on the theme: two looks see all of both.
LOOKS: tuple[tuple[ViewportSize, Literal["light", "dark"]], ...] = (
    (ViewportSize(width=1440, height=900), "light"),
    (ViewportSize(width=390, height=844), "dark"),
)


def check(page: Page) -> None:
    """Fails with every violation found on the page as it is now: wide in light, narrow in dark."""
    page.evaluate(AXE.read_text())
    before = page.viewport_size
    found: list[str] = []
    for size, scheme in LOOKS:
        page.set_viewport_size(size)
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > size["width"]:
            found.append(f"{size['width']} px: the page is {width} px wide")
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function("scheme => document.documentElement.dataset.bsTheme === scheme", arg=scheme)
        page.add_style_tag(content="* { transition: none !important; }")  # colours on their way are no colours
        page.evaluate("window.scrollTo(0, 0)")  # what lies half under the frame is no smaller for that
        result = page.evaluate("rules => axe.run(document, { runOnly: rules })", RULES)
        found += [f"{size['width']} px, {scheme}: {line}" for line in _lines(result)]
    if before:
        page.set_viewport_size(before)
    assert not found, "\n".join([page.url, *found])


def _lines(result: dict[str, Any]) -> list[str]:
    return [
        f"{violation['id']}: {violation['help']}\n    {node['html'][:200]}\n    {node['failureSummary'][:300]}"
        for violation in result["violations"]
        for node in violation["nodes"][:3]
    ]
