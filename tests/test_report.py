import dataclasses
import re
import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import html5lib
import numpy as np
import pytest
from conftest import write_dataset

from job import report, saved
from job.__main__ import main
from job.results import Results


def parse(page: str) -> ET.Element:
    """The page as a tree; a syntax error is an error."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    tree: ET.Element = parser.parse(page)
    return tree


def text(element: ET.Element | None) -> str:
    assert element is not None
    return " ".join("".join(element.itertext()).split())


@pytest.fixture(scope="module")
def page(finished_run: Path) -> ET.Element:
    return parse((finished_run / "index.html").read_text(encoding="utf-8"))


def test_the_metrics_table_shows_the_figures_of_metrics_json(page: ET.Element, finished_results: Results) -> None:
    """Every class and both averages, to three decimals."""
    rows = [[text(cell) for cell in row] for row in page.findall(".//section[@id='metrics']//tbody/tr")]
    assert rows == [
        [one.name, f"{one.precision:.3f}", f"{one.recall:.3f}", f"{one.f1:.3f}", f"{one.support}"]
        for one in finished_results.per_class
    ]
    averages = [text(row) for row in page.findall(".//tfoot/tr")]
    for row, values in zip(averages, (finished_results.macro, finished_results.weighted), strict=True):
        assert f"{values.precision:.3f}{values.recall:.3f}{values.f1:.3f}100" in row.replace(" ", "")


def test_the_headline_and_the_title_say_the_accuracy_and_n(page: ET.Element, finished_results: Results) -> None:
    """The first thing a person reads."""
    accuracy = f"{100 * finished_results.accuracy:.2f}%"
    assert text(page.find(".//h1")) == f"{accuracy} of 100 test images are classified correctly."
    assert text(page.find(".//title")) == f"blocks: {accuracy} of 100 test images right"


def test_every_figure_is_there_with_a_text_alternative(page: ET.Element) -> None:
    """Heatmap, bar chart and two learning curves."""
    labels = [figure.get("aria-label", "") for figure in page.iter() if figure.get("role") == "img"]
    assert [label.split(" ")[0:2] for label in labels] == [
        ["Heatmap", "of"],
        ["Bar", "chart"],
        ["Line", "chart"],
        ["Line", "chart"],
    ]


def test_samples_are_shown_with_their_probabilities(
    finished_run: Path, page: ET.Element, finished_results: Results
) -> None:
    """Each chosen image once, with what predictions.csv says of it."""
    items = page.findall(".//ul[@class='samples']/li")
    chosen = finished_results.samples
    predictions = saved.read_predictions(finished_run, 10, chosen.indices())
    assert len(items) == len(chosen.right) + len(chosen.wrong)
    for item, index in zip(items, chosen.wrong + chosen.right, strict=True):
        names = finished_results.class_names
        true, predicted = names[predictions.y_true[index]], names[predictions.y_pred[index]]
        assert text(item.find(".//b")) == true
        assert text(item.find(".//p[@class='index']")) == f"no. {index}"
        shown = {
            text(guess.find("span[@class='name']")): text(guess.find("span[@class='share']"))
            for guess in item.findall(".//ol/li")
        }
        assert f"{true} (true)" in shown
        assert predicted in {name.removesuffix(" (true)") for name in shown}
        for name, share in shown.items():
            probability = predictions.rows[index][names.index(name.removesuffix(" (true)"))]
            assert share == f"{100 * probability:.1f}%"


def test_what_ran_is_told(page: ET.Element, finished_results: Results) -> None:
    """Command, versions, device and the hashes of the data."""
    told = text(page.find(".//section[@id='run']"))
    assert finished_results.command in told
    for value in (*finished_results.environment.packages.values(), *finished_results.data.sha256.values()):
        assert value in told
    assert finished_results.environment.device_name in told


def test_the_page_needs_nothing_from_outside(finished_run: Path, page: ET.Element) -> None:
    """No script, and every address is in the page itself."""
    assert page.find(".//script") is None
    addresses = [
        element.attrib[name]
        for element in page.iter()
        for name in ("src", "href", "srcset", "{http://www.w3.org/1999/xlink}href", "xlink:href")
        if name in element.attrib
    ]
    assert addresses
    assert [address for address in addresses if not address.startswith(("#", "data:"))] == []
    assert not re.search(r"@import|url\((?!#)", (finished_run / "index.html").read_text(encoding="utf-8"))


def test_ids_are_unique_and_links_lead_somewhere(page: ET.Element) -> None:
    """Anchors of the page."""
    ids = [element.attrib["id"] for element in page.iter() if "id" in element.attrib]
    assert len(set(ids)) == len(ids)
    for link in page.findall(".//nav/a"):
        assert link.attrib["href"][1:] in ids


def test_rendering_again_gives_the_same_bytes(finished_run: Path, tmp_path: Path) -> None:
    """From the files alone, without the data set."""
    copy = Path(shutil.copytree(finished_run, tmp_path / "copy"))
    (copy / "index.html").unlink()
    assert main(["render", "--output", str(copy), "-q"]) == 0
    assert (copy / "index.html").read_bytes() == (finished_run / "index.html").read_bytes()


def test_hostile_class_names_stay_text(tmp_path: Path) -> None:
    """A name with markup and one of other letters are shown as they are."""
    names = ["<script>alert(1)</script>", "袋 $x^2", '"><img src=x>', "{{ 7 * 7 }}"]
    data = write_dataset(tmp_path / "hostile", n_classes=4)
    (data / "classes.txt").write_text("\n".join(names), encoding="utf-8")
    assert main(["--data", str(data), "--epochs", "1", "--output", str(tmp_path / "out"), "-q"]) == 0
    page = parse((tmp_path / "out" / "index.html").read_text(encoding="utf-8"))
    assert page.find(".//script") is None
    assert [text(row[0]) for row in page.findall(".//tbody/tr")] == names


def test_a_perfect_model_has_no_mistakes_to_show(finished_run: Path, finished_results: Results) -> None:
    """The sections say so instead of failing."""
    predictions = saved.read_predictions(finished_run, 10, finished_results.samples.indices())
    perfect = dataclasses.replace(
        finished_results,
        accuracy=1.0,
        confusion_matrix=np.diag([10] * 10).tolist(),
        samples=dataclasses.replace(finished_results.samples, wrong=[]),
    )
    page = parse(report.render(perfect, predictions, saved.read_samples(finished_run, finished_results.samples)))
    assert "No test image was mistaken." in text(page.find(".//section[@id='confusion']"))
    assert "Wrong" not in text(page.find(".//section[@id='samples']"))


@pytest.mark.parametrize("n_classes", [2, 100])
def test_few_and_many_classes(tmp_path: Path, n_classes: int) -> None:
    """A page that parses, with a row per class."""
    data = write_dataset(tmp_path / "some", n_train=400, n_test=200, n_classes=n_classes)
    arguments = [
        "--data",
        str(data),
        "--epochs",
        "1",
        "--validation-split",
        "0",
        "--output",
        str(tmp_path / "out"),
        "-q",
    ]
    assert main(arguments) == 0
    page = parse((tmp_path / "out" / "index.html").read_text(encoding="utf-8"))
    assert len(page.findall(".//tbody/tr")) == n_classes
