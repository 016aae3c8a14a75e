"""Unfolds a page and finds what is too wide for the screen, broken or misaligned."""

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


def find_broken_percentages(page: Page) -> list[str]:
    """The percentages that begin in one line and end in another."""
    found: list[str] = page.evaluate(
        """() => {
            const shown = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = []
            while (shown.nextNode()) {
                const text = shown.currentNode
                if (!text.parentElement.checkVisibility() || text.parentElement.closest("script, style")) continue
                for (const {0: words, index} of text.data.matchAll(/[\\d.,]+%/g)) {
                    const range = document.createRange()
                    range.setStart(text, index)
                    range.setEnd(text, index + words.length)
                    const lines = new Set([...range.getClientRects()].map(({top}) => Math.round(top)))
                    if (lines.size > 1) found.push(`${words} in ${text.parentElement.outerHTML.slice(0, 80)}`)
                }
            }
            return found
        }"""
    )
    return found


def find_misaligned(page: Page) -> list[str]:
    """The headers of columns that are not aligned like the cells below them."""
    found: list[str] = page.evaluate(
        """() => {
            const side = cell => ({start: "left", end: "right"})[getComputedStyle(cell).textAlign]
                ?? getComputedStyle(cell).textAlign
            return [...document.querySelectorAll("table")]
                .filter(({tHead, tBodies}) => tHead?.checkVisibility() && tBodies[0]?.rows.length)
                .flatMap(({tHead, tBodies}) => [...tHead.rows[0].cells].filter((cell, column) =>
                    cell.textContent.trim() && side(cell) !== side(tBodies[0].rows[0].cells[column])))
                .map(cell => cell.textContent.trim())
        }"""
    )
    return found
