import os
import re
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support import make_other_seeds, make_predictions

from job.errors import DataError
from job.evaluation.predictions import LabelPredictions, Predictions, SeedPredictions
from job.results import predictions_csv
from job.results.file_names import PREDICTIONS
from job.results.predictions_csv import read_any_predictions, read_predictions, write_predictions

Change = Callable[[str], str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The predictions of 100 images of ten classes."""
    write_predictions(tmp_path, make_predictions())
    return tmp_path


def change_file(folder: Path, change: Change) -> None:
    path = folder / PREDICTIONS
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8", errors="surrogateescape")


def assert_equal(read: Predictions, written: Predictions) -> None:
    """Both have the same labels and the same bits in each probability."""
    assert read.y_true.tolist() == written.y_true.tolist()
    assert read.probabilities.dtype == np.float32
    assert read.probabilities.tobytes() == written.probabilities.tobytes()
    assert (read.y_reference is None) == (written.y_reference is None)
    if read.y_reference is not None and written.y_reference is not None:
        assert read.y_reference.tolist() == written.y_reference.tolist()
    assert (read.p_reference is None) == (written.p_reference is None)
    if read.p_reference is not None and written.p_reference is not None:
        assert read.p_reference.tobytes() == written.p_reference.tobytes()
    for name in ("other_seeds", "reference_other_seeds"):
        assert_seeds_equal(getattr(read, name), getattr(written, name))


def assert_seeds_equal(read: SeedPredictions | None, written: SeedPredictions | None) -> None:
    """The classes are one byte each, and the probabilities the same bits."""
    assert (read is None) == (written is None)
    if read and written:
        assert read.seeds == written.seeds
        assert (read.y_pred.dtype.name, read.p_true.dtype.name) == ("uint8", "float32")
        assert read.y_pred.tolist() == written.y_pred.tolist()
        assert read.p_true.tobytes() == written.p_true.tobytes()


def add_seeds(predictions: Predictions) -> Predictions:
    """With two further seeds, and one of the reference."""
    n_classes = predictions.probabilities.shape[1]
    others = make_other_seeds(predictions.y_true, n_classes, (4, 6))
    before = make_other_seeds(predictions.y_true, n_classes, (10,))
    return replace(predictions, other_seeds=others, reference_other_seeds=before)


def test_the_file_of_two_images(tmp_path: Path) -> None:
    """Programs read these columns."""
    probabilities = np.array([[0.25, 0.75], [1, 0]], np.float32)
    write_predictions(tmp_path, Predictions(np.array([1, 1]), probabilities))
    assert (tmp_path / PREDICTIONS).read_bytes() == b"index,true,predicted,p_0,p_1\n0,1,1,0.25,0.75\n1,1,0,1.0,0.0\n"
    write_predictions(tmp_path, Predictions(np.array([1, 1]), probabilities, np.array([0, 1])))
    assert (tmp_path / PREDICTIONS).read_bytes() == (
        b"index,true,predicted,p_0,p_1,reference\n0,1,1,0.25,0.75,0\n1,1,0,1.0,0.0,1\n"
    )


@pytest.mark.parametrize("with_reference", [False, True])
@pytest.mark.parametrize("n_at_once", [None, 18, 1])
def test_predictions_read_back(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    n_at_once: int | None,
    with_reference: bool,  # noqa: FBT001 - a parameter
) -> None:
    """Written at once, by a few lines and by one, the float32 are the same to the last bit."""
    predictions = make_predictions(50, 3, with_reference=with_reference)
    predictions.probabilities[7] = [1e-45, 1 - 2**-24, 0]  # the smallest float32 and the largest below 1
    write_predictions(tmp_path, predictions)
    whole = (tmp_path / PREDICTIONS).read_bytes()
    if n_at_once:
        monkeypatch.setattr(predictions_csv, "N_WRITTEN_AT_ONCE", n_at_once)
        write_predictions(tmp_path, predictions)
        assert (tmp_path / PREDICTIONS).read_bytes() == whole
    assert_equal(read_predictions(tmp_path, 3, has_reference=with_reference), predictions)


def test_pandas_reads_the_predictions(folder: Path) -> None:
    """The columns have the documented names and content."""
    predictions = make_predictions()
    names = [f"p_{label}" for label in range(10)]
    table = pd.read_csv(folder / PREDICTIONS, dtype=dict.fromkeys(names, np.float32))
    assert list(table) == ["index", "true", "predicted", *names]
    assert table["index"].tolist() == list(range(100))
    assert table["predicted"].tolist() == predictions.y_pred.tolist()
    assert (table[names].to_numpy() == predictions.probabilities).all()


def swap_probabilities(text: str) -> str:
    """The text with the greatest probability of its first image in the place of another class."""
    head, _, *rest = text.splitlines(keepends=True)
    return "".join((head, "0,1,0,0.25,0.75" + ",0" * 8 + "\n", *rest))


def replace_in_line_1(pattern: str, replacement: str) -> Change:
    """What replaces a pattern once, in the line of image 1."""
    return lambda text: re.sub(rf"(?m)^1,{pattern}", f"1,{replacement}", text, count=1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace("predicted", "guessed", 1), "its columns are not those of 10 classes"),
        (lambda text: text.replace(",p_9", ",p_10", 1), "its columns are not those of 10 classes"),
        (lambda text: text[: text.rindex(",")], "out of range"),
        (lambda text: text[: text.rindex("\n", 0, -1)] + "\n99", ".*"),
        (lambda text: text + "100" + ",0" * 40, ".*"),
        (lambda text: text.replace("\n1,", "\none,", 1), ".*one.*"),
        (lambda text: text.replace("\n1,", "\n2,", 1), "its lines are not numbered from 0"),
        (lambda text: re.sub(r"\n50,.*", "", text), "its lines are not numbered from 0"),
        (replace_in_line_1(r"\d", "77"), "out of range"),
        (replace_in_line_1(r"\d", "-1"), "out of range"),
        (replace_in_line_1(r"\d", "65537"), "out of range"),
        (replace_in_line_1(r"\d", "1" * 30), ".*"),
        (replace_in_line_1(r"\d", "inf"), ".*"),
        (replace_in_line_1(r"\d", ""), ".*"),
        (replace_in_line_1(r"(\d,\d),[^,]+", r"\1,5.0"), "out of range"),
        (replace_in_line_1(r"(\d,\d),[^,]+", r"\1,-0.1"), "out of range"),
        (replace_in_line_1(r"(\d,\d),[^,]+", r"\1,nan"), "out of range"),
        (replace_in_line_1(r"(\d,\d),[^,]+", r"\1,"), "out of range"),
        (swap_probabilities, "a predicted class is not the most probable one"),
        (lambda text: text.splitlines(keepends=True)[0], "it has no image"),
        (lambda _: "", "its columns are not those of 10 classes"),
        (lambda _: "\udcff", ".*"),
        (lambda _: '"', ".*"),
        (lambda _: "\0", ".*"),
    ],
)
def test_a_damaged_file(folder: Path, change: Change, words: str) -> None:
    """Whatever pandas makes of it becomes one line."""
    before = (folder / PREDICTIONS).read_bytes()
    change_file(folder, change)
    assert (folder / PREDICTIONS).read_bytes() != before
    with pytest.raises(DataError, match=rf"{PREDICTIONS}: damaged \(.*{words}.*\); train again") as caught:
        read_predictions(folder, 10)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("n_classes", [9, 11])
def test_a_file_of_another_number_of_classes(folder: Path, n_classes: int) -> None:
    """The columns say so."""
    with pytest.raises(DataError, match=rf"not those of {n_classes} classes\); train again"):
        read_predictions(folder, n_classes)


def test_the_predictions_of_the_reference_are_there_exactly_if_there_is_one(folder: Path) -> None:
    """A column too many or too few is damage."""
    with pytest.raises(DataError, match=r"not those of 10 classes and reference\); train again"):
        read_predictions(folder, 10, has_reference=True)
    write_predictions(folder, make_predictions(with_reference=True))
    with pytest.raises(DataError, match=r"not those of 10 classes\); train again"):
        read_predictions(folder, 10)


@pytest.mark.parametrize(("label", "words"), [("10", "out of range"), ("-1", "out of range"), ("", ""), ("x", "x")])
def test_damaged_predictions_of_the_reference(tmp_path: Path, label: str, words: str) -> None:
    """Each is the number of a class."""
    predictions = make_predictions(with_reference=True)
    write_predictions(tmp_path, Predictions(predictions.y_true, predictions.probabilities, predictions.y_reference))
    change_file(tmp_path, lambda text: re.sub(r",\d\n$", f",{label}\n", text))
    with pytest.raises(DataError, match=rf"{PREDICTIONS}: damaged \(.*{words}.*\); train again"):
        read_predictions(tmp_path, 10, has_reference=True)


def test_a_missing_file(tmp_path: Path) -> None:
    """The message names the option to change."""
    with pytest.raises(DataError, match=f"{PREDICTIONS}: not found; name .* a finished run: --output DIR"):
        read_predictions(tmp_path, 10)
    with pytest.raises(DataError, match=f"{PREDICTIONS}: not found; name .* a finished run: --reference DIR"):
        read_predictions(tmp_path, 10, option="--reference")


def test_a_fifo_in_its_place(tmp_path: Path) -> None:
    """No writer is waited for."""
    os.mkfifo(tmp_path / PREDICTIONS)
    with pytest.raises(DataError, match=r"cannot be read \(Not a regular file\); name the output folder"):
        read_predictions(tmp_path, 10)


@pytest.mark.parametrize("factor", [0, 0.5, 0.998, 1.002])
def test_probabilities_that_do_not_sum_to_1(tmp_path: Path, factor: float) -> None:
    """The first of the worst images is named."""
    predictions = make_predictions()
    predictions.probabilities[7] = 0.1 * factor
    write_predictions(tmp_path, predictions)
    with pytest.raises(DataError, match=r"damaged \(the probabilities of image 7 do not sum to 1\); train again"):
        read_predictions(tmp_path, 10)


def test_probabilities_may_be_rounded(tmp_path: Path) -> None:
    """Other programs write fewer digits."""
    predictions = make_predictions()
    rounded = Predictions(predictions.y_true, predictions.probabilities.round(4))
    write_predictions(tmp_path, rounded)
    assert_equal(read_predictions(tmp_path, 10), rounded)


def test_a_class_without_images(tmp_path: Path) -> None:
    """It has no recall."""
    predictions = make_predictions()
    write_predictions(tmp_path, Predictions(predictions.y_true % 9, predictions.probabilities))
    with pytest.raises(DataError, match=r"damaged \(class 9 has no image\); train again"):
        read_predictions(tmp_path, 10)


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    """It cannot be read."""
    (tmp_path / PREDICTIONS).mkdir()
    with pytest.raises(DataError, match=rf"{PREDICTIONS}: cannot be read \(Is a directory\); name the output folder"):
        read_predictions(tmp_path, 10)


def test_the_columns_of_several_seeds(tmp_path: Path) -> None:
    """The header names them, and the file has all that a later comparison needs."""
    probabilities = np.array([[0.25, 0.75], [1, 0]], np.float32)
    seeds = SeedPredictions((3, 5), np.array([[1, 0], [0, 1]], np.uint8), np.array([[0.5, 1], [0, 0.25]], np.float32))
    predictions = Predictions(np.array([1, 0]), probabilities, other_seeds=seeds)
    write_predictions(tmp_path, predictions)
    assert (tmp_path / PREDICTIONS).read_text() == (
        "index,true,predicted,p_0,p_1,seed_3,seed_5,seed_3_p_true,seed_5_p_true\n"
        "0,1,1,0.25,0.75,1,0,0.5,1.0\n"
        "1,0,0,1.0,0.0,0,1,0.0,0.25\n"
    )
    before = replace(seeds, seeds=(7, 0))
    y_reference, p_reference = probabilities.argmax(axis=1), probabilities
    everything = replace(predictions, y_reference=y_reference, p_reference=p_reference, reference_other_seeds=before)
    write_predictions(tmp_path, everything)
    header, *lines = (tmp_path / PREDICTIONS).read_text().splitlines()
    assert header == (
        "index,true,predicted,p_0,p_1,reference,reference_p_0,reference_p_1,seed_3,seed_5,seed_3_p_true,seed_5_p_true,"
        "reference_seed_7,reference_seed_0,reference_seed_7_p_true,reference_seed_0_p_true"
    )
    assert lines[0] == "0,1,1,0.25,0.75,1,0.25,0.75,1,0,0.5,1.0,1,0,0.5,1.0"
    assert_equal(read_predictions(tmp_path, 2, has_reference=True), everything)


@pytest.mark.parametrize("n_at_once", [None, 100, 1])
def test_all_columns_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_at_once: int | None) -> None:
    """Read at once, by a few lines and by one, the values are the same."""
    predictions = add_seeds(make_predictions(50, 3, with_reference=True))
    write_predictions(tmp_path, predictions)
    if n_at_once:
        monkeypatch.setattr(predictions_csv, "N_READ_AT_ONCE", n_at_once)
    read = read_predictions(tmp_path, 3, has_reference=True)
    assert_equal(read, predictions)
    assert read.probabilities.flags.c_contiguous  # sums of rows depend on the order in memory


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("seed_4", "10", "out of range"),
        ("seed_4", "-1", "out of range"),
        ("seed_4", "256", "out of range"),
        ("seed_6_p_true", "1.5", "out of range"),
        ("seed_6_p_true", "nan", "out of range"),
        ("seed_6_p_true", "x", "x"),
        ("reference_p_3", "2", "out of range"),
        ("reference_p_3", "0.9", "do not sum to 1"),
        ("reference", "0", "a predicted class is not the most probable one"),
        ("reference_seed_10", "", ""),
        ("reference_seed_10_p_true", "", "out of range"),
    ],
)
def test_damage_in_a_column(tmp_path: Path, name: str, value: str, words: str) -> None:
    """The last line is checked like every other one."""
    predictions = add_seeds(make_predictions(with_reference=True))
    assert predictions.y_reference is not None
    assert predictions.y_reference[-1] != 0
    write_predictions(tmp_path, predictions)

    def change(text: str) -> str:
        header, *lines = text.splitlines()
        values = lines[-1].split(",")
        values[header.split(",").index(name)] = value
        return "\n".join([header, *lines[:-1], ",".join(values)]) + "\n"

    change_file(tmp_path, change)
    with pytest.raises(DataError, match=rf"{PREDICTIONS}: damaged \(.*{words}.*\); train again"):
        read_predictions(tmp_path, 10, has_reference=True)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("seed_6,", "seed_4,"),
        (",seed_4,", ",seed_04,"),
        (",seed_4,", ",seed_5,"),
        ("seed_4_p_true", "p_true"),
        ("reference_p_9", "reference_p_10"),
        ("reference_seed_10,", "reference_seed_11,"),
    ],
)
def test_a_damaged_header(tmp_path: Path, old: str, new: str) -> None:
    """A name that does not fit the others."""
    write_predictions(tmp_path, add_seeds(make_predictions(with_reference=True)))
    change_file(tmp_path, lambda text: text.replace(old, new, 1))
    with pytest.raises(DataError, match=r"its columns are not those of 10 classes and reference"):
        read_predictions(tmp_path, 10, has_reference=True)


def test_many_lines_need_little_memory(tmp_path: Path) -> None:
    """Reading takes at most three times the memory of the values, though those of pandas are wide."""
    predictions = make_predictions(100_000, 3)
    seeds = make_other_seeds(predictions.y_true, 3, range(1, 20))
    write_predictions(tmp_path, replace(predictions, other_seeds=seeds))
    n_bytes = 100_000 * (2 + 3 * 4 + 19 * 5)
    read_predictions(tmp_path, 3)
    tracemalloc.start()
    read_predictions(tmp_path, 3)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * n_bytes


@pytest.mark.parametrize("has_reference", [False, True])
def test_predictions_without_probabilities(tmp_path: Path, *, has_reference: bool) -> None:
    """They read back, but not as those of a training."""
    predictions = make_predictions(with_reference=True)
    y_reference = predictions.y_reference if has_reference else None
    write_predictions(tmp_path, LabelPredictions(predictions.y_true, predictions.y_pred, 10, y_reference))
    read = read_any_predictions(tmp_path, 10, has_reference=has_reference)
    assert isinstance(read, LabelPredictions)
    assert (read.y_true.tolist(), read.y_pred.tolist()) == (predictions.y_true.tolist(), predictions.y_pred.tolist())
    assert (read.y_reference is None) != has_reference
    if read.y_reference is not None and y_reference is not None:
        assert read.y_reference.tolist() == y_reference.tolist()
    with pytest.raises(DataError, match="its columns are not those of 10 classes"):
        read_predictions(tmp_path, 10, has_reference=has_reference)


NAMES = ["a.png", "NA", "", "0", "007", 'x,"1".png', "null", "a b", "nan", "true", "-1.50", "'", "תמונה", "1e5", "\\"]


@pytest.mark.parametrize("n_at_once", [None, 1])
def test_names_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_at_once: int | None) -> None:
    """As the same texts, also those that look like numbers or missing values, with and without probabilities."""
    names = [name or "x" * 4096 for name in NAMES]
    predictions = replace(add_seeds(make_predictions(len(names), 3, with_reference=True)), names=names)
    labels = LabelPredictions(predictions.y_true, predictions.y_pred, 3, names=names)
    if n_at_once:
        monkeypatch.setattr(predictions_csv, "N_READ_AT_ONCE", n_at_once)
        monkeypatch.setattr(predictions_csv, "N_WRITTEN_AT_ONCE", n_at_once)
    write_predictions(tmp_path, labels)
    assert read_any_predictions(tmp_path, 3).names == names
    write_predictions(tmp_path, predictions)
    read = read_predictions(tmp_path, 3, has_reference=True)
    assert read.names == names
    assert_equal(read, predictions)
    assert pd.read_csv(tmp_path / PREDICTIONS, keep_default_na=False, dtype=str)["name"].tolist() == names


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (",b\n", ",a\n", "the name of image 1 'a' is listed twice"),
        (",b\n", ",\n", "the name of image 1 is empty"),
        (",b\n", ",\x07\n", "the name of image 1 '.x07' has a control character"),
        (",name\n", ",names\n", "its columns are not those of 2 classes"),
        ("p_1,name\n", "name,p_1\n", "its columns are not those of 2 classes"),
    ],
)
def test_damaged_names(tmp_path: Path, old: str, new: str, words: str) -> None:
    """One line says what is wrong."""
    write_predictions(tmp_path, Predictions(np.array([0, 1]), np.eye(2, dtype=np.float32), names=["a", "b"]))
    change_file(tmp_path, lambda text: text.replace(old, new, 1))
    with pytest.raises(DataError, match=rf"{PREDICTIONS}: damaged \({words}"):
        read_predictions(tmp_path, 2)
