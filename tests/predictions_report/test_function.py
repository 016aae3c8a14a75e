import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import html5lib
import msgspec
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_sample_image
from sklearn.metrics import accuracy_score, brier_score_loss, f1_score, log_loss, matthews_corrcoef, roc_auc_score
from support import REPOSITORY, make_predictions

from job.errors import JobError
from job.predictions_report import Report, report

PREDICTIONS = make_predictions(400, 5)
Y_TRUE, PROBABILITIES = PREDICTIONS.y_true, PREDICTIONS.probabilities
NAMES = ["red", "green", "blue", "grey", "black"]


class Frame(HTMLParser):
    """Reads the attributes of the frame of a notebook."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.attributes: dict[str, str | None] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag == "iframe"
        self.attributes = dict(attrs)


@pytest.fixture(scope="module")
def made() -> Report:
    return report(Y_TRUE, PROBABILITIES, class_names=NAMES, name="colours")


def test_the_metrics_are_those_of_scikit_learn(made: Report) -> None:
    """Computed by it from the same arrays."""
    y_pred = PROBABILITIES.argmax(axis=1)
    doubles = PROBABILITIES.astype(np.float64)
    expected = {
        "accuracy": accuracy_score(Y_TRUE, y_pred),
        "loss": log_loss(Y_TRUE, doubles / doubles.sum(axis=1, keepdims=True)),
        "brier": brier_score_loss(Y_TRUE, PROBABILITIES, scale_by_half=False, labels=range(5)),
        "mcc": matthews_corrcoef(Y_TRUE, y_pred),
        "roc_auc": roc_auc_score(Y_TRUE, doubles / doubles.sum(axis=1, keepdims=True), multi_class="ovr"),
    }
    assert {name: made.metrics[name] for name in expected} == pytest.approx(expected, rel=1e-5)
    assert made.metrics["macro"]["f1"] == pytest.approx(f1_score(Y_TRUE, y_pred, average="macro"))
    assert [row["name"] for row in made.metrics["per_class"]] == NAMES
    assert made.metrics["n_test"] == 400


class Tensor:
    """What PyTorch's and TensorFlow's arrays have in common."""

    def __init__(self, values: Any) -> None:  # noqa: ANN401 - any array
        self._values = values

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:  # noqa: ANN401 - NumPy's signature
        return np.asarray(self._values, dtype=dtype)


@pytest.mark.parametrize(
    ("y_true", "probabilities"),
    [
        (Y_TRUE.tolist(), PROBABILITIES.tolist()),
        (pd.Series(Y_TRUE), pd.DataFrame(PROBABILITIES)),
        (pd.Series([NAMES[label] for label in Y_TRUE]), pd.DataFrame(PROBABILITIES, columns=NAMES)),
        (pd.Series([NAMES[label] for label in Y_TRUE], dtype="category"), pd.DataFrame(PROBABILITIES, columns=NAMES)),
        (Tensor(Y_TRUE), Tensor(PROBABILITIES)),
        (np.eye(5)[Y_TRUE], PROBABILITIES),
        (pd.DataFrame(np.eye(5)[Y_TRUE]), PROBABILITIES),
        (pd.DataFrame(np.eye(5)[Y_TRUE][:, ::-1], columns=NAMES[::-1]), PROBABILITIES),
        (pd.get_dummies(pd.Series(NAMES)[Y_TRUE]), pd.DataFrame(PROBABILITIES, columns=NAMES)),
        (np.ma.array(Y_TRUE), np.ma.array(PROBABILITIES, mask=False)),
        (Y_TRUE[:, None], PROBABILITIES.astype(np.float64)),
    ],
    ids=[
        *("lists", "pandas", "names", "categories", "tensors", "one-hot", "one-hot frame", "named one-hot frame"),
        *("dummies", "masked arrays without a mask", "column"),
    ],
)
def test_arrays_of_any_library(made: Report, y_true: Any, probabilities: Any) -> None:  # noqa: ANN401 - any array
    """All give the same metrics."""
    other = report(y_true, probabilities, class_names=NAMES)
    assert other.metrics == made.metrics


def test_predicted_classes_without_probabilities(made: Report) -> None:
    """What needs probabilities is None, and everything else is the same."""
    other = report(Y_TRUE, PROBABILITIES.argmax(axis=1), class_names=NAMES)
    missing = {name for name, value in other.metrics.items() if value is None} - {
        name for name, value in made.metrics.items() if value is None
    }
    names = {"top_2_accuracy", "top_3_accuracy", "loss", "brier", "roc_auc", "average_precision"}
    assert missing == names | {f"{name}_interval" for name in names} | {"calibration"}
    for name in ("accuracy", "accuracy_interval", "mcc", "macro", "weighted", "confusion_matrix"):
        assert other.metrics[name] == made.metrics[name]
    page = other.html()
    assert "The predictions name only one class for each image, without probabilities." in page
    assert 'id="calibration"' not in page


def test_the_page_says_which_images_it_shows(made: Report) -> None:
    """The most confident ones, or random ones if there is no confidence and not all are shown."""
    images, y_pred = np.zeros((400, 8, 8), np.uint8), PROBABILITIES.argmax(axis=1)
    first = report(Y_TRUE, np.roll(y_pred, 1), class_names=NAMES, images=images)
    second = report(Y_TRUE, np.roll(y_pred, 2), class_names=NAMES, images=images, reference=first)
    comparison, page = second.run.comparison, second.html()
    assert comparison is not None
    assert min(comparison.counts.n_fixed, comparison.counts.n_broken) > 12
    sections = re.findall(r"(\d+) of (\d+) images [^;.<]*; drawn at random\.", page)
    assert [shown for shown, _ in sections] == ["12", "12"]
    assert "Up to six images of each, drawn at random" in page
    assert "most confident first" not in page
    few = y_pred.copy()
    few[:5] = (few[:5] + 1) % 5
    page = report(
        Y_TRUE, y_pred, class_names=NAMES, images=images, reference=report(Y_TRUE, few, class_names=NAMES)
    ).html()
    assert not re.search(r"images [^;.<]*; drawn at random", page)
    page = report(Y_TRUE, PROBABILITIES, class_names=NAMES, images=images, reference=made).html()
    assert "Up to six images of each, most confident first, with their confidence" in page
    assert "drawn at random" not in page


def test_logits(made: Report) -> None:
    """Their softmax are the probabilities."""
    logits = np.log(PROBABILITIES) + np.arange(400)[:, None]
    assert report(Y_TRUE, logits, class_names=NAMES, logits=True).metrics["loss"] == pytest.approx(
        made.metrics["loss"], rel=1e-4
    )


def test_a_page_is_saved(made: Report, tmp_path: Path) -> None:
    """As one file, which is the same each time, and names no file that is not there."""
    assert made.save(tmp_path / "new" / "page.html") == tmp_path / "new" / "page.html"
    assert (tmp_path / "new" / "page.html").read_text(encoding="utf-8") == made.html()
    assert "predictions.csv" not in made.html()
    assert "predictions.csv" in made.save(tmp_path / "folder").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["report.csv", "report.PDF", "report.json", "report.png"])
def test_a_page_has_no_other_format(made: Report, tmp_path: Path, name: str) -> None:
    """No folder gets such a name; a dot in the name of a folder does not matter."""
    with pytest.raises(
        ValueError, match=rf"{name}: \{name[6:]} is not a format of the report; end the name with \.html"
    ):
        made.save(tmp_path / name)
    assert not list(tmp_path.iterdir())
    assert made.save(tmp_path / "report-v1.2") == tmp_path / "report-v1.2" / "index.html"


def test_indexes_of_pandas() -> None:
    """The same values in another order contradict the order of the rows; other indexes mean nothing."""
    y_true, probabilities = pd.Series(Y_TRUE), pd.DataFrame(PROBABILITIES)
    shuffled = y_true.sample(frac=1, random_state=0)
    with pytest.raises(
        ValueError, match=r"^y_true: has the index of the probabilities in another order; give y_true\.loc"
    ):
        report(shuffled, probabilities)
    accuracy = np.mean(PROBABILITIES.argmax(axis=1) == Y_TRUE)
    others = (shuffled.loc[probabilities.index], y_true.set_axis(range(1, 401)), y_true.set_axis([0] * 400))
    for each in (y_true, *others, shuffled.sort_index().to_numpy(), shuffled.sort_index().tolist()):
        assert report(each, probabilities).metrics["accuracy"] == accuracy
    missing = pd.Index([pd.NA, *range(399)], dtype="Int64")
    assert report(y_true.set_axis(missing), probabilities).metrics["accuracy"] == accuracy
    doubled = y_true.set_axis([0, 1] * 200), probabilities.set_axis([1, 0] * 200)
    assert report(*doubled).metrics["accuracy"] == accuracy


def test_a_folder_that_cannot_be_written(made: Report, tmp_path: Path) -> None:
    """The error is a ValueError, and names no option of the command line."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(ValueError, match=rf"^{tmp_path}/file: ") as error:
        made.save(tmp_path / "file")
    assert "\n" not in str(error.value)


def test_numbers_as_names_of_columns() -> None:
    """They are class names, as scikit-learn's `classes_` are; if they count the columns from 0, this is the same."""
    accuracy = np.mean(PROBABILITIES.argmax(axis=1) == Y_TRUE)
    frame = pd.DataFrame(PROBABILITIES)
    assert report(Y_TRUE, frame).metrics["accuracy"] == accuracy
    assert report(Y_TRUE, frame[[3, 1, 0, 4, 2]]).metrics["accuracy"] == accuracy
    digits = np.array([3, 5, 8, 10, 12])
    found = report(digits[Y_TRUE], pd.DataFrame(PROBABILITIES, columns=digits))
    assert found.metrics["accuracy"] == accuracy
    assert [row["name"] for row in found.metrics["per_class"]] == ["3", "5", "8", "10", "12"]
    assert report(Y_TRUE, frame, class_names=NAMES).metrics["accuracy"] == accuracy


def test_a_frame_of_predicted_classes() -> None:
    """A single column is known by its name."""
    names = np.array(NAMES)
    predicted = pd.DataFrame({"predicted": names[PROBABILITIES.argmax(axis=1)]})
    found = report(names[Y_TRUE], predicted, class_names=NAMES).metrics
    assert found["accuracy"] == np.mean(PROBABILITIES.argmax(axis=1) == Y_TRUE)


def test_a_folder_is_saved(made: Report, tmp_path: Path) -> None:
    """It can be the reference of other predictions, whatever their classes are called."""
    page = made.save(tmp_path / "before")
    assert sorted(path.name for path in page.parent.iterdir()) == [
        "SHA256SUMS",
        "ci",
        "index.html",
        "metrics.json",
        "predictions.csv",
    ]
    stored = json.loads((page.parent / "metrics.json").read_text(encoding="utf-8"))
    assert stored["evaluation"] == made.metrics
    assert (stored["training"], stored["provenance"]["name"]) == (None, "colours")
    other = report(Y_TRUE, np.roll(PROBABILITIES, 1, axis=0), reference=page.parent)
    assert other.run.evaluation.class_names == NAMES
    assert other.run.comparison is not None
    assert other.run.comparison.counts.reference == made.metrics["accuracy"]


def test_a_notebook_shows_a_frame(made: Report) -> None:
    """So that its style and that of the page do not mix; the page in it is the saved one, plus the script for links."""
    attributes = Frame(made._repr_html_()).attributes
    assert attributes["sandbox"] == "allow-scripts"
    source = str(attributes["srcdoc"])
    assert source.startswith("<!doctype html>")
    assert '<html lang="en">' in source
    assert len(source) > len(made.html())
    assert repr(made) == f"<Report: accuracy {made.metrics['accuracy']:.4f} on 400 test images>"


def test_images_with_colours(tmp_path: Path) -> None:
    """They are shown as they are, and read back from the folder."""
    images = np.random.default_rng(0).integers(0, 256, (400, 20, 30, 3), np.uint8)
    made = report(Y_TRUE, PROBABILITIES, images=images)
    assert '<body class="natural">' in made.html()
    folder = made.save(tmp_path / "report").parent
    from job.results.run import Run

    read = Run.read(folder)
    assert {number: image.tolist() for number, image in read.images.items()} == {
        number: images[number].tolist() for number in read.images
    }


def test_grey_images_on_black_are_shown_as_negatives() -> None:
    """As those of a training."""
    images = np.zeros((400, 8, 8))
    images[:, 2:6, 2:6] = 1
    assert '<body class="natural">' not in report(Y_TRUE, PROBABILITIES, images=images).html()
    assert '<body class="natural">' in report(Y_TRUE, PROBABILITIES, images=1 - images).html()


@pytest.mark.parametrize(
    ("y_true", "probabilities", "options", "problem"),
    [
        (
            [0, 1],
            [[3.0, -1], [0, 2]],
            {},
            "probabilities, row 0, column 0: the row has values from -1 to 3 and sums to 2",
        ),
        (
            [0, 1],
            [0.3, 0.8],
            {},
            "probabilities, row 0: 0.3 is not a class number; of two classes, write the probabilities",
        ),
        ([0, 1], [[0.3], [0.8]], {}, "probabilities: has one probability for each image; give those of both classes"),
        (
            ["a", "b"],
            np.eye(2),
            {},
            "y_true: the labels are names, so the order of the probabilities is unknown; name the",
        ),
        ([0, 1, 1], np.eye(2), {}, "probabilities: has 2 rows, but y_true has 3 labels; give one row for each image"),
        ([0, None], np.eye(2), {}, "y_true: is not an array (value 1 is None)"),
        ([0, np.nan], np.eye(2), {}, "y_true, row 1: has no label; write class numbers or names"),
        ([0, [1]], np.eye(2), {}, "y_true: is not an array ("),
        ([0, 1], np.zeros((2, 2, 2)), {}, "probabilities: has the shape (2, 2, 2); give (n,) or (n, n_classes)"),
        (
            [0, 1],
            np.eye(2),
            {"class_names": ["a", "a"]},
            "class_names: 'a' is listed twice; give each class its own name",
        ),
        ([0, 1], np.eye(2), {"class_names": list("abc")}, "probabilities: has probabilities of 2 classes, but class_"),
        *(
            (
                [0, 1],
                np.eye(2),
                {"class_names": names},
                f"class_names: has the type {kind}; give the names as a list in",
            )
            for names, kind in (
                *(("ab", "str"), (b"ab", "bytes"), ({0: "cat", 1: "dog"}, "dict"), ({"cat", "dog"}, "set"), (2, "int")),
                *(({"cat": 0}.keys(), "dict_keys"), (frozenset("ab"), "frozenset")),
            )
        ),
        ([0, 1], np.eye(2), {"images": np.zeros((3, 4, 4))}, "probabilities: has 2 rows, but there are 3 images; give"),
        (
            [0, 1],
            np.eye(2),
            {"reference": "/none"},
            "/none/metrics.json: not found; name the output folder of a finished",
        ),
        ([0, 1], np.eye(2), {"reference": 7}, "reference: has the type int; give a report, or the name of its folder"),
        ([0, 1], np.eye(2), {"class_names": ["a"]}, "class_names: contains 1 class name; write 2 to 256"),
        ([0, 1], np.eye(2), {"class_names": ["a", "b\0"]}, "class_names: 'b\\x00' has a control character; remove it"),
        ([0, 1], np.eye(2), {"names": "ab"}, "names: has the type str; give the names as a list in the order of the"),
        ([0, 1], np.eye(2), {"names": ["a"]}, "names: has 1 name, but probabilities has 2 rows; give one for each"),
        ([0, 1], np.eye(2), {"names": ["a", "a"]}, "names, row 1: 'a' is listed twice; give each image its own name"),
        ([0, 1], np.eye(2), {"names": ["a", ""]}, "names, row 1: is empty; give each image its own name"),
        ([0, 1], np.eye(2), {"names": ["a", None]}, "names, row 1: is empty; give each image its own name"),
        ([0, 1], np.eye(2), {"names": [np.nan, 1]}, "names, row 0: is empty; give each image its own name"),
        ([0, 1], np.eye(2), {"name": 7}, "name is 7, but must be 1 to 60 printable characters, not only spaces"),
        ([0, 1], np.eye(2), {"name": "a\0"}, "name is 'a\\x00', but must be 1 to 60 printable characters"),
        ([], [], {}, "probabilities: has no row; write one for each image"),
        (np.ma.array([0, 1], mask=[False, True]), np.eye(2), {}, "y_true: has masked values; leave out their images"),
        (
            [0, 1],
            np.ma.array(np.eye(2), mask=np.eye(2, dtype=bool)),
            {},
            "probabilities: has masked values; leave out their",
        ),
        (
            [0, 1],
            pd.DataFrame({"true": [0, 1], "p_0": [1, 0], "p_1": [0, 1]}),
            {},
            "probabilities: has labels in column true; remove the column",
        ),
        (pd.DataFrame({"a": [1, 1], "b": [0, 1]}), np.eye(2), {}, "y_true, row 1: is not one-hot; give a column of"),
        (pd.DataFrame({"a": [1, 0], "b": [0, 0.5]}), np.eye(2), {}, "y_true, row 1: is not one-hot; give a column of"),
        (
            pd.DataFrame({"a": ["x", "y"], "b": [0, 1]}),
            np.eye(2),
            {},
            "y_true: has no column of labels (its columns: a",
        ),
        (
            pd.DataFrame([[1, 0], [0, 1]], columns=["a", "a"]),
            np.eye(2),
            {},
            "y_true: two columns have the same name; give each column its own name",
        ),
    ],
)
def test_errors_are_value_errors(y_true: Any, probabilities: Any, options: dict[str, Any], problem: str) -> None:  # noqa: ANN401
    """In one line, as those of the command."""
    with pytest.raises(ValueError, match=r".") as caught:
        report(y_true, probabilities, **options)
    assert isinstance(caught.value, JobError)
    assert str(caught.value).startswith(problem)
    assert "\n" not in str(caught.value)


def test_no_tensorflow_and_no_change_of_matplotlib(tmp_path: Path) -> None:
    """A notebook keeps its own settings."""
    code = (
        "import sys, numpy as np, matplotlib; matplotlib.rcParams['font.size'] = 33\n"
        "from job.predictions_report import report\n"
        f"report(np.arange(10) % 2, np.eye(2)[np.arange(10) % 2]).save({str(tmp_path / 'page.html')!r})\n"
        "print(sorted({'tensorflow', 'keras'} & set(sys.modules)), matplotlib.rcParams['font.size'])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout == "[] 33.0\n"


def test_the_page_of_many_photos_stays_small() -> None:
    """10,000 images of 256 x 256 pixels with colours take less than 1.5 MB."""
    predictions = make_predictions(10_000, 10)
    photo = load_sample_image("china.jpg")[100:356, 200:456]
    images = np.broadcast_to(photo, (10_000, *photo.shape))
    page = report(predictions.y_true, predictions.probabilities, images=images).html()
    assert 200_000 < len(page) < 1_500_000


def test_the_page_is_well_formed(made: Report) -> None:
    """Names with special characters are shown as they are, and change no tag."""
    names = ["<b>&", 'O\'Neil "q"', "{{ 7 * 7 }}", "</script>", "קטן"]
    page = parse(report(Y_TRUE, PROBABILITIES, class_names=names).html())
    usual = parse(made.html())
    for tag in ("script", "style", "table", "section", "b"):
        assert len(page.findall(f".//{tag}")) == len(usual.findall(f".//{tag}"))
    classes = page.findall(".//section[@id='classes']//tbody/tr/th")
    assert ["".join(cell.itertext()).strip() for cell in classes[: len(names)]] == names


def parse(page: str) -> ET.Element:
    """The page as a tree; a syntax error is an error."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    tree: ET.Element = parser.parse(page)
    return tree


def test_an_error_about_the_reference_names_the_argument(made: Report, tmp_path: Path) -> None:
    """Not the option of the command."""
    folder = made.save(tmp_path / "before").parent
    problem = r"^reference=/.*same order, or their names: names=…; only runs on the same test set can be compared$"
    with pytest.raises(ValueError, match=problem):
        report(Y_TRUE[::-1], PROBABILITIES[::-1], reference=folder)


def test_a_report_as_reference(made: Report, tmp_path: Path) -> None:
    """The comparison is that with its folder, also if the report has a reference itself."""
    other = report(Y_TRUE, np.roll(PROBABILITIES, 1, axis=0), class_names=NAMES)
    compared = report(Y_TRUE, PROBABILITIES, class_names=NAMES, name="second", reference=other)
    for reference in (made, compared):
        comparisons = [
            report(Y_TRUE, np.roll(PROBABILITIES, 1, axis=0), reference=each).run.comparison
            for each in (reference, reference.save(tmp_path / str(reference.run.provenance.name)).parent)
        ]
        direct, stored = (msgspec.to_builtins(each) for each in comparisons)
        assert direct["reference"].pop("folder") == reference.run.provenance.name
        del stored["reference"]["folder"]
        assert direct == stored
        assert direct["counts"]["reference"] == made.metrics["accuracy"]
