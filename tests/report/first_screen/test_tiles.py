from dataclasses import replace

import numpy as np
import pytest
from support import calibration_of, make_run

from job.config.recipes import ModelName
from job.evaluation.calibration import Calibration
from job.evaluation.intervals import Interval
from job.evaluation.predictions import Predictions
from job.report.first_screen.statements import ClassName, Tile
from job.report.first_screen.tiles import describe_calibration, list_tiles
from job.report.published import N_TEST
from job.results.run import Run

DASH = "\N{EN DASH}"


def read(tile: Tile) -> str:
    """All words of a tile, with ordinary spaces."""
    parts = [tile.label, "".join(tile.value), " ".join(tile.detail), tile.note]
    return "; ".join(parts).replace("\N{NO-BREAK SPACE}", " ")


def test_the_accuracy() -> None:
    """With its interval and the number of images."""
    evaluation = make_run(n=1000).evaluation
    interval = evaluation.accuracy_interval
    assert read(list_tiles(make_run(n=1000))[0]) == (
        f"Accuracy; {evaluation.accuracy:.1%}; {100 * interval.lower:.1f}{DASH}{interval.upper:.1%}; "
        f"{evaluation.n_correct} of 1,000 images"
    )


def test_the_change_against_a_reference() -> None:
    """In points, with its paired interval."""
    run = make_run(n=1000, with_reference=True)
    assert run.comparison is not None
    counts = run.comparison.counts
    tile = list_tiles(run)[1]
    assert tile.anchor == "comparison"
    assert read(tile).replace("\N{MINUS SIGN}", "-") == (
        f"Against the reference; {100 * counts.difference:+.1f} points; "
        f"{100 * counts.interval.lower:+.1f} to {100 * counts.interval.upper:+.1f}; n = 1,000 images"
    )


@pytest.mark.parametrize(
    ("model", "bounds", "expected"),
    [
        ("mlp", (0.86, 0.88), "87.0%; inside the interval of this model; MLP 100-10, ReLU"),
        ("mlp", (0.88, 0.9), "87.0%; below the interval of this model; MLP 100-10, ReLU"),
        ("cnn", (0.88, 0.9), "93.1%; above the interval of this model; 5 conv, batch normalization, pooling"),
    ],
)
def test_without_a_reference_a_published_network_is_named(
    model: ModelName, bounds: tuple[float, float], expected: str
) -> None:
    """Its accuracy, and where it lies; no verdict, because a difference would have no interval."""
    run = make_run(n=N_TEST, model=model)
    tile = list_tiles(replace(run, evaluation=replace(run.evaluation, accuracy_interval=Interval(*bounds))))[1]
    assert read(tile) == f"Published, similar network; {expected}"
    assert tile.anchor == "published"


@pytest.mark.parametrize("run", [make_run(is_fashion_mnist=False), make_run(trained=False)], ids=["other", "untrained"])
def test_a_run_with_nothing_to_compare_shows_another_metric(run: Run) -> None:
    """Another data set, or an unknown model."""
    tile = list_tiles(run)[1]
    assert read(tile).startswith(f"Macro F1; {run.evaluation.macro.f1:.1%}; ")
    assert tile.anchor == "metrics"


def test_a_metric_without_an_interval_has_none() -> None:
    """All predictions are right."""
    labels = np.arange(20, dtype=np.int16) % 10
    probabilities = np.eye(10, dtype=np.float32)[labels]
    tile = list_tiles(make_run(predictions=Predictions(labels, probabilities), is_fashion_mnist=False))[1]
    assert read(tile) == "Macro F1; 100.0%; ; mean over 10 classes"


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return calibration_of(make_run().evaluation)


@pytest.mark.parametrize(
    ("overconfidence", "bounds", "ece", "expected"),
    [
        (0.016, (0.01, 0.022), 0.016, "Overconfident by 1.6 points"),
        (-0.08, (-0.09, -0.07), 0.08, "Underconfident by 8.0 points"),
        (0.004, (-0.002, 0.01), 0.03, "Miscalibrated"),
        (0.004, (-0.002, 0.01), 0.009, "No significant over- or underconfidence"),
    ],
)
def test_calibration_in_words(
    calibration: Calibration, overconfidence: float, bounds: tuple[float, float], ece: float, expected: str
) -> None:
    """The interval of the overconfidence decides; if it contains 0, the 95 % quantile of the calibration error does."""
    changed = replace(
        calibration,
        overconfidence=overconfidence,
        overconfidence_interval=Interval(*bounds),
        ece=ece,
        ece_if_calibrated=0.007,
        ece_if_calibrated_95=0.01,
    )
    assert describe_calibration(changed) == expected
    run = make_run(n=1000)
    tile = list_tiles(replace(run, evaluation=replace(run.evaluation, calibration=changed)))[2]
    assert read(tile) == f"Calibration; {expected}; ECE {ece:.1%}, n = 1,000; 0.7% if perfectly calibrated"


def make_run_with_recalls(n_right: list[int], n_each: int = 100, class_names: list[str] | None = None) -> Run:
    """A run with so many right predictions of each class; the others fall on the next class."""
    labels = np.repeat(np.arange(len(n_right), dtype=np.int16), n_each)
    is_right = np.tile(np.arange(n_each), len(n_right)) < np.repeat(n_right, n_each)
    predicted = np.where(is_right, labels, (labels + 1) % len(n_right))
    predictions = Predictions(labels, np.eye(len(n_right), dtype=np.float32)[predicted])
    return make_run(predictions=predictions, class_names=class_names)


def test_a_class_that_is_clearly_the_weakest() -> None:
    """Its name, its recall with interval, and its number of images."""
    run = make_run_with_recalls([90, 90, 60, 85, 90, 90, 90, 90, 90, 90])
    tile = list_tiles(run)[3]
    assert read(tile) == f"Weakest class; {run.evaluation.class_names[2]}; recall 60.0% 50.2{DASH}69.1%; n = 100 images"
    assert isinstance(tile.value[0], ClassName)


def test_a_class_that_is_the_lowest_by_chance_has_no_interval() -> None:
    """70 % and 75 % of 100 images differ by no more than chance."""
    run = make_run_with_recalls([90, 90, 70, 75, 90, 90, 90, 90, 90, 90])
    tile = list_tiles(run)[3]
    name = run.evaluation.class_names[2]
    assert read(tile) == f"Weakest class; No class clearly weakest; lowest recall 70.0%, n = 100; {name}"
    assert isinstance(tile.note, ClassName)
    numbered = make_run_with_recalls([90, 90, 70, 75], class_names=list("0123"))
    assert list_tiles(numbered)[3].note == "class 2"


@pytest.mark.parametrize(
    ("n_wrong", "expected"),
    [(0, "Recall; 100.0%; in each of the 10 classes; "), (3, "Weakest classes; 3 of 10 classes; recall 0.0% each; ")],
)
def test_several_weakest_classes_are_counted(n_wrong: int, expected: str) -> None:
    """Naming one of them would be arbitrary."""
    labels = np.arange(10, dtype=np.int16)
    probabilities = np.eye(10, dtype=np.float32)[np.where(labels < n_wrong, labels + 1, labels)]
    tile = list_tiles(make_run(predictions=Predictions(labels, probabilities)))[3]
    assert read(tile) == expected
