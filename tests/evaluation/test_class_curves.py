import itertools

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve
from support import make_predictions

from job.evaluation.class_curves import MAX_POINTS, ClassCurves, thin_curve, trace_curves
from job.evaluation.predictions import Predictions

SIZES = [20, 300, 10_000]


def trace(y_true: list[int], probabilities: list[float]) -> ClassCurves:
    """The curves of class 1 of two."""
    second = np.array(probabilities, np.float32)
    (curves,) = trace_curves(Predictions(np.array(y_true), np.column_stack([1 - second, second])), [1])
    return curves


def test_curves_by_hand() -> None:
    """Three images of the class among five, with two equal probabilities."""
    curves = trace([1, 0, 1, 1, 0], [0.9, 0.7, 0.5, 0.5, 0.2])
    assert (curves.label, curves.n, curves.n_test) == (1, 3, 5)
    third = 1 / 3
    assert curves.roc == pytest.approx(np.array([[0, 0], [0, third], [0.5, third], [0.5, 1], [1, 1]]))
    assert curves.precision_recall == pytest.approx(np.array([[0, 1], [third, 1], [third, 0.75], [1, 0.75]]))
    assert curves.recalls == pytest.approx([third, third])
    assert curves.precisions == pytest.approx([0.75, 0.75])


def test_the_table_reads_the_curve_before_it_is_thinned() -> None:
    """100 images of each class; the 10 most probable images include one of the other class."""
    y_true = [1] * 4 + [0] + [1] * 85 + [0] * 95 + [1] * 11 + [0] * 4
    curves = trace(y_true, np.linspace(0.9, 0.1, 200).tolist())
    assert curves.recalls == pytest.approx([0.89, 0.89])
    assert curves.precisions == pytest.approx([89 / 90, 100 / 196])


def test_the_limits_of_the_table_are_included() -> None:
    """Four of five images of the class come first, then one of 100 others, then the fifth."""
    curves = trace([1] * 4 + [0, 1] + [0] * 99, np.linspace(0.9, 0.1, 105).tolist())
    assert curves.recalls == [1, 1]
    assert curves.precisions == pytest.approx([1, 5 / 6])


@pytest.mark.parametrize("n", SIZES)
def test_areas_are_those_of_scikit_learn(n: int) -> None:
    """Thinning moves them by less than the charts show."""
    predictions = make_predictions(n)
    for curves in trace_curves(predictions, range(10)):
        is_class, score = predictions.y_true == curves.label, predictions.probabilities[:, curves.label]
        for points, expected in (
            (curves.roc, roc_auc_score(is_class, score)),
            (curves.precision_recall, average_precision_score(is_class, score)),
        ):
            assert np.trapezoid(points[:, 1], points[:, 0]) == pytest.approx(expected, abs=0.004)
            assert len(points) <= MAX_POINTS


@pytest.mark.parametrize("n", SIZES)
def test_curves_stay_close_to_those_of_scikit_learn(n: int) -> None:
    """Each point of scikit-learn's curves lies on the thinned one, to the eye."""
    predictions = make_predictions(n)
    for curves in trace_curves(predictions, [0, 9]):
        is_class, score = predictions.y_true == curves.label, predictions.probabilities[:, curves.label]
        false_positive_rate, recall, _ = roc_curve(is_class, score)
        assert distance(np.column_stack([false_positive_rate, recall]), curves.roc) < 0.006
        precision, recall, _ = precision_recall_curve(is_class, score)
        points = [(value, precision[recall == value].max()) for value in np.unique(recall)]
        assert distance(np.array(points), curves.precision_recall) < 0.006


def distance(points: np.ndarray, curve: np.ndarray) -> float:
    """Largest distance of the points from a curve, from many points on it."""
    steps = np.linspace(0, 1, 400)[:, None]
    on_curve = np.concatenate([first + steps * (last - first) for first, last in itertools.pairwise(curve)])
    return max(float(np.hypot(*(on_curve - point).T).min()) for point in points)


def test_a_perfect_and_a_useless_model() -> None:
    """One corner, and the diagonal."""
    perfect, useless = trace([1, 1, 0], [0.9, 0.8, 0.1]), trace([1, 0, 0, 0], [0.5] * 4)
    assert perfect.roc.tolist() == [[0, 0], [0, 1], [1, 1]]
    assert perfect.precision_recall.tolist() == [[0, 1], [1, 1]]
    assert useless.roc.tolist() == [[0, 0], [1, 1]]
    assert useless.precision_recall.tolist() == [[0, 0.25], [1, 0.25]]


def test_thinning_keeps_corners_and_drops_points_on_a_line() -> None:
    """A square wave keeps all its corners, although many points lie between them."""
    corners = np.array([[0, 0], [0, 0.5], [0.5, 0.5], [0.5, 1], [1, 1]])
    steps = np.linspace(0, 1, 50)[:, None]
    dense = np.concatenate([first + steps * (last - first) for first, last in itertools.pairwise(corners)])
    assert thin_curve(dense).tolist() == corners.tolist()


def test_a_curve_that_needs_many_points_keeps_at_most_60() -> None:
    """A zigzag of 500 teeth becomes coarser, but keeps its ends."""
    zigzag = np.column_stack([np.linspace(0, 1, 1001), np.tile([0.2, 0.8], 501)[:1001]])
    thinned = thin_curve(zigzag)
    assert len(thinned) <= MAX_POINTS
    assert thinned[[0, -1]].tolist() == zigzag[[0, -1]].tolist()
