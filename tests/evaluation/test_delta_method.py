"""Intervals of metrics of the confusion matrix, compared with slopes that are measured instead of derived."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics

from job.evaluation.delta_method import Average, average_interval, mcc_interval
from job.evaluation.intervals import Interval, bounded_interval

MATRIX = np.array([[60, 7, 1, 12], [3, 90, 20, 2], [9, 11, 55, 6], [0, 5, 30, 40]])
NAMES: tuple[Average, ...] = ("precision", "recall", "f1")


def score(function: Callable[..., Any], matrix: NDArray[np.floating], **options: Any) -> Any:  # noqa: ANN401
    true, predicted = np.indices(matrix.shape).reshape(2, -1)
    return function(true, predicted, sample_weight=matrix.ravel(), **options)


def measure_variance(metric: Callable[[NDArray[np.floating]], float]) -> float:
    """Variance from the change of the metric by a ten-thousandth of an image in each cell."""
    slopes = np.zeros(MATRIX.shape)
    for cell in np.ndindex(MATRIX.shape):
        step = np.zeros(MATRIX.shape)
        step[cell] = 1e-4
        slopes[cell] = (metric(MATRIX + step) - metric(MATRIX - step)) / 2e-4
    mean = np.average(slopes, weights=MATRIX)
    return float((MATRIX * (slopes - mean) ** 2).sum())


@pytest.mark.parametrize("kind", ["macro", "weighted"])
@pytest.mark.parametrize("name", NAMES)
def test_intervals_of_averages(name: Average, kind: str) -> None:
    """Wilson's interval with the variance that scikit-learn's averages have."""

    def average(matrix: NDArray[np.floating]) -> float:
        scores = score(metrics.precision_recall_fscore_support, matrix, average=kind)
        return float(scores[NAMES.index(name)])

    expected = bounded_interval(average(MATRIX.astype(float)), measure_variance(average))
    interval = average_interval(MATRIX, name, weighted=kind == "weighted")
    assert interval is not None
    assert expected is not None
    assert vars(interval) == pytest.approx(vars(expected), rel=1e-6)


def test_interval_of_matthews_correlation() -> None:
    """The same on the scale from -1 to 1."""

    def correlate(matrix: NDArray[np.floating]) -> float:
        return float(score(metrics.matthews_corrcoef, matrix))

    mcc = correlate(MATRIX.astype(float))
    expected = bounded_interval(mcc, measure_variance(correlate), lowest=-1.0)
    interval = mcc_interval(MATRIX, mcc)
    assert interval is not None
    assert expected is not None
    assert vars(interval) == pytest.approx(vars(expected), rel=1e-6)


def test_equal_classes_have_the_interval_of_the_accuracy() -> None:
    """90 of 100 images of each of two classes: the mean recall varies like a fraction of 200 images."""
    interval = average_interval(np.array([[90, 10], [10, 90]]), "recall", weighted=False)
    assert interval is not None
    assert (interval.lower, interval.upper) == pytest.approx((0.8506, 0.9344), abs=1e-4)  # 180 of 200


@pytest.mark.parametrize(
    "matrix",
    [
        [[100, 0], [0, 100]],  # all right
        [[0, 100], [100, 0]],  # none right
        [[0, 100], [0, 100]],  # one class predicted
        [[4, 0], [2, 90]],  # few images of a class
        [[91, 0], [5, 4]],  # a class that is rarely predicted
    ],
)
def test_few_images_have_no_interval(matrix: list[list[int]]) -> None:
    """Rather none than one without a width."""
    for name in NAMES:
        for weighted in (False, True):
            assert average_interval(np.array(matrix), name, weighted=weighted) is None


def test_undefined_correlations_have_no_interval() -> None:
    """All right, none right of two classes, and one class predicted or present."""
    for matrix, mcc in (
        ([[9, 0], [0, 9]], 1.0),
        ([[0, 9], [9, 0]], -1.0),
        ([[0, 9], [0, 9]], 0.0),
        ([[5, 4], [0, 0]], 0.0),
    ):
        assert mcc_interval(np.array(matrix), mcc) is None


def test_one_error_gives_every_average_a_width() -> None:
    """Of 1,000 images."""
    matrix = np.array([[499, 1], [0, 500]])
    for name in NAMES:
        interval = average_interval(matrix, name, weighted=False)
        assert isinstance(interval, Interval)
        assert 0.003 < interval.upper - interval.lower < 0.01
