import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics
from support import make_predictions

from job.evaluation.metrics import accuracy_and_loss, average_metrics, cross_entropy

MATRIX = np.array([[4, 1, 0], [2, 3, 0], [0, 0, 5]])
SAME = np.ones(3, np.int64)


def test_macro_averages_worked_by_hand() -> None:
    """Each of the three classes counts the same."""
    precision, recall, f1 = average_metrics(MATRIX, SAME)
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
    matrices = np.stack([MATRIX, MATRIX.T, np.diag([1, 2, 3])])
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


def test_cross_entropy_worked_by_hand() -> None:
    """It is the negative logarithm of the true class's probability."""
    assert cross_entropy(np.array([0.5, 0.25])).tolist() == [-np.log(0.5), -np.log(0.25)]


def test_the_cross_entropy_of_a_certain_mistake_is_finite() -> None:
    """A true class of probability 0 costs -log(2.2e-16), in float32 too; a certain hit costs almost nothing."""
    assert cross_entropy(np.array([0, 1], np.float32)) == pytest.approx([36.04, 0], abs=0.01)


@pytest.mark.parametrize("n_classes", [2, 10])
def test_accuracy_and_loss_equal_those_of_scikit_learn(n_classes: int) -> None:
    """The training process computes them without loading scikit-learn."""
    predictions = make_predictions(500, n_classes)
    accuracy, loss = accuracy_and_loss(predictions.y_true, predictions.probabilities)
    rows = predictions.probabilities.astype(float)
    rows /= rows.sum(axis=1, keepdims=True)
    assert accuracy == sklearn_metrics.accuracy_score(predictions.y_true, predictions.y_pred)
    assert loss == pytest.approx(sklearn_metrics.log_loss(predictions.y_true, rows), rel=1e-6)
