from dataclasses import replace

import numpy as np
import pytest
from support import make_predictions, make_run

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
        ("mlp", (0.86, 0.88), "No clear difference; 87.0% is inside the interval; MLP 100-10, ReLU"),
        ("mlp", (0.88, 0.9), "Higher accuracy; 87.0% is below the interval; MLP 100-10, ReLU"),
        ("cnn", (0.88, 0.9), "Lower accuracy; 93.1% is above the interval; 5 conv, batch normalization, pooling"),
    ],
)
def test_without_a_reference_a_published_network_is_named(
    model: ModelName, bounds: tuple[float, float], expected: str
) -> None:
    """The network with the most similar layers, whatever its accuracy."""
    run = make_run(n=N_TEST, model=model)
    tile = list_tiles(replace(run, evaluation=replace(run.evaluation, accuracy_interval=Interval(*bounds))))[1]
    assert read(tile) == f"Against a published network; {expected}"
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
    return make_run().evaluation.calibration


@pytest.mark.parametrize(
    ("overconfidence", "bounds", "ece", "expected"),
    [
        (0.016, (0.01, 0.022), 0.016, "Overconfident by 1.6 points"),
        (-0.08, (-0.09, -0.07), 0.08, "Underconfident by 8.0 points"),
        (0.004, (-0.002, 0.01), 0.03, "Miscalibrated"),
        (0.004, (-0.002, 0.01), 0.009, "No significant miscalibration"),
    ],
)
def test_calibration_in_words(
    calibration: Calibration, overconfidence: float, bounds: tuple[float, float], ece: float, expected: str
) -> None:
    """The interval decides on the direction; without one, the error must exceed what chance makes of it."""
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


def test_the_weakest_class() -> None:
    """Its name, its recall with interval, and its number of images."""
    run = make_run(predictions=make_predictions(1000))
    row = min(run.evaluation.per_class, key=lambda each: each.recall)
    tile = list_tiles(run)[3]
    assert read(tile) == (
        f"Weakest class; {row.name}; recall {row.recall:.1%} {100 * row.recall_interval.lower:.1f}{DASH}"
        f"{row.recall_interval.upper:.1%}; n = 100 images"
    )
    assert isinstance(tile.value[0], ClassName)


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
