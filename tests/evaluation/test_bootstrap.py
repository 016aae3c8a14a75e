import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics as sklearn_metrics

from job.evaluation import bootstrap
from job.evaluation.bootstrap import average_metrics, bootstrap_averages, bootstrap_loss_and_ece
from job.evaluation.calibration import measure_calibration
from job.evaluation.intervals import Interval

MATRIX = np.array([[40, 10, 0], [20, 30, 5], [0, 0, 95]])
SMALL = np.array([[4, 1, 0], [2, 3, 0], [0, 0, 5]])
SAME = np.ones(3, np.int64)

Images = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]


def make_images(n: int) -> Images:
    """Losses, confidences and hits of a calibrated model."""
    random = np.random.default_rng(0)
    confidence = random.beta(4, 1, n)
    return random.exponential(size=n), confidence, random.random(n) < confidence


def bounds(interval: Interval) -> tuple[float, float]:
    return interval.lower, interval.upper


def test_averages_agree_with_images_resampled_one_by_one() -> None:
    """scikit-learn's averages of 400 resamples give each bound to a tenth of the width."""
    y_true, y_pred = (np.repeat(indices, MATRIX.ravel()) for indices in np.indices((3, 3)).reshape(2, -1))
    random = np.random.default_rng(1)
    resamples = [random.integers(0, 200, 200) for _ in range(400)]
    per_class = [sklearn_metrics.precision_recall_fscore_support(y_true[i], y_pred[i]) for i in resamples]
    macro = [np.mean(scores[:3], axis=1) for scores in per_class]
    weighted = [np.average(scores[:3], axis=1, weights=scores[3]) for scores in per_class]
    for intervals, resampled in zip(bootstrap_averages(MATRIX, seed=0), (macro, weighted), strict=True):
        for interval, expected in zip(intervals, np.quantile(resampled, [0.025, 0.975], axis=0).T, strict=True):
            assert bounds(interval) == pytest.approx(expected, abs=0.1 * (interval.upper - interval.lower))


def test_a_class_that_a_resample_lacks_does_not_count() -> None:
    """With one correct image in each of two classes, the macro recall of every resample is 1."""
    macro, _ = bootstrap_averages(np.diag([1, 1]), seed=0)
    assert macro[1] == Interval(1, 1)


def test_averages_of_all_right_and_all_wrong() -> None:
    """Without an error, or without a hit, no resample differs, and the intervals have no width."""
    for matrix, value in ((np.diag([5, 6, 7]), 1), (np.array([[0, 5], [6, 0]]), 0)):
        for intervals in bootstrap_averages(matrix, seed=0):
            assert intervals == [Interval(value, value)] * 3


def test_the_interval_of_the_loss_is_about_that_of_the_normal_distribution() -> None:
    """It is the mean of 4,000 losses ± 1.96 standard errors, to a tenth of the width."""
    losses, confidence, is_correct = make_images(4000)
    interval, _ = bootstrap_loss_and_ece(losses, confidence, is_correct, seed=0)
    margin = 1.96 * losses.std() / np.sqrt(4000)
    assert bounds(interval) == pytest.approx((losses.mean() - margin, losses.mean() + margin), abs=0.2 * margin)


def test_the_interval_of_the_calibration_error_is_free_of_its_bias() -> None:
    """The error of a calibrated model is due to chance; its interval reaches down to 0."""
    losses, confidence, is_correct = make_images(1000)
    _, interval = bootstrap_loss_and_ece(losses, confidence, is_correct, seed=0)
    assert measure_calibration(confidence, is_correct, interval).ece > 0.02
    assert interval.lower == 0
    assert interval.upper < 0.03


def test_the_interval_of_the_calibration_error_worked_by_hand() -> None:
    """Ten images share one bin and a confidence of 0.75: a resample with k hits has the error |0.75 - k / 10|."""
    confidence, is_correct = np.full(10, 0.75), np.arange(10) < 5
    _, interval = bootstrap_loss_and_ece(np.zeros(10), confidence, is_correct, seed=0)
    random = np.random.default_rng(0)
    errors = [abs(0.75 - is_correct[random.integers(0, 10, 10)].mean()) for _ in range(1000)]
    lower, upper = 2 * 0.25 - np.quantile(errors, [0.975, 0.025])
    assert bounds(interval) == pytest.approx((max(lower, 0), upper))


@pytest.mark.parametrize(("is_right", "ece"), [(True, 0.25), (False, 0.75)])
def test_loss_and_calibration_error_of_all_right_and_all_wrong(is_right: bool, ece: float) -> None:  # noqa: FBT001
    """If all images are alike, every resample is, too."""
    is_correct = np.full(10, is_right)
    loss, error = bootstrap_loss_and_ece(np.full(10, 0.5), np.full(10, 0.75), is_correct, seed=0)
    assert bounds(loss) == pytest.approx((0.5, 0.5))
    assert bounds(error) == pytest.approx((ece, ece))


def test_one_image() -> None:
    """A single image is its only resample."""
    one = np.ones(1)
    assert bootstrap_loss_and_ece(one, one, one > 0, seed=0) == (Interval(1, 1), Interval(0, 0))


def test_the_seed_decides_the_intervals() -> None:
    """The same seed gives the same intervals, another seed others."""
    assert bootstrap_averages(MATRIX, 1) == bootstrap_averages(MATRIX, 1) != bootstrap_averages(MATRIX, 2)
    images = make_images(50)
    assert bootstrap_loss_and_ece(*images, 1) == bootstrap_loss_and_ece(*images, 1)
    assert bootstrap_loss_and_ece(*images, 1) != bootstrap_loss_and_ece(*images, 2)


def test_no_interval_depends_on_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """One resample at a time, seven, and all at once give the same intervals."""
    whole = bootstrap_averages(MATRIX, seed=0)
    for n_cells in (1, 7 * MATRIX.size):
        monkeypatch.setattr(bootstrap, "BLOCK_CELLS", n_cells)
        assert bootstrap_averages(MATRIX, seed=0) == whole


def test_many_images_are_resampled_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many resamples are drawn as are reported."""
    assert (bootstrap.n_resamples(100_000), bootstrap.n_resamples(100_001)) == (1000, 200)
    monkeypatch.setattr(bootstrap, "LARGE_N", 199)
    assert sum(len(block) for block in bootstrap._resample_matrices(MATRIX, seed=0)) == 200


def test_a_resample_has_as_many_images() -> None:
    """None of them is in an empty cell, and the mean of the resamples is the matrix."""
    blocks = np.concatenate(list(bootstrap._resample_matrices(MATRIX, seed=0)))
    assert (blocks.sum(axis=(1, 2)) == 200).all()
    assert (blocks[:, MATRIX == 0] == 0).all()
    assert blocks.mean(axis=0) == pytest.approx(MATRIX, abs=1)


def test_macro_averages_worked_by_hand() -> None:
    """Each of the three classes counts the same."""
    precision, recall, f1 = average_metrics(SMALL, SAME)
    assert precision == pytest.approx((4 / 6 + 3 / 4 + 1) / 3)
    assert recall == pytest.approx((4 / 5 + 3 / 5 + 1) / 3)
    assert f1 == pytest.approx((8 / 11 + 6 / 9 + 1) / 3)


def test_weighted_averages_worked_by_hand() -> None:
    """A class counts by its support, so the weighted recall is the accuracy."""
    matrix = np.array([[1, 1], [0, 6]])
    precision, recall, f1 = average_metrics(matrix, matrix.sum(axis=1))
    assert precision == pytest.approx((2 * 1 + 6 * 6 / 7) / 8)
    assert recall == pytest.approx(7 / 8)
    assert f1 == pytest.approx((2 * 2 / 3 + 6 * 12 / 13) / 8)


def test_a_class_never_predicted_counts_as_0() -> None:
    """Nothing is divided by zero."""
    assert average_metrics(np.array([[3, 0], [2, 0]]), np.ones(2, np.int64)).tolist() == [3 / 10, 1 / 2, 6 / 16]


def test_a_class_without_weight_does_not_count() -> None:
    """A resample can lack a class."""
    matrix = np.array([[3, 1], [0, 0]])
    assert average_metrics(matrix, matrix.sum(axis=1) > 0).tolist() == [1, 3 / 4, 6 / 7]


def test_many_matrices_at_once_have_the_averages_of_each() -> None:
    """The bootstrap averages resamples in blocks."""
    matrices = np.stack([SMALL, SMALL.T, np.diag([1, 2, 3])])
    weights = matrices.sum(axis=-1)
    averages = average_metrics(matrices, weights)
    assert averages.shape == (3, 3)
    for index, matrix in enumerate(matrices):
        assert averages[:, index].tolist() == average_metrics(matrix, weights[index]).tolist()


@pytest.mark.parametrize("n_classes", [2, 10, 100])
def test_averages_equal_those_of_scikit_learn(n_classes: int) -> None:
    """Some classes of these random predictions are never predicted."""
    random = np.random.default_rng(n_classes)
    y_true = np.arange(1000) % n_classes
    y_pred = random.dirichlet(np.full(n_classes, 0.3), 1000).argmax(axis=1)
    matrix = sklearn_metrics.confusion_matrix(y_true, y_pred, labels=range(n_classes))
    for average, weights in (("macro", np.ones(n_classes, np.int64)), ("weighted", matrix.sum(axis=1))):
        expected = sklearn_metrics.precision_recall_fscore_support(y_true, y_pred, average=average, zero_division=0)
        assert average_metrics(matrix, weights) == pytest.approx(expected[:3])
