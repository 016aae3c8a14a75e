"""Tries the model in the page: what it computes, what it takes, how it is used."""

import base64
import functools
import io
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from chromium import executable, make_network, served, visit
from numpy.typing import NDArray
from PIL import Image
from plain_forward import predict
from playwright.sync_api import Browser, FilePayload, Locator, Page, expect, sync_playwright
from served import make_network as make_mlp
from served import running
from support import REPOSITORY, make_run, write_idx

from job.__main__ import main
from job.data import idx
from job.data.fashion_mnist import FILES
from job.report.packed_network import pack_network
from job.results.network_npz import read_network

pytestmark = [pytest.mark.browser, pytest.mark.training]

MODULES = REPOSITORY / "tests" / "node_modules"
AXE = MODULES / "axe-core" / "axe.min.js"
VALIDATOR = MODULES / "vnu-jar" / "build" / "dist" / "vnu.jar"
SCRIPTS = REPOSITORY / "templates" / "report"
BUDGET_BYTES = {"baseline": 560_000, "cnn": 800_000}
"""What the page may have."""
FOLDERS = os.environ.get("TRY_IT_FOLDERS", "").split()
"""Output folders of other runs whose network to compare with TensorFlow: `TRY_IT_FOLDERS="report"`, with `-s`."""

START = """([packed, text]) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    window.result = new Promise((resolve) => setTimeout(async () => {
        const network = await Network.unpack(...packed), times = [];
        const rows = Array.from({ length: bytes.length / 784 }, (_, index) => {
            const pixels = bytes.subarray(784 * index, 784 * (index + 1));
            const begun = performance.now();
            const probabilities = Network.predict(network, Float64Array.from(pixels, (value) => value / 255));
            times.push(performance.now() - begun);
            return [...probabilities];
        });
        resolve([rows, times.sort((a, b) => a - b)[Math.floor(times.length / 2)]]);
    }));
}"""
"""Starts the computation of the probabilities of images, and of the median time of one."""

UInt8 = NDArray[np.uint8]
Runs = Callable[[str], Path]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=executable()) as browser:
        yield browser


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Returns the output folder of a short training of a recipe on Fashion-MNIST; tests must not change it.

    The MLP sees all training images and all test images, the CNN 2,000 and 1,000.
    """

    @functools.cache
    def run(recipe: str) -> Path:
        folder = tmp_path_factory.mktemp(recipe)
        options = ["--epochs", "1"] if recipe == "baseline" else ["--epochs", "1", "--batch-size", "50"]
        if recipe == "cnn":
            options += ["--data", str(write_part(folder / "part", 2000, 1000))]
        assert main(["--recipe", recipe, *options, "--output", str(folder / "report"), "-q"]) == 0
        return folder / "report"

    return run


@pytest.fixture
def page(chromium: Browser, runs: Runs) -> Iterator[Page]:
    """The report of the MLP, with the model ready."""
    with visit(chromium, (runs("baseline") / "index.html").as_uri()) as visited:
        expect(visited.page.locator("#try-it")).to_be_visible()
        expect(visited.page.locator("#try-answer b")).not_to_be_empty()
        yield visited.page
        assert visited.messages == []
        assert visited.requests == [(runs("baseline") / "index.html").as_uri(), *embedded(visited.requests)]


def embedded(addresses: list[str]) -> list[str]:
    """The addresses that contain what they stand for."""
    return [address for address in addresses if address.startswith("data:")]


def write_part(folder: Path, n_train: int, n_test: int) -> Path:
    """The first images of Fashion-MNIST."""
    folder.mkdir()
    for role, n in (("train", n_train), ("test", n_test)):
        for kind, n_dimensions in (("images", 3), ("labels", 1)):
            name = FILES[f"{role}_{kind}"]
            write_idx(folder / name, idx.read_idx(REPOSITORY / "data" / name, n_dimensions)[0][:n])
    return folder


@pytest.mark.parametrize("name", ["baseline", "cnn", *FOLDERS])
def test_the_page_computes_what_tensorflow_computes(chromium: Browser, runs: Runs, name: str) -> None:
    """The class of at least 99.9 % of the test images is the same, and all probabilities are within 0.01.

    Of the few images for the CNN, which takes longest, one may differ.
    """
    folder = Path(name) if name in FOLDERS else runs(name)
    table = pd.read_csv(folder / "predictions.csv")[: 250 if name == "cnn" else None]
    images = idx.read_idx(REPOSITORY / "data" / FILES["test_images"], 3)[0][: len(table)]
    expected = table.loc[:, "p_0":"p_9"].to_numpy()
    shown = np.load(folder / "samples.npz")["image"]
    packed = pack_network(read_network(folder, 10), shown)
    with visit(chromium, "about:blank") as first, visit(chromium, "about:blank") as second:
        halves = np.array_split(images, 2)
        for visited, half in zip((first, second), halves, strict=True):
            visited.page.set_default_timeout(0)
            visited.page.add_script_tag(path=SCRIPTS / "network.js")
            visited.page.evaluate(START, [packed, base64.b64encode(half.tobytes()).decode()])
        results = [visited.page.evaluate("window.result") for visited in (first, second)]
    actual = np.concatenate([rows for rows, _ in results])
    milliseconds = max(median for _, median in results)
    n_equal = np.sum(actual.argmax(axis=1) == expected.argmax(axis=1))
    n_close = np.sum(np.abs(actual - expected).max(axis=1) <= 0.01)
    text = f"{name}: of {len(actual):,} classes {n_equal:,} equal, of the probabilities {n_close:,} within 0.01"
    print(f"{text}, {milliseconds:.1f} ms a picture")
    assert len(actual) == (250 if name == "cnn" else 10_000)
    assert len(actual) - min(n_equal, n_close) <= max(1, len(actual) // 1000)
    assert milliseconds < (50 if packed[0]["layers"][0]["kind"] == "flatten" else 300)


@pytest.mark.parametrize("temperature", [0.6, 1.0, 1.7])
@pytest.mark.parametrize("views", ["none", "flip", "flip-shift"])
def test_views_and_temperature(chromium: Browser, views: str, temperature: float) -> None:
    """The probabilities of all views are averaged, and then divided by the temperature, as logarithms."""
    network = replace(make_mlp(views), temperature=temperature)
    images = idx.read_idx(REPOSITORY / "data" / FILES["test_images"], 3)[0][:100]
    packed = pack_network(network, images)
    with visit(chromium, "about:blank") as visited:
        visited.page.add_script_tag(path=SCRIPTS / "network.js")
        visited.page.evaluate(START, [packed, base64.b64encode(images.tobytes()).decode()])
        actual, _ = visited.page.evaluate("window.result")
    np.testing.assert_allclose(actual, predict(network, images), atol=0.01)


@pytest.mark.parametrize("recipe", ["baseline", "cnn"])
def test_the_page_is_light(runs: Runs, recipe: str, tmp_path: Path) -> None:
    """`--no-try-it` leaves it out."""
    folder = link_results(runs(recipe), tmp_path / "copy")
    assert main(["render", "--output", str(folder), "-q"]) == 0
    with_model = (folder / "index.html").read_text(encoding="utf-8")
    assert main(["render", "--no-try-it", "--output", str(folder), "-q"]) == 0
    without = (folder / "index.html").read_text(encoding="utf-8")
    assert len(without.encode()) < len(with_model.encode()) <= BUDGET_BYTES[recipe]
    assert "try-it" in with_model
    assert "try-it" not in without


def link_results(folder: Path, copy: Path) -> Path:
    """A folder with the same results."""
    copy.mkdir()
    for path in folder.iterdir():
        if path.is_file():
            (copy / path.name).hardlink_to(path)
    return copy


def draw(page: Page, *points: tuple[float, float]) -> None:
    """Draw lines by mouse from point to point of the paper, which has 280 x 280."""
    page.locator("#try-paper").scroll_into_view_if_needed()
    box = page.locator("#try-paper").bounding_box()
    assert box
    places = [(box["x"] + x * box["width"] / 280, box["y"] + y * box["height"] / 280) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=8)
    page.mouse.up()


def draw_trousers(page: Page) -> None:
    """With the thickest pen."""
    page.click("#try-clear")
    page.locator("#try-size").fill("40")
    for points in ([(105, 30), (85, 250)], [(175, 30), (195, 250)], [(105, 35), (175, 35)], [(105, 60), (175, 60)]):
        draw(page, *points)


def answer(page: Page) -> Locator:
    return page.locator("#try-answer")


def shares(page: Page) -> list[float]:
    """The probabilities on the page, in percent."""
    return [float(text.removesuffix("%")) for text in page.locator("#try-bars span").all_inner_texts()]


def pixels(page: Page) -> UInt8:
    """What the model sees, shape (28, 28)."""
    values = page.evaluate("[...document.getElementById('try-seen').getContext('2d').getImageData(0, 0, 28, 28).data]")
    return np.array(values, np.uint8).reshape(28, 28, 4)[:, :, 0]


def test_a_test_image_has_the_probabilities_of_the_report(page: Page, runs: Runs) -> None:
    """A click on it anywhere in the report takes it, with exactly its pixels."""
    table = pd.read_csv(runs("baseline") / "predictions.csv")
    samples = np.load(runs("baseline") / "samples.npz")
    picture = page.locator("#samples .samples img").nth(3)
    number = int((picture.get_attribute("alt") or "").split(":")[0].removeprefix("Test image "))
    picture.click()
    names = page.locator("#try-bars bdi").all_inner_texts()
    true, predicted = (names[table[column][number]] for column in ("true", "predicted"))
    text = f"Test image {number}: {true}, predicted as {predicted}"
    expect(page.locator("#try-name")).to_have_text(f"{text}.")
    expect(page.locator("#try-images [aria-pressed=true] img")).to_have_attribute("alt", text)
    expect(page.locator("#try-bars .true bdi")).to_have_text(true)
    assert pixels(page).tolist() == samples["image"][samples["index"].tolist().index(number)].tolist()
    np.testing.assert_allclose(shares(page), 100 * table.iloc[number, 3:].to_numpy(float), atol=1.1)
    expect(page.locator("#try-it")).to_be_in_viewport()
    page.go_back()
    expect(picture).to_be_in_viewport()


def test_the_paper_shows_a_test_image_as_a_negative(page: Page) -> None:
    """Like the rest of the report, and unlike what the model sees."""
    page.locator("#try-images button").nth(1).click()
    expect(page.locator("#try-images [aria-pressed=true]")).to_have_count(1)
    page.wait_for_timeout(100)
    shown = page.evaluate(
        "[...document.getElementById('try-paper').getContext('2d').getImageData(0, 0, 280, 280).data]"
    )
    paper = np.array(shown, np.uint8).reshape(28, 10, 28, 10, 4)[:, 5, :, 5, 0]
    assert paper.tolist() == (255 - pixels(page)).tolist()
    assert paper.mean() > 128


def test_every_test_image_of_the_report_is_offered_once(page: Page) -> None:
    """In the order of the page."""
    shown, offered = (
        page.locator(f"{place} img[alt^='Test image']").evaluate_all(
            "all => all.map(image => parseInt(image.alt.slice(11)))"
        )
        for place in ("main section:not(#try-it)", "#try-images")
    )
    assert len(shown) > len(set(shown))
    assert offered == list(dict.fromkeys(shown))


def test_drawing_moves_the_bars(page: Page) -> None:
    """A pair of trousers, drawn by mouse, is a pair of trousers; an empty paper has no answer."""
    page.click("#try-clear")
    expect(answer(page)).to_have_text("Draw something.")
    assert set(page.locator("#try-bars span").all_inner_texts()) == {""}
    draw_trousers(page)
    expect(answer(page)).to_contain_text("Trouser")
    before = pixels(page)
    assert before[-1, 14] == 0  # between the legs
    assert before[-1].max() > 100
    for _ in range(4):
        page.click("#try-undo")
    expect(answer(page)).to_have_text("Draw something.")
    draw_trousers(page)
    expect(answer(page)).to_contain_text("Trouser")
    page.click("#try-clear")
    expect(answer(page)).to_have_text("Draw something.")


def test_a_small_subject_and_a_scribble_are_doubted(page: Page) -> None:
    """A dot in the middle is small; noise is unlike the training images."""
    page.click("#try-clear")
    page.locator("#try-paper").click(position={"x": 184, "y": 184})
    expect(page.locator("#try-warnings")).to_contain_text("details are lost")
    noise = np.random.default_rng(0).integers(0, 256, (280, 280), np.uint8)
    choose(page, "noise.png", encode(Image.fromarray(noise)))
    expect(page.locator("#try-warnings")).to_contain_text("unlike the training images")


def test_an_outline_can_be_filled(page: Page) -> None:
    """Fill paints what the outline encloses, and nothing else."""
    page.click("#try-clear")
    page.locator("#try-size").fill("8")
    draw(page, (60, 60), (220, 60), (220, 220), (60, 220), (60, 60))
    page.wait_for_timeout(100)
    assert pixels(page)[14, 14] == 0
    page.click("#try-fill")
    page.wait_for_timeout(100)
    assert pixels(page)[14, 14] == 195


def encode(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:  # noqa: ANN401 - of Pillow
    """The bytes of a file."""
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def choose(page: Page, name: str, content: bytes) -> None:
    """Choose a file as the picture."""
    kinds = {"svg": "image/svg+xml", "txt": "text/plain", "jpg": "image/jpeg"}
    suffix = name.rsplit(".", 1)[-1]
    page.set_input_files(
        "#try-file", FilePayload(name=name, mimeType=kinds.get(suffix, f"image/{suffix}"), buffer=content)
    )


def boot(mode: str = "RGB", colour: Any = (90, 60, 30), paper: Any = (250, 250, 250)) -> Image.Image:  # noqa: ANN401
    """An upright L on paper: 100 x 200 pixels at (50, 20), of 300 x 300."""
    image = Image.new(mode, (300, 300), paper)
    image.paste(colour, (50, 20, 90, 220))
    image.paste(colour, (50, 170, 150, 220))
    return image


EXPECTED_L = np.zeros((28, 28), bool)
EXPECTED_L[:, 7:13] = EXPECTED_L[21:, 7:21] = True


def shows_l(page: Page) -> bool:
    """Whether the model sees the L, upright and light on black."""
    return bool(((pixels(page) > 100) == EXPECTED_L).mean() > 0.97)


def rotated_jpeg() -> bytes:
    """The L, stored upside down, with the EXIF orientation 3: turn by 180 degrees."""
    exif = Image.Exif()
    exif[0x0112] = 3
    return encode(boot().rotate(180), "JPEG", quality=95, exif=exif)


def large_jpeg() -> bytes:
    """The L with 40 megapixels."""
    return encode(boot().resize((6400, 6400), Image.Resampling.NEAREST), "JPEG", quality=90)


def animated_gif() -> bytes:
    """The L, then nothing."""
    return encode(boot(), "GIF", save_all=True, append_images=[Image.new("RGB", (300, 300), "white")], duration=50)


SVG = b"""<svg xmlns="http://www.w3.org/2000/svg" width="300" height="300">
<rect width="300" height="300" fill="#fafafa"/><path d="M50 20h40v150h60v50H50z" fill="#5a3c1e"/></svg>"""


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("plain.png", lambda: encode(boot())),
        ("transparent.png", lambda: encode(boot("RGBA", (90, 60, 30, 255), (0, 0, 0, 0)))),
        ("palette.png", lambda: encode(boot().quantize(4))),
        ("grey.png", lambda: encode(boot("L", 60, 250))),
        ("large.jpg", large_jpeg),
        ("rotated.jpg", rotated_jpeg),
        ("animated.gif", animated_gif),
        ("picture.webp", lambda: encode(boot(), "WEBP", quality=95)),
        ("drawing.svg", lambda: SVG),
    ],
)
def test_pictures(page: Page, name: str, content: Callable[[], bytes]) -> None:
    """Each shows the same L."""
    choose(page, name, content())
    expect(page.locator("#try-images [aria-pressed=true]")).to_have_count(0)
    page.wait_for_timeout(100)
    assert shows_l(page)
    expect(page.locator("#try-warnings")).not_to_contain_text("background")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("broken.png", encode(boot())[:200], "broken.png is not a picture that this browser can read."),
        ("broken.jpg", b"\xff\xd8\xff\xe0 not a picture", "broken.jpg is not a picture that this browser can read."),
        ("notes.txt", b"some notes", "notes.txt is not a picture that this browser can read."),
        ("empty.png", b"", "empty.png is not a picture that this browser can read."),
        ("broken.svg", b"<svg", "broken.svg is not a picture that this browser can read."),
    ],
)
def test_files_that_are_no_pictures(page: Page, name: str, content: bytes, message: str) -> None:
    """One sentence names the file; the page keeps what it shows."""
    before = answer(page).inner_text()
    choose(page, name, content)
    expect(page.locator("#try-warnings")).to_have_text(message)
    assert answer(page).inner_text() == before


def test_a_picture_of_one_colour(page: Page) -> None:
    """There is no subject, so there is no answer."""
    choose(page, "white.png", encode(Image.new("RGB", (50, 50), "white")))
    expect(page.locator("#try-warnings")).to_have_text("The picture has a single colour.")
    expect(answer(page)).to_be_empty()


def test_invert_and_crop(page: Page) -> None:
    """A light thing on a dark background needs Invert; without Crop, the subject keeps its place."""
    choose(page, "dark.png", encode(boot("RGB", (230, 230, 230), (10, 10, 10))))
    expect(page.locator("#try-warnings")).to_contain_text("switch Invert on")
    page.check("#try-invert")
    expect(page.locator("#try-warnings")).not_to_contain_text("Invert")
    assert shows_l(page)
    page.uncheck("#try-crop")
    page.wait_for_timeout(100)
    rows, columns = np.nonzero(pixels(page) > 100)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (2, 20, 5, 13)


@pytest.mark.parametrize("event", ["drop", "paste"])
def test_drop_and_paste(page: Page, event: str) -> None:
    """A file that is dropped on the section, or pasted anywhere."""
    page.evaluate(
        """([event, text]) => {
            const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], "l.png", { type: "image/png" }));
            const target = event === "drop" ? document.getElementById("try-paper") : document;
            const options = { bubbles: true, cancelable: true };
            target.dispatchEvent(event === "drop"
                ? new DragEvent("drop", { ...options, dataTransfer: transfer })
                : new ClipboardEvent("paste", { ...options, clipboardData: transfer }));
        }""",
        [event, base64.b64encode(encode(boot())).decode()],
    )
    expect(page.locator("#try-images [aria-pressed=true]")).to_have_count(0)
    page.wait_for_timeout(100)
    assert shows_l(page)


def test_the_parts_that_matter(page: Page) -> None:
    """Only covered places that show something can matter."""
    page.check("#try-occlude")
    expect(page.locator("#try-matters")).to_contain_text("Covering an orange place makes", timeout=20_000)
    painted = page.evaluate(
        "document.getElementById('try-heat').getContext('2d').getImageData(0, 0, 280, 280).data.some(value => value)"
    )
    assert painted
    page.uncheck("#try-occlude")
    expect(page.locator("#try-matters")).to_be_empty()


def test_the_keyboard_alone(page: Page) -> None:
    """Draw, undo, switch, and take a test image, all without a mouse."""
    page.locator("#try-paper").focus()
    for key in ("Shift+ArrowDown", "Space", *["Shift+ArrowRight"] * 8, "ArrowUp"):
        page.keyboard.press(key)
    page.wait_for_timeout(100)
    assert pixels(page).max() > 150
    rows, columns = np.nonzero(pixels(page) > 100)
    assert np.ptp(columns) > 2 * np.ptp(rows)  # a line to the right
    reached = []
    for _ in range(11):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.parentElement.id"))
    names = ["clear", "undo", "fill", "choose", "size", "shade", "crop", "invert", "occlude", "images"]
    assert reached[:10] == [f"try-{name}" for name in names]
    page.locator("#try-images button").first.focus()
    for key in ("ArrowRight", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    expect(page.locator("#try-images button").nth(2)).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#try-images button").nth(2)).to_be_focused()
    page.locator("#try-invert").press("Space")
    expect(page.locator("#try-invert")).to_be_checked()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_no_violation(chromium: Browser, runs: Runs, scheme: str, width: int) -> None:
    """With every text that the section can show."""
    address = (runs("baseline") / "index.html").as_uri()
    with visit(chromium, address, width=width, color_scheme=scheme) as visited:
        visited.page.check("#try-occlude")
        choose(visited.page, "dark.png", encode(boot("RGB", (230, 230, 230), (10, 10, 10))))
        expect(visited.page.locator("#try-matters")).to_contain_text("Covering an orange", timeout=20_000)
        visited.page.evaluate(AXE.read_text(encoding="utf-8"))
        violations = visited.page.evaluate("axe.run('#try-it').then((results) => results.violations)")
        scrolls = visited.page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in violations] == []
    assert not scrolls


def test_the_section_is_hidden_without_scripts(chromium: Browser, runs: Runs) -> None:
    """So is its link."""
    with visit(chromium, (runs("baseline") / "index.html").as_uri(), java_script_enabled=False) as visited:
        expect(visited.page.locator("#try-it")).to_be_hidden()
        expect(visited.page.get_by_role("link", name="Try the model")).to_have_count(0)


def test_a_folder_has_a_page_of_its_own(chromium: Browser, runs: Runs, tmp_path: Path) -> None:
    """It works where scripts run; elsewhere, as in Jenkins, the link to it is hidden and nothing is missing."""
    folder = link_results(runs("baseline"), tmp_path / "copy")
    assert main(["render", "--layout", "folder", "--output", str(folder), "-q"]) == 0
    with visit(chromium, (folder / "index.html").as_uri()) as visited:
        visited.page.get_by_role("link", name="Try the model").click()
        expect(visited.page.locator("#try-answer b")).not_to_be_empty()
        assert visited.page.locator("#try-images img").count() == len(np.load(folder / "samples.npz")["index"])
        assert visited.messages == []
    with served(folder, like_jenkins=True) as root, visit(chromium, root) as visited:
        visited.page.wait_for_load_state("networkidle")
        assert visited.page.get_by_role("link", name="Try the model").count() == 0
        assert visited.messages == []


def test_a_report_without_the_model_is_tried_on_the_server(chromium: Browser, runs: Runs, tmp_path: Path) -> None:
    """The page of the server gives the same answers as /predict, for drawings, test images and covered places."""
    folder = link_results(runs("baseline"), tmp_path / "copy")
    assert main(["render", "--no-try-it", "--output", str(folder), "-q"]) == 0
    with running(folder) as server:
        root = f"http://127.0.0.1:{server.port}/"
        with visit(chromium, f"{root}try-it.html", with_model=True) as visited:
            page = visited.page
            numbers = re.findall(r'alt="Test image (\d+)"', (folder / "index.html").read_text(encoding="utf-8"))
            assert page.locator("#try-images img").count() == len({*numbers}) > 100
            draw_trousers(page)
            expect(answer(page)).to_contain_text("Trouser")
            page.wait_for_timeout(300)
            (expected,) = server.post("/predict", {"images": [pixels(page).tolist()]}).content["predictions"]
            assert answer(page).inner_text().startswith(expected["class"])
            np.testing.assert_allclose(shares(page), [100 * p for p in expected["probabilities"].values()], atol=0.051)
            page.check("#try-occlude")
            expect(page.locator("#try-matters")).to_contain_text("Covering an orange place makes", timeout=20_000)
            assert visited.messages == []
            assert {url for url in visited.requests if not url.startswith("data:")} == {
                root,
                f"{root}try-it.html",
                f"{root}predict",
            }
            page.evaluate(AXE.read_text(encoding="utf-8"))
            assert page.evaluate("axe.run().then(results => results.violations.map(({id}) => id))") == []
            page.get_by_role("link", name="Report").click()
            expect(page.locator("h1")).to_be_visible()


def test_a_server_that_refuses_or_ends(chromium: Browser, runs: Runs) -> None:
    """The page shows what the server says, and works again when the server does."""
    with running(runs("baseline")) as server:
        assert server.application is not None
        server.application._routes["/broken"] = server.application._routes.pop("/predict")
        with visit(chromium, f"http://127.0.0.1:{server.port}/try-it.html") as visited:
            warnings = visited.page.locator("#try-warnings")
            expect(warnings).to_have_text("The server refused: '/predict' does not exist; see /docs for all paths.")
            server.application._routes["/predict"] = server.application._routes.pop("/broken")
            visited.page.locator("#try-images button").nth(1).click()
            expect(answer(visited.page).locator("b")).not_to_be_empty()
            expect(warnings).to_be_empty()
            visited.page.context.set_offline(True)
            visited.page.locator("#try-images button").nth(2).click()
            expect(warnings).to_have_text("The server does not answer.")


def test_the_policy_of_the_served_page(chromium: Browser, runs: Runs) -> None:
    """Only the server can be asked."""
    with running(runs("baseline")) as server:
        root = f"http://127.0.0.1:{server.port}/"
        policy = server.get("/try-it.html").body.decode().split('Content-Security-Policy" content="')[1]
        assert policy.startswith("default-src 'none'; connect-src 'self'; img-src data:; style-src 'sha256-")
        with visit(chromium, f"{root}try-it.html", with_model=True) as visited, running(runs("baseline")) as other:
            attempt = f"fetch('http://127.0.0.1:{other.port}/').then(() => 'sent', () => 'refused')"
            assert visited.page.evaluate(attempt) == "refused"
            assert "Content Security Policy" in visited.messages[0]


@pytest.mark.parametrize("n_classes", [2, 100])
def test_other_numbers_of_classes(chromium: Browser, tmp_path: Path, n_classes: int) -> None:
    """Of many classes, the ten most probable ones and the true one are shown; nothing is wider than the screen."""
    replace(make_run(n=200, n_classes=n_classes), network=make_network(n_classes)).write(tmp_path)
    assert main(["render", "--output", str(tmp_path), "-q"]) == 0
    with visit(chromium, (tmp_path / "index.html").as_uri(), width=360) as visited:
        expect(visited.page.locator("#try-answer b")).not_to_be_empty()
        assert visited.page.locator("#try-bars li:visible").count() in {min(n_classes, 10), min(n_classes, 11)}
        assert not visited.page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert visited.messages == []


def test_the_policy_forbids_every_request(chromium: Browser, runs: Runs) -> None:
    """Whatever a script would try."""
    path = runs("baseline") / "index.html"
    text = path.read_text(encoding="utf-8")
    (policy,) = [line for line in text.splitlines() if "Content-Security-Policy" in line]
    assert "default-src 'none'; img-src data:; style-src 'sha256-" in policy
    assert "blob:" not in policy
    assert "connect-src" not in policy
    with visit(chromium, path.as_uri()) as visited:
        attempt = "fetch('https://example.org').then(() => 'sent', () => 'refused')"
        assert visited.page.evaluate(attempt) == "refused"
        assert "Content Security Policy" in visited.messages[0]


def test_the_html_and_css_are_valid(runs: Runs, tmp_path: Path) -> None:
    """The report, and the page of its own, by the W3C's validator."""
    folder = link_results(runs("baseline"), tmp_path / "copy")
    assert main(["render", "--layout", "folder", "--output", str(folder), "-q"]) == 0
    files = [runs("baseline") / "index.html", folder / "try-it.html", folder / "index.html"]
    command = ["java", "-jar", str(VALIDATOR), "--also-check-css", "--format", "json", *map(str, files)]
    output = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    messages = [message["message"] for message in json.loads(output)["messages"]]
    # It takes data: addresses and blocks of data for blocked ones; the tests above look at the console.
    assert [text for text in messages if "image “data:" not in text and "Inline script violates" not in text] == []


def reference_pixels(rgb: UInt8) -> UInt8:
    """The steps of the makers, pixel by pixel, for an opaque picture whose corners have one colour."""
    far = ((rgb.astype(int) - rgb[0, 0]) ** 2).sum(axis=2) > (0.05 * 255) ** 2 * 3
    (rows,), (columns,) = np.nonzero(far.any(axis=1)), np.nonzero(far.any(axis=0))
    crop = rgb[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(float)
    scale = 28 / max(crop.shape)
    height, width = (int(length * scale + 0.5) for length in crop.shape[:2])
    small = np.array(
        [
            [
                crop[int((y + 0.5) * crop.shape[0] / height), int((x + 0.5) * crop.shape[1] / width)]
                for x in range(width)
            ]
            for y in range(height)
        ]
    )
    padded = np.pad(small, ((1, 1), (1, 1), (0, 0)), mode="edge")
    weights = np.array([[-0.0624, -0.1028, -0.0624], [-0.1028, 1.6609, -0.1028], [-0.0624, -0.1028, -0.0624]])
    sharp = sum(weights[y, x] * padded[y : y + height, x : x + width] for y in range(3) for x in range(3))
    grey = np.floor(np.clip(np.floor(sharp + 0.5), 0, 255) @ [0.2126, 0.7152, 0.0722] + 0.5)
    result = np.zeros((28, 28), np.uint8)
    top, left = (28 - height) // 2, (28 - width) // 2
    result[top : top + height, left : left + width] = 255 - grey
    return result


def test_a_photo_is_prepared_as_the_makers_did(page: Page) -> None:
    """Trim, skip rows and columns, sharpen, centre, negate, grey: the same bytes as an independent computation."""
    random = np.random.default_rng(4)
    rgb = np.full((230, 310, 3), 244, np.uint8)
    rgb[31:200, 40:141] = random.integers(0, 200, (169, 101, 3))
    choose(page, "photo.png", encode(Image.fromarray(rgb)))
    expect(page.locator("#try-images [aria-pressed=true]")).to_have_count(0)
    page.wait_for_timeout(100)
    assert pixels(page).tolist() == reference_pixels(rgb).tolist()
