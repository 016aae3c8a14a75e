import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from served import make_network
from support import edit_metrics, make_other_seeds, make_run, predictions_of, seal

from job.errors import DataError
from job.evaluation.predictions import Predictions
from job.evaluation.seed_variation import summarize_seed_runs
from job.results.file_names import CHECKSUMS, METRICS, NETWORK, PREDICTIONS, SAMPLES
from job.results.metrics_json import read_record
from job.results.predictions_csv import write_predictions
from job.results.reference_run import read_reference
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
    assert predictions_of(first).probabilities.tobytes() == predictions_of(second).probabilities.tobytes()
    assert first.predictions.y_true.tolist() == second.predictions.y_true.tolist()
    assert np.array_equal(first.predictions.y_reference, second.predictions.y_reference)  # type: ignore[arg-type]
    assert np.array_equal(first.predictions.p_reference, second.predictions.p_reference)  # type: ignore[arg-type]
    assert {index: image.tolist() for index, image in first.images.items()} == {
        index: image.tolist() for index, image in second.images.items()
    }
    assert first.augmented.tolist() == second.augmented.tolist()
    for learnt in ("class_means", "first_layer"):
        one, other = (getattr(run.learnt, learnt, np.zeros(0)) for run in (first, second))
        assert np.array_equal(one, other)


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
        {"runs": 2, "with_reference": True, "reference_runs": 5, "n": 300},
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


@pytest.mark.parametrize("name", [METRICS, PREDICTIONS, SAMPLES, NETWORK])
def test_a_missing_file(compared_run: Run, folder: Path, name: str) -> None:
    """The message names it, also if it is the network, which runs of earlier releases lack."""
    replace(compared_run, network=make_network("none")).write(folder)
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
    assert f"{folder / METRICS}: damaged (contains no class name; write 2 to 256" in read_error(folder)


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
    """Their accuracy must be that of the run of lowest validation loss."""
    run = make_run(runs=3, seed=4)
    assert run.training is not None
    assert run.training.seed_variation is not None
    runs = [replace(each, accuracy=each.accuracy - 0.1 * (each.seed == 5)) for each in run.training.seed_variation.runs]
    replace(run, training=replace(run.training, seed_variation=summarize_seed_runs(runs))).write(tmp_path)
    assert "damaged (the predictions are not those of seed 5)" in read_error(tmp_path)


def make_repeated(folder: Path, **settings: Any) -> Run:  # noqa: ANN401 - settings of a run
    """A run with three seeds that is compared with a run of two; written into the folder."""
    run = make_run(n=300, with_reference=True, runs=3, seed=4, reference_runs=2, **settings)
    run.write(folder)
    return run


def test_the_intervals_of_the_seed_variation_are_computed_again(tmp_path: Path) -> None:
    """Those in metrics.json do not matter."""
    run = make_repeated(tmp_path)
    edit_metrics(tmp_path, lambda content: content["training"]["seed_variation"].update(mean_interval=None))
    assert run.training is not None
    assert run.training.seed_variation is not None
    assert run.training.seed_variation.mean_interval is not None
    assert Run.read(tmp_path).training == run.training


def test_a_run_has_the_comparison_of_the_recipes_without_its_reference(tmp_path: Path) -> None:
    """All of it follows from the files of the run."""
    run = make_repeated(tmp_path)
    assert run.comparison is not None
    assert run.comparison.recipes is not None
    assert run.comparison.recipes.interval is not None
    assert Run.read(tmp_path).comparison == run.comparison


@pytest.mark.parametrize("name", ["other_seeds", "reference_other_seeds"])
def test_the_predictions_of_each_seed_are_those_of_metrics_json(tmp_path: Path, name: str) -> None:
    """On both sides: their accuracies agree, and no seed is missing."""
    run = make_repeated(tmp_path)
    others = getattr(run.predictions, name)
    wrong = replace(others, y_pred=np.repeat((run.predictions.y_true[:, None] + 1) % 10, len(others.seeds), axis=1))
    replace(run, predictions=replace(run.predictions, **{name: wrong})).write(tmp_path)
    assert f"damaged (the predictions are not those of seed {others.seeds[0]})" in read_error(tmp_path)
    fewer = replace(others, seeds=(99,), y_pred=others.y_pred[:, :1], p_true=others.p_true[:, :1])
    replace(run, predictions=replace(run.predictions, **{name: fewer})).write(tmp_path)
    assert "damaged (the predictions are not those of its seeds)" in read_error(tmp_path)


def test_predictions_of_seeds_need_a_seed_variation(tmp_path: Path) -> None:
    """A single run has none."""
    run = make_run()
    others = make_other_seeds(run.predictions.y_true, 10, [1])
    replace(run, predictions=replace(predictions_of(run), other_seeds=others)).write(tmp_path)
    assert "damaged (a single run has predictions of several seeds)" in read_error(tmp_path)


def age_metrics(content: dict[str, Any]) -> None:
    """Turn metrics.json into what version 0.5.0 wrote."""
    variation, comparison = content["training"]["seed_variation"], content["comparison"]
    for name in ("mean_interval", "sd_interval", "chosen_by"):
        del variation[name]
    for run in variation["runs"]:
        del run["val_loss"]
    for name in ("loss", "brier", "overconfidence", "recipes", "reseed_difference", "reseed_side"):
        del comparison[name]
    del comparison["reference"]["seed_variation"]
    comparison["reference"]["loss_interval"] = {"lower": 0.7, "upper": 0.8}
    for row in comparison["per_class"]:
        del row["p_value"], row["p_adjusted"]


def test_the_results_of_version_0_5_0_are_read(tmp_path: Path) -> None:
    """The page shows what they allow: the accuracies, and the spread of the seeds of this run."""
    run = make_repeated(tmp_path)
    predictions = Predictions(run.predictions.y_true, predictions_of(run).probabilities, run.predictions.y_reference)
    write_predictions(tmp_path, predictions)
    edit_metrics(tmp_path, age_metrics)
    seal(tmp_path, PREDICTIONS)
    old, new = Run.read(tmp_path).comparison, run.comparison
    assert old is not None
    assert new is not None
    assert (old.counts, old.per_class, old.p_value) == (new.counts, new.per_class, new.p_value)
    assert (old.loss, old.brier, old.overconfidence, old.recipes) == (None, None, None, None)
    assert old.reference.loss == new.reference.loss
    assert (old.reseed_difference, old.reseed_side) == (new.reseed_difference, "current")
    read_reference(str(tmp_path))
