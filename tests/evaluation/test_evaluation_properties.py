"""Properties of the evaluation of any predictions, tested on generated ones."""

import re
from dataclasses import replace
from random import Random

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from independent import flatten
from numpy.typing import NDArray
from support import calibration_of, make_predictions, make_reference

from job.evaluation.evaluate import evaluate
from job.evaluation.paired_comparison import compare
from job.evaluation.predictions import Predictions

FEW = settings(max_examples=25, deadline=None, derandomize=True, database=None)
COUNT = re.compile(r"\.(n|n_\w+|support)$|confusion_matrix")
SKIPPED = re.compile(  # settings, and what doubling changes
    r"seed|p_value|p_adjusted|coverage|threshold|reference\.loss|bins\[\d+\]\.(lower|upper)$"
    r"|debiased|calibration_error|if_calibrated|n_wrong_expected|consistency"
)


@st.composite
def any_predictions(draw: st.DrawFn) -> Predictions:
    """Predictions of 2 to 5 classes, each with an image, often equally confident or tied; with a reference."""
    n_classes = draw(st.integers(2, 5))
    labels = st.integers(0, n_classes - 1)
    y_true = draw(st.permutations([*range(n_classes), *draw(st.lists(labels, max_size=20))]))
    weights = draw(arrays(np.int16, (len(y_true), n_classes), elements=st.integers(1, 9)))
    probabilities = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    y_reference = draw(st.lists(labels, min_size=len(y_true), max_size=len(y_true)))
    return Predictions(np.array(y_true), probabilities, np.array(y_reference))


def select_images(predictions: Predictions, indices: NDArray[np.intp] | list[int]) -> Predictions:
    assert predictions.y_reference is not None
    return Predictions(
        predictions.y_true[indices], predictions.probabilities[indices], predictions.y_reference[indices]
    )


def compute_metrics(predictions: Predictions) -> dict[str, float]:
    """Every number by its place, without image indices."""
    evaluation = evaluate(predictions, [""] * predictions.probabilities.shape[1], seed=0)
    comparison = compare(make_reference(predictions), predictions)
    content = msgspec.to_builtins({"evaluation": evaluation, "comparison": comparison})
    del content["evaluation"]["samples"], content["comparison"]["fixed"], content["comparison"]["broken"]
    return {place: value for place, value in flatten(content) if isinstance(value, int | float)}


@FEW
@given(any_predictions(), st.randoms(use_true_random=False))
def test_the_order_of_the_images_changes_no_metric(predictions: Predictions, random: Random) -> None:
    """Metrics of permuted images are the same."""
    indices = list(range(len(predictions.y_true)))
    random.shuffle(indices)
    permuted = compute_metrics(select_images(predictions, indices))
    assert permuted == pytest.approx(compute_metrics(predictions), rel=1e-9, abs=1e-12)


@FEW
@given(st.integers(2, 8), st.integers(0, 30), st.integers(0, 2**32 - 1))
def test_renamed_classes_keep_their_metrics(n_classes: int, n_extra: int, seed: int) -> None:
    """Permuting the classes permutes the rows of the classes and the confusion matrix, and changes no other metric."""
    predictions = make_predictions(n_classes + n_extra, n_classes, seed, with_reference=True)
    assert predictions.y_reference is not None
    assert predictions.p_reference is not None
    order = np.random.default_rng(seed).permutation(n_classes)  # the new class i is the old class order[i]
    new_label = np.argsort(order)
    permuted = Predictions(
        new_label[predictions.y_true],
        predictions.probabilities[:, order],
        new_label[predictions.y_reference],
        predictions.p_reference[:, order],
    )
    before, after = (
        evaluate(predictions, [str(i) for i in range(n_classes)], 0),
        evaluate(permuted, [str(i) for i in order], 0),
    )
    assert after.per_class == [before.per_class[label] for label in order]
    assert after.matrix.tolist() == before.matrix[np.ix_(order, order)].tolist()
    assert calibration_of(after).bins == calibration_of(before).bins
    assert calibration_of(after).coverage == calibration_of(before).coverage
    assert (after.accuracy, after.loss) == (before.accuracy, before.loss)
    for name in ("precision", "recall", "f1"):
        assert getattr(after.macro, name) == pytest.approx(getattr(before.macro, name))
        assert getattr(after.weighted, name) == pytest.approx(getattr(before.weighted, name))
    compared, recompared = (compare(make_reference(each), each) for each in (predictions, permuted))
    assert recompared.per_class == [compared.per_class[label] for label in order]
    assert (recompared.counts, recompared.p_value) == (compared.counts, compared.p_value)
    assert (recompared.fixed, recompared.broken) == (compared.fixed, compared.broken)
    for name in ("loss", "brier", "overconfidence"):
        assert vars(getattr(recompared, name)) == pytest.approx(vars(getattr(compared, name)), abs=1e-12)


@FEW
@given(any_predictions())
def test_doubled_images_keep_every_fraction_and_narrow_every_interval(predictions: Predictions) -> None:
    """Counts double, fractions stay, and intervals that a formula gives become narrower."""
    once = compute_metrics(predictions)
    twice = compute_metrics(select_images(predictions, np.repeat(np.arange(len(predictions.y_true)), 2)))
    for place, value in once.items():
        if SKIPPED.search(place):
            continue
        if COUNT.search(place):
            assert twice[place] == 2 * value, place
        elif place.endswith(".lower"):
            upper = place.replace(".lower", ".upper")
            widths = once[upper] - value, twice[upper] - twice[place]
            assert widths[1] < widths[0] or widths == (1, 1), place  # the precision of a class that nobody predicts
        elif not place.endswith(".upper"):
            assert twice[place] == pytest.approx(value, rel=1e-9, abs=1e-12), place


@FEW
@given(any_predictions())
def test_a_class_that_nobody_predicts_has_precision_and_f1_0(predictions: Predictions) -> None:
    """Nothing is divided by zero, and its precision may be anything."""
    probabilities = predictions.probabilities.copy()
    probabilities[:, 0] = 0
    evaluation = evaluate(replace(predictions, probabilities=probabilities), [""] * probabilities.shape[1], seed=0)
    first = evaluation.per_class[0]
    assert (first.precision, first.recall, first.f1) == (0, 0, 0)
    assert (first.precision_interval.lower, first.precision_interval.upper) == (0, 1)
    assert first.recall_interval.lower == first.f1_interval.lower == 0
    assert not evaluation.matrix[:, 0].any()


@FEW
@given(any_predictions())
def test_metrics_stay_in_their_ranges(predictions: Predictions) -> None:
    """Fractions are in [0, 1] and in their intervals, the coverage ascends to 1, and each image is in one bin."""
    n_classes = predictions.probabilities.shape[1]
    evaluation = evaluate(predictions, [""] * n_classes, seed=0)
    calibration = calibration_of(evaluation)
    assert abs(calibration.overconfidence) <= calibration.ece + 1e-12
    assert 0 <= calibration.ece_debiased <= calibration.ece + 1e-12
    assert 0 <= calibration.ece <= 1
    assert sum(each.n for each in calibration.bins) == evaluation.n_test
    coverages = [point.coverage for point in calibration.coverage]
    assert coverages == sorted(set(coverages))
    assert coverages[-1] == 1
    assert calibration.coverage[-1].accuracy == evaluation.accuracy
    thresholds = [point.threshold for point in calibration.coverage]
    assert thresholds == sorted(set(thresholds), reverse=True)
    for row in (*evaluation.per_class, *calibration.bins):
        for name, interval in vars(row).items():
            if name.endswith("_interval"):
                value = getattr(row, name.removesuffix("_interval"))
                assert 0 <= interval.lower <= value <= interval.upper <= 1
    comparison = compare(make_reference(predictions), predictions)
    assert 0 < comparison.p_value <= 1
    for counts in (comparison.counts, *comparison.per_class):
        assert -1 <= counts.interval.lower <= counts.interval.upper <= 1
        assert counts.n == counts.n_both_right + counts.n_fixed + counts.n_broken + counts.n_both_wrong


@settings(FEW, max_examples=100)
@given(any_predictions(), st.sampled_from(["as drawn", "none right", "constant"]), st.integers(1, 30))
def test_no_interval_has_collapsed(predictions: Predictions, kind: str, n_copies: int) -> None:
    """An interval of no width would claim to know what these images cannot show; also if only rounding varies."""
    probabilities = predictions.probabilities.copy()
    if kind == "none right":
        probabilities[np.arange(len(probabilities)), predictions.y_true] = 0
        probabilities /= probabilities.sum(axis=1, keepdims=True)
    if kind == "constant":
        probabilities[:] = probabilities[0]
    repeated = Predictions(np.repeat(predictions.y_true, n_copies), np.repeat(probabilities, n_copies, axis=0))
    evaluation = evaluate(repeated, [""] * probabilities.shape[1], seed=0)
    bounds = dict(flatten(msgspec.to_builtins(evaluation)))
    lower = [place for place in bounds if place.endswith("interval.lower") and "expected" not in place]
    assert len(lower) > len(evaluation.per_class)
    for place in lower:
        assert bounds[place.removesuffix("lower") + "upper"] - bounds[place] > 1e-9, place


@pytest.mark.parametrize("n_each", [4, 5, 7, 10, 100])
def test_what_does_not_vary_has_no_interval(n_each: int) -> None:
    """Three classes: none is right, so the correlation is -0.5; or the model always says the same."""
    y_true = np.repeat([0, 1, 2], n_each)
    none_right = evaluate(Predictions(y_true, np.eye(3, dtype=np.float32)[(y_true + 1) % 3]), [""] * 3, seed=0)
    assert none_right.mcc == pytest.approx(-0.5)
    assert none_right.mcc_interval is None
    same = np.tile(np.array([0.4, 0.3, 0.3], np.float32), (3 * n_each, 1))
    constant = evaluate(Predictions(y_true, same), [""] * 3, seed=0)
    assert constant.average_precision == pytest.approx(1 / 3)
    assert constant.average_precision_interval is constant.roc_auc_interval is constant.mcc_interval is None


@FEW
@given(any_predictions())
def test_swapping_the_models_mirrors_the_comparison(predictions: Predictions) -> None:
    """If the reference becomes the current model, fixed images become broken, and the difference changes its sign."""
    n_classes = predictions.probabilities.shape[1]
    one_hot = np.eye(n_classes, dtype=np.float32)[predictions.y_reference]
    swapped = Predictions(predictions.y_true, one_hot, predictions.y_pred)
    before, after = (compare(make_reference(each), each) for each in (predictions, swapped))
    assert after.p_value == before.p_value
    for one, other in zip((before.counts, *before.per_class), (after.counts, *after.per_class), strict=True):
        assert (one.n_fixed, one.n_broken) == (other.n_broken, other.n_fixed)
        assert (one.reference, one.current) == (other.current, other.reference)
        assert one.difference == -other.difference
        assert (one.interval.lower, one.interval.upper) == pytest.approx((-other.interval.upper, -other.interval.lower))
    assert (len(before.fixed), len(before.broken)) == (len(after.broken), len(after.fixed))
