"""Unfolds a page and finds what is too wide for the screen."""

from collections.abc import Iterator

from chromium import HEIGHT
from playwright.sync_api import Page

WIDTHS = (360, 390, 768, 1440)


def unfold(page: Page) -> None:
    """Open every folded part."""
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")


def resize(page: Page) -> Iterator[int]:
    """Give the page the widths of phones, a tablet and a desktop in turn, and yield each."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        yield width


def find_overflow(page: Page, selector: str) -> list[str]:
    """The beginnings of elements whose content is wider than they are."""
    found: list[str] = page.evaluate(
        """selector => [...document.querySelectorAll(selector)]
        .filter(({scrollWidth, clientWidth}) => scrollWidth > clientWidth)
        .map(element => element.outerHTML.slice(0, 80))""",
        selector,
    )
    return found
