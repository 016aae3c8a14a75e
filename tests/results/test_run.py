import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from support import edit_metrics, make_run

from job.errors import DataError
from job.evaluation.seed_variation import summarize_seed_runs
from job.results.file_names import CHECKSUMS, METRICS, PREDICTIONS, SAMPLES
from job.results.metrics_json import read_record
from job.results.run import Run


@pytest.fixture(scope="module")
def compared_run() -> Run:
    """A run of five classes that is compared with a reference."""
    return make_run(n=60, n_classes=5, with_reference=True)


@pytest.fixture
def folder(compared_run: Run, tmp_path: Path) -> Path:
    """Its output folder."""
    compared_run.write(tmp_path)
    return tmp_path


def assert_equal(first: Run, second: Run) -> None:
    """Two runs are the same in everything."""
    for name in ("evaluation", "comparison", "training", "provenance"):
        assert getattr(first, name) == getattr(second, name)
    assert first.predictions.probabilities.tobytes() == second.predictions.probabilities.tobytes()
    assert first.predictions.y_true.tolist() == second.predictions.y_true.tolist()
    assert np.array_equal(first.predictions.y_reference, second.predictions.y_reference)  # type: ignore[arg-type]
    assert {index: image.tolist() for index, image in first.images.items()} == {
        index: image.tolist() for index, image in second.images.items()
    }
    assert first.augmented.tolist() == second.augmented.tolist()
    for learnt in ("class_means", "first_layer"):
        values = (getattr(run.learnt, learnt, np.zeros(0)) for run in (first, second))
        assert np.array_equal(*values)


def read_error(folder: Path) -> str:
    """The message with which a folder is refused, in one line."""
    with pytest.raises(DataError) as caught:
        Run.read(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"n_classes": 2, "n": 7},
        {"n_classes": 12, "n": 40, "is_fashion_mnist": False},
        {"with_reference": True, "seed": 3},
        {"runs": 4, "augment": "flip,shift", "epochs": 7, "seed": 8},
        {"trained": False, "n_classes": 3},
    ],
    ids=str,
)
def test_a_run_reads_back(tmp_path: Path, settings: dict[str, Any]) -> None:
    """What was written is read, and writing it again gives the same bytes."""
    run = make_run(**settings)
    run.write(tmp_path)
    assert_equal(Run.read(tmp_path), run)
    before = {name: (tmp_path / name).read_bytes() for name in (METRICS, PREDICTIONS)}
    Run.read(tmp_path).write(tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in before} == before


def test_the_metrics_are_computed_from_the_predictions(compared_run: Run, folder: Path) -> None:
    """A folder without metrics.json and the record of the run give the same run."""
    record = read_record(folder)
    (folder / METRICS).unlink()
    run = Run.from_files(folder, record)
    assert_equal(run, compared_run)
    run.write_metrics(folder)
    assert_equal(Run.read(folder), compared_run)


def test_a_run_does_not_need_its_reference_again(folder: Path) -> None:
    """Its folder may be gone or have changed."""
    edit_metrics(folder, lambda content: content["comparison"]["reference"].update(folder=str(folder)))
    comparison = Run.read(folder).comparison
    assert comparison is not None
    assert comparison.reference.folder == str(folder)


@pytest.mark.parametrize("name", [METRICS, PREDICTIONS, SAMPLES])
def test_a_missing_file(folder: Path, name: str) -> None:
    """The message names it."""
    (folder / name).unlink()
    words = "not found; name the output folder of a finished run: --output DIR"
    assert read_error(folder) == f"{folder / name}: {words}"


@pytest.mark.parametrize("name", [METRICS, PREDICTIONS, SAMPLES])
def test_a_file_of_another_run(folder: Path, tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    """The files of a run belong together."""
    other = tmp_path_factory.mktemp("other")
    make_run(n=60, n_classes=5, with_reference=True, seed=1).write(other)
    shutil.copy(other / name, folder / name)
    words = f"its SHA-256 is not the one in {CHECKSUMS}: it was edited by hand, or belongs to another run; train again"
    assert read_error(folder) == f"{folder / name}: {words}"


@pytest.mark.parametrize("change", [lambda text: text + "\n", lambda text: text.replace("\n", "\r\n")])
@pytest.mark.parametrize("name", [METRICS, PREDICTIONS])
def test_an_edited_file(folder: Path, name: str, change: Callable[[str], str]) -> None:
    """A change that leaves the content valid is found, too."""
    path = folder / name
    path.write_bytes(change(path.read_text()).encode())
    assert f"{path}: its SHA-256 is not the one in {CHECKSUMS}: it was edited by hand" in read_error(folder)


def test_a_folder_without_a_manifest(folder: Path) -> None:
    """Nobody knows whether its files belong together."""
    (folder / CHECKSUMS).unlink()
    words = "not found; name the output folder of a finished run: --output DIR"
    assert read_error(folder) == f"{folder / CHECKSUMS}: {words}"


def test_a_manifest_of_another_program(folder: Path) -> None:
    """It says nothing about the files of a run."""
    path = folder / CHECKSUMS
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))
    assert "its SHA-256 is not the one in SHA256SUMS" in read_error(folder)


def test_stored_metrics_do_not_matter(compared_run: Run, folder: Path) -> None:
    """All metrics of a run that is read follow from its predictions."""
    edit_metrics(folder, lambda content: content["evaluation"].update(accuracy=0.99, n_test=5))
    edit_metrics(folder, lambda content: content["comparison"].update(p_value=0.5, fixed=[]))
    assert_equal(Run.read(folder), compared_run)


def test_a_comparison_cannot_be_removed(folder: Path) -> None:
    """The predictions of the reference would remain."""
    edit_metrics(folder, lambda content: content.update(comparison=None))
    assert f"{folder / PREDICTIONS}: damaged (its columns are not those of 5 classes); train again" in read_error(
        folder
    )


def test_a_class_cannot_be_removed(folder: Path) -> None:
    """Nor can all of them."""
    edit_metrics(folder, lambda content: content["evaluation"]["per_class"].pop())
    assert f"{folder / PREDICTIONS}: damaged (its columns are not those of 4 classes" in read_error(folder)
    edit_metrics(folder, lambda content: content["evaluation"]["per_class"].clear())
    assert f"{folder / METRICS}: damaged (contains 0 class names; write 2 to 256" in read_error(folder)


def test_images_must_be_those_that_the_report_shows(compared_run: Run, folder: Path) -> None:
    """One fewer is found."""
    first, *others = compared_run.images
    replace(compared_run, images={index: compared_run.images[index] for index in others}).write(folder)
    assert f"{folder / SAMPLES}: test image {first} is missing" in read_error(folder)


def test_augmented_images_follow_the_settings(tmp_path: Path) -> None:
    """They must be there if training augmented the images."""
    run = make_run(augment="flip")
    replace(run, augmented=run.augmented[:0]).write(tmp_path)
    assert "damaged (`augmented` does not fit the settings of the run)" in read_error(tmp_path)


def test_a_metric_is_stored_without_loss(compared_run: Run, folder: Path) -> None:
    """JSON keeps each float64."""
    stored = json.loads((folder / METRICS).read_text(encoding="utf-8"))
    assert stored["evaluation"] == msgspec.to_builtins(compared_run.evaluation)


def test_results_without_a_new_metric_are_read(compared_run: Run, folder: Path) -> None:
    """The job computes the metrics again, so that earlier results have those that were added since."""
    edit_metrics(folder, lambda content: content["evaluation"].pop("macro"))
    assert Run.read(folder).evaluation == compared_run.evaluation


def test_the_predictions_are_those_of_the_reported_seed(tmp_path: Path) -> None:
    """Their accuracy must be that of the run of median accuracy."""
    run = make_run(runs=3, seed=4)
    assert run.training is not None
    assert run.training.seed_variation is not None
    others = [replace(each, accuracy=each.accuracy - 0.1) for each in run.training.seed_variation.runs]
    replace(run, training=replace(run.training, seed_variation=summarize_seed_runs(others))).write(tmp_path)
    assert "damaged (the predictions are not those of seed 4)" in read_error(tmp_path)
