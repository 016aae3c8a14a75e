import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from job.evaluation import calibration, intervals
from job.evaluation.calibration import Calibration, Coverage, Overconfidence
from job.evaluation.intervals import Interval

ANY = Interval(0.0, 1.0)


def calibrated(confidence: list[float], hits: list[bool]) -> Calibration:
    return calibration.calibrate(np.array(confidence), np.array(hits), ANY)


def test_bins_worked_by_hand() -> None:
    """Three images from 0.4 to 0.4667, one of them right, and one beyond 0.9333; the bins between stay out."""
    found = calibrated([0.41, 0.43, 0.45, 0.95], [True, False, False, True])
    low, high = found.bins
    assert (low.lower, low.upper, low.n, low.accuracy) == (6 / 15, 7 / 15, 3, 1 / 3)
    assert low.confidence == pytest.approx(0.43)
    assert low.accuracy_interval == intervals.wilson(1, 3)
    assert (high.lower, high.upper, high.n, high.accuracy) == (14 / 15, 1, 1, 1)
    assert found.ece == pytest.approx((3 * (0.43 - 1 / 3) + 1 * 0.05) / 4)
    assert found.ece_interval == ANY


@pytest.mark.parametrize(("confidence", "number"), [(0, 0), (1 / 15, 0), (0.2, 2), (0.2 + 1e-9, 3), (0.6, 8), (1, 14)])
def test_an_edge_belongs_to_the_bin_below(confidence: float, number: int) -> None:
    """As in Guo et al.; 0 has no bin below and counts to the first."""
    assert calibration.bin_numbers(np.array([confidence])).tolist() == [number]


def test_the_bins_of_float32_are_those_of_its_exact_value() -> None:
    """The float32 next to 0.6 lies above it."""
    assert calibration.bin_numbers(np.array([0.6], np.float32)).tolist() == [9]


def test_bins_equal_those_of_scikit_learn() -> None:
    """Random confidences, none of which lies on an edge."""
    random = np.random.default_rng(0)
    confidence = random.beta(4, 1, 2000)
    hits = random.random(2000) < confidence**2
    accuracy, mean_confidence = calibration_curve(hits, confidence, n_bins=15)
    found = calibration.calibrate(confidence, hits, ANY)
    assert [one.accuracy for one in found.bins] == pytest.approx(accuracy)
    assert [one.confidence for one in found.bins] == pytest.approx(mean_confidence)
    assert sum(one.n for one in found.bins) == 2000
    shares = [one.n / 2000 for one in found.bins]
    assert found.ece == pytest.approx(np.sum(shares * np.abs(accuracy - mean_confidence)))


def test_overconfident_mistakes_worked_by_hand() -> None:
    """Three images above 0.9, one of them wrong, of two that are wrong at all; 0.9 itself is not above."""
    found = calibrated([0.99, 0.95, 0.91, 0.9, 0.5], [True, False, True, False, True])
    assert found.overconfidence == Overconfidence(threshold=0.9, n=3, n_wrong=1, share_of_wrong=0.5)


def test_no_mistake_is_overconfident_where_there_is_none() -> None:
    """A share of nothing is 0, not NaN."""
    assert calibrated([0.99], [True]).overconfidence == Overconfidence(threshold=0.9, n=1, n_wrong=0, share_of_wrong=0)


def test_coverage_worked_by_hand() -> None:
    """Four images: 5 % to 25 % of them are one, and of the two of 0.7 both are kept or none."""
    assert calibrated([0.5, 0.7, 0.9, 0.7], [False, True, True, False]).coverage == [
        Coverage(coverage=0.25, n=1, threshold=0.9, n_right=1, accuracy=1),
        Coverage(coverage=0.75, n=3, threshold=0.7, n_right=2, accuracy=2 / 3),
        Coverage(coverage=1, n=4, threshold=0.5, n_right=2, accuracy=0.5),
    ]


def test_coverage_of_many_images() -> None:
    """Every twentieth of a thousand images without ties, and the accuracy of just those above the threshold."""
    random = np.random.default_rng(0)
    confidence = random.permutation(np.linspace(0.1, 1, 1000))
    hits = random.random(1000) < confidence
    points = calibration.calibrate(confidence, hits, ANY).coverage
    assert [point.n for point in points] == list(range(50, 1001, 50))
    for point in points:
        assert point.accuracy == hits[confidence >= point.threshold].mean()
        assert point.coverage == (confidence >= point.threshold).mean()
