import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from job.evaluation.calibration import Calibration, Coverage, Overconfidence, assign_bins, measure_calibration
from job.evaluation.intervals import Interval, wilson_interval

ANY = Interval(0.0, 1.0)


def measure(confidence: list[float], is_correct: list[bool]) -> Calibration:
    return measure_calibration(np.array(confidence), np.array(is_correct), ANY)


def test_bins_worked_by_hand() -> None:
    """Three images are between 0.4 and 0.4667, one of them correct, and one is above 0.9333; empty bins are omitted."""
    calibration = measure([0.41, 0.43, 0.45, 0.95], [True, False, False, True])
    low, high = calibration.bins
    assert (low.lower, low.upper, low.n, low.accuracy) == (6 / 15, 7 / 15, 3, 1 / 3)
    assert low.confidence == pytest.approx(0.43)
    assert low.accuracy_interval == wilson_interval(1, 3)
    assert (high.lower, high.upper, high.n, high.accuracy) == (14 / 15, 1, 1, 1)
    assert calibration.ece == pytest.approx((3 * (0.43 - 1 / 3) + 1 * 0.05) / 4)
    assert calibration.ece_interval == ANY


def test_the_calibration_error_weighs_bins_by_their_images() -> None:
    """Guo et al. 2017, section 2: of 100 predictions with confidence 0.8, 80 are right if the error is 0."""
    assert measure([0.8] * 100, [True] * 80 + [False] * 20).ece == pytest.approx(0)
    assert measure([0.8] * 100, [True] * 60 + [False] * 40).ece == pytest.approx(0.2)
    mixed = measure([0.8] * 100 + [0.5] * 300, ([True] * 60 + [False] * 40) + ([True] * 120 + [False] * 180))
    assert mixed.ece == pytest.approx(100 / 400 * abs(0.6 - 0.8) + 300 / 400 * abs(0.4 - 0.5))


@pytest.mark.parametrize(("confidence", "number"), [(0, 0), (1 / 15, 0), (0.2, 2), (0.2 + 1e-9, 3), (0.6, 8), (1, 14)])
def test_an_edge_belongs_to_the_bin_below(confidence: float, number: int) -> None:
    """Guo et al. define the bins this way; 0 has no bin below and belongs to the first."""
    assert assign_bins(np.array([confidence])).tolist() == [number]


def test_a_float32_belongs_to_the_bin_of_its_exact_value() -> None:
    """The float32 nearest to 0.6 is above 0.6."""
    assert assign_bins(np.array([0.6], np.float32)).tolist() == [9]


def test_bins_equal_those_of_scikit_learn() -> None:
    """None of these random confidences is on an edge, where the two differ."""
    random = np.random.default_rng(0)
    confidence = random.beta(4, 1, 2000)
    is_correct = random.random(2000) < confidence**2
    accuracy, mean_confidence = calibration_curve(is_correct, confidence, n_bins=15)
    calibration = measure_calibration(confidence, is_correct, ANY)
    assert [each.accuracy for each in calibration.bins] == pytest.approx(accuracy)
    assert [each.confidence for each in calibration.bins] == pytest.approx(mean_confidence)
    assert sum(each.n for each in calibration.bins) == 2000
    fractions = [each.n / 2000 for each in calibration.bins]
    assert calibration.ece == pytest.approx(np.sum(fractions * np.abs(accuracy - mean_confidence)))


def test_overconfidence_worked_by_hand() -> None:
    """Three confidences are above 0.9, one of them wrong, as are two images in all; 0.9 itself is not above."""
    calibration = measure([0.99, 0.95, 0.91, 0.9, 0.5], [True, False, True, False, True])
    assert calibration.overconfidence == Overconfidence(threshold=0.9, n=3, n_wrong=1, share_of_wrong=0.5)


def test_overconfidence_without_mistakes() -> None:
    """The share of no mistakes is 0, not NaN."""
    assert measure([0.99], [True]).overconfidence == Overconfidence(threshold=0.9, n=1, n_wrong=0, share_of_wrong=0)


def test_coverage_worked_by_hand() -> None:
    """5 % to 25 % of four images are one image; of the two with a confidence of 0.7 both are kept or none."""
    assert measure([0.5, 0.7, 0.9, 0.7], [False, True, True, False]).coverage == [
        Coverage(coverage=0.25, n=1, threshold=0.9, n_right=1, accuracy=1),
        Coverage(coverage=0.75, n=3, threshold=0.7, n_right=2, accuracy=2 / 3),
        Coverage(coverage=1, n=4, threshold=0.5, n_right=2, accuracy=0.5),
    ]


def test_coverage_of_many_images() -> None:
    """A thousand images without ties give every twentieth, each with the accuracy from its threshold up."""
    random = np.random.default_rng(0)
    confidence = random.permutation(np.linspace(0.1, 1, 1000))
    is_correct = random.random(1000) < confidence
    points = measure_calibration(confidence, is_correct, ANY).coverage
    assert [point.n for point in points] == list(range(50, 1001, 50))
    for point in points:
        assert point.accuracy == is_correct[confidence >= point.threshold].mean()
        assert point.coverage == (confidence >= point.threshold).mean()


@pytest.mark.parametrize("is_right", [True, False])
def test_images_of_one_confidence_are_one_bin_and_one_point(is_right: bool) -> None:  # noqa: FBT001 - a parameter
    """A model that answers the same for every image can only predict all of them or none."""
    calibration = measure([0.5] * 7, [is_right] * 7)
    assert [(each.n, each.accuracy) for each in calibration.bins] == [(7, is_right)]
    assert calibration.coverage == [Coverage(coverage=1, n=7, threshold=0.5, n_right=7 * is_right, accuracy=is_right)]
    assert calibration.ece == 0.5
