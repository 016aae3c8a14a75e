import math

import numpy as np
import pytest
from scipy.stats import t, ttest_rel
from sklearn.metrics import brier_score_loss, log_loss
from support import make_predictions

from job.evaluation.paired_differences import (
    MEASURES,
    compare_means,
    measure_overconfidence,
    paired_mean_interval,
)
from job.evaluation.predictions import Predictions


def test_brier_scores_worked_by_hand() -> None:
    """Squared distances from the truth: 0.1² + 0.1² of a good prediction, 1 + 1 of the worst one."""
    probabilities = np.array([[0.9, 0.1], [1, 0], [0.25, 0.75]], np.float32)
    scores = Predictions(np.array([0, 1, 1]), probabilities).brier_scores
    assert scores == pytest.approx([0.02, 2, 0.125], abs=1e-7)


def test_the_means_are_those_of_scikit_learn() -> None:
    """Loss and Brier score of many images."""
    predictions = make_predictions(500)
    y_true, probabilities = predictions.y_true, predictions.probabilities.astype(float)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    assert predictions.losses.mean() == pytest.approx(log_loss(y_true, probabilities), rel=1e-5)
    expected = brier_score_loss(y_true, probabilities, labels=range(10), scale_by_half=False)
    assert predictions.brier_scores.mean() == pytest.approx(expected, rel=1e-5)


def test_overconfidence_is_confidence_minus_accuracy() -> None:
    """Its mean is 0 if the model is as accurate as it is confident."""
    predictions = make_predictions(500)
    expected = float(predictions.confidence.mean()) - predictions.accuracy
    assert measure_overconfidence(predictions).mean() == pytest.approx(expected, abs=1e-6)
    even = Predictions(np.array([0, 1]), np.array([[0.5, 0.5], [0.5, 0.5]], np.float32))
    assert measure_overconfidence(even).tolist() == [-0.5, 0.5]


@pytest.mark.parametrize("name", MEASURES)
def test_the_interval_is_that_of_the_paired_t_test(name: str) -> None:
    """SciPy's, for two models on the same images."""
    predictions = make_predictions(300, with_reference=True)
    reference = predictions.reference
    assert reference is not None
    now, before = MEASURES[name](predictions), MEASURES[name](reference)
    means = compare_means(now, before)
    assert means.difference == pytest.approx(means.current - means.reference)
    assert (means.current, means.reference) == pytest.approx((now.mean(), before.mean()))
    interval = ttest_rel(now, before).confidence_interval()
    assert means.interval is not None
    assert (means.interval.lower, means.interval.upper) == pytest.approx((interval.low, interval.high))
    assert means.is_significant == (not interval.low <= 0 <= interval.high)


def test_the_interval_from_its_equation() -> None:
    """Mean ± t s / sqrt(n), with n - 1 degrees of freedom."""
    differences = np.arange(300.0)
    interval = paired_mean_interval(differences)
    assert interval is not None
    margin = t.ppf(0.975, 299) * math.sqrt(math.fsum((each - 149.5) ** 2 for each in differences) / 299 / 300)
    assert (interval.lower, interval.upper) == pytest.approx((149.5 - margin, 149.5 + margin))


@pytest.mark.parametrize("differences", [np.arange(299.0), np.zeros(500), np.full(500, 0.25)])
def test_no_interval_is_better_than_a_wrong_one(differences: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    """With few images it would not hold its level, and with equal differences it would have no width."""
    assert paired_mean_interval(differences) is None
    assert not compare_means(differences, np.zeros(len(differences))).is_significant
