import math

import numpy as np
import pytest
from scipy.stats import skew, t, ttest_1samp
from sklearn.metrics import brier_score_loss, log_loss
from support import make_predictions

from job.evaluation.intervals import mean_interval
from job.evaluation.paired_differences import (
    MEASURES,
    PairedDifference,
    compare_means,
    count_rarest_outcome,
    measure_overconfidence,
    paired_mean_interval,
)
from job.evaluation.predictions import Floats, Predictions


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
def test_the_interval_is_that_of_a_skewed_mean(name: str) -> None:
    """That of the differences image by image, for two models on the same images."""
    predictions = make_predictions(300, with_reference=True)
    reference = predictions.reference
    assert reference is not None
    now, before = MEASURES[name](predictions), MEASURES[name](reference)
    means = compare_means(MEASURES[name], predictions, reference)
    assert means.difference == pytest.approx(means.current - means.reference)
    assert (means.current, means.reference) == pytest.approx((now.mean(), before.mean()))
    assert means.interval == mean_interval(now - before)
    assert means.interval is not None
    assert means.is_significant == (not means.interval.lower <= 0 <= means.interval.upper)


def test_the_interval_solves_the_equation_of_hall() -> None:
    """It is longer on the side of the rare large differences than that of the t test."""
    differences = np.random.default_rng(0).exponential(size=300) ** 2
    interval, ordinary = paired_mean_interval(differences, 10), ttest_1samp(differences, 0).confidence_interval()
    assert interval is not None
    sd, a = differences.std(ddof=1), skew(differences) * (299 / 300) ** 1.5 / 3 / math.sqrt(300)
    for bound, quantile in ((interval.lower, 0.975), (interval.upper, 0.025)):
        x = (differences.mean() - bound) / sd * math.sqrt(300)
        assert x + a * x**2 + a**2 * x**3 / 3 + a / 2 == pytest.approx(t.ppf(quantile, 299))
    assert interval.upper > ordinary.high
    assert interval.lower > ordinary.low


@pytest.mark.parametrize(
    ("differences", "n_rare"),
    [(np.arange(299.0), 99), (np.zeros(500), 99), (np.full(500, 0.25), 99), (np.arange(300.0), 9)],
)
def test_no_interval_is_better_than_a_wrong_one(differences: Floats, n_rare: int) -> None:
    """With few images or few errors it would not hold its level, and with equal differences it would have no width."""
    assert paired_mean_interval(differences, n_rare) is None
    assert not PairedDifference(1, 2, 1, None).is_significant


@pytest.mark.parametrize(("n_wrong", "n_wrong_before"), [(9, 20), (20, 9), (10, 10), (290, 291)])
def test_both_models_need_ten_right_and_ten_wrong_predictions(n_wrong: int, n_wrong_before: int) -> None:
    """The losses of the others are unknown, and very different."""
    current, reference = (
        Predictions(np.zeros(300, np.int16), np.where(np.arange(300)[:, None] < n, [[0.3, 0.7]], [[0.8, 0.2]]))
        for n in (n_wrong, n_wrong_before)
    )
    rarest = [min(n, 300 - n) for n in (n_wrong, n_wrong_before)]
    assert list(map(count_rarest_outcome, (current, reference))) == rarest
    means = compare_means(lambda predictions: np.arange(300.0) * predictions.losses, current, reference)
    assert (means.interval is None) == (min(rarest) < 10 or n_wrong == n_wrong_before)


def test_accurate_models_have_an_interval_that_holds() -> None:
    """Of 98 % accurate models, one is three times as steep: Student's interval would contain the truth in 90 %."""
    random = np.random.default_rng(2)
    scores = 2.5 + random.normal(size=200_000)
    truth = np.mean(np.logaddexp(0, -5 * scores) - np.logaddexp(0, -1.7 * scores))
    hits = []
    for _ in range(400):
        drawn = random.choice(scores, 1500)
        interval = paired_mean_interval(
            np.logaddexp(0, -5 * drawn) - np.logaddexp(0, -1.7 * drawn), int((drawn < 0).sum())
        )
        hits += [interval.lower <= truth <= interval.upper] if interval else []
    assert 0.92 < np.mean(hits) < 0.98
