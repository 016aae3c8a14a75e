import base64
import dataclasses
import hashlib
import re
import shutil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import html5lib
import numpy as np
import pytest
from support import edited, write_dataset

from job.__main__ import main
from job.config.recipes import ModelName
from job.data.fashion_mnist import NAME as FASHION_MNIST
from job.report.page import render
from job.results import run
from job.results.schema import Results

NOTHING = np.empty((0, 6, 28, 28), np.uint8)  # of augmented images


def parse(page: str) -> ET.Element:
    """The page as a tree; a syntax error is an error."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    tree: ET.Element = parser.parse(page)
    return tree


def text(element: ET.Element | None) -> str:
    assert element is not None
    return " ".join("".join(element.itertext()).split())


def rows(section: ET.Element | None, which: int = 0) -> list[list[str]]:
    """The cells of a table's body."""
    assert section is not None
    return [[text(cell) for cell in row] for row in section.findall(".//tbody")[which]]


@pytest.fixture(scope="module")
def page(finished_run: Path) -> ET.Element:
    return parse((finished_run / "index.html").read_text(encoding="utf-8"))


def section(page: ET.Element, name: str) -> ET.Element:
    found = page.find(f".//section[@id='{name}']")
    assert found is not None
    return found


@pytest.fixture(scope="module")
def in_folder(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same results in the layout of several files."""
    copy = tmp_path_factory.mktemp("layout") / "report"
    shutil.copytree(finished_run, copy)
    assert main(["render", "--output", str(copy), "--layout", "folder", "-q"]) == 0
    return copy


def test_the_headline_and_the_title_say_the_accuracy_and_n(page: ET.Element, finished_results: Results) -> None:
    """The first thing a person reads, with its interval."""
    accuracy = f"{100 * finished_results.accuracy:.2f}%"
    interval = finished_results.accuracy_interval
    assert text(page.find(".//h1")) == f"{accuracy} of 100 test images are classified correctly."
    assert text(page.find(".//title")) == f"blocks: {accuracy} of 100 test images right"
    lead = text(page.find(".//p[@class='lead']"))
    assert f"between {100 * interval.lower:.1f}% and {100 * interval.upper:.1f}% right (95% interval, n = 100)" in lead


def test_every_figure_of_the_whole_has_its_interval(page: ET.Element, finished_results: Results) -> None:
    """To three decimals, as in metrics.json."""
    results = finished_results
    shown = {
        text(row[0]).removesuffix(text(row[0][0])).strip(): [text(cell) for cell in row[1:]]
        for row in section(page, "metrics").findall(".//tbody/tr")
    }
    expected = {
        "Accuracy": (results.accuracy, results.accuracy_interval),
        "Loss": (results.loss, results.loss_interval),
        "Calibration error": (results.calibration.ece, results.calibration.ece_interval),
    }
    for kind, average in (("Macro", results.macro), ("Weighted", results.weighted)):
        expected |= {
            f"{kind} {name}": (getattr(average, name.lower()), getattr(average, f"{name.lower()}_interval"))
            for name in ("F1", "precision", "recall")
        }
    assert shown == {
        name: [f"{value:.3f}", f"{interval.lower:.3f}\N{EN DASH}{interval.upper:.3f}"]
        for name, (value, interval) in expected.items()
    }


def test_every_class_has_its_row(page: ET.Element, finished_results: Results) -> None:
    """Each figure with its interval; what script sorts by is the figure itself."""
    table = section(page, "classes")
    assert rows(table) == [
        [
            one.name,
            *(
                f"{value:.3f} {interval.lower:.3f}\N{EN DASH}{interval.upper:.3f}"
                for value, interval in (
                    (one.recall, one.recall_interval),
                    (one.precision, one.precision_interval),
                    (one.f1, one.f1_interval),
                )
            ),
            f"{one.support}",
        ]
        for one in finished_results.per_class
    ]
    values = [float(row[1].attrib["data-value"]) for row in table.findall(".//tbody")[0]]
    assert values == [one.recall for one in finished_results.per_class]


def test_every_figure_has_a_text_alternative(page: ET.Element) -> None:
    """It says what the figure shows; the figures of Fashion-MNIST's published results are not there for others."""
    labels = [svg.get("aria-label", "") for svg in page.iter() if svg.get("class", "").split()[:1] == ["figure"]]
    assert len(labels) == 7
    assert all(len(label) > 40 and re.search(r"\d", label) for label in labels)


@pytest.mark.parametrize(
    ("model", "networks"),
    [("mlp", r"MLPs \(87.0% to 89.0%\)"), ("cnn", r"two convolutions \(92.5% to 93.9%\)")],
)
def test_fashion_mnist_is_compared_with_what_was_published(
    model: ModelName, networks: str, finished_run: Path, finished_results: Results
) -> None:
    """Every source is named; the words follow the interval and the model."""
    results = dataclasses.replace(
        finished_results,
        data=dataclasses.replace(finished_results.data, name=FASHION_MNIST),
        config=dataclasses.replace(finished_results.config, model=model),
    )
    predictions = run.read_predictions(finished_run, 10, results.samples.indices())
    images = run.read_samples(finished_run, results.pictured())
    page = parse(render(results, predictions, images, NOTHING, "single")["index.html"].decode())
    header = page.find(".//header")
    assert [row[0] for row in rows(header)] == [
        *("people", "logistic regression", "MLPs", "two convolutions", "best"),
        "this model",
    ]
    assert "arXiv 1708.07747" in text(header)
    assert re.search(
        r"It is (more|about as|less) often right (than|as) people were \(83.5%, n = 1,000\), and .* "
        r"what is published for " + networks,
        text(header),
    )


def test_the_most_frequent_mistakes_come_first(page: ET.Element, finished_results: Results) -> None:
    """In words and pictures: how many of how many, and up to six images, the most confident first."""
    matrix = finished_results.matrix.copy()
    np.fill_diagonal(matrix, 0)
    pairs = section(page, "confusion").findall(".//ul[@class='pairs']/li")
    largest = sorted(matrix.ravel().tolist(), reverse=True)[: len(pairs)]
    for pair, n in zip(pairs, largest, strict=True):
        assert text(pair.find("p")).startswith(f"{n} of 10, {10 * n}.0% (")
        confidences = [int(text(one).removesuffix("%")) for one in pair.findall(".//li/span")]
        assert len(confidences) == min(n, 6)
        assert confidences == sorted(confidences, reverse=True)


def test_every_cell_of_the_heatmap_leads_to_its_images(page: ET.Element, finished_results: Results) -> None:
    """To the place of just that cell; no place is without its link."""
    heatmap = section(page, "confusion").find(".//figure")
    assert heatmap is not None
    links = {
        value
        for element in heatmap.iter()
        for name, value in element.attrib.items()
        if name.endswith("href") and value.startswith("#cell")
    }
    true, predicted = np.nonzero(finished_results.matrix)
    assert links == {f"#cell-{i}-{j}" for i, j in zip(true, predicted, strict=True)}
    places = [element.attrib["id"] for element in page.iter("li") if "id" in element.attrib]
    assert sorted(f"#{place}" for place in places) == sorted(links)


def test_samples_are_shown_with_their_probabilities(
    finished_run: Path, page: ET.Element, finished_results: Results
) -> None:
    """Each chosen image, with what predictions.csv says of it."""
    predictions = run.read_predictions(finished_run, 10, finished_results.samples.indices())
    items = page.findall(".//ul[@class='samples']/li")
    chosen, names = finished_results.samples, finished_results.class_names
    indices = chosen.confident_mistakes + chosen.least_certain + chosen.wrong + chosen.right
    for item, index in zip(items, indices, strict=True):
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
            label = names.index(name.removesuffix(" (true)"))
            assert share == f"{100 * predictions.rows[index][label]:.1f}%"


def test_charts_have_their_tables(page: ET.Element, finished_results: Results) -> None:
    """Every cell of the matrix, every bin, every coverage and every epoch."""
    confusion = rows(section(page, "confusion"))
    assert sum(int(row[2]) for row in confusion) == 100
    assert len(confusion) == np.count_nonzero(finished_results.matrix)
    bins, coverage = (rows(section(page, "calibration"), which) for which in (0, 1))
    assert [int(row[1]) for row in bins] == [one.n for one in finished_results.calibration.bins]
    assert coverage[-1][:2] == ["100.0%", "100"]
    assert [row[1:3] for row in rows(section(page, "learning"))] == [
        ["0.001", f"{loss:.3f}"] for loss in finished_results.history.loss
    ]


def test_what_ran_is_told(page: ET.Element, finished_results: Results) -> None:
    """Command, versions, device and the hashes of the data."""
    told = text(section(page, "run"))
    assert finished_results.command in told
    for value in (*finished_results.environment.packages.values(), *finished_results.data.sha256.values()):
        assert value in told
    assert finished_results.environment.device_name in told
    assert finished_results.environment.revision in told


def test_the_page_needs_nothing_from_outside(finished_run: Path, page: ET.Element) -> None:
    """Every address is in the page itself, and its policy allows nothing else."""
    addresses = [
        element.attrib[name]
        for element in page.iter()
        for name in ("src", "href", "srcset", "{http://www.w3.org/1999/xlink}href", "xlink:href")
        if name in element.attrib
    ]
    assert addresses
    assert [address for address in addresses if not address.startswith(("#", "data:"))] == []
    source = (finished_run / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"@import|url\((?!#)", source)
    policy = next(one.attrib["content"] for one in page.iter("meta") if "http-equiv" in one.attrib)
    for kind in ("style", "script"):
        (content,) = re.findall(f"<{kind}>(.*?)</{kind}>", source, re.DOTALL)
        allowed = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{allowed}'" in policy
    assert policy.startswith("default-src 'none'; img-src data:; ")


def test_ids_are_unique_and_links_lead_somewhere(page: ET.Element) -> None:
    """Anchors of the page."""
    ids = [element.attrib["id"] for element in page.iter() if "id" in element.attrib]
    assert len(set(ids)) == len(ids)
    links = page.findall(".//nav/a")
    assert len(links) == 7
    assert all(link.attrib["href"][1:] in ids for link in links)


def test_a_folder_needs_no_script_no_inline_style_and_no_data_address(in_folder: Path, page: ET.Element) -> None:
    """It shows what the single file shows, with the files that it names beside it and no others."""
    source = (in_folder / "index.html").read_text(encoding="utf-8")
    other = parse(source)
    assert [tag for tag in ("style", "script") if other.find(f".//{tag}") is not None] == []
    assert not [element for element in other.iter() if "style" in element.attrib]
    assert "data:" not in re.sub(r"aria-label=\"[^\"]*\"", "", source)
    links = {link.attrib["rel"]: link.attrib["href"] for link in other.findall(".//link")}
    assert links["stylesheet"] == "report.css"
    pictures = {image.attrib["src"] for image in other.iter("img")}
    assert links["icon"] in pictures
    assert pictures == {f"report-images/{path.name}" for path in (in_folder / "report-images").glob("*.png")}
    assert text(other.find(".//main")) == text(page.find(".//main"))


def test_rendering_again_gives_the_same_bytes(finished_run: Path, in_folder: Path, tmp_path: Path) -> None:
    """From the files alone, without the data set, in both layouts."""
    copy = Path(shutil.copytree(finished_run, tmp_path / "copy"))
    (copy / "index.html").unlink()
    assert main(["render", "--output", str(copy), "-q"]) == 0
    assert (copy / "index.html").read_bytes() == (finished_run / "index.html").read_bytes()
    assert main(["render", "--output", str(copy), "--layout", "folder", "-q"]) == 0
    names = [
        "index.html",
        "report.css",
        *(f"report-images/{path.name}" for path in (in_folder / "report-images").iterdir()),
    ]
    assert [(copy / name).read_bytes() for name in names] == [(in_folder / name).read_bytes() for name in names]


def test_a_run_alone_is_compared_with_none(page: ET.Element) -> None:
    """Neither a section nor a link to it."""
    assert page.find(".//section[@id='comparison']") is None
    assert page.find(".//nav/a[@href='#comparison']") is None


def test_a_compared_run_says_whether_it_is_better(compared_run: Path, finished_run: Path) -> None:
    """In words with difference, interval, n and p; both runs, what they made of the images, and every class."""
    results, earlier = run.read_metrics(compared_run), run.read_metrics(finished_run)
    page = parse((compared_run / "index.html").read_text(encoding="utf-8"))
    assert [link.attrib["href"] for link in page.findall(".//nav/a")][:2] == ["#metrics", "#comparison"]
    told, found = section(page, "comparison"), results.comparison
    assert found is not None
    pairs = found.pairs
    lead = text(told.find("p")).replace("\N{MINUS SIGN}", "-")
    assert lead.startswith(("Better. On the same 100", "Worse. On the same 100", "No difference that chance does not"))
    assert f"right in {100 * pairs.now:.2f}%, the earlier one in {100 * pairs.earlier:.2f}%" in lead
    interval = f"{100 * pairs.interval.lower:+.2f} to {100 * pairs.interval.upper:+.2f}"
    assert f"{100 * pairs.difference:+.2f} points (95% interval {interval}, paired, n = 100)" in lead
    assert f"Of the {pairs.n_discordant} images that only one of them got right, {pairs.n_won} were won" in lead
    assert re.search(r"p (= [\d.]+|< 0\.001) \(exact McNemar test\)", lead)
    assert [row[0] for row in rows(told)] == ["This run", "Earlier run"]
    for row, told_run in zip(rows(told), (results, earlier), strict=True):
        assert row[1].startswith(f"{100 * told_run.accuracy:.2f}% {100 * told_run.accuracy_interval.lower:.1f}%")
        assert row[2].startswith(f"{told_run.loss:.3f} {told_run.loss_interval.lower:.3f}")
    assert rows(told, 1) == [
        ["Right before", f"both right {pairs.n_both_right}", f"lost {pairs.n_lost}"],
        ["Wrong before", f"won {pairs.n_won}", f"both wrong {pairs.n_both_wrong}"],
    ]
    classes = rows(told, 2)
    assert [row[0] for row in classes] == [f"class {label} n = 10" for label in range(10)]
    for row, one, now in zip(classes, found.per_class, results.per_class, strict=True):
        assert row[1:3] == [f"{one.earlier:.3f}", f"{now.recall:.3f}"]
        assert row[4:] == [str(one.n_won), str(one.n_lost)]
        assert f"{100 * one.interval.upper:+.1f}" in row[3].replace("\N{MINUS SIGN}", "-")
    assert earlier.command in text(told)
    assert earlier.model in text(told)
    figures = [svg for svg in told.iter() if svg.get("class", "") == "figure"]
    assert [svg.get("aria-label", "")[:9] for svg in figures] == ["Dot chart"]


def test_images_won_and_lost_are_shown(compared_run: Path) -> None:
    """Each with its class and what both models said, as predictions.csv has it."""
    results = run.read_metrics(compared_run)
    predictions = run.read_predictions(compared_run, 10, [], compared=True)
    told = section(parse((compared_run / "index.html").read_text(encoding="utf-8")), "comparison")
    assert results.comparison is not None
    assert predictions.y_earlier is not None
    shown = [one for group in told.findall("ul[@class='changes']") for one in group]
    indices = results.comparison.won + results.comparison.lost
    assert indices
    for item, index in zip(shown, indices, strict=True):
        true, now, before = (one[index] for one in (predictions.y_true, predictions.y_pred, predictions.y_earlier))
        image = item.find("img")
        assert image is not None
        assert image.attrib["alt"] == f"Test image {index}: class {true}"
        said = f"class {now}, {100 * predictions.confidence[index]:.0f}%"
        assert [text(one) for one in item.findall(".//dd")] == [f"class {true}", said, f"class {before}"]


@pytest.mark.parametrize("layout", ["single", "folder"])
def test_a_comparison_is_rendered_again_without_the_earlier_run(
    compared_copy: Path, monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    """Byte for byte; its folder is gone, and nothing asks for it."""
    results = run.read_metrics(compared_copy)
    gone = str(compared_copy.parent / "gone")
    path = compared_copy / "metrics.json"
    path.write_text(path.read_text().replace(str(results.config.reference), gone))
    assert main(["render", "--output", str(compared_copy), "--layout", layout, "-q"]) == 0
    expected = {file.name: file.read_bytes() for file in compared_copy.rglob("*") if file.is_file()}
    monkeypatch.setattr("job.results.reference_run.read", None)
    assert main(["render", "--output", str(compared_copy), "--layout", layout, "-q"]) == 0
    assert {file.name: file.read_bytes() for file in compared_copy.rglob("*") if file.is_file()} == expected
    assert gone in (compared_copy / "index.html").read_text(encoding="utf-8")


def test_the_trained_comparison_is_rendered_again_byte_for_byte(compared_run: Path, compared_copy: Path) -> None:
    """What `render` makes of the files alone is what the job wrote."""
    (compared_copy / "index.html").unlink()
    assert main(["render", "--output", str(compared_copy), "-q"]) == 0
    assert (compared_copy / "index.html").read_bytes() == (compared_run / "index.html").read_bytes()


def test_hostile_class_names_stay_text(tmp_path: Path) -> None:
    """A name with markup and one of other letters are shown as they are."""
    names = ["<script>alert(1)</script>", "袋 $x^2", '"><img src=x>', "{{ 7 * 7 }}"]
    data = write_dataset(tmp_path / "hostile", n_classes=4)
    (data / "classes.txt").write_text("\n".join(names), encoding="utf-8")
    options = ["--data", str(data), "--epochs", "1", "-q"]
    assert main([*options, "--output", str(tmp_path / "before")]) == 0
    assert (
        main([*options, "--seed", "1", "--output", str(tmp_path / "out"), "--reference", str(tmp_path / "before")]) == 0
    )
    page = parse((tmp_path / "out" / "index.html").read_text(encoding="utf-8"))
    assert len(page.findall(".//script")) == 1
    assert [image for image in page.iter("img") if not image.attrib["src"].startswith("data:image/png")] == []
    assert [row[0] for row in rows(section(page, "classes"))] == names
    assert [row[0] for row in rows(section(page, "comparison"), 2)] == [f"{name} n = 25" for name in names]


def test_a_perfect_model_has_no_mistakes_to_show(finished_run: Path, tmp_path: Path) -> None:
    """The sections say so instead of failing."""
    copy = Path(shutil.copytree(finished_run, tmp_path / "copy"))
    results = run.read_metrics(copy)
    predictions = run.read_predictions(copy, 10, results.samples.indices())
    diagonal = [cell for cell in results.samples.cells if cell.true == cell.predicted]
    perfect = dataclasses.replace(
        results,
        accuracy=1.0,
        confusion_matrix=np.diag([10] * 10).tolist(),
        samples=dataclasses.replace(results.samples, wrong=[], confident_mistakes=[], cells=diagonal),
    )
    images = run.read_samples(copy, results.pictured())
    page = parse(render(perfect, predictions, images, NOTHING, "single")["index.html"].decode())
    assert "No test image was mistaken." in text(section(page, "confusion"))
    assert "Wrong" not in text(section(page, "samples"))
    assert "errors" not in text(section(page, "calibration"))


@pytest.mark.parametrize("n_classes", [2, 100])
def test_few_and_many_classes(tmp_path: Path, n_classes: int) -> None:
    """A page that parses, with a row per class."""
    data = write_dataset(tmp_path / "some", n_train=400, n_test=200, n_classes=n_classes)
    options = ["--epochs", "1", "--validation-split", "0", "--output", str(tmp_path / "out"), "-q"]
    assert main(["--data", str(data), *options]) == 0
    page = parse((tmp_path / "out" / "index.html").read_text(encoding="utf-8"))
    assert len(rows(section(page, "classes"))) == n_classes


@pytest.fixture(scope="module")
def repeated_page(repeated_run: Path) -> ET.Element:
    return parse((repeated_run / "index.html").read_text(encoding="utf-8"))


def test_the_seeds_have_a_section(repeated_page: ET.Element, repeated_run: Path, page: ET.Element) -> None:
    """Mean, deviation and every run; a single run has none, and is told of the option."""
    results = run.read_metrics(repeated_run)
    assert results.spread
    shown = section(repeated_page, "spread")
    assert rows(shown) == [
        [
            f"{one.seed}{' reported here' if one.seed == results.spread.reported else ''}",
            f"{one.accuracy:.2%}",
            f"{one.loss:.3f}",
            f"{one.val_accuracy:.2%}",
            f"{one.training_s:.1f} s",
        ]
        for one in results.spread.trials
    ]
    assert f"{results.spread.mean:.2%} of the 100 test images right on average" in text(shown)
    assert f"standard deviation of {100 * results.spread.sd:.2f} points" in text(shown)
    assert "the median of 3 such trainings" in text(repeated_page.find(".//header"))
    assert page.find(".//section[@id='spread']") is None
    assert "which one run cannot show; --runs does" in text(section(page, "metrics"))


def test_what_training_saw_is_shown(repeated_page: ET.Element, page: ET.Element) -> None:
    """Eight images in one picture, and what the recipe does to the figures."""
    learning = section(repeated_page, "learning")
    picture = learning.find(".//figure[@class='augmented']/img")
    assert picture is not None
    assert picture.get("alt", "").startswith("8 training images, each as it is and as it was changed in the first 2 ")
    assert picture.get("src", "").startswith("data:image/png;base64,")
    for words in ("of which 10% is spread over all classes", "Training saw changed images", "moving average"):
        assert words in text(learning)
        assert words not in text(section(page, "learning"))
    assert section(page, "learning").find(".//img") is None


def test_the_recipe_is_printed_with_what_overrides_it(repeated_page: ET.Element) -> None:
    """Every value of it among the settings."""
    settings = {
        text(row[0]): text(row[1]) for row in section(repeated_page, "run").findall(".//dl[@class='facts']/div")
    }
    assert settings["recipe"] == "mlp; changed: epochs, batch size, augment, average"
    assert (settings["optimizer"], settings["schedule"], settings["augment"]) == ("adamw", "cosine", "flip,shift,erase")


def test_an_early_stop_is_told(run_copy: Path) -> None:
    """When, why, and whose weights were taken."""
    path = run_copy / "metrics.json"

    def stop_early(content: dict[str, Any]) -> None:
        content["config"].update(epochs=9, early_stopping=1)
        content["history"].update(val_loss=[0.25, 0.5])

    path.write_text(edited(stop_early)(path.read_text()))
    assert main(["render", "--output", str(run_copy), "-q"]) == 0
    words = text(section(parse((run_copy / "index.html").read_text(encoding="utf-8")), "learning"))
    assert "Training ended after epoch 2 of 9, because the validation loss had not fallen for 1; the weights" in words
    assert "are those of epoch 1, which had the lowest validation loss" in words
