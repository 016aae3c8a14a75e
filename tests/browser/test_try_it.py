"""Tries the model in the page: what it computes, and what the section needs and allows."""

import base64
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from chromium import make_network, served, visit
from plain_forward import predict
from playwright.sync_api import Browser, Page, expect
from served import make_network as make_mlp
from support import REPOSITORY, make_run
from try_it import ALL_PARTS, Runs, boot, encode, link_results, paper, pixels, settle, shares, show
from validators import AXE, find_markup_errors

from job.__main__ import main
from job.data import idx
from job.data.fashion_mnist import FILES
from job.report.packed_network import pack_network
from job.results.network_npz import read_network

pytestmark = [pytest.mark.browser, pytest.mark.training]
pytest_plugins = ["browser_fixtures"]

SCRIPTS = REPOSITORY / "templates" / "report"
BUDGET_BYTES = {"baseline": 560_000, "cnn": 800_000}
"""What the page may have."""
FOLDERS = os.environ.get("TRY_IT_FOLDERS", "").split()
"""Output folders of other runs whose network to compare with TensorFlow: `TRY_IT_FOLDERS="report"`, with `-rP`."""

START = """([packed, text]) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    window.result = new Promise((resolve) => setTimeout(async () => {
        const network = await Network.unpack(...packed), times = [], distances = [];
        const rows = Array.from({ length: bytes.length / 784 }, (_, index) => {
            const pixels = bytes.subarray(784 * index, 784 * (index + 1));
            const begun = performance.now(), values = Float64Array.from(pixels, (value) => value / 255);
            const probabilities = Network.predict(network, values);
            times.push(performance.now() - begun);
            distances.push(Network.distance(network, values));
            return [...probabilities];
        });
        resolve([rows, distances, times.sort((a, b) => a - b)[Math.floor(times.length / 2)]]);
    }));
}"""
"""Starts the computation of the probabilities and distances of images, and of the median time of an image."""


@pytest.mark.parametrize("name", ["baseline", "cnn", *FOLDERS])
def test_the_page_computes_what_tensorflow_computes(chromium: Browser, runs: Runs, name: str) -> None:
    """The class of at least 99.9 % of the test images is the same, and all probabilities are within 0.01.

    The CNN takes longest: it predicts few images, of which one may differ. Except for one, the page warns about the
    same images as the server.
    """
    folder = Path(name) if name in FOLDERS else runs(name)
    table = pd.read_csv(folder / "predictions.csv")[: 250 if name == "cnn" else None]
    images = idx.read_idx(REPOSITORY / "data" / FILES["test_images"], 3)[0][: len(table)]
    expected = table.loc[:, "p_0":"p_9"].to_numpy()
    shown = np.load(folder / "samples.npz")["image"]
    network = read_network(folder, 10)
    packed = pack_network(network, shown)
    with visit(chromium, "about:blank") as first, visit(chromium, "about:blank") as second:
        halves = np.array_split(images, 2)
        for visited, half in zip((first, second), halves, strict=True):
            visited.page.set_default_timeout(0)
            visited.page.add_script_tag(path=SCRIPTS / "network.js")
            visited.page.evaluate(START, [packed, base64.b64encode(half.tobytes()).decode()])
        results = [visited.page.evaluate("window.result") for visited in (first, second)]
    actual = np.concatenate([rows for rows, _, _ in results])
    distances = np.concatenate([each for _, each, _ in results])
    milliseconds = max(median for _, _, median in results)
    n_equal = np.sum(actual.argmax(axis=1) == expected.argmax(axis=1))
    n_close = np.sum(np.abs(actual - expected).max(axis=1) <= 0.01)
    text = f"{name}: of {len(actual):,} classes {n_equal:,} equal, of the probabilities {n_close:,} within 0.01"
    print(f"{text}, {milliseconds:.1f} ms a picture")
    assert len(actual) == (250 if name == "cnn" else 10_000)
    assert np.sum((distances > network.distance_limit) != (network.distances(images) > network.distance_limit)) <= 1
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
        actual, _, _ = visited.page.evaluate("window.result")
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


def test_a_test_image_has_the_probabilities_of_the_report(page: Page, runs: Runs) -> None:
    """A click on it anywhere in the report takes it, with exactly its pixels."""
    table = pd.read_csv(runs("baseline") / "predictions.csv")
    samples = np.load(runs("baseline") / "samples.npz")
    picture = page.locator("#samples .samples img").nth(3)
    number = int((picture.get_attribute("alt") or "").split(":")[0].removeprefix("Test image "))
    picture.click()
    names = page.locator("#try-bars bdi").all_inner_texts()
    true, predicted = (names[table[column][number]] for column in ("true", "predicted"))
    text = f"Test image {number}: {true}, predicted {'correctly' if true == predicted else f'as {predicted}'}"
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
    settle(page)
    shown = paper(page)[5::10, 5::10]
    assert shown.tolist() == (255 - pixels(page)).tolist()
    assert shown.mean() > 128


def test_every_test_image_of_the_report_is_offered_once(page: Page) -> None:
    """First a correct one of each class, then the others in the order of the page."""
    shown, offered = (
        page.locator(f"{place} img[alt^='Test image']").evaluate_all(
            "all => all.map(image => parseInt(image.alt.slice(11)))"
        )
        for place in ("main section:not(#try-it)", "#try-images")
    )
    assert len(shown) > len(set(shown))
    titles = page.locator("#try-images button").evaluate_all("all => all.map(button => button.title)")
    n_classes = page.locator("#try-bars li").count()
    assert all(title.endswith("predicted correctly") for title in titles[:n_classes])
    assert len({title.split(": ")[1] for title in titles[:n_classes]}) == n_classes
    assert offered[n_classes:] == [number for number in dict.fromkeys(shown) if number not in offered[:n_classes]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_no_violation(chromium: Browser, runs: Runs, scheme: str, width: int) -> None:
    """With every text that the section can show."""
    address = (runs("baseline") / "index.html").as_uri()
    with visit(chromium, address, width=width, color_scheme=scheme) as visited:
        visited.page.check("#try-occlude")
        show(visited.page, "dark.png", encode(boot("RGB", (230, 230, 230), (10, 10, 10))))
        expect(visited.page.locator("#try-matters")).to_contain_text(ALL_PARTS, timeout=20_000)
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


@pytest.mark.parametrize("n_classes", [2, 100])
def test_other_numbers_of_classes(chromium: Browser, tmp_path: Path, n_classes: int) -> None:
    """The ten most probable of many classes and the true one are shown; nothing is wider than the screen."""
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
    assert find_markup_errors(files) == []
