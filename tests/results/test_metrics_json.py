import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import edited

from job.errors import DataError
from job.results import run, schema
from job.results.schema import Results


def test_a_run_reads_back(finished_run: Path, finished_results: Results) -> None:
    """Predictions and pictures of the images that were chosen."""
    chosen = finished_results.samples.indices()
    predictions = run.read_predictions(finished_run, 10, chosen)
    assert len(predictions.y_true) == finished_results.data.n_test == 100
    assert list(predictions.rows) == chosen
    pictures = run.read_samples(finished_run, finished_results.pictured())
    assert sorted(pictures) == finished_results.samples.indices()
    assert {picture.shape for picture in pictures.values()} == {(28, 28)}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (edited(lambda c: c.update(schema_version=2)), "has schema version 2, this job reads 4"),
        (edited(lambda c: c.pop("schema_version")), "has schema version None"),
        (edited(lambda c: c.pop("macro")), "damaged .*`macro`"),
        (edited(lambda c: c.update(accuracy="high")), r"damaged \(Expected `float`, got `str` - at `\$.accuracy`\)"),
        (edited(lambda c: c["config"].update(epochs=0)), "damaged .*--epochs is 0"),
        (edited(lambda c: c["confusion_matrix"].pop()), "damaged .*not 10 x 10"),
        (edited(lambda c: c["samples"]["wrong"].append(100)), "damaged .*no test image 100"),
        (edited(lambda c: c["history"]["loss"].pop()), "damaged .*not have 2 epochs"),
        (edited(lambda c: c["history"]["learning_rate"].pop()), "damaged .*not have 2 epochs"),
        (edited(lambda c: c["config"].update(recipe="best")), "damaged"),
        (edited(lambda c: c["per_class"][0].update(name="a\x01")), "damaged .*control character"),
        (edited(lambda c: c["timings_s"].clear()), "damaged .*time of the training"),
        (edited(lambda c: c["data"]["sha256"].update(other="")), "damaged .*hashes"),
        (edited(lambda c: c["history"]["accuracy"].__setitem__(0, 5)), "damaged .*accuracy of an epoch"),
        (edited(lambda c: c["timings_s"].update(data=1e308)), "damaged .*out of range"),
        (edited(lambda c: c["history"]["loss"].__setitem__(0, -1)), "damaged .*out of range"),
        (edited(lambda c: c["environment"].update(device_name="a\x00")), "damaged .*control character"),
        (lambda text: text[:100], "damaged"),
        (lambda _: "[]", "damaged"),
        (lambda _: "\udcff", "damaged"),
    ],
)
def test_a_damaged_metrics_json(run_copy: Path, change: Callable[[str], str], words: str) -> None:
    """One line says where it is wrong."""
    path = run_copy / "metrics.json"
    path.write_text(change(path.read_text()), errors="surrogateescape")
    with pytest.raises(DataError, match=words) as caught:
        run.read_metrics(run_copy)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def swapped(text: str) -> str:
    """The text with a line's greatest probability in another class's place."""
    head, _, after, *rest = text.splitlines(keepends=True)
    return "".join((head, "0,1,0,0.25,0.75" + ",0" * 8 + "\n", after, *rest))


@pytest.mark.parametrize("n_at_once", [run.N_VALUES_AT_ONCE, 1])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace("predicted", "guessed", 1), "its columns are not those of 10 classes"),
        (lambda text: text.replace(",p_9", ",p_10", 1), "its columns are not those of 10 classes"),
        (lambda text: text[: text.rindex(",")], "out of range"),
        (lambda text: text[: text.rindex("\n", 0, -1)] + "\n99", ".*"),
        (lambda text: text + "100" + ",0" * 40, ".*"),
        (lambda text: text.replace("\n1,", "\none,", 1), ".*one.*"),
        (lambda text: text.replace("\n1,", "\n2,", 1), "its lines are not numbered from 0 on"),
        (lambda text: text.replace("\n1,1,", "\n1,77,", 1), "out of range"),
        (lambda text: text.replace("\n1,1,", "\n1,-1,", 1), "out of range"),
        (lambda text: text.replace("\n1,1,", "\n1,65537,", 1), "out of range"),
        (lambda text: re.sub(r"\n1,1,1,[^,]+", "\n1,1,1,5.0", text), "out of range"),
        (lambda text: re.sub(r"\n1,1,1,[^,]+", "\n1,1,1,", text), "out of range"),
        (lambda text: text.replace("\n1,1,", "\n1,inf,", 1), ".*"),
        (swapped, "a class predicted is not the most probable one"),
        (lambda text: text.splitlines(keepends=True)[0], "it tells of no image"),
        (lambda _: "", "No columns to parse from file"),
        (lambda _: "\udcff", ".*"),
    ],
)
def test_a_damaged_predictions_csv(
    run_copy: Path, monkeypatch: pytest.MonkeyPatch, n_at_once: int, change: Callable[[str], str], words: str
) -> None:
    """Whatever pandas makes of it, one line; read at once, or line by line."""
    monkeypatch.setattr(run, "N_VALUES_AT_ONCE", n_at_once)
    path = run_copy / "predictions.csv"
    path.write_text(change(path.read_text()), errors="surrogateescape")
    with pytest.raises(DataError, match=rf"predictions.csv: damaged \(.*{words}.*\); train again") as caught:
        run.read_predictions(run_copy, 10, [])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("n_at_once", [run.N_VALUES_AT_ONCE, 3 * 6, 1])
def test_predictions_do_not_depend_on_the_part_read_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_at_once: int
) -> None:
    """What was written, to the last bit of float32; at once, by three lines and by one."""
    probabilities = np.random.default_rng(0).dirichlet([0.3] * 3, 50).astype(np.float32)
    y_true = np.arange(50) % 3
    schema._write_predictions(tmp_path / "predictions.csv", y_true, probabilities)
    monkeypatch.setattr(run, "N_VALUES_AT_ONCE", n_at_once)
    predictions = run.read_predictions(tmp_path, 3, [0, 3, 4, 49])
    assert predictions.y_true.tolist() == y_true.tolist()
    assert predictions.y_pred.tolist() == probabilities.argmax(axis=1).tolist()
    assert predictions.confidence.tolist() == probabilities.max(axis=1).tolist()
    assert predictions.of_truth.tolist() == [
        row[true] for row, true in zip(probabilities.tolist(), y_true, strict=True)
    ]
    assert {index: row.tolist() for index, row in predictions.rows.items()} == {
        index: probabilities[index].tolist() for index in (0, 3, 4, 49)
    }


def test_no_row_keeps_its_part_of_the_table_in_memory(finished_run: Path) -> None:
    """The rows of the chosen images are copies."""
    (row,) = run.read_predictions(finished_run, 10, [7]).rows.values()
    assert row.base is None


def test_damaged_pictures(run_copy: Path, finished_results: Results) -> None:
    """A cut-off file, one of another run, none."""
    path = run_copy / "samples.npz"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match="damaged"):
        run.read_samples(run_copy, finished_results.pictured())
    np.savez(path, index=np.array([0]), image=np.zeros((1, 28, 28), np.uint8))
    with pytest.raises(DataError, match="lacks the picture of test image"):
        run.read_samples(run_copy, finished_results.pictured())
    chosen = finished_results.samples.indices()
    np.savez(path, index=np.array(chosen), image=np.zeros((len(chosen), 3, 28), np.uint8))
    with pytest.raises(DataError, match="not 28 x 28 bytes"):
        run.read_samples(run_copy, finished_results.pictured())
    path.unlink()
    with pytest.raises(DataError, match="is not there"):
        run.read_samples(run_copy, finished_results.pictured())


def test_a_compared_run_reads_back(compared_run: Path, finished_run: Path) -> None:
    """With the classes that the earlier model predicted, and the pictures of the images won and lost."""
    results = run.read_metrics(compared_run)
    assert results.comparison is not None
    predictions = run.read_predictions(compared_run, 10, [], compared=True)
    assert predictions.y_earlier is not None
    assert predictions.y_earlier.tolist() == run.read_predictions(finished_run, 10, []).y_pred.tolist()
    assert set(results.comparison.indices()) <= set(run.read_samples(compared_run, results.pictured()))


def test_the_earlier_predictions_are_there_just_where_there_is_a_comparison(
    compared_run: Path, finished_run: Path
) -> None:
    """A column too many or too few is damage."""
    with pytest.raises(DataError, match=r"not those of 10 classes\); train again"):
        run.read_predictions(compared_run, 10, [])
    with pytest.raises(DataError, match=r"not those of 10 classes and baseline\); train again"):
        run.read_predictions(finished_run, 10, [], compared=True)


@pytest.mark.parametrize(("label", "words"), [("10", "out of range"), ("-1", "out of range"), ("", ""), ("x", "x")])
def test_damaged_earlier_predictions(compared_copy: Path, label: str, words: str) -> None:
    """Each is the number of a class."""
    path = compared_copy / "predictions.csv"
    path.write_text(re.sub(r",\d\n$", f",{label}\n", path.read_text()))
    with pytest.raises(DataError, match=rf"predictions.csv: damaged \(.*{words}.*\); train again"):
        run.read_predictions(compared_copy, 10, [], compared=True)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda c: c["per_class"].pop(), "the comparison does not have 10 classes"),
        (lambda c: c["won"].append(100), "no test image 100"),
        (lambda c: c["lost"].append(-1), "no test image -1"),
        (lambda c: c["earlier"].update(model="a\x01"), "control character"),
        (lambda c: c["earlier"].update(loss=-1), "out of range"),
        (lambda c: c["earlier"]["loss_interval"].update(upper=1e300), "out of range"),
        (lambda c: c["earlier"].pop("command"), r"`command` - at `\$.comparison.earlier`"),
    ],
)
def test_a_damaged_comparison(compared_copy: Path, edit: Callable[[dict[str, Any]], object], words: str) -> None:
    """One line says what is wrong."""
    path = compared_copy / "metrics.json"
    path.write_text(edited(lambda content: edit(content["comparison"]))(path.read_text()))
    with pytest.raises(DataError, match=rf"damaged \(.*{words}.*\); train again"):
        run.read_metrics(compared_copy)


def test_the_augmented_images_read_back(repeated_run: Path, finished_run: Path) -> None:
    """Eight images, each as it is and as it was in both epochs; none where nothing changes them."""
    shown = run.read_augmented(repeated_run, run.read_metrics(repeated_run).config)
    assert shown.shape == (8, 3, 28, 28)
    assert (shown[:, 0] != shown[:, 1]).any()
    assert len(run.read_augmented(finished_run, run.read_metrics(finished_run).config)) == 0


@pytest.mark.parametrize("shape", [None, (0, 6, 28, 28), (8, 1, 28, 28), (8, 6, 28, 27), (8, 28, 28)])
def test_damaged_augmented_images(repeated_copy: Path, shape: tuple[int, ...] | None) -> None:
    """Missing, none, or of another shape."""
    path = repeated_copy / "samples.npz"
    arrays = dict(np.load(path))
    del arrays["augmented"]
    np.savez(path, **arrays, **({} if shape is None else {"augmented": np.zeros(shape, np.uint8)}))  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"samples.npz: damaged .*augmented"):
        run.read_augmented(repeated_copy, run.read_metrics(repeated_copy).config)


def test_a_training_that_ended_early_reads_back(run_copy: Path) -> None:
    """Its history may be shorter than the epochs asked for, not longer."""
    path = run_copy / "metrics.json"
    path.write_text(edited(lambda c: c["config"].update(epochs=9, early_stopping=3))(path.read_text()))
    assert len(run.read_metrics(run_copy).history.loss) == 2
    path.write_text(edited(lambda c: c["config"].update(early_stopping=0))(path.read_text()))
    with pytest.raises(DataError, match="not have 9 epochs"):
        run.read_metrics(run_copy)
