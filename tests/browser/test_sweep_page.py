"""Opens the page of a sweep in Chromium: its requests, its widths, its accessibility, its table, its printed pages."""

import io
from pathlib import Path

import pypdf
import pytest
from chromium import visit
from page_checks import find_broken_percentages, find_misaligned, find_overflow, resize, unfold
from playwright.sync_api import Browser
from sweep_runs import make_swept_run, write_runs
from validators import find_markup_errors, find_violations

from job.evaluation.sweep_trials import SearchHistory, SearchTrial
from job.sweep.collection import collect_runs, write_sweep_report

pytestmark = pytest.mark.browser
pytest_plugins = ["browser_fixtures"]

FOCUSABLE = "a[*|href], area, button, summary, input, select, textarea, [tabindex]"
MAX_HEIGHT = 4500
MAX_PAGES = 6
MIN_SIZE = 12
PHONE = 390  # the charts of the report have smaller text on narrower screens
PAGES = ["grid", "one", "many", "search"]
SMALLEST_TEXT = """
() => {
    const hasText = element => [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim())
    const scale = element => element.getScreenCTM ? element.getScreenCTM().a : 1
    const shown = [...document.querySelectorAll("body *")].filter(each => each.checkVisibility() && hasText(each))
    return Math.min(...shown.map(each => parseFloat(getComputedStyle(each).fontSize) * scale(each)))
}"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A grid of two recipes, three rates and two dropouts with three seeds; a run; 200 configurations; a search."""
    grid = [
        make_swept_run(
            level + 0.1 * index,
            seed,
            recipe=recipe,
            learning_rate=rate,
            dropout=dropout,
            training_s=seconds,
            n_parameters=size,
            key=index,
        )
        for recipe, level, seconds, size in (("baseline", 1.3, 3.0, 109_386), ("cnn", 1.8, 200.0, 246_698))
        for index, rate in enumerate((0.001, 0.002, 0.004))
        for dropout in (0.1, 0.2)
        for seed in range(3)
    ]
    many = [make_swept_run(1.3, 0, n=300, learning_rate=(index + 1) / 10_000, key=index) for index in range(200)]
    failures = {"cnn-learning-rate-0.004-dropout-0.2-seed9": "training diverged in epoch 3: the loss is NaN; lower it"}
    rates = [0.0001 * 1.5**index for index in range(12)]
    searched = [make_swept_run(1.3, 0, learning_rate=rate, epochs=1, key=index) for index, rate in enumerate(rates)]
    trials = [
        SearchTrial(
            name=f"trial-{index:04}",
            state="complete",
            objective=0.8 + 0.005 * index if index != 7 else 0.1,
            values={"learning_rate": rate, "augment": ("none", "flip", "flip,shift,erase")[index % 3]},
        )
        for index, rate in enumerate(rates)
    ]
    parameters = ["learning_rate", "augment"]
    search = SearchHistory(objective="accuracy", trials=trials, parameters=parameters, ranges={"learning_rate": True})
    found = {}
    for name, runs in (("grid", grid), ("one", [make_swept_run(1.3, 0)]), ("many", many), ("search", searched)):
        folder = tmp_path_factory.mktemp(name)
        folders = write_runs(folder / "runs", runs)
        for run in folders:
            (run / "index.html").touch()
        results = collect_runs(folders, failures if name == "grid" else {}, search=search if name == "search" else None)
        write_sweep_report(results, folder)
        found[name] = folder / "index.html"
    return found


@pytest.mark.parametrize("name", PAGES)
def test_the_page_requests_nothing(chromium: Browser, pages: dict[str, Path], name: str) -> None:
    """It requests only itself and leaves the console empty."""
    with visit(chromium, pages[name].as_uri()) as visited:
        visited.page.wait_for_load_state("networkidle")
        assert visited.requests == [pages[name].as_uri()]
        assert visited.messages == []


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_no_violation(chromium: Browser, pages: dict[str, Path], name: str, scheme: str, width: int) -> None:
    """axe-core checks contrast, names, roles, the order of headings and more; folded parts are open."""
    with visit(chromium, pages[name].as_uri(), width=width, color_scheme=scheme) as visited:
        unfold(visited.page)
        assert find_violations(visited.page) == []


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_no_wider_than_the_screen(chromium: Browser, pages: dict[str, Path], name: str) -> None:
    """Nothing is cut, scrolls sideways, is misaligned or smaller than 12 pixels, and a legend goes with its chart."""
    with visit(chromium, pages[name].as_uri()) as visited:
        unfold(visited.page)
        for width in resize(visited.page):
            assert find_overflow(visited.page, "html, .scroll") == [], width
            assert find_broken_percentages(visited.page) == [], width
            assert find_misaligned(visited.page) == [], width
            assert visited.page.locator(".of-strips").is_visible() == visited.page.locator(".dots").first.is_visible()
            if width >= PHONE:
                assert visited.page.evaluate(SMALLEST_TEXT) >= MIN_SIZE, width


def test_the_keyboard_reaches_everything(chromium: Browser, pages: dict[str, Path]) -> None:
    """Tab visits every focusable element in the order of the page, and each shows an outline."""
    with visit(chromium, pages["grid"].as_uri()) as visited:
        n_expected = visited.page.evaluate(
            """selector => {
                window.expected = [...document.querySelectorAll(selector)].filter(element => element.checkVisibility())
                return window.expected.length
            }""",
            FOCUSABLE,
        )
        assert n_expected > 30
        for index in range(n_expected):
            visited.page.keyboard.press("Tab")
            place, outline = visited.page.evaluate(
                "[window.expected.indexOf(document.activeElement), getComputedStyle(document.activeElement).outline]"
            )
            assert place == index
            assert "none" not in outline


def test_the_tables_sort_by_every_column(chromium: Browser, pages: dict[str, Path]) -> None:
    """Each click reverses the order of the rows."""
    with visit(chromium, pages["grid"].as_uri()) as visited:
        for table in visited.page.locator("table.sortable").all()[:2]:
            for button in table.locator("thead button").all():
                column = button.evaluate("button => button.parentElement.cellIndex")
                for _ in range(2):
                    button.click()
                    cells = table.locator(f"tbody tr > :nth-child({column + 1})").all()
                    values = [float(cell.get_attribute("data-value") or "") for cell in cells]
                    direction = button.locator("..").get_attribute("aria-sort")
                    assert values == sorted(values, reverse={"ascending": False, "descending": True}[direction or ""])


def test_the_page_is_short_on_paper_too(chromium: Browser, pages: dict[str, Path]) -> None:
    """On a desktop, and printed with everything unfolded."""
    with visit(chromium, pages["grid"].as_uri()) as visited:
        assert visited.page.evaluate("document.documentElement.scrollHeight") < MAX_HEIGHT
        pdf = pypdf.PdfReader(io.BytesIO(visited.page.pdf(format="A4")))
    assert len(pdf.pages) <= MAX_PAGES
    printed = " ".join(page.extract_text() for page in pdf.pages)
    assert "All other pairs" in printed


def test_every_label_on_the_frontier_is_inside_its_chart(chromium: Browser, pages: dict[str, Path]) -> None:
    """Also with few or many configurations."""
    for name in ("grid", "many", "search"):
        with visit(chromium, pages[name].as_uri()) as visited:
            outside = visited.page.evaluate(
                """[...document.querySelectorAll("svg.figure text")].filter(text => {
                    const [box, frame] = [text.getBoundingClientRect(), text.ownerSVGElement.getBoundingClientRect()]
                    return box.left < frame.left - 2 || box.right > frame.right + 2 || box.top < frame.top - 2
                }).map(text => text.textContent)"""
            )
            assert outside == []


def test_the_validator_finds_no_error(pages: dict[str, Path]) -> None:
    """HTML and CSS have neither errors nor warnings."""
    assert find_markup_errors(pages.values()) == []
