from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pytest
from support import make_predictions, make_run

from job.config.gate import Gate
from job.evaluation.gate_result import GateResult
from job.evaluation.gates import compare_with_gate, evaluate_gates
from job.evaluation.intervals import Interval
from job.evaluation.metric_lookup import Measurement, find_metric
from job.evaluation.predictions import Predictions

NAMES = ("a.b", "Shirt", "0", "a")


@pytest.fixture(scope="module")
def metrics() -> dict[str, Any]:
    """What metrics.json of a run with a reference contains; one class has a dot in its name, one is a number."""
    return make_run(n=400, n_classes=4, class_names=NAMES, with_reference=True).metrics()


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("accuracy", ("evaluation", "accuracy")),
        ("evaluation.accuracy", ("evaluation", "accuracy")),
        ("macro.f1", ("evaluation", "macro", "f1")),
        ("ece", ("evaluation", "calibration", "ece")),
        ("calibration.high_confidence.n", ("evaluation", "calibration", "high_confidence", "n")),
        ("timings_s.total", ("provenance", "timings_s", "total")),
        ("recall.Shirt", ("evaluation", "per_class", 1, "recall")),
        ("recall.a.b", ("evaluation", "per_class", 0, "recall")),
        ("recall.a", ("evaluation", "per_class", 3, "recall")),
        ("recall.0", ("evaluation", "per_class", 2, "recall")),
        ("per_class.a.b.f1", ("evaluation", "per_class", 0, "f1")),
        ("confusion_matrix.a.b.Shirt", ("evaluation", "confusion_matrix", 0, 1)),
        ("confusion_matrix.Shirt.3", ("evaluation", "confusion_matrix", 1, 3)),
        ("calibration.coverage.1.accuracy", ("evaluation", "calibration", "coverage", 1, "accuracy")),
        ("comparison.counts.difference", ("comparison", "counts", "difference")),
        ("comparison.per_class.Shirt.n_fixed", ("comparison", "per_class", 1, "n_fixed")),
        ("training.history.val_loss.1", ("training", "history", "val_loss", 1)),
    ],
)
def test_a_name_finds_its_number(metrics: dict[str, Any], name: str, path: tuple[str | int, ...]) -> None:
    """Short names, whole paths, and classes by their names."""
    expected: Any = metrics
    for part in path:
        expected = expected[part]
    found = find_metric(metrics, name)
    assert found is not None
    assert found.value == expected


@pytest.mark.parametrize(
    "name",
    ["", "acc", "accuracy.x", "macro", "recall.Coat", "recall", "per_class.Shirt", "per_class.Shirt.name", "a.b"],
)
def test_a_name_of_no_number(metrics: dict[str, Any], name: str) -> None:
    """Nothing is found where a path ends early, goes too far, or ends at a text."""
    assert find_metric(metrics, name) is None


def test_the_interval_is_that_beside_the_number(metrics: dict[str, Any]) -> None:
    """By its name, or that of a difference; most numbers have none."""
    evaluation, comparison = metrics["evaluation"], metrics["comparison"]
    for name, expected in (
        ("macro.f1", evaluation["macro"]["f1_interval"]),
        ("recall.Shirt", evaluation["per_class"][1]["recall_interval"]),
        ("comparison.counts.difference", comparison["counts"]["interval"]),
        ("comparison.loss.difference", comparison["loss"]["interval"]),
    ):
        found = find_metric(metrics, name)
        assert found is not None
        assert found.interval == Interval(**expected)
    for name in ("ece", "timings_s.total", "comparison.counts.reference", "brier.Shirt"):
        found = find_metric(metrics, name)
        assert found is not None
        assert found.interval is None


def evaluate(metrics: dict[str, Any], *gates: Gate) -> list[GateResult]:
    return evaluate_gates(gates, metrics)


def test_the_sentence_of_an_unusual_gate(metrics: dict[str, Any]) -> None:
    """It ends with what is usual."""
    (result,) = evaluate(metrics, Gate("accuracy", "over", 1.0))
    assert result.sentence.startswith("passed: accuracy is ")
    assert result.sentence.endswith("; higher is better, so a lower bound is usual")


def test_a_value_at_the_threshold_passes(metrics: dict[str, Any]) -> None:
    """Only a value beyond it misses the gate; the margin is negative there."""
    value = metrics["evaluation"]["accuracy"]
    results = evaluate(
        metrics,
        *(Gate("accuracy", bound, value + change) for bound in ("under", "over") for change in (-0.25, 0.0, 0.25)),
    )
    assert [each.passed for each in results] == [True, True, False, False, True, True]
    assert [each.margin for each in results] == pytest.approx([0.25, 0, -0.25, -0.25, 0, 0.25])
    assert {each.value for each in results} == {value}


@pytest.mark.parametrize("bound", ["under", "over"])
def test_a_rounding_error_misses_no_gate(bound: Literal["under", "over"]) -> None:
    """The mean of numbers at the threshold may be beyond it in the last digit."""
    value = 0.8447 + (1e-15 if bound == "over" else -1e-15)
    assert value != 0.8447
    result = compare_with_gate(Gate("accuracy", bound, 0.8447), Measurement(value))
    assert (result.margin, result.passed) == (0, True)


def test_a_loss_of_the_tolerance_passes() -> None:
    """Also if the difference of two means is not exactly that of their decimals."""
    interval = {"lower": -0.04, "upper": -0.02}
    difference = 0.87 - 0.9 - 1e-16
    recipes = {"difference": difference, "interval": interval}
    metrics = {"comparison": {"recipes": recipes, "p_value": 1.0}}
    (result,) = evaluate(metrics, Gate("accuracy", "worse", 0.03))
    assert difference < -0.03
    assert (result.is_significant, result.margin, result.passed) == (True, 0, True)


def test_the_far_end_of_the_interval_is_compared(metrics: dict[str, Any]) -> None:
    """The lower end of what must not be too low, the upper end of what must not be too high."""
    interval = metrics["evaluation"]["accuracy_interval"]
    under, over = evaluate(
        metrics, Gate("accuracy", "under", 0.5, "interval"), Gate("accuracy", "over", 0.5, "interval")
    )
    assert (under.compared, under.margin) == (interval["lower"], interval["lower"] - 0.5)
    assert (over.compared, over.margin) == (interval["upper"], 0.5 - interval["upper"])
    assert (under.passed, over.passed) == (True, False)


def test_a_gate_without_a_number_is_missed(metrics: dict[str, Any]) -> None:
    """Whether the number is missing or only its interval; a warning does not set the exit status."""
    run = {**metrics, "evaluation": {**metrics["evaluation"], "roc_auc": None, "loss_interval": None}}
    value, interval, warning = evaluate(
        run,
        Gate("roc_auc", "under", 0.5),
        Gate("loss", "over", 100.0, "interval"),
        Gate("roc_auc", "under", 0.5, severity="warning"),
    )
    assert value.sentence == "missed: this run has no roc_auc; it must be at least 0.5"
    loss = metrics["evaluation"]["loss"]
    assert interval.sentence == (
        f"missed: loss is {loss:.4f} (no 95% interval); the upper end of its interval must be at most 100"
    )
    assert [each.is_error for each in (value, interval, warning)] == [True, True, False]


def test_a_sentence_shows_a_small_margin(metrics: dict[str, Any]) -> None:
    """With as many digits as it needs; whole numbers have none."""
    evaluation = {**metrics["evaluation"], "accuracy": 0.879996, "n_test": 400}
    close, whole = evaluate(
        {**metrics, "evaluation": evaluation}, Gate("accuracy", "under", 0.88), Gate("n_test", "under", 400)
    )
    interval = metrics["evaluation"]["accuracy_interval"]
    bounds = f"{interval['lower']:.6f} to {interval['upper']:.6f}"
    assert close.sentence == (
        f"missed: accuracy is 0.879996 (95% interval {bounds}); it must be at least 0.88, margin -0.000004"
    )
    assert whole.sentence == "passed: n_test is 400; it must be at least 400, margin 0"


def test_a_threshold_is_shown_with_its_digits(metrics: dict[str, Any]) -> None:
    """So that gates with other thresholds have other labels."""
    large, fine, worse = evaluate(
        metrics,
        Gate("n_test", "under", 1_234_567),
        Gate("accuracy", "over", 0.8765432),
        Gate("accuracy", "worse", 0.00123456789),
    )
    assert [each.label for each in (large, fine, worse)] == [
        "n_test ≥ 1234567",
        "accuracy ≤ 0.8765432",
        "accuracy not worse than the reference by more than 0.00123456789",
    ]
    assert "it must be at least 1234567, margin " in large.sentence
    assert "it must be at most 0.8765432, margin " in fine.sentence
    assert worse.sentence.endswith("; tolerance 0.00123456789")


def compare(n: int, n_broken: int, n_fixed: int, tolerance: float = 0.0) -> GateResult:
    """The gate of a run whose reference is right where it is wrong on `n_broken` images, and otherwise on `n_fixed`."""
    y_true = np.zeros(n, np.int16)
    y_true[: n // 2] = 1
    y_pred, y_reference = y_true.copy(), y_true.copy()
    y_pred[:n_broken] = 0
    y_reference[n - n_fixed :] = 1
    probabilities, p_reference = (np.eye(2)[each] * 0.8 + 0.1 for each in (y_pred, y_reference))
    predictions = Predictions(y_true, probabilities.astype(np.float32), y_reference, p_reference.astype(np.float32))
    run = make_run(predictions=predictions)
    return evaluate_gates([Gate("accuracy", "worse", tolerance)], run.metrics())[0]


@pytest.mark.parametrize(
    ("n_broken", "n_fixed", "tolerance", "passed", "is_significant"),
    [
        (40, 10, 0.0, False, True),  # p = 2e-5
        (40, 10, 0.02, False, True),
        (40, 10, 0.03, True, True),
        (12, 6, 0.0, True, False),  # p = 0.24
        (10, 40, 0.0, True, True),
        (0, 0, 0.0, True, False),
    ],
)
def test_only_a_significant_loss_beyond_the_tolerance_is_missed(
    n_broken: int,
    n_fixed: int,
    tolerance: float,
    passed: bool,  # noqa: FBT001 - a parameter
    is_significant: bool,  # noqa: FBT001 - a parameter
) -> None:
    """McNemar's test decides between two networks."""
    result = compare(1000, n_broken, n_fixed, tolerance)
    assert (result.passed, result.is_significant) == (passed, is_significant)
    difference = (n_fixed - n_broken) / 1000
    assert result.value == difference
    assert result.margin == pytest.approx(difference + tolerance)
    assert ": accuracy minus that of the reference is " in result.sentence
    word = "significant" if is_significant else "not significant"
    assert f"{word}; tolerance {tolerance:g}" in result.sentence


def test_recipes_are_compared_over_seeds_and_images() -> None:
    """With several seeds on both sides, the interval of the mean accuracies decides."""
    run = make_run(predictions=make_predictions(400, with_reference=True), runs=3, reference_runs=3)
    assert run.comparison is not None
    assert run.comparison.recipes is not None
    (result,) = evaluate_gates([Gate("accuracy", "worse", 0.0)], run.metrics())
    assert (result.value, result.interval) == (run.comparison.recipes.difference, run.comparison.recipes.interval)
    assert result.sentence.startswith("passed: mean accuracy minus that of the reference is ")
    lower = replace(run.comparison.recipes, difference=-0.1, interval=Interval(-0.15, -0.05))
    metrics = replace(run, comparison=replace(run.comparison, recipes=lower, p_value=1.0)).metrics()
    (result,) = evaluate_gates([Gate("accuracy", "worse", 0.0)], metrics)
    assert (result.passed, result.is_significant) == (False, True)


def test_a_missing_reference_is_no_excuse_but_an_empty_history_is() -> None:
    """The first run of a history has nothing to compare with, and passes."""
    metrics = make_run().metrics()
    reference, history = evaluate(
        metrics, Gate("accuracy", "worse", 0.0), Gate("accuracy", "worse", 0.0, against="history")
    )
    assert reference.sentence == "missed: the reference is missing, so accuracy has nothing to compare with"
    assert history.sentence == "passed: the history has no earlier run, so accuracy is not compared"
