"""The report as a browser shows it: what it fetches, how it looks, who can use it, what is printed."""

import functools
import io
import json
import shutil
import subprocess
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pypdf
import pytest
from chromium import HEIGHT, executable, letters, served, visit, words
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright
from support import REPOSITORY, write_dataset

from job.__main__ import main

pytestmark = pytest.mark.browser

LAYOUTS = ["single", "folder"]
MODULES = REPOSITORY / "tests" / "node_modules"
FOCUSABLE = "a[*|href], area, button, summary, input, select, textarea, [tabindex]"
A4 = ViewportSize(width=794, height=1123)
"""In CSS pixels, of which 96 are an inch."""

Reports = Callable[..., Path]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=executable()) as browser:
        yield browser


@pytest.fixture(scope="module")
def reports(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Reports:
    """Gives the folder with the report of a compared run in a layout, with so many classes; not to be changed.

    That of ten classes has all that a report can have: two seeds, augmented images, mirror images.
    """

    @functools.cache
    def trained(n_classes: int) -> Path:
        folder = tmp_path_factory.mktemp("classes")
        if n_classes == 10:
            recipe = ["--recipe", "mlp", "--epochs", "2", "--batch-size", "32", "--runs", "2"]
            options = ["--data", str(finished_run.parent / "blocks"), "--reference", str(finished_run), "-q"]
            assert main([*recipe, *options, "--output", str(folder / "report")]) == 0
            return folder / "report"
        data = write_dataset(folder / "blocks", n_train=400, n_test=200, n_classes=n_classes)
        options = ["--data", str(data), "--epochs", "1", "-q"]
        assert main([*options, "--output", str(folder / "before")]) == 0
        options += ["--seed", "1", "--reference", str(folder / "before")]
        assert main([*options, "--output", str(folder / "report")]) == 0
        return folder / "report"

    @functools.cache
    def report(layout: str, n_classes: int = 10) -> Path:
        if layout == "single":
            return trained(n_classes)
        copy = Path(shutil.copytree(trained(n_classes), tmp_path_factory.mktemp("layout") / "report"))
        assert main(["render", "--layout", layout, "--output", str(copy), "-q"]) == 0
        return copy

    return report


def address(folder: Path) -> str:
    return (folder / "index.html").as_uri()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_report_opened_as_a_file_asks_for_nothing_else(chromium: Browser, reports: Reports, layout: str) -> None:
    """Only for its own files, and nothing stands on the console."""
    folder = reports(layout)
    with visit(chromium, address(folder)) as made:
        made.page.wait_for_load_state("networkidle")
        assert made.messages == []
        assert made.requests[0] == address(folder)
        assert [url for url in made.requests if not url.startswith(f"{folder.as_uri()}/")] == []


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_served_report_asks_for_nothing_else(chromium: Browser, reports: Reports, layout: str) -> None:
    """Neither does a page with files beside it under the policy of Jenkins, which forbids all but these."""
    with served(reports(layout), like_jenkins=layout == "folder") as root, visit(chromium, root) as made:
        made.page.wait_for_load_state("networkidle")
        assert made.messages == []
        assert [url for url in made.requests if not url.startswith(root)] == []


def test_jenkins_leaves_the_single_file_its_text(chromium: Browser, reports: Reports) -> None:
    """It refuses style and script and says so on the console; the text stays, and nothing is asked for."""
    folder = reports("single")
    with visit(chromium, address(folder), java_script_enabled=False) as made:
        expected = letters(made.page)
    with served(folder, like_jenkins=True) as root, visit(chromium, root) as made:
        made.page.wait_for_load_state("networkidle")
        assert letters(made.page) == expected
        assert made.requests == [root]
        assert made.messages


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("layout", ["folder"])
def test_a_folder_in_jenkins_looks_like_the_single_file(
    chromium: Browser, reports: Reports, layout: str, width: int
) -> None:
    """Pixel by pixel, but for the edges of letters; without script, as Jenkins allows none."""
    with visit(chromium, address(reports("single")), width=width, java_script_enabled=False) as made:
        expected = screenshot(made.page)
    with served(reports(layout), like_jenkins=True) as root, visit(chromium, root, width=width) as made:
        actual = screenshot(made.page)
    assert actual.shape == expected.shape
    difference = np.abs(actual.astype(int) - expected).max(axis=2)
    assert (difference > 64).mean() < 0.001


def screenshot(page: Page) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The whole page, shape (height, width, 3)."""
    return np.asarray(Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB"))


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_axe_finds_no_barrier(chromium: Browser, reports: Reports, layout: str, scheme: str, width: int) -> None:
    """Contrast, names, roles, order of headings and what else axe-core knows."""
    with visit(chromium, address(reports(layout)), width=width, color_scheme=scheme) as made:
        made.page.evaluate((MODULES / "axe-core/axe.min.js").read_text(encoding="utf-8"))
        found = made.page.evaluate("axe.run()")
    assert len(found["passes"]) > 20
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]] == []


@pytest.mark.parametrize("n_classes", [2, 10, 100])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_nothing_sticks_out_sideways(chromium: Browser, reports: Reports, layout: str, n_classes: int) -> None:
    """On a phone, a tablet and a desktop screen; what is too wide scrolls in a frame of its own."""
    with visit(chromium, address(reports(layout, n_classes))) as made:
        for width in (360, 768, 1440):
            made.page.set_viewport_size({"width": width, "height": HEIGHT})
            root = made.page.evaluate(
                "(({scrollWidth, clientWidth}) => [scrollWidth, clientWidth])(document.documentElement)"
            )
            assert root == [width, width]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_keyboard_reaches_everything(chromium: Browser, reports: Reports, layout: str) -> None:
    """Tab goes through all that can be focused, in the order of the page, and an outline shows where it is."""
    with visit(chromium, address(reports(layout))) as made:
        n_expected = made.page.evaluate(
            """selector => {
                window.expected = [...document.querySelectorAll(selector)].filter(one => one.checkVisibility())
                return window.expected.length
            }""",
            FOCUSABLE,
        )
        assert n_expected > 5
        for index in range(n_expected):
            made.page.keyboard.press("Tab")
            place, outline = made.page.evaluate(
                "[window.expected.indexOf(document.activeElement), getComputedStyle(document.activeElement).outline]"
            )
            assert place == index
            assert "none" not in outline


@pytest.mark.parametrize("layout", LAYOUTS)
def test_details_open_with_enter(chromium: Browser, reports: Reports, layout: str) -> None:
    """Each of them, and close again."""
    with visit(chromium, address(reports(layout))) as made:
        for summary in made.page.locator("summary").all():
            summary.press("Enter")
            assert summary.evaluate("one => one.parentElement.open")
            summary.press("Enter")
            assert not summary.evaluate("one => one.parentElement.open")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_links_lead_into_view(chromium: Browser, reports: Reports, layout: str) -> None:
    """Enter on a link of the navigation or of the confusion matrix shows what it names."""
    with visit(chromium, address(reports(layout))) as made:
        links = made.page.locator("a[*|href^='#'], area").all()
        assert len(links) >= 5
        for link in links:
            target = made.page.locator(link.get_attribute("href") or link.get_attribute("xlink:href") or "no address")
            made.page.evaluate("scrollTo(0, 0)")
            link.press("Enter")
            expect(target).to_be_in_viewport()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_light_and_dark_differ(chromium: Browser, reports: Reports, layout: str) -> None:
    """Paper and ink follow the system, but what is printed is black on white."""
    with visit(chromium, address(reports(layout))) as made:
        made.page.emulate_media(color_scheme="light")
        light = paper_and_ink(made.page)
        made.page.emulate_media(color_scheme="dark")
        dark = paper_and_ink(made.page)
        made.page.emulate_media(media="print", color_scheme="dark")
        printed = paper_and_ink(made.page)
    assert light[0] != dark[0]
    assert light[1] != dark[1]
    assert printed == ["rgb(255, 255, 255)", "rgb(0, 0, 0)"]


def paper_and_ink(page: Page) -> list[str]:
    """The computed background and text colour of the page."""
    style = "getComputedStyle(document.documentElement)"
    colours: list[str] = page.evaluate(f"[{style}.backgroundColor, {style}.color]")
    return colours


@pytest.mark.parametrize(
    "n_classes",
    [2, 10, 100],
)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_page_break_cuts_a_figure_a_card_or_a_row(
    chromium: Browser, reports: Reports, layout: str, n_classes: int
) -> None:
    """The text of each stands on one page of the PDF, and none is higher than the page."""
    with visit(chromium, address(reports(layout, n_classes))) as made:
        made.page.emulate_media(media="print")
        made.page.set_viewport_size(A4)
        whole = made.page.locator("figure, .samples > li, .changes > li, .pairs > li, tr")
        texts = [compact(one.inner_text()) for one in whole.all() if one.is_visible()]
        heights = whole.evaluate_all("all => all.map(one => one.getBoundingClientRect().height)")
        breaks = whole.evaluate_all("all => all.map(one => getComputedStyle(one).breakInside)")
        pdf = pypdf.PdfReader(io.BytesIO(made.page.pdf(format="A4", print_background=True)))
    pages = [compact(page.extract_text()) for page in pdf.pages]
    assert set(breaks) == {"avoid"}
    assert max(heights) < A4["height"] - 80
    assert [text for text in texts if not any(text in page for page in pages)] == []


def compact(text: str) -> str:
    """Without white space and ligatures."""
    return "".join(unicodedata.normalize("NFKC", text).split())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_without_script_every_word_is_there(chromium: Browser, reports: Reports, layout: str) -> None:
    """Buttons apart, which nobody could use."""
    with visit(chromium, address(reports(layout))) as made:
        expected = words(made.page)
    with visit(chromium, address(reports(layout)), java_script_enabled=False) as made:
        assert expected - words(made.page) == {}
        assert made.page.locator("button:visible").count() == 0


@pytest.mark.parametrize(("section", "n_columns"), [("classes", 5), ("comparison", 6)])
def test_the_metrics_can_be_sorted(chromium: Browser, reports: Reports, section: str, n_columns: int) -> None:
    """By each column, one way and the other: the classes in label order, all else by its figure."""
    with visit(chromium, address(reports("single"))) as made:
        table = made.page.locator(f"#{section} table.sortable")
        assert table.locator("thead th button").count() == n_columns
        for column, button in enumerate(table.locator("thead th button").all()):
            for _ in range(2):
                button.click()
                cells = table.locator(f"tbody tr > :nth-child({column + 1})").all()
                values = [float(cell.get_attribute("data-value") or "") for cell in cells]
                direction = table.locator("thead th").nth(column).get_attribute("aria-sort")
                assert values == sorted(values, reverse={"ascending": False, "descending": True}[direction or ""])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_validator_finds_no_fault(reports: Reports, layout: str) -> None:
    """Neither error nor warning, in HTML and CSS, for few and many classes."""
    folders = [reports(layout, n_classes) for n_classes in (2, 10, 100)]
    files = [path for folder in folders for path in folder.iterdir() if path.suffix in {".html", ".css"}]
    jar = MODULES / "vnu-jar/build/dist/vnu.jar"
    command = ["java", "-jar", str(jar), "--also-check-css", "--format", "json", *map(str, files)]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    faults = [(one["type"], one["message"]) for one in json.loads(said)["messages"]]
    # It takes no data: address for allowed by `img-src data:`; what a browser blocks stands on the console, see above.
    assert [fault for fault in faults if "image “data:" not in fault[1]] == []
