"""Opens the report in Chromium: its requests, its look, its accessibility and its printed pages."""

import functools
import io
import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pypdf
import pytest
from chromium import HEIGHT, letters, make_network, served, visit, words
from page_checks import find_broken_percentages, find_misaligned, find_overflow, resize, unfold
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, expect
from support import make_learnt, make_run
from validators import find_markup_errors, find_violations

from job.__main__ import main
from job.evaluation.predictions import Predictions
from job.results.samples_npz import Learnt

pytestmark = pytest.mark.browser
pytest_plugins = ["browser_fixtures"]

LAYOUTS = ["single", "folder"]
FOCUSABLE = "a[*|href], area, button, summary, input, select, textarea, [tabindex]"
A4 = ViewportSize(width=794, height=1123)
"""Size of a page in CSS pixels, 96 to an inch."""

MAX_HEIGHT = 6500
MAX_PAGES = 9
MAX_SIZE_KB = 450  # with a small network; test_try_it.py has the limits with trained ones
MIN_SIZE = 12
CELL_TEXT = {"count": re.compile(r"^\d+$"), "share": re.compile("%$")}

Reports = Callable[..., Path]


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Reports:
    """Returns the folder of a report with a layout and a number of classes; tests must not change it.

    The report has every section and picture: a reference run, two seeds, augmented images, test-time augmentation, and
    a small network to try. With two classes, its images have long names.
    """

    @functools.cache
    def report(layout: str, n_classes: int = 10) -> Path:
        folder = tmp_path_factory.mktemp(f"{layout}-{n_classes}")
        settings: dict[str, Any] = {"runs": 2, "augment": "flip,shift,erase", "test_time": "flip"}
        run = make_run(n=max(100, 2 * n_classes), n_classes=n_classes, with_reference=True, **settings)
        if n_classes == 2:
            long = (f"folder/{'name ' * 30}{number}.png" for number in range(50))
            names = [*long, *("W" * number for number in range(100, 150))]
            run = replace(run, predictions=replace(run.predictions, names=names))
        replace(run, network=make_network(n_classes)).write(folder)
        assert main(["render", "--layout", layout, "--output", str(folder), "-q"]) == 0
        return folder

    return report


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a report like that of the baseline, with 50 kinds of errors; tests must not change it."""
    folder = tmp_path_factory.mktemp("baseline")
    random = np.random.default_rng(0)
    y_true = (np.arange(3000) % 10).astype(np.int16)
    y_pred = np.where(random.random(3000) < 0.87, y_true, (y_true + random.integers(1, 6, 3000)) % 10)
    probabilities = random.dirichlet(np.ones(10), 3000)
    probabilities[np.arange(3000), y_pred] += 1
    predictions = Predictions(y_true, (probabilities / 2).astype(np.float32))
    run = make_run(predictions=predictions, epochs=5)
    images = {index: draw_garment(random) for index in run.images}
    means = np.stack([draw_garment(random) for _ in range(10)])
    learnt = Learnt(means, make_learnt().first_layer)
    replace(run, images=images, learnt=learnt, network=make_network(10)).write(folder)
    assert main(["render", "--output", str(folder), "-q"]) == 0
    return folder


def draw_garment(random: np.random.Generator) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Blurred blocks on black, shape (28, 28): as large in a file as the average image of Fashion-MNIST."""
    blocks = Image.fromarray(random.integers(0, 256, (7, 7), np.uint8))
    image = Image.new("L", (28, 28))
    image.paste(blocks.resize((18, 24), Image.Resampling.BICUBIC), (5, 2))
    return np.asarray(image)


def address(folder: Path) -> str:
    return (folder / "index.html").as_uri()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_report_opened_as_a_file_requests_nothing_else(chromium: Browser, reports: Reports, layout: str) -> None:
    """The page requests only its own files and leaves the console empty."""
    folder = reports(layout)
    with visit(chromium, address(folder)) as visited:
        visited.page.wait_for_load_state("networkidle")
        assert visited.messages == []
        assert visited.requests[0] == address(folder)
        assert [url for url in visited.requests if not url.startswith(f"{folder.as_uri()}/")] == []


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_served_report_requests_nothing_else(chromium: Browser, reports: Reports, layout: str) -> None:
    """The folder layout works under the policy of Jenkins, which allows only the files of the report."""
    with served(reports(layout), like_jenkins=layout == "folder") as root, visit(chromium, root) as visited:
        visited.page.wait_for_load_state("networkidle")
        assert visited.messages == []
        assert [url for url in visited.requests if not url.startswith(root)] == []


def test_the_single_file_keeps_its_text_in_jenkins(chromium: Browser, reports: Reports) -> None:
    """Jenkins blocks style and script, which the console reports; the text stays complete."""
    folder = reports("single")
    with visit(chromium, address(folder), java_script_enabled=False) as visited:
        expected = letters(visited.page)
    with served(folder, like_jenkins=True) as root, visit(chromium, root) as visited:
        visited.page.wait_for_load_state("networkidle")
        assert letters(visited.page) == expected
        assert visited.requests == [root]
        assert visited.messages


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("layout", ["folder"])
def test_a_folder_in_jenkins_looks_like_the_single_file(
    chromium: Browser, reports: Reports, layout: str, width: int
) -> None:
    """Without scripts, both layouts have the same pixels, apart from the edges of letters."""
    with visit(chromium, address(reports("single")), width=width, java_script_enabled=False) as visited:
        expected = screenshot(visited.page)
    with served(reports(layout), like_jenkins=True) as root, visit(chromium, root, width=width) as visited:
        actual = screenshot(visited.page)
    assert actual.shape == expected.shape
    difference = np.abs(actual.astype(int) - expected).max(axis=2)
    assert (difference > 64).mean() < 0.001


def screenshot(page: Page) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The pixels of the whole page, shape (height, width, 3)."""
    return np.asarray(Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB"))


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_axe_finds_no_violation(chromium: Browser, reports: Reports, layout: str, scheme: str, width: int) -> None:
    """axe-core checks contrast, names, roles, the order of headings and more."""
    has_model = layout == "single"
    with visit(chromium, address(reports(layout)), width=width, with_model=has_model, color_scheme=scheme) as visited:
        assert find_violations(visited.page) == []


@pytest.mark.parametrize("n_classes", [2, 10, 100])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_page_is_no_wider_than_the_screen(chromium: Browser, reports: Reports, layout: str, n_classes: int) -> None:
    """Phone, tablet and desktop screens need no horizontal scrolling; wide content scrolls in its own frame."""
    with visit(chromium, address(reports(layout, n_classes)), with_model=layout == "single") as visited:
        for width in resize(visited.page):
            assert find_overflow(visited.page, "html") == [], width


def test_no_percentage_breaks(chromium: Browser, tmp_path: Path) -> None:
    """Each is in one line, also 100.0% below an image and beside a bar; everything is unfolded."""
    y_true = np.arange(1000, dtype=np.int16) % 10
    y_pred = np.where(np.random.default_rng(0).random(1000) < 0.8, y_true, (y_true + 1) % 10)
    make_run(predictions=Predictions(y_true, np.eye(10, dtype=np.float32)[y_pred])).write(tmp_path)
    assert main(["render", "--output", str(tmp_path), "-q"]) == 0
    with visit(chromium, address(tmp_path)) as visited:
        unfold(visited.page)
        assert visited.page.locator(".thumbnails, .samples").get_by_text("100.0%", exact=True).count() > 100
        for width in resize(visited.page):
            assert find_broken_percentages(visited.page) == [], width


def test_headers_are_aligned_like_their_columns(chromium: Browser, baseline: Path) -> None:
    """In every table that shows its headers."""
    with visit(chromium, address(baseline)) as visited:
        unfold(visited.page)
        for width in resize(visited.page):
            assert find_misaligned(visited.page) == [], width


def test_the_page_is_short(chromium: Browser, baseline: Path) -> None:
    """On a desktop, before anything is unfolded; on paper, where almost everything is."""
    with visit(chromium, address(baseline), with_model=True) as visited:
        assert visited.page.evaluate("document.documentElement.scrollHeight") < MAX_HEIGHT
        pdf = pypdf.PdfReader(io.BytesIO(visited.page.pdf(format="A4")))
    assert len(pdf.pages) <= MAX_PAGES


def test_the_page_is_light(baseline: Path) -> None:
    """It has almost 200 images."""
    assert (baseline / "index.html").stat().st_size <= 1000 * MAX_SIZE_KB


@pytest.mark.parametrize("n_classes", [2, 10, 20])
def test_the_caption_of_the_matrix_tells_what_the_cells_show(chromium: Browser, tmp_path: Path, n_classes: int) -> None:
    """On every screen: counts, shares, or neither, also with large counts."""
    random = np.random.default_rng(0)
    y_true = np.arange(3000 * n_classes) % n_classes
    probabilities = np.eye(n_classes, dtype=np.float32)[np.where(random.random(len(y_true)) < 0.9, y_true, 0)]
    make_run(predictions=Predictions(y_true.astype(np.int16), probabilities)).write(tmp_path)
    assert main(["render", "--output", str(tmp_path), "-q"]) == 0
    for width in (1440, 768, 600, 390):
        with visit(chromium, address(tmp_path), width=width) as visited:
            for name in ("count", "share"):
                said = visited.page.locator(f"#matrix .{name}s").is_visible()
                cells = visited.page.locator(f"#matrix text.{name}").filter(has_text=CELL_TEXT[name])
                assert said == any(cell.is_visible() for cell in cells.all()), (name, width)


def test_text_is_aligned(chromium: Browser, baseline: Path) -> None:
    """On a desktop, every section and every table has the left and the right edge of the page or of its columns."""
    with visit(chromium, address(baseline), with_model=True) as visited:
        edges = visited.page.evaluate(
            """() => [...document.querySelectorAll("section, h2, table, figure, .samples, .pairs, .facts, p")]
                .filter(element => element.checkVisibility() && !element.closest("header, li"))
                .map(element => element.getBoundingClientRect())
                .map(({left, right}) => [Math.round(left), Math.round(right)])"""
        )
    lefts, rights = ({edge[side] for edge in edges} for side in (0, 1))
    assert lefts <= {120, 536, 952}  # three columns of 368 pixels, 48 apart
    assert rights <= {488, 904, 1320}


@pytest.mark.parametrize("width", [390, 701, 768, 791])
@pytest.mark.parametrize("n_classes", [2, 10, 100])
def test_every_column_is_shown_in_readable_size(
    chromium: Browser, reports: Reports, n_classes: int, width: int
) -> None:
    """On phones and tablets, no table needs horizontal scrolling, and no text is smaller than 12 pixels."""
    with visit(chromium, address(reports("single", n_classes)), width=width, with_model=True) as visited:
        visited.page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
        wide = visited.page.evaluate(
            """() => [...document.querySelectorAll(".scroll, li, p, dl, pre")]
                .filter(element => element.scrollWidth > element.clientWidth + 1 && element.clientWidth)
                .map(element => element.outerHTML.slice(0, 200))"""
        )
        sizes = visited.page.evaluate(
            """() => {
                const shown = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), sizes = {}
                while (shown.nextNode()) {
                    const {parentElement} = shown.currentNode, text = shown.currentNode.data.trim()
                    if (!text || !parentElement.checkVisibility() || parentElement.closest(".source, script")) continue
                    const {a, b} = parentElement.getScreenCTM?.() ?? {a: 1, b: 0}
                    sizes[text] = parseFloat(getComputedStyle(parentElement).fontSize) * Math.hypot(a, b)
                }
                return sizes
            }"""
        )
    assert wide == []
    assert {text: size for text, size in sizes.items() if size < MIN_SIZE} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_first_screen_shows_tiles_findings_and_links(chromium: Browser, reports: Reports, scheme: str) -> None:
    """On a desktop, without scrolling; and the links stay when the page scrolls."""
    with visit(chromium, address(reports("single")), color_scheme=scheme) as visited:
        for part in (".identity", "h1", ".tiles", ".findings", "nav"):
            box = visited.page.locator(part).bounding_box()
            assert box is not None
            assert box["y"] + box["height"] <= HEIGHT
        visited.page.mouse.wheel(0, 3000)
        expect(visited.page.locator("nav")).to_be_in_viewport()


@pytest.mark.parametrize("width", [1440, 390])
def test_links_lead_to_visible_headings(chromium: Browser, reports: Reports, width: int) -> None:
    """Each heading is below the row of links, and inside the screen."""
    with visit(chromium, address(reports("single")), width=width, with_model=True) as visited:
        for link in visited.page.locator("nav a").all():
            link.click()
            heading = visited.page.locator(f"{link.get_attribute('href')} h2")
            expect(heading).to_be_in_viewport()
            nav, box = visited.page.locator("nav").bounding_box(), heading.bounding_box()
            assert nav is not None
            assert box is not None
            assert box["y"] >= nav["y"] + nav["height"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_keyboard_reaches_everything(chromium: Browser, reports: Reports, layout: str) -> None:
    """Tab visits every focusable element in the order of the page, and each shows an outline.

    Arrow keys reach what has a negative `tabIndex`; its own test shows it.
    """
    with visit(chromium, address(reports(layout)), with_model=layout == "single") as visited:
        n_expected = visited.page.evaluate(
            """selector => {
                window.expected = [...document.querySelectorAll(selector)].filter(element =>
                    element.checkVisibility() && element.tabIndex >= 0 && !element.disabled)
                return window.expected.length
            }""",
            FOCUSABLE,
        )
        assert n_expected > 5
        for index in range(n_expected):
            visited.page.keyboard.press("Tab")
            place, outline = visited.page.evaluate(
                "[window.expected.indexOf(document.activeElement), getComputedStyle(document.activeElement).outline]"
            )
            assert place == index
            assert "none" not in outline


@pytest.mark.parametrize("layout", LAYOUTS)
def test_details_open_with_enter(chromium: Browser, reports: Reports, layout: str) -> None:
    """Enter opens and closes each of them."""
    with visit(chromium, address(reports(layout))) as visited:
        for summary in visited.page.locator("summary").all():
            summary.evaluate(
                "summary => summary.parentElement.parentElement.closest('details')?.setAttribute('open', '')"
            )
            summary.press("Enter")
            assert summary.evaluate("summary => summary.parentElement.open")
            summary.press("Enter")
            assert not summary.evaluate("summary => summary.parentElement.open")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_links_scroll_to_their_target(chromium: Browser, reports: Reports, layout: str) -> None:
    """Enter on a link of the navigation or of the confusion matrix opens what hides its target, and scrolls to it."""
    with visit(chromium, address(reports(layout)), java_script_enabled=layout == "single") as visited:
        links = visited.page.locator("a[*|href^='#']:not(.back), area").all()
        assert len(links) >= 5
        for link in links:
            target = visited.page.locator(
                link.get_attribute("href") or link.get_attribute("xlink:href") or "no address"
            )
            visited.page.evaluate("scrollTo(0, 0)")
            link.press("Enter")
            expect(target).to_be_in_viewport()
        back = visited.page.locator("a.back")
        assert back.count() > 5
        for link in (back.first, back.last):
            link.press("Enter")
            expect(visited.page.locator("#matrix")).to_be_in_viewport()


FOLDED = ["correct", "command", "settings", "environment"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_addresses_of_folded_parts_open_them(chromium: Browser, reports: Reports, layout: str) -> None:
    """Without scripts."""
    for name in FOLDED:
        with visit(chromium, f"{address(reports(layout))}#{name}", java_script_enabled=False) as visited:
            expect(visited.page.locator(f"#{name}")).to_be_in_viewport()
            assert visited.page.locator("details[open]").count() == 1


@pytest.mark.parametrize("layout", LAYOUTS)
def test_folded_parts_are_printed(chromium: Browser, reports: Reports, layout: str) -> None:
    """Except for the tables of the charts, which show the same numbers."""
    with visit(chromium, address(reports(layout))) as visited:
        visited.page.emulate_media(media="print")
        for name in FOLDED:
            assert visited.page.locator(f"#{name}").is_visible()
        assert visited.page.locator("details.data:visible").count() == 0


@pytest.mark.parametrize("layout", LAYOUTS)
def test_light_and_dark_differ(chromium: Browser, reports: Reports, layout: str) -> None:
    """The colours of the page follow the system; printed pages are black on white."""
    with visit(chromium, address(reports(layout))) as visited:
        visited.page.emulate_media(color_scheme="light")
        light = page_colours(visited.page)
        visited.page.emulate_media(color_scheme="dark")
        dark = page_colours(visited.page)
        visited.page.emulate_media(media="print", color_scheme="dark")
        printed = page_colours(visited.page)
    assert light[0] != dark[0]
    assert light[1] != dark[1]
    assert printed == ["rgb(255, 255, 255)", "rgb(0, 0, 0)"]


def page_colours(page: Page) -> list[str]:
    """The computed background and text colour of the page."""
    style = "getComputedStyle(document.documentElement)"
    colours: list[str] = page.evaluate(f"[{style}.backgroundColor, {style}.color]")
    return colours


@pytest.mark.parametrize("n_classes", [2, 10, 100])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_page_breaks_avoid_figures_cards_and_rows(
    chromium: Browser, reports: Reports, layout: str, n_classes: int
) -> None:
    """The text of each is on one page of the PDF, and none is higher than a page."""
    with visit(chromium, address(reports(layout, n_classes))) as visited:
        visited.page.emulate_media(media="print")
        visited.page.set_viewport_size(A4)
        whole = visited.page.locator("figure, .samples > li, .changes > li, .pairs > li, tbody tr")
        texts = [compact(element.inner_text()) for element in whole.all() if element.is_visible()]
        heights = whole.evaluate_all("all => all.map(element => element.getBoundingClientRect().height)")
        breaks = whole.evaluate_all("all => all.map(element => getComputedStyle(element).breakInside)")
        pdf = pypdf.PdfReader(io.BytesIO(visited.page.pdf(format="A4", print_background=True)))
    pages = [compact(page.extract_text()) for page in pdf.pages]
    assert set(breaks) == {"avoid"}
    assert max(heights) < A4["height"] - 80
    assert [text for text in texts if not any(text in page for page in pages)] == []


def compact(text: str) -> str:
    """The text without white space and ligatures."""
    return "".join(unicodedata.normalize("NFKC", text).split())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_word_is_shown_without_scripts(chromium: Browser, reports: Reports, layout: str) -> None:
    """Only the buttons and the section "Try the model", which need scripts, are hidden."""
    with visit(chromium, address(reports(layout)), with_model=layout == "single") as visited:
        expected = words(visited.page)
    with visit(chromium, address(reports(layout)), java_script_enabled=False) as visited:
        assert expected - words(visited.page) == {}
        assert visited.page.locator("button:visible").count() == 0


@pytest.mark.parametrize(("section", "n_columns"), [("classes", 5), ("comparison", 7)])
def test_tables_can_be_sorted(chromium: Browser, reports: Reports, section: str, n_columns: int) -> None:
    """Each column sorts in both directions: classes by label, other columns by value."""
    with visit(chromium, address(reports("single"))) as visited:
        table = visited.page.locator(f"#{section} table.sortable")
        assert table.locator("thead th button").count() == n_columns
        for button in table.locator("thead th button").all():
            column = button.evaluate("button => button.parentElement.cellIndex")
            for _ in range(2):
                button.click()
                cells = table.locator(f"tbody tr > :nth-child({column + 1})").all()
                values = [float(cell.get_attribute("data-value") or "") for cell in cells]
                direction = button.locator("..").get_attribute("aria-sort")
                assert values == sorted(values, reverse={"ascending": False, "descending": True}[direction or ""])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_validator_finds_no_error(reports: Reports, layout: str) -> None:
    """HTML and CSS have neither errors nor warnings, with few and with many classes."""
    folders = [reports(layout, n_classes) for n_classes in (2, 10, 100)]
    files = [path for folder in folders for path in folder.iterdir() if path.suffix in {".html", ".css"}]
    assert find_markup_errors(files) == []
