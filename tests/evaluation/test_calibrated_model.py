import independent
import numpy as np
import pytest
from numpy.typing import NDArray

from job.evaluation.calibrated_model import calibration_error_if_calibrated, count_right
from job.evaluation.calibration import assign_bins, measure_calibration
from job.evaluation.intervals import Interval

CERTAIN = 1 - np.random.default_rng(0).uniform(1e-6, 1e-4, 400)


@pytest.mark.parametrize(
    "confidence",
    [
        [0.95],
        [1.0],
        [0.5, 0.5],
        [1.0, 1.0, 0.4],
        np.linspace(0.1, 0.9, 33).tolist(),
        np.linspace(0.93, 1, 700).tolist(),
        CERTAIN.tolist(),
    ],
)
def test_the_number_of_right_predictions(confidence: list[float]) -> None:
    """The same as one prediction after the other gives; more than 100 are grouped."""
    right = count_right(np.array(confidence))
    expected = np.array(independent.count_right(confidence))
    assert right.mean == pytest.approx(sum(confidence))
    assert right.probabilities == pytest.approx(expected[right.counts], abs=1e-12 if len(confidence) <= 100 else 1e-5)
    assert expected[right.counts].sum() == pytest.approx(1)
    assert right.central_range() == Interval(*independent.find_range(expected.tolist()))


def test_the_range_of_few_predictions_worked_by_hand() -> None:
    """Both of two are right in 81 % of cases, none in 1 %."""
    assert count_right(np.array([0.9, 0.9])).central_range() == Interval(1, 2)


def draw_confidence(n: int) -> NDArray[np.float64]:
    return np.random.default_rng(n).beta(4, 1, n) * 0.9 + 0.1


@pytest.mark.parametrize("n", [1, 20, 300, 10_000])
def test_the_calibration_error_of_a_calibrated_model(n: int) -> None:
    """4,000 simulated test sets give its mean and 95 % quantile."""
    confidence, random = draw_confidence(n), np.random.default_rng(0)
    bins = assign_bins(confidence)
    errors = []
    for _ in range(4000):
        gaps = np.bincount(bins, (random.random(n) < confidence) - confidence)
        errors.append(np.abs(gaps).sum() / n)
    calibration = measure_calibration(confidence, np.ones(n, np.bool_))
    mean, sd = np.mean(errors), np.std(errors)
    assert calibration.ece_if_calibrated == pytest.approx(mean, abs=4 * sd / np.sqrt(4000))
    assert np.mean(np.array(errors) <= calibration.ece_if_calibrated_95 + 1e-9) >= 0.95 - 0.014
    assert calibration.ece_if_calibrated_95 <= np.quantile(errors, 0.964) + 1e-3 / n


def test_the_calibration_error_worked_by_hand() -> None:
    """One image of two bins each, right with 0.6 and 0.9: the errors 0.25, 0.35, 0.65, 0.75 have 54, 36, 6, 4 %."""
    bins = [count_right(np.array([confidence])) for confidence in (0.6, 0.9)]
    mean, quantile = calibration_error_if_calibrated(bins, 2)
    assert mean == pytest.approx((2 * 0.6 * 0.4 + 2 * 0.9 * 0.1) / 2)
    assert quantile == pytest.approx((0.4 + 0.9) / 2, abs=1e-3)


def test_certain_predictions_leave_no_room_for_chance() -> None:
    """If every confidence is 1, a calibrated model is always right."""
    assert calibration_error_if_calibrated([count_right(np.ones(5))], 5) == pytest.approx((0, 0))
