"""What browser tests assert about a page as a whole."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")


def assert_accessible(page: Page, *, within: str | None = None, ignore: tuple[str, ...] = ()) -> None:
    """No finding of axe (WCAG 2.2 AA and good practice) on the page as it stands, or in the part ``within``."""
    options: dict[str, Any] = {
        "runOnly": {"type": "tag", "values": list(RULES)},
        "rules": {rule: {"enabled": False} for rule in ignore},
        "resultTypes": ["violations"],
    }
    found = Axe().run(page, context=within, options=options)
    assert not found.violations_count, f"{page.url}\n{found.generate_report()}"


def assert_fits(page: Page) -> None:
    """The page does not scroll sideways at the width of its window."""
    excess = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert excess <= 0, f"{page.url} is {excess} px wider than its window"
