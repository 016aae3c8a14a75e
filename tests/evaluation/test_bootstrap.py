import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics as sklearn_metrics

from job.evaluation import bootstrap, calibration, metrics
from job.evaluation.intervals import Interval

MATRIX = np.array([[40, 10, 0], [20, 30, 5], [0, 0, 95]])

Images = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]


def images(n: int, seed: int = 0) -> Images:
    """Losses, confidences and hits of images that are as right as their confidence says."""
    random = np.random.default_rng(seed)
    confidence = random.beta(4, 1, n)
    return random.exponential(size=n), confidence, random.random(n) < confidence


def bounds(interval: Interval) -> tuple[float, float]:
    return interval.lower, interval.upper


def test_averages_agree_with_images_drawn_one_by_one() -> None:
    """scikit-learn on 400 resamples of the images themselves: their intervals end within a tenth of a width."""
    y_true, y_pred = (np.repeat(indices, MATRIX.ravel()) for indices in np.indices((3, 3)).reshape(2, -1))
    random = np.random.default_rng(1)
    drawn = [random.integers(0, 200, 200) for _ in range(400)]
    per_class = [sklearn_metrics.precision_recall_fscore_support(y_true[i], y_pred[i]) for i in drawn]
    macro = [np.mean(figures[:3], axis=1) for figures in per_class]
    weighted = [np.average(figures[:3], axis=1, weights=figures[3]) for figures in per_class]
    for ours, resampled in zip(bootstrap.of_matrix(MATRIX, seed=0), (macro, weighted), strict=True):
        for interval, theirs in zip(ours, np.quantile(resampled, [0.025, 0.975], axis=0).T, strict=True):
            assert bounds(interval) == pytest.approx(theirs, abs=0.1 * (interval.upper - interval.lower))


def test_a_class_that_a_resample_lacks_does_not_count() -> None:
    """Of two classes with one image each, both right, the macro recall is 1 in every resample."""
    macro, _ = bootstrap.of_matrix(np.diag([1, 1]), seed=0)
    assert macro[1] == Interval(1, 1)


def test_the_interval_of_the_loss_is_about_that_of_the_normal_distribution() -> None:
    """The mean of 4,000 losses ± 1.96 standard errors, to a tenth of the width."""
    losses, confidence, hits = images(4000)
    interval, _ = bootstrap.of_images(losses, confidence, hits, seed=0)
    margin = 1.96 * losses.std() / np.sqrt(4000)
    assert bounds(interval) == pytest.approx((losses.mean() - margin, losses.mean() + margin), abs=0.2 * margin)


def test_the_interval_of_the_calibration_error_takes_its_bias_off() -> None:
    """The error of a calibrated model is chance alone: every resample has one, but the interval reaches down to 0."""
    losses, confidence, hits = images(1000)
    _, interval = bootstrap.of_images(losses, confidence, hits, seed=0)
    assert calibration.calibrate(confidence, hits, interval).ece > 0.02
    assert interval.lower == 0
    assert interval.upper < 0.03


def test_the_calibration_error_by_hand() -> None:
    """Ten images of one bin, alike but for the hits: a resample with k hits has the error |0.75 - k / 10|."""
    confidence, hits = np.full(10, 0.75), np.arange(10) < 5
    _, interval = bootstrap.of_images(np.zeros(10), confidence, hits, seed=0)
    random = np.random.default_rng(0)
    errors = [abs(0.75 - hits[random.integers(0, 10, 10)].mean()) for _ in range(1000)]
    lower, upper = 2 * 0.25 - np.quantile(errors, [0.975, 0.025])
    assert bounds(interval) == pytest.approx((max(lower, 0), upper))


def test_the_seed_gives_the_intervals() -> None:
    """The same seed the same, another one others."""
    assert bootstrap.of_matrix(MATRIX, 1) == bootstrap.of_matrix(MATRIX, 1) != bootstrap.of_matrix(MATRIX, 2)
    assert bootstrap.of_images(*images(50), 1) == bootstrap.of_images(*images(50), 1)
    assert bootstrap.of_images(*images(50), 1) != bootstrap.of_images(*images(50), 2)


def test_no_interval_depends_on_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """One resample at a time, seven, all at once."""
    whole = bootstrap.of_matrix(MATRIX, seed=0)
    for n in (1, 7 * MATRIX.size):
        monkeypatch.setattr(bootstrap, "BLOCK_CELLS", n)
        assert bootstrap.of_matrix(MATRIX, seed=0) == whole


def test_many_images_are_drawn_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number that is told is the number that is drawn."""
    assert (bootstrap.n_resamples(100_000), bootstrap.n_resamples(100_001)) == (1000, 200)
    monkeypatch.setattr(bootstrap, "MANY", 199)
    assert sum(len(block) for block in bootstrap._resampled(MATRIX, seed=0)) == 200


def test_resamples_have_as_many_images() -> None:
    """And none in a cell that is empty."""
    for block in bootstrap._resampled(MATRIX, seed=0):
        assert (block.sum(axis=(1, 2)) == 200).all()
        assert (block[:, MATRIX == 0] == 0).all()
        assert metrics.accuracy(block.sum(axis=0)) == pytest.approx(165 / 200, abs=0.01)
