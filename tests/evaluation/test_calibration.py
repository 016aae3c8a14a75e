import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from job.evaluation.calibration import (
    Calibration,
    Coverage,
    HighConfidence,
    assign_bins,
    class_errors,
    debiased_error,
    measure_calibration,
)
from job.evaluation.intervals import Interval, wilson_interval


def measure(confidence: list[float], is_correct: list[bool]) -> Calibration:
    return measure_calibration(np.array(confidence), np.array(is_correct))


def test_bins_worked_by_hand() -> None:
    """Three images are between 0.4 and 0.4667, one of them correct, and one is above 0.9333; empty bins are omitted."""
    calibration = measure([0.41, 0.43, 0.45, 0.95], [True, False, False, True])
    low, high = calibration.bins
    assert (low.lower, low.upper, low.n, low.accuracy) == (6 / 15, 7 / 15, 3, 1 / 3)
    assert low.confidence == pytest.approx(0.43)
    assert low.accuracy_interval == wilson_interval(1, 3)
    assert (high.lower, high.upper, high.n, high.accuracy) == (14 / 15, 1, 1, 1)
    assert calibration.ece == pytest.approx((3 * (0.43 - 1 / 3) + 1 * 0.05) / 4)


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
    calibration = measure_calibration(confidence, is_correct)
    assert [each.accuracy for each in calibration.bins] == pytest.approx(accuracy)
    assert [each.confidence for each in calibration.bins] == pytest.approx(mean_confidence)
    assert sum(each.n for each in calibration.bins) == 2000
    fractions = [each.n / 2000 for each in calibration.bins]
    assert calibration.ece == pytest.approx(np.sum(fractions * np.abs(accuracy - mean_confidence)))


def test_high_confidence_worked_by_hand() -> None:
    """Three confidences are above 0.9, one of them wrong, as are two images in all; 0.9 itself is not above.

    The probabilities predict 0.01 + 0.05 + 0.09 errors: none in 86 % of cases, and one in 13 %.
    """
    high = measure([0.99, 0.95, 0.91, 0.9, 0.5], [True, False, True, False, True]).high_confidence
    assert (high.threshold, high.n, high.n_wrong) == (0.9, 3, 1)
    assert high.n_wrong_expected == pytest.approx(0.15)
    assert high.n_wrong_expected_interval == Interval(0, 1)


def test_high_confidence_without_mistakes() -> None:
    """One would be possible."""
    high = measure([0.95], [True]).high_confidence
    assert (high.n_wrong, high.n_wrong_expected_interval) == (0, Interval(0, 1))


def test_no_prediction_of_high_confidence() -> None:
    """No error is predicted."""
    assert measure([0.5], [True]).high_confidence == HighConfidence(0.9, 0, 0, 0, Interval(0, 0))


def test_overconfidence_worked_by_hand() -> None:
    """60 of 100 predictions with a confidence of 0.8 are right: Wilson's interval of the accuracy is 0.502 to 0.691."""
    calibration = measure([0.8] * 100, [True] * 60 + [False] * 40)
    assert (calibration.mean_confidence, calibration.overconfidence) == pytest.approx((0.8, 0.2))
    interval = calibration.overconfidence_interval
    assert (interval.lower, interval.upper) == pytest.approx((0.8 - 0.6906, 0.8 - 0.5020), abs=1e-4)
    assert calibration.tendency == "overconfident"


def test_right_predictions_of_high_confidence_narrow_the_interval() -> None:
    """A model that knows where it is right varies less: as much as if there were more images."""
    is_correct = [True] * 80 + [False] * 20
    sharp, flat = measure([0.9] * 80 + [0.4] * 20, is_correct), measure([0.8] * 100, is_correct)
    assert sharp.overconfidence == pytest.approx(flat.overconfidence)
    widths = [each.overconfidence_interval.upper - each.overconfidence_interval.lower for each in (sharp, flat)]
    assert widths[0] == pytest.approx(widths[1] / 2, rel=0.05)  # residuals of -0.1 and 0.4 instead of -0.2 and 0.8


def test_the_tendency_follows_from_the_interval() -> None:
    """The sentence of the page cannot contradict the interval."""
    assert measure([0.6] * 100, [True] * 80 + [False] * 20).tendency == "underconfident"
    assert measure([0.8] * 100, [True] * 79 + [False] * 21).tendency is None
    assert measure([0.99] * 20, [True] * 20).tendency is None


def test_the_debiased_error_worked_by_hand() -> None:
    """One bin of 100 images with p = 0.5, of which 55 are hits: a gap of 0.05, about as large as its error of 0.0497.

    The folded normal distribution has the mean 0.0497 · 0.7979 · exp(-0.5052) + 0.05 · 0.6851 = 0.0582, so 0.0082 are
    bias, although the overconfidence is 0.05: it is due to chance, too. Two bins of opposite gaps have the same bias.
    """
    bins, is_hit = np.full(100, 7), np.arange(100) < 55
    assert debiased_error(bins, np.full(100, 0.5), is_hit) == pytest.approx(0.05 - 0.0082, abs=1e-4)
    both = np.concatenate([is_hit, ~is_hit]), np.repeat([7, 8], 100)  # a second bin with the opposite gap
    assert debiased_error(both[1], np.full(200, 0.5), both[0]) == pytest.approx(0.05 - 0.0082, abs=1e-4)


def test_the_debiased_error_is_not_negative() -> None:
    """50 of 100 images with p = 0.5 are hits: less than chance makes of it."""
    assert debiased_error(np.full(100, 7), np.full(100, 0.5), np.arange(100) < 50) == 0


def test_the_debiased_error_of_classes_is_that_of_their_probabilities() -> None:
    """The same as of the one bin worked by hand, although 55 of 100 images are of class 0 and 50 were expected."""
    errors = class_errors(np.repeat([0, 1], [55, 45]), np.full((100, 2), 0.5))
    assert errors == pytest.approx([0.05 - 0.0082] * 2, abs=1e-4)


def test_the_debiased_error_is_nearer_to_the_truth() -> None:
    """A calibrated model, by 200 simulations: less than two thirds of the error remain, on average."""
    random, plug_in, debiased = np.random.default_rng(0), [], []
    for _ in range(200):
        confidence = random.beta(4, 1, 500)
        calibration = measure_calibration(confidence, random.random(500) < confidence)
        plug_in.append(calibration.ece)
        debiased.append(calibration.ece_debiased)
    assert 0 < np.mean(debiased) < 0.67 * np.mean(plug_in)


def test_class_errors_worked_by_hand() -> None:
    """Class 0 has 100 images of 200, at a probability of 0.5 each; class 1 always gets 0.25 and never occurs."""
    probabilities = np.tile([0.5, 0.25, 0.25], (200, 1))
    errors = class_errors(np.repeat([0, 2], 100), probabilities)
    assert errors == pytest.approx([0, 0.25, 0.25])


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
    points = measure_calibration(confidence, is_correct).coverage
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
