import base64
import hashlib
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args
from xml.etree import ElementTree as ET

import html5lib
import numpy as np
import pytest
from numpy.typing import NDArray
from support import calibration_of, make_run, predictions_of

from job.config.run_config import Layout
from job.evaluation.calibration import HighConfidence
from job.evaluation.intervals import Interval
from job.evaluation.predictions import Predictions
from job.report.comparison_view import view_comparison
from job.report.formatting import FILTERS
from job.report.page import render_page, write_report
from job.report.published import N_TEST, PUBLISHED
from job.results.run import Run
from job.results.samples_npz import Learnt

DASH, MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"
LABELS = np.arange(100, dtype=np.int16) % 10


def parse(page: str) -> ET.Element:
    """The page as a tree; a syntax error is an error."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    tree: ET.Element = parser.parse(page)
    return tree


def render(run: Run) -> ET.Element:
    return parse(render_page(run, "single")["index.html"].decode())


def text(element: ET.Element | None) -> str:
    assert element is not None
    return " ".join("".join(element.itertext()).split())


def rows(section: ET.Element | None, table: int = 0) -> list[list[str]]:
    """The cells of a table's body."""
    assert section is not None
    return [[text(cell) for cell in row] for row in section.findall(".//tbody")[table]]


def section(page: ET.Element, name: str) -> ET.Element:
    element = page.find(f".//section[@id='{name}']")
    assert element is not None
    return element


def predict(y_true: NDArray[np.int16], y_pred: NDArray[np.int16]) -> Predictions:
    """Predictions of ten classes, each with a confidence of 91 %."""
    probabilities = np.full((len(y_true), 10), 0.01, np.float32)
    probabilities[np.arange(len(y_true)), y_pred] = 0.91
    return Predictions(y_true, probabilities)


@pytest.fixture(scope="module")
def run() -> Run:
    return make_run(is_fashion_mnist=False)


@pytest.fixture(scope="module")
def page(run: Run) -> ET.Element:
    return render(run)


@pytest.fixture(scope="module")
def compared() -> Run:
    return make_run(n=300, with_reference=True, is_fashion_mnist=False)


@pytest.fixture(scope="module")
def compared_page(compared: Run) -> ET.Element:
    return render(compared)


@pytest.fixture(scope="module")
def repeated() -> Run:
    """A run with everything that a training can have."""
    return make_run(
        with_reference=True,
        is_fashion_mnist=False,
        runs=3,
        recipe="mlp",
        augment="flip,shift",
        label_smoothing=0.1,
        dropout=0.2,
        average=0.9,
        test_time="flip-shift",
    )


@pytest.fixture(scope="module")
def repeated_page(repeated: Run) -> ET.Element:
    return render(repeated)


def test_headline_and_title_state_the_accuracy(page: ET.Element, run: Run) -> None:
    """And which run it is."""
    accuracy = f"{run.evaluation.accuracy:.1%}"
    assert text(page.find(".//h1")) == f"The model classifies {accuracy} of 100 test images correctly."
    name = "baseline with epochs 2, seed 0"
    assert text(page.find(".//title")) == f"blocks: {accuracy} accuracy · {name}"
    assert text(page.find(".//p[@class='identity']")) == f"blocks · MLP 784-128-10 · 3 Feb 2026 · 0123456 · {name}"


def test_four_tiles_link_to_their_sections(page: ET.Element, compared_page: ET.Element) -> None:
    """Accuracy, comparison, calibration, weakest class: each with its value, its interval and its number of images."""
    for each, second in ((page, "metrics"), (compared_page, "comparison")):
        tiles = each.findall(".//ul[@class='tiles']/li/a")
        assert [tile.attrib["href"] for tile in tiles] == ["#metrics", f"#{second}", "#calibration", "#classes"]
        assert [text(tile.find("span[@class='label']")) for tile in tiles[::2]] == ["Accuracy", "Calibration"]
        assert all(text(tile.find("b")) for tile in tiles)


def test_findings_link_to_the_sections_that_they_name() -> None:
    """The most important first; class names are isolated."""
    page = render(make_run(predictions=predict(LABELS, np.full_like(LABELS, 8))))
    (link,) = page.findall(".//ol[@class='findings']/li/a")
    assert text(link) == "The model predicts Bag for each of the 100 test images. → Confusion matrix"
    assert link.attrib["href"] == "#confusion"
    assert [text(name) for name in link.iter("bdi")] == ["Bag"]


def test_headings_name_their_subject(repeated_page: ET.Element, page: ET.Element) -> None:
    """Every section in its order, each with a link of the same words."""
    for each in (page, repeated_page):
        headings = {part.attrib["id"]: text(part.find(".//h2")) for part in each.iter("section")}
        links = {link.attrib["href"][1:]: text(link) for link in each.findall(".//nav/a")}
        assert list(links.items()) == list(headings.items())
    assert list(headings.values()) == [
        *("Metrics", "Seeds", "Comparison", "Confusion matrix", "Classes", "Calibration"),
        *("Samples", "Learning curves", "Run"),
    ]


def test_every_metric_has_its_interval(page: ET.Element, run: Run) -> None:
    """Fractions in percent, other metrics to three decimals; a calibration error has that of a calibrated model."""
    evaluation, macro, weighted = run.evaluation, run.evaluation.macro, run.evaluation.weighted
    shown = {
        text(row[0]).removesuffix(text(row[0][0])).strip(): [text(cell) for cell in row[1:]]
        for row in section(page, "metrics").findall(".//tbody/tr")
    }
    fractions = {
        "Accuracy": (evaluation.accuracy, evaluation.accuracy_interval),
        "Top-2 accuracy": (evaluation.top_2_accuracy, evaluation.top_2_accuracy_interval),
        "Top-3 accuracy": (evaluation.top_3_accuracy, evaluation.top_3_accuracy_interval),
        "Balanced accuracy": (macro.recall, macro.recall_interval),
        "Macro precision": (macro.precision, macro.precision_interval),
        "Macro F1": (macro.f1, macro.f1_interval),
        "Weighted precision": (weighted.precision, weighted.precision_interval),
        "Weighted F1": (weighted.f1, weighted.f1_interval),
    }
    numbers = {
        "Matthews correlation": (evaluation.mcc, evaluation.mcc_interval),
        "ROC AUC": (evaluation.roc_auc, evaluation.roc_auc_interval),
        "Average precision": (evaluation.average_precision, evaluation.average_precision_interval),
        "Loss": (evaluation.loss, evaluation.loss_interval),
        "Brier score": (evaluation.brier, evaluation.brier_interval),
    }
    expected = {name: [f"{value:.1%}", FILTERS["percents"](each)] for name, (value, each) in fractions.items()}
    expected |= {name: [f"{value:.3f}", FILTERS["decimals"](each)] for name, (value, each) in numbers.items()}
    error = calibration_of(evaluation)
    expected["Calibration error"] = [f"{error.ece:.1%}", f"{error.ece_if_calibrated:.1%} if calibrated"]
    assert shown == expected


def test_what_is_undefined_has_no_row() -> None:
    """Two classes have no second guess, and a class without test images has no ROC curve."""
    predictions = Predictions(np.array([0, 1] * 20), np.eye(3, dtype=np.float32)[[0, 1] * 19 + [1, 2]])
    shown = section(render(make_run(predictions=predictions)), "metrics")
    assert "ROC AUC" not in text(shown)
    assert "Top-2" not in text(section(render(make_run(n_classes=2)), "metrics"))
    table = rows(section(render(make_run(predictions=predictions)), "calibration"), 2)
    assert [row[2:4] == ["none", "none"] for row in table] == [False, False, True]


def test_every_class_has_its_row(page: ET.Element, run: Run) -> None:
    """Each metric with its interval; scripts sort by the unrounded value."""
    table = section(page, "classes")
    assert rows(table) == [
        [
            row.name,
            "",
            *(
                f"{value:.1%} {100 * interval.lower:.1f}{DASH}{interval.upper:.1%}"
                for value, interval in (
                    (row.recall, row.recall_interval),
                    (row.precision, row.precision_interval),
                    (row.f1, row.f1_interval),
                )
            ),
            f"{row.support}",
        ]
        for row in run.evaluation.per_class
    ]
    values = [float(row[2].attrib["data-value"]) for row in table.findall(".//tbody")[0]]
    assert values == [row.recall for row in run.evaluation.per_class]


def test_every_class_has_its_bar(page: ET.Element) -> None:
    """Each row shows its strip of the chart, and the head of the table the axis."""
    strips = [element for element in section(page, "classes").iter() if element.get("class") == "strip"]
    assert [strip.attrib["viewBox"] for strip in strips] == [f"0 {20 * position} 260 20" for position in range(11)]
    assert {strip[0].attrib["href"] for strip in strips} == {"#class-recall"}
    (chart,) = (element for element in section(page, "classes").iter() if element.get("id") == "class-recall")
    assert chart[0].attrib["aria-label"].startswith("Bar chart of recall per class")


def test_every_chart_has_a_text_alternative(page: ET.Element) -> None:
    """Seven charts without published accuracies and comparison, one of clusters, and one for each class."""
    labels = [
        svg.get("aria-label", "") for svg in page.iter() if svg.get("class", "").split()[:1] in (["figure"], ["bars"])
    ]
    assert len(labels) == 7 + 1 + 10
    assert all(len(label) > 40 and re.search(r"\d", label) for label in labels)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"model": "mlp"}, "(MLP 100-10, ReLU) has an accuracy of 87.0%, which is "),
        ({"model": "cnn"}, "(5 conv, batch normalization, pooling) has an accuracy of 93.1%, which is above the 95%"),
        ({"trained": False}, "all accuracies are about the same 10,000 test images, except that of crowd workers"),
    ],
)
def test_fashion_mnist_is_compared_with_published_accuracies(settings: dict[str, Any], words: str) -> None:
    """Every value has its source and its caveat; a network is compared with the most similar one."""
    shown = section(render(make_run(n=N_TEST, **settings)), "published")
    table = rows(shown)
    assert [row[:2] for row in table] == [
        [entry.name, f"{entry.accuracy:.1%}"] for group in PUBLISHED for entry in group.entries
    ]
    assert [row[2:] for row in table if len(row) > 2] == [[group.source, group.caveat] for group in PUBLISHED]
    spans = [int(cell.attrib["rowspan"]) for cell in shown.findall(".//td[@rowspan]")]
    assert spans == [len(group.entries) for group in PUBLISHED for _ in range(2)]
    assert words in text(shown)


def test_the_most_frequent_errors_come_first(page: ET.Element, run: Run) -> None:
    """In words and pictures: how many of how many, and up to six images, the most confident first."""
    matrix = run.evaluation.matrix.copy()
    np.fill_diagonal(matrix, 0)
    pairs = section(page, "confusion").findall(".//ul[@class='pairs']/li")
    largest = sorted(matrix.ravel().tolist(), reverse=True)[: len(pairs)]
    assert len(pairs) == 6
    for pair, n in zip(pairs, largest, strict=True):
        title, share = pair.findall("p")
        assert re.fullmatch(r"class \d → class \d", text(title))
        assert text(share).startswith(f"{n} of 10: {10 * n}.0% ")
        assert share.find("a[@href='#confusion']") is not None
        confidences = [float(text(span).removesuffix("%")) for span in pair.findall(".//li/span")]
        assert len(confidences) == min(n, 6)
        assert confidences == sorted(confidences, reverse=True)


def test_every_cell_of_the_heatmap_links_to_its_images(page: ET.Element, run: Run) -> None:
    """And every group of images has its link."""
    heatmap = section(page, "confusion").find(".//figure")
    assert heatmap is not None
    links = {
        value
        for element in heatmap.iter()
        for name, value in element.attrib.items()
        if name.endswith("href") and value.startswith("#cell")
    }
    true, predicted = np.nonzero(run.evaluation.matrix)
    assert links == {f"#cell-{i}-{j}" for i, j in zip(true, predicted, strict=True)}
    ids = [element.attrib["id"] for element in page.iter("li") if "id" in element.attrib]
    assert sorted(f"#{each}" for each in ids) == sorted(links)


def test_samples_are_shown_with_their_probabilities(page: ET.Element, run: Run) -> None:
    """Each selected image with its true class and its most probable classes."""
    predictions, samples, names = predictions_of(run), run.evaluation.samples, run.evaluation.class_names
    items = page.findall(".//ul[@class='samples']/li")
    indices = samples.confident_mistakes + samples.least_certain + samples.wrong + samples.right
    for item, index in zip(items, indices, strict=True):
        true, predicted = names[predictions.y_true[index]], names[predictions.y_pred[index]]
        outcome = "" if true == predicted else f" → {predicted}"
        assert text(item.find(".//p[@class='label']")) == f"{true}{outcome} {predictions.confidence[index]:.1%}"
        assert text(item.find(".//p[@class='index']")) == f"no. {index}"
        shown = {
            text(row.find("span[@class='name']")): text(row.find("span[@class='share']"))
            for row in item.findall(".//ol/li")
        }
        assert {true, predicted} <= shown.keys()
        assert [text(row.find("span[@class='name']")) for row in item.findall(".//ol/li[@class='true']")] == [true]
        for name, share in shown.items():
            assert share == f"{predictions.probabilities[index][names.index(name)]:.1%}"


def test_charts_have_their_tables(page: ET.Element, run: Run) -> None:
    """Every cell of the matrix, every bin, every coverage and every epoch."""
    assert run.training is not None
    confusion = rows(section(page, "confusion"))
    assert sum(int(row[2]) for row in confusion) == 100
    assert len(confusion) == np.count_nonzero(run.evaluation.matrix)
    bins, coverage = (rows(section(page, "calibration"), table) for table in (0, 1))
    assert [int(row[1]) for row in bins] == [each.n for each in calibration_of(run.evaluation).bins]
    assert coverage[-1][:2] == ["100.0%", "100"]
    assert [row[1:3] for row in rows(section(page, "learning"))] == [
        ["0.001", f"{loss:.3f}"] for loss in run.training.history.loss
    ]


@pytest.mark.parametrize(
    ("value", "interval", "words"),
    [
        (
            0.1,
            Interval(0.04, 0.16),
            f"the model is overconfident by 10.0 percentage points (95% confidence interval 4.0{DASH}16.0, n = 100).",
        ),
        (
            -0.1,
            Interval(-0.16, -0.04),
            f"the model is underconfident by 10.0 percentage points (95% confidence interval 4.0{DASH}16.0, n = 100).",
        ),
        (
            0.02,
            Interval(-0.04, 0.08),
            f"difference of +2.0 percentage points is not significant (95% confidence interval {MINUS}4.0 to +8.0, n =",
        ),
    ],
)
def test_over_and_underconfidence_follow_from_the_interval(
    run: Run, value: float, interval: Interval, words: str
) -> None:
    """So the sentence cannot contradict it."""
    calibration = replace(calibration_of(run.evaluation), overconfidence=value, overconfidence_interval=interval)
    evaluation = replace(run.evaluation, calibration=calibration)
    assert words in text(section(render(replace(run, evaluation=evaluation)), "calibration").find(".//p"))


@pytest.mark.parametrize(
    ("bounds", "ece", "is_said"),
    [((-0.04, 0.08), 0.2, True), ((-0.04, 0.08), 0.1, False), ((0.04, 0.16), 0.2, False)],
)
def test_a_large_calibration_error_is_said_if_there_is_no_tendency(
    run: Run, bounds: tuple[float, float], ece: float, *, is_said: bool
) -> None:
    """As in the tile: overconfident and underconfident bins may cancel each other out."""
    calibration = replace(
        calibration_of(run.evaluation),
        overconfidence_interval=Interval(*bounds),
        ece=ece,
        ece_if_calibrated_95=0.15,
    )
    evaluation = replace(run.evaluation, calibration=calibration)
    page = render(replace(run, evaluation=evaluation))
    said = "Yet the calibration error of 20.0% is larger than that of 95% of perfectly calibrated models"
    assert (said in text(section(page, "calibration").find(".//p"))) == is_said
    assert ("Miscalibrated" in text(page.find(".//ul[@class='tiles']"))) == is_said


@pytest.mark.parametrize(
    ("accuracy", "note"),
    [
        (1, "This difference is an end of its interval, because no accuracy is higher."),
        (0, "This difference is an end of its interval, because no accuracy is lower."),
        (0.5, None),
    ],
)
def test_the_overconfidence_of_an_extreme_accuracy(accuracy: float, note: str | None) -> None:
    """Its interval has one side only, and the page says why."""
    y_true = np.arange(100, dtype=np.int16) % 2
    y_pred = np.where(np.arange(100) < 100 * accuracy, y_true, 1 - y_true)
    predictions = Predictions(y_true, np.where(np.eye(2)[y_pred] == 1, 0.7, 0.3).astype(np.float32))
    run = make_run(predictions=predictions)
    calibration = calibration_of(run.evaluation)
    ends = (calibration.overconfidence_interval.lower, calibration.overconfidence_interval.upper)
    assert (calibration.overconfidence == pytest.approx(ends[0])) == (accuracy == 1)
    assert (calibration.overconfidence == pytest.approx(ends[1])) == (accuracy == 0)
    words = text(section(render(run), "calibration").find(".//p"))
    assert note in words if note else "This difference is an end" not in words


@pytest.mark.parametrize(("n", "is_small"), [(299, True), (300, False)])
def test_a_small_test_set_has_less_reliable_intervals(n: int, *, is_small: bool) -> None:
    """The simulations begin at 300 images."""
    shown = text(section(render(make_run(n=n)), "metrics"))
    assert ("This test set is smaller; the intervals are less reliable." in shown) == is_small


def test_errors_at_high_confidence_stand_beside_those_that_the_probabilities_predict(run: Run) -> None:
    """With the range of their number for a calibrated model."""
    high = HighConfidence(0.9, 6788, 170, 95.23, Interval(77, 114))
    evaluation = replace(run.evaluation, calibration=replace(calibration_of(run.evaluation), high_confidence=high))
    assert (
        f"Above 90% confidence, 170 of 6,788 predictions are wrong; the probabilities predict 95 errors (in 95% "
        f"of cases 77{DASH}114)."
    ) in text(section(render(replace(run, evaluation=evaluation)), "calibration").find(".//p"))


def test_the_run_can_be_repeated(page: ET.Element, run: Run) -> None:
    """Command, versions, device and the hashes of the data."""
    shown, provenance = text(section(page, "run")), run.provenance
    assert provenance.command in shown
    for value in (*provenance.environment.packages.values(), *provenance.data.sha256.values()):
        assert value in shown
    assert provenance.environment.device_name in shown
    assert provenance.environment.revision in shown


def test_one_file_fetches_nothing(run: Run, page: ET.Element) -> None:
    """Every address is in the page itself, and its policy allows nothing else."""
    addresses = [
        element.attrib[name]
        for element in page.iter()
        for name in ("src", "href", "srcset", "{http://www.w3.org/1999/xlink}href", "xlink:href")
        if name in element.attrib
    ]
    assert addresses
    assert [address for address in addresses if not address.startswith(("#", "data:"))] == []
    source = render_page(run, "single")["index.html"].decode()
    assert not re.search(r"@import|url\((?!#)", source)
    policy = next(meta.attrib["content"] for meta in page.iter("meta") if "http-equiv" in meta.attrib)
    for kind in ("style", "script"):
        (content,) = re.findall(f"<{kind}>(.*?)</{kind}>", source, re.DOTALL)
        allowed = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{allowed}'" in policy
    assert policy.startswith("default-src 'none'; img-src data:; ")


def test_ids_are_unique_and_links_lead_somewhere(page: ET.Element) -> None:
    """Anchors of the page."""
    ids = [element.attrib["id"] for element in page.iter() if "id" in element.attrib]
    assert len(set(ids)) == len(ids)
    links = [link.attrib["href"] for link in page.iter("a")]  # those of the heatmap have their own test
    assert all(link[1:] in ids for link in links)


def test_a_folder_needs_no_script_inline_style_or_data_uri(run: Run, page: ET.Element) -> None:
    """It shows what the single file shows, and links to its own files and no others."""
    files = render_page(run, "folder")
    source = files["index.html"].decode()
    other = parse(source)
    assert [tag for tag in ("style", "script") if other.find(f".//{tag}") is not None] == []
    assert not [element for element in other.iter() if "style" in element.attrib]
    assert "data:" not in re.sub(r"aria-label=\"[^\"]*\"", "", source)
    links = {link.attrib["rel"]: link.attrib["href"] for link in other.findall(".//link")}
    assert links["stylesheet"] == "report.css"
    pictures = {image.attrib["src"] for image in other.iter("img")}
    assert links["icon"] in pictures
    assert {*files} == {"index.html", "report.css", *pictures}
    assert all(picture.startswith("report-images/") for picture in pictures)
    assert text(other.find(".//main")) == text(page.find(".//main"))


@pytest.mark.parametrize("layout", get_args(Layout))
def test_the_files_of_a_run_give_the_same_bytes(repeated: Run, tmp_path: Path, layout: Layout) -> None:
    """Written and read again, without the folder of the reference."""
    repeated.write(tmp_path)
    write_report(Run.read(tmp_path), tmp_path, layout)
    for name, content in render_page(repeated, layout).items():
        assert (tmp_path / name).read_bytes() == content


def test_a_run_without_reference_has_no_comparison(page: ET.Element) -> None:
    """Neither a section nor a link to it."""
    assert page.find(".//section[@id='comparison']") is None
    assert page.find(".//nav/a[@href='#comparison']") is None


def test_a_comparison_states_difference_interval_n_and_p(compared_page: ET.Element, compared: Run) -> None:
    """First the verdict on the networks, then every metric of both, and the four counts of images."""
    shown, comparison = section(compared_page, "comparison"), compared.comparison
    assert comparison is not None
    counts, reference = comparison.counts, comparison.reference
    seen = view_comparison(comparison, compared.evaluation.class_names, 1)
    words = text(shown).replace(MINUS, "-")
    interval = f"({100 * counts.interval.lower:+.1f} to {100 * counts.interval.upper:+.1f})"
    lead = text(shown.find("p")).replace(MINUS, "-")
    change = f"{100 * counts.difference:+.1f} points {interval}"
    assert lead == (
        f"{seen.verdict}. The difference in accuracy from the reference (MLP 784-128-10) is {change} on the same 300 "
        f"test images. {seen.seeds}"
    )
    assert (
        f"correct on {counts.n_discordant} images: {counts.n_fixed} fixed (only this network is correct) and " in words
    )
    assert re.search(r"p (= [\d.]+|< 0\.001) \(exact McNemar test\)", words)
    metrics = rows(shown)
    assert [row[0].split(" ")[0] for row in metrics] == ["Accuracy", "Loss", "Brier", "Overconfidence", "Calibration"]
    assert metrics[0][1:3] == [f"{reference.accuracy:.1%}", f"{compared.evaluation.accuracy:.1%}"]
    assert metrics[1][1:3] == [f"{reference.loss:.3f}", f"{compared.evaluation.loss:.3f}"]
    assert [" to " in row[3] for row in metrics] == [True] * 4 + [False]
    assert rows(shown, 1) == [
        ["Reference correct", f"both correct {counts.n_both_right}", f"broken {counts.n_broken}"],
        ["Reference wrong", f"fixed {counts.n_fixed}", f"both wrong {counts.n_both_wrong}"],
    ]
    assert reference.command in words
    assert reference.network in words
    assert not re.search("better|worse", lead.lower())
    assert "recipe" not in text(compared_page.find(".//header"))


def test_a_comparison_of_recipes_states_both_means(repeated: Run) -> None:
    """With the number of seeds on each side; the reported networks are compared, too."""
    run = make_run(n=300, with_reference=True, is_fashion_mnist=False, runs=3, reference_runs=2)
    assert run.comparison is not None
    recipes = run.comparison.recipes
    assert recipes is not None
    assert recipes.interval is not None
    shown = section(render(run), "comparison")
    lead = text(shown.find("p")).replace(MINUS, "-")
    interval = f"({100 * recipes.interval.lower:+.1f} to {100 * recipes.interval.upper:+.1f})"
    words = "The difference in mean accuracy from the reference (MLP 784-128-10) is"
    assert f"{words} {100 * recipes.difference:+.1f} points {interval} on the same" in lead
    assert "trained with 3 seeds and that of the reference with 2" in lead
    assert rows(shown)[0][1:3] == [f"{recipes.reference_mean:.1%}", f"{recipes.mean:.1%}"]
    assert rows(shown)[1][1:3] == [f"{recipes.loss.reference:.3f}", f"{recipes.loss.current:.3f}"]
    assert len(rows(shown, 1)) == 5
    assert "recipes" in text(section(render(repeated), "comparison"))
    assert "images; that of the recipe difference covers the seeds, too." in text(render(run).find(".//header"))


def test_a_comparison_shows_every_class(compared_page: ET.Element, compared: Run) -> None:
    """Both recalls, their difference with its interval, its corrected p-value, and the images fixed and broken."""
    assert compared.comparison is not None
    shown = section(compared_page, "comparison")
    classes = rows(shown, 2)
    assert [row[0] for row in classes] == [f"class {label} n = 30" for label in range(10)]
    for row, counts, now in zip(classes, compared.comparison.per_class, compared.evaluation.per_class, strict=True):
        assert row[1:3] == [f"{counts.reference:.1%}", f"{now.recall:.1%}"]
        assert row[4:] == [f"{counts.p_adjusted:.3f}", str(counts.n_fixed), str(counts.n_broken)]
        assert f"{100 * counts.interval.upper:+.1f}" in row[3].replace(MINUS, "-")
    figures = [svg for svg in shown.iter() if svg.get("class", "") == "figure"]
    assert [svg.get("aria-label", "")[:9] for svg in figures] == ["Dot chart"]


def test_only_significant_changes_of_a_class_are_named() -> None:
    """One class lost all its images, the others none."""
    y_true = np.arange(400, dtype=np.int16) % 10
    y_pred = np.where(y_true == 3, 4, y_true).astype(np.int16)
    probabilities, before = predict(y_true, y_pred).probabilities, predict(y_true, y_true)
    changed = Predictions(y_true, probabilities, y_true, before.probabilities)
    words = text(section(render(make_run(predictions=changed)), "comparison")).replace(MINUS, "-")
    assert "The recall of 1 of 10 classes differs significantly between the two networks: Dress -100.0 points." in words
    same = Predictions(y_true, before.probabilities, y_true, before.probabilities)
    words = text(section(render(make_run(predictions=same)), "comparison"))
    assert "The recall of none of the 10 classes differs significantly between the two networks." in words


def test_fixed_and_broken_images_are_shown(compared_page: ET.Element, compared: Run) -> None:
    """Each with its class and both predictions."""
    predictions, comparison = predictions_of(compared), compared.comparison
    assert comparison is not None
    assert predictions.y_reference is not None
    groups = section(compared_page, "comparison").findall("ul[@class='changes']")
    items = [item for group in groups for item in group]
    indices = comparison.fixed + comparison.broken
    assert len(indices) > 12
    for item, index in zip(items, indices, strict=True):
        true, current = predictions.y_true[index], predictions.y_pred[index]
        image = item.find("img")
        assert image is not None
        assert image.attrib["alt"] == f"Test image {index}: class {true}"
        assert [text(value) for value in item.findall(".//dd")] == [
            f"class {true}",
            f"class {current}, {predictions.confidence[index]:.1%}",
            f"class {predictions.y_reference[index]}",
        ]


def test_models_of_other_programs_are_compared_by_name() -> None:
    """Nothing calls them networks, and what is unknown has no row; names stay text."""
    run = make_run(n=300, with_reference=True, trained=False, is_fashion_mnist=False)
    assert run.comparison is not None
    reference = replace(run.comparison.reference, name="<i>forest</i>", network="")
    environment = replace(run.provenance.environment, revision="", image="")
    provenance = replace(run.provenance, environment=environment)
    page = render(replace(run, comparison=replace(run.comparison, reference=reference), provenance=provenance))
    shown = section(page, "comparison")
    assert "The difference in accuracy from the reference (<i>forest</i>) is " in text(shown.find("p"))
    assert "network" not in text(shown).lower()
    assert [text(term) for term in shown.findall(".//details//dt")] == ["name", "started", "folder"]
    terms = [text(term) for term in section(page, "run").findall(".//dt")]
    assert not {"git revision", "image"} & set(terms)
    assert "unknown" not in text(section(page, "run"))


def test_a_reference_with_the_same_predictions(run: Run) -> None:
    """No image changed: no p-value, no images, and no significant difference."""
    same = replace(predictions_of(run), y_reference=run.predictions.y_pred.astype(np.int16))
    shown = section(render(make_run(predictions=same)), "comparison")
    assert text(shown.find("p")).startswith(
        "No significant difference in accuracy. The difference in accuracy from the reference (MLP 784-128-10) is 0.0 "
    )
    assert "Both networks are correct on the same images." in text(shown)
    assert "wrote this run without the probabilities that the reference predicted" in text(shown)
    assert shown.find(".//ul[@class='changes']") is None


def test_hostile_class_names_stay_text() -> None:
    """Names with markup and in other scripts are shown as they are."""
    names = ["<script>alert(1)</script>", "袋 $x^2", '"><img src=x>', "{{ 7 * 7 }}"]
    page = render(make_run(n_classes=4, with_reference=True, class_names=names))
    assert len(page.findall(".//script")) == 1
    assert [image for image in page.iter("img") if not image.attrib["src"].startswith("data:image/png")] == []
    assert [row[0] for row in rows(section(page, "classes"))] == names
    assert [row[0] for row in rows(section(page, "comparison"), 2)] == [f"{name} n = 25" for name in names]


def test_a_perfect_model_has_no_errors_to_show() -> None:
    """The sections say so instead of failing."""
    page = render(make_run(predictions=predict(LABELS, LABELS)))
    assert "All test images are classified correctly." in text(section(page, "confusion"))
    assert "incorrect" not in text(section(page, "samples"))
    assert re.search(r"confidence, 0 of \d+ predictions are wrong", text(section(page, "calibration")))


def test_a_model_without_a_correct_prediction_has_none_to_show() -> None:
    """The sections say so instead of failing."""
    page = render(make_run(predictions=predict(LABELS, (LABELS + 1) % 10)))
    assert text(page.find(".//h1")).startswith("The model classifies 0.0% of 100")
    assert "Random correct predictions" not in text(section(page, "samples"))


@pytest.mark.parametrize("n_classes", [2, 100])
def test_few_and_many_classes(n_classes: int) -> None:
    """A page that parses, with a row per class, even without validation."""
    page = render(make_run(n=200, n_classes=n_classes, with_reference=True, validation_split=0.0))
    assert len(rows(section(page, "classes"))) == n_classes
    assert len(rows(section(page, "learning"))[0]) == 4


def test_the_seeds_have_a_section(repeated_page: ET.Element, repeated: Run, page: ET.Element) -> None:
    """Mean, standard deviation and every training; the page of a single training names the option instead."""
    assert repeated.training is not None
    variation = repeated.training.seed_variation
    assert variation is not None
    shown = section(repeated_page, "seeds")
    assert rows(shown) == [
        [
            f"{seed_run.seed}{' reported here' if seed_run.seed == variation.reported_seed else ''}",
            f"{seed_run.accuracy:.1%}",
            f"{seed_run.loss:.3f}",
            f"{seed_run.val_accuracy:.1%}",
            f"{seed_run.val_loss:.3f}",
            f"{seed_run.training_s:.1f} s",
        ]
        for seed_run in variation.runs
    ]
    mean, sd = variation.mean_interval, variation.sd_interval
    assert mean is not None
    assert sd is not None
    words = text(shown)
    assert f"mean accuracy of {variation.mean:.1%} {100 * mean.lower:.1f}{DASH}{mean.upper:.1%} on the 100" in words
    interval = f"{100 * sd.lower:.2f}{DASH}{100 * sd.upper:.2f}"
    assert f"standard deviation of {100 * variation.sd:.2f} points {interval}." in words
    assert "reports and saves the run with the lowest validation loss, seed 1; the test images play no part" in words
    assert [svg.get("aria-label", "")[:30] for svg in shown.iter() if svg.get("class") == "figure"] == [
        "Dot chart of the test accuraci"
    ]
    assert "in 2.5 s on the CPU; one of 3 such trainings." in text(repeated_page.find(".//header"))
    assert "Each of the 3 models was evaluated on the test images once" in text(section(repeated_page, "metrics"))
    assert page.find(".//section[@id='seeds']") is None
    assert "use --runs to train with several seeds" in text(section(page, "metrics"))


def test_seeds_without_validation() -> None:
    """The first run is reported; results of version 0.5.0 say what they reported."""
    run = make_run(runs=2, seed=3, validation_split=0.0)
    assert "reports and saves the first run, seed 3, because no images were held out" in text(
        section(render(run), "seeds")
    )
    assert run.training is not None
    assert run.training.seed_variation is not None
    old = replace(run.training.seed_variation, chosen_by="median accuracy", mean_interval=None, sd_interval=None)
    words = text(section(render(replace(run, training=replace(run.training, seed_variation=old))), "seeds"))
    assert "reported and saved the run of median test accuracy, seed 3" in words


def test_augmented_images_are_shown(repeated_page: ET.Element, page: ET.Element) -> None:
    """Two sheets of four images, and what the recipe changes about the metrics."""
    learning = section(repeated_page, "learning")
    pictures = learning.findall(".//figure[@class='augmented one-two']//img")
    assert [(picture.get("width"), picture.get("height")) for picture in pictures] == [("176", "236")] * 2
    for picture in pictures:
        assert picture.get("alt") == "Training images, each followed by its augmented versions in epochs 1 to 2"
        assert picture.get("src", "").startswith("data:image/png;base64,")
    for words in ("label smoothing of 10%", "Dropout of 20%", "Augmentation applies", "moving average"):
        assert words in text(learning)
        assert words not in text(section(page, "learning"))
    assert section(page, "learning").find(".//figure[@class='augmented one-two']") is None
    assert "and averages the probabilities. Ranges are 95%" in text(repeated_page.find(".//header"))


def test_every_class_has_its_curves(page: ET.Element, run: Run) -> None:
    """The weakest class first, with a table of the same values."""
    curves = section(page, "classes").find("details[@id='curves']")
    assert curves is not None
    weakest = min(run.evaluation.per_class, key=lambda row: row.average_precision or 0)
    assert next(text(figure).split(",")[0] for figure in curves.iter("figcaption")) == weakest.name
    assert len(curves.findall(".//figure/*[@aria-label]")) == len(rows(curves)) == 10
    values = rows(curves)[0]
    assert values[0] == weakest.name
    assert [values[1], values[4]] == [f"{weakest.roc_auc:.3f}", f"{weakest.average_precision:.3f}"]
    assert "The class with the lowest average precision comes first." in text(curves)


def test_the_curves_of_many_classes_are_those_of_the_weakest() -> None:
    """The page says so."""
    curves = render(make_run(n=200, n_classes=20)).find(".//details[@id='curves']")
    assert text(curves).startswith("ROC and precision-recall curves of 10 classes")
    assert "These are the 10 classes with the lowest average precision, the lowest first." in text(curves)


def test_similar_classes_are_neighbours(page: ET.Element, run: Run) -> None:
    """The order is also written out, and the closest pairs have their numbers."""
    clusters = section(page, "confusion").find(".//details[@id='clusters']")
    assert clusters is not None
    pairs = [text(item) for item in clusters.iter("li")]
    assert len(pairs) == 5
    assert re.fullmatch(r"(.+) and (.+): \d+ of 20 images", pairs[0])
    order = text(clusters).split("Order: ")[1].removesuffix(".").split(", ")
    assert sorted(order) == sorted(run.evaluation.class_names)


def test_what_the_network_has_learnt_is_shown(page: ET.Element, run: Run) -> None:
    """A mean image of each class, and the weights in one picture; earlier results do not have them."""
    learnt = section(page, "learning").find("details[@id='learnt']")
    assert learnt is not None
    assert [text(item) for item in learnt.iter("li")] == run.evaluation.class_names
    pictures = [picture.get("src", "") for picture in learnt.iter("img")]
    assert len(pictures) == 11
    assert all(picture.startswith("data:image/png;base64,") for picture in pictures)
    assert "the 24 units with the largest product of incoming and outgoing weight norms, largest first" in text(learnt)
    assert render(replace(run, learnt=None)).find(".//details[@id='learnt']") is None


def test_kernels_are_not_called_images(run: Run) -> None:
    """The first layer of a convolutional network has one weight per pixel of its kernels only."""
    kernels = np.ones((16, 3, 3), np.float16)
    learnt = Learnt(np.zeros((10, 28, 28), np.uint8), kernels)
    words = text(render(replace(run, learnt=learnt)).find(".//details[@id='learnt']"))
    assert "16 kernels of 3 \N{MULTIPLICATION SIGN} 3 weights" in words
    assert "units" not in words


def test_the_recipe_is_shown_with_its_changes(repeated_page: ET.Element) -> None:
    """Every value of it is a setting."""
    settings = {
        text(row[0]): text(row[1]) for row in section(repeated_page, "run").findall(".//dl[@class='facts']/div")
    }
    assert settings["recipe"].startswith("mlp; changed: epochs, dropout, ")
    assert (settings["optimizer"], settings["schedule"], settings["augment"]) == ("adamw", "cosine", "flip,shift")


def test_an_early_stop_is_explained(run: Run) -> None:
    """When, why, and which parameters were kept."""
    assert run.training is not None
    config = replace(run.training.config, epochs=9, early_stopping=1)
    history = replace(run.training.history, val_loss=[0.25, 0.5])
    stopped = replace(run, training=replace(run.training, config=config, history=history))
    words = text(section(render(stopped), "learning"))
    assert "Training stopped after epoch 2 of 9, because the validation loss had not improved for 1 epoch." in words
    assert "The tested parameters are those of epoch 1, which had the lowest validation loss." in words
    words = text(section(render(run), "learning"))
    assert "because the validation loss" not in words
    assert "The tested parameters are those of the last epoch, epoch 2." in words


@pytest.mark.parametrize(
    ("n_validation", "losses", "words"),
    [
        (30, [0.5, 0.4], "These validation images are too few to show overfitting or underfitting."),
        (300, [0.5, 0.4], "still fell by 20.0% in the last epoch: more epochs may help."),
        (
            300,
            [0.4, 0.4],
            "in the last epoch, the accuracy is 95.1% on the training images and 90.2% on the validation",
        ),
    ],
)
def test_the_page_says_what_the_losses_show(run: Run, n_validation: int, losses: list[float], words: str) -> None:
    """Also if they show nothing, with both accuracies."""
    assert run.training is not None
    history = replace(run.training.history, val_loss=losses, accuracy=[0.9, 0.951], val_accuracy=[0.9, 0.902])
    changed = replace(run, training=replace(run.training, history=history, n_validation=n_validation))
    assert words in text(section(render(changed), "learning"))


def test_random_errors_are_a_selection() -> None:
    """They are left out if the most confident ones are the same images."""
    predictions = Predictions(np.arange(100, dtype=np.int16) % 10, np.eye(10, dtype=np.float32)[np.arange(100) % 9])
    few = Predictions(predictions.y_true[:20], predictions.probabilities[:20])
    headings = [text(section(render(make_run(predictions=each)), "samples")) for each in (few, predictions)]
    assert ["Random incorrect predictions" in words for words in headings] == [False, True]


def test_options_are_code() -> None:
    """Also in sentences that Python writes."""
    shown = section(render(make_run(n=300, with_reference=True)), "comparison")
    assert [text(option) for option in shown.iterfind("p/code")] == ["--runs"]


@pytest.mark.parametrize("is_fashion_mnist", [False, True])
def test_a_run_that_this_job_did_not_train(is_fashion_mnist: bool) -> None:  # noqa: FBT001 - a parameter of pytest
    """The page has no learning curves, no settings, and no sentence on a training."""
    page = render(make_run(with_reference=True, trained=False, is_fashion_mnist=is_fashion_mnist))
    assert page.find(".//section[@id='learning']") is None
    assert page.find(".//nav/a[@href='#learning']") is None
    assert "Settings" not in [text(heading) for heading in page.iter("h3")]
    parts = [
        page.find(".//header"),
        *(each for each in page.iter("section") if each.attrib["id"] not in {"published", "run"}),
    ]
    assert [text(part) for part in parts if "train" in text(part)] == []
