import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import html5lib
import numpy as np
import pytest
from report_tables import PREDICTIONS, N, read_metrics, report, table_of
from scipy.stats import binomtest
from support import ErrorOf, make_predictions, make_run, predictions_of, read_tree

from job.__main__ import main
from job.errors import DataError
from job.evaluation.predictions import Predictions
from job.predictions_report import build
from job.predictions_report import report as make_report
from job.results.run import Run
from job.text import shorten_path

SORTED = np.argsort(PREDICTIONS.y_true, kind="stable")
Y_TRUE = PREDICTIONS.y_true[SORTED]
EARLIER = Predictions(Y_TRUE, PREDICTIONS.probabilities[SORTED])
LATER = Predictions(Y_TRUE, np.roll(EARLIER.probabilities, 1, axis=0))
NAMES = [f"class {label}/{number}, <b>&\"'.png" for number, label in enumerate(Y_TRUE.tolist())]
"""In natural order; the images are sorted by class."""


def write(path: Path, predictions: Predictions, rows: Sequence[int], names: Sequence[str] | None = NAMES) -> Path:
    """Write a table of some rows, with a first column `id` unless `names` is None."""
    header, *lines = table_of(predictions).splitlines()
    if names is not None:
        header = f"id,{header}"
        lines = ['"{}",{}'.format(name.replace('"', '""'), line) for name, line in zip(names, lines, strict=True)]
    path.write_text("\n".join([header, *(lines[row] for row in rows)]), encoding="utf-8")
    return path


def shuffle(order: str) -> list[int]:
    """All rows, in another order within each class or in any order."""
    keys = np.random.default_rng(0).random(N)
    rows: list[int] = np.lexsort((keys, Y_TRUE if order == "within classes" else np.zeros(N))).tolist()
    return rows


@pytest.mark.parametrize("order", ["within classes", "any"])
def test_runs_are_compared_by_name(tmp_path: Path, order: str) -> None:
    """In whatever order the rows are, with a reference and with a history."""
    tables = write(tmp_path / "a.csv", EARLIER, range(N)), write(tmp_path / "b.csv", LATER, shuffle(order))
    for table, words in zip(tables, ([], ["--reference", tmp_path / "a"]), strict=True):
        report("--predictions", table, "--output", tmp_path / table.stem, "--history", tmp_path / "runs.jsonl", *words)
    run = Run.read(tmp_path / "b")
    assert run.comparison is not None
    counts = run.comparison.counts
    assert counts.n_fixed == np.count_nonzero(LATER.is_correct & ~EARLIER.is_correct) > 10
    assert counts.n_broken == np.count_nonzero(EARLIER.is_correct & ~LATER.is_correct) > 10
    assert run.trend is not None
    assert run.trend.best is not None
    (step,) = run.trend.steps
    assert step is not None
    assert float(step.p_value) == pytest.approx(binomtest(counts.n_fixed, counts.n_fixed + counts.n_broken).pvalue)
    assert run.predictions.names == NAMES
    assert predictions_of(run).probabilities.tolist() == LATER.probabilities.tolist()


def test_names_do_not_hide_fashion_mnist(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its labels are known in the order of the rows."""
    expected = PREDICTIONS.y_true.tolist()
    monkeypatch.setattr(build, "is_fashion_mnist", lambda y_true: y_true.tolist() == expected)
    names = [f"{number * 7 % N}.png" for number in range(N)]
    report("--predictions", write(tmp_path / "t.csv", PREDICTIONS, range(N), names), "--output", tmp_path / "out")
    assert read_metrics(tmp_path / "out")["provenance"]["data"]["is_fashion_mnist"]


def test_the_names_of_other_images_are_another_test_set(tmp_path: Path) -> None:
    """A history does not compare their runs, though the labels are the same."""
    for name, names in (("a", NAMES), ("b", [f"other {each}" for each in NAMES])):
        write(tmp_path / "t.csv", EARLIER, range(N), names)
        report("--predictions", tmp_path / "t.csv", "--output", tmp_path / name, "--history", tmp_path / "runs.jsonl")
    sets = [json.loads(line)["test_set"] for line in (tmp_path / "runs.jsonl").read_text().splitlines()]
    assert len(set(sets)) == 2


def test_a_reference_with_other_images(tmp_path: Path, error_of: ErrorOf) -> None:
    """One line names an image that only one of the two has; nothing is written."""
    report("--predictions", write(tmp_path / "a.csv", EARLIER, range(N)), "--output", tmp_path / "a")
    others = ["new.png", *NAMES[1:]]
    words = ["--predictions", write(tmp_path / "b.csv", LATER, shuffle("any"), others), "--reference", tmp_path / "a"]
    assert error_of(DataError.exit_status, "report", *words, "--output", tmp_path / "b").endswith(
        f"--reference {tmp_path / 'a'}: image 'new.png' is only in this run, and image {NAMES[0]!r} is only in "
        "the reference; only runs on the same test images can be compared, so name them alike in both, or leave the "
        "names out"
    )
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("has_index", [False, True])
def test_a_training_as_reference_has_no_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *, has_index: bool
) -> None:
    """Its images are those of the rows in their order, or in that of the column index; the first is warned about."""
    reference = make_run(n=N, n_classes=4)
    reference.write(tmp_path / "reference")
    now = replace(make_predictions(N, 4, seed=1), y_true=reference.predictions.y_true)
    names = [f"{number * 7 % N}.png" for number in range(N)]
    table = write(tmp_path / "t.csv", now, range(N), names)
    if has_index:
        header, *lines = table.read_text(encoding="utf-8").splitlines()
        numbered = [f"{number},{line}" for number, line in enumerate(lines)]
        table.write_text("\n".join([f"index,{header}", *reversed(numbered)]), encoding="utf-8")
    report("--predictions", table, "--reference", tmp_path / "reference", "--output", tmp_path / "out")
    run = Run.read(tmp_path / "out")
    assert run.predictions.names == [f"{number}.png" for number in range(N)]
    assert run.comparison is not None
    was_right, is_right = reference.predictions.is_correct, now.is_correct
    assert run.comparison.counts.n_fixed == np.count_nonzero(is_right & ~was_right)
    assert run.comparison.counts.n_broken == np.count_nonzero(was_right & ~is_right)
    warning = f"predictions.csv of the reference {tmp_path / 'reference'} does not name the images, so they are paired"
    assert (warning in capsys.readouterr().err) == (not has_index)


def test_a_reference_with_names_of_a_run_without(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The images are paired by their order, and a warning says so."""
    report("--predictions", write(tmp_path / "a.csv", EARLIER, range(N)), "--output", tmp_path / "a")
    words = ["--predictions", write(tmp_path / "b.csv", LATER, range(N), None), "--reference", tmp_path / "a"]
    report(*words, "--output", tmp_path / "b")
    warning = f"predictions.csv of the reference {tmp_path / 'a'} names the images, but this run does not, so they are"
    assert warning in capsys.readouterr().err
    comparison = Run.read(tmp_path / "b").comparison
    assert comparison is not None
    assert comparison.counts.n_fixed == np.count_nonzero(LATER.is_correct & ~EARLIER.is_correct)


def test_an_index_of_texts_needs_the_warning_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It does not number the images."""
    report("--predictions", write(tmp_path / "a.csv", EARLIER, range(N), None), "--output", tmp_path / "a")
    header, *lines = write(tmp_path / "b.csv", LATER, range(N)).read_text(encoding="utf-8").splitlines()
    content = [f"index,{header}", *(f"img{number},{line}" for number, line in enumerate(lines))]
    (tmp_path / "b.csv").write_text("\n".join(content), encoding="utf-8")
    report("--predictions", tmp_path / "b.csv", "--reference", tmp_path / "a", "--output", tmp_path / "b")
    assert "does not name the images, so they are paired by their order" in capsys.readouterr().err


def test_rows_in_another_order_without_names(tmp_path: Path, error_of: ErrorOf) -> None:
    """The error says what to do, and speaks of no data set."""
    report("--predictions", write(tmp_path / "a.csv", EARLIER, range(N), None), "--output", tmp_path / "a")
    words = ["--predictions", write(tmp_path / "b.csv", LATER, shuffle("any"), None), "--reference", tmp_path / "a"]
    error = error_of(DataError.exit_status, "report", *words, "--output", tmp_path / "b")
    assert re.search(
        r"predictions.csv gives image \d+ another true class than this run; give the rows of both runs the same order, "
        r"or a column id with the names of the images; only runs on the same test set can be compared$",
        error,
    )


def test_an_image_with_another_label(tmp_path: Path, error_of: ErrorOf) -> None:
    """If both runs have names, the error has that of the image."""
    report("--predictions", write(tmp_path / "a.csv", EARLIER, range(N)), "--output", tmp_path / "a")
    labels = Y_TRUE.copy()
    labels[7] = 3
    changed = replace(LATER, y_true=labels)
    words = ["--predictions", write(tmp_path / "b.csv", changed, shuffle("any")), "--reference", tmp_path / "a"]
    error = error_of(DataError.exit_status, "report", *words, "--output", tmp_path / "b")
    assert f"predictions.csv gives image {NAMES[7]!r} another true class than this run; only runs" in error


@pytest.mark.parametrize("layout", ["single", "folder"])
def test_the_page_shows_the_names(tmp_path: Path, layout: str) -> None:
    """Below the samples, and as a tooltip of each picture, with the pixels of that image; `render` reads them."""
    rows, folder = shuffle("any"), tmp_path / "out"
    names = [f"/data/of/a/long/folder/{name}" for name in NAMES]
    pixels = np.broadcast_to(np.arange(N, dtype=np.uint8)[:, None, None], (N, 5, 4))
    np.save(tmp_path / "images.npy", pixels[rows])
    table = write(tmp_path / "t.csv", EARLIER, rows, names)
    words = ["--layout", layout, "--output", folder]
    report("--predictions", table, "--images", tmp_path / "images.npy", *words)
    expected = read_tree(folder)
    assert main(["render", "-q", *map(str, words)]) == 0
    assert read_tree(folder) == expected
    run = Run.read(folder)
    assert all((image == number).all() for number, image in run.images.items())
    page = html5lib.parse((folder / "index.html").read_text(encoding="utf-8"), namespaceHTMLElements=False)
    for picture in (pictures := page.findall(".//img[@title]")):
        assert picture.attrib["title"] == names[int(picture.attrib["alt"].removeprefix("Test image "))]
    assert len(pictures) == len(page.findall(".//img[@class='picture']")) > 30
    files = page.findall(".//ul[@class='samples']/li/p[@class='file']")
    assert len(files) == len(page.findall(".//ul[@class='samples']/li")) > 30
    for file in files:
        assert [(each.tag, each.text) for each in file] == [("bdi", shorten_path(file.attrib["title"], 42))]
        assert file.attrib["title"] in names
    assert not page.findall(".//p[@class='index']")


def test_the_predictions_of_a_report_keep_their_names(tmp_path: Path) -> None:
    """If they are reported again; names may look like numbers."""
    names = [f"{number:05}" for number in range(N)]
    report("--predictions", write(tmp_path / "t.csv", EARLIER, shuffle("any"), names), "--output", tmp_path / "a")
    words = ["--predictions", tmp_path / "a" / "predictions.csv", "--reference", tmp_path / "a"]
    report(*words, "--output", tmp_path / "b")
    assert Run.read(tmp_path / "b").predictions.names == names
    written = [
        (tmp_path / name / "predictions.csv").read_text(encoding="utf-8").splitlines()[0].split(",") for name in "ab"
    ]
    assert written[0] == ["index", "true", "predicted", *(f"p_{label}" for label in range(4)), "name"]
    assert written[1][-2:] == ["reference_p_3", "name"]


def test_other_columns_may_be_called_name(tmp_path: Path) -> None:
    """They are ignored, as they need not be unique."""
    header, *lines = table_of().splitlines()
    (tmp_path / "t.csv").write_text("\n".join([f"{header},name", *(f"{line},x" for line in lines)]))
    report("--predictions", tmp_path / "t.csv", "--output", tmp_path / "out")
    assert Run.read(tmp_path / "out").predictions.names is None


def test_names_in_python(tmp_path: Path) -> None:
    """They pair the images of two reports, in whatever order the arrays are."""
    rows = shuffle("any")
    names = [Path(name) for name in NAMES]
    folder = make_report(Y_TRUE, EARLIER.probabilities, names=names).save(tmp_path / "a").parent
    images = np.broadcast_to(np.arange(N, dtype=np.uint8)[:, None, None], (N, 5, 4))
    made = make_report(
        Y_TRUE[rows], LATER.probabilities[rows], images=images[rows], names=np.array(NAMES, "S")[rows], reference=folder
    )
    assert made.run.predictions.names == NAMES
    assert all((image == number).all() for number, image in made.run.images.items())
    assert made.run.comparison is not None
    assert made.run.comparison.counts.n_fixed == np.count_nonzero(LATER.is_correct & ~EARLIER.is_correct)
