"""Opens reports of predictions in Chromium: colour images, long names, gates, a reference and a history."""

from pathlib import Path

import numpy as np
import pytest
from chromium import HEIGHT, visit
from page_checks import find_broken_percentages, find_misaligned, find_overflow, resize, unfold
from playwright.sync_api import Browser
from validators import find_markup_errors, find_violations

from job.__main__ import main
from job.predictions_report import report

pytestmark = pytest.mark.browser
pytest_plugins = ["browser_fixtures"]

NAMES = ["cat", "a dog whose name is too long for any column of a phone", "bird/نعامة"]
PAGES = ["classes", "gates"]
N_IMAGES = 300
LINE = 30
"""Height of one line with some space, in pixels."""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A report without probabilities; one with gates, a reference and a history of four runs with one step."""
    folder, random = tmp_path_factory.mktemp("predictions"), np.random.default_rng(0)
    labels = np.arange(N_IMAGES) % len(NAMES)
    images = random.integers(0, 256, (N_IMAGES, 40, 60, 3), np.uint8)
    np.savez(folder / "data.npz", labels=labels, images=images)
    (folder / "classes.txt").write_text("\n".join(NAMES), encoding="utf-8")
    files = ["--labels", folder / "data.npz", "--images", folder / "data.npz", "--classes", folder / "classes.txt"]
    gates = ["--fail-under", "accuracy=0.5", "--warn-over", "ece=0.001", "--fail-under", f"recall.{NAMES[1]}=0.99"]
    for index, share in enumerate((0.9, 0.9, 0.7, 0.75)):
        predicted = np.where(random.random(N_IMAGES) < share, labels, (labels + 1) % len(NAMES))
        np.save(folder / "p.npy", 0.7 * np.eye(len(NAMES))[predicted] + 0.1)
        words = ["--predictions", folder / "p.npy", *files, *gates, "--history", folder / "h", "--warn-if-worse"]
        words += ["--reference", folder / "run0"] if index else []
        assert main(["report", *map(str, words), "--output", str(folder / f"run{index}"), "-q"]) == 1
    without = report(labels, predicted, images=images, class_names=NAMES)
    return {"classes": without.save(folder / "classes.html"), "gates": folder / "run3" / "index.html"}


@pytest.mark.parametrize("name", PAGES)
def test_the_page_requests_nothing(chromium: Browser, pages: dict[str, Path], name: str) -> None:
    """It requests only itself and leaves the console empty."""
    with visit(chromium, pages[name].as_uri()) as visited:
        visited.page.wait_for_load_state("networkidle")
        assert visited.messages == []
        assert [url for url in visited.requests if not url.startswith("data:")] == [pages[name].as_uri()]


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_no_violation(chromium: Browser, pages: dict[str, Path], name: str, scheme: str, width: int) -> None:
    """axe-core checks contrast, names, roles, the order of headings and more; folded parts are open."""
    with visit(chromium, pages[name].as_uri(), width=width, color_scheme=scheme) as visited:
        unfold(visited.page)
        assert find_violations(visited.page) == []


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_no_wider_than_the_screen(chromium: Browser, pages: dict[str, Path], name: str) -> None:
    """Whatever is unfolded. On a phone and a desktop, no table is cut or scrolls sideways."""
    with visit(chromium, pages[name].as_uri()) as visited:
        unfold(visited.page)
        for width in resize(visited.page):
            selector = "html, .scroll, td" if width in {390, 1440} else "html"
            assert find_overflow(visited.page, selector) == [], width


@pytest.mark.parametrize("name", PAGES)
def test_no_percentage_breaks(chromium: Browser, pages: dict[str, Path], name: str) -> None:
    """And each header is aligned like the cells below it."""
    with visit(chromium, pages[name].as_uri()) as visited:
        unfold(visited.page)
        for width in resize(visited.page):
            assert find_broken_percentages(visited.page) == [], width
            assert find_misaligned(visited.page) == [], width


def test_the_runs_of_the_trend_fit_a_phone(chromium: Browser, pages: dict[str, Path]) -> None:
    """Each number has its name instead of a header, and no cell breaks."""
    with visit(chromium, pages["gates"].as_uri(), width=390) as visited:
        unfold(visited.page)
        table = visited.page.locator("#trend table")
        assert table.locator("tbody tr").count() == 4
        assert not table.locator("thead").is_visible()
        cells = [cell for cell in table.locator("tbody td").all() if cell.is_visible()]
        names = [cell.evaluate("cell => getComputedStyle(cell, '::before').content") for cell in cells[1:6]]
        shown = [name.replace('"', "").strip() for name in names]
        assert shown == ["accuracy", "change", "p (Holm)", "macro F1", "loss"]
        assert max(cell.evaluate("cell => cell.getClientRects()[0].height") for cell in cells) < LINE


def test_the_first_screen_names_the_missed_gate(chromium: Browser, pages: dict[str, Path]) -> None:
    """It is the first finding, begins with the colour of errors, and links to the gates."""
    with visit(chromium, pages["gates"].as_uri()) as visited:
        first = visited.page.locator(".findings li").first
        assert first.locator("b.error").inner_text() == "1 gate missed, 2 warnings (of 4 gates)"
        first.locator("a").click()
        assert visited.page.evaluate("document.querySelector('#gates').getBoundingClientRect().top") < HEIGHT


def test_the_validator_finds_no_error(pages: dict[str, Path]) -> None:
    """HTML and CSS have neither errors nor warnings."""
    assert find_markup_errors(pages.values()) == []
