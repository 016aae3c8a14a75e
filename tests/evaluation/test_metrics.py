import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from job.evaluation import metrics

MATRIX = np.array([[4, 1, 0], [2, 3, 0], [0, 0, 5]])


def test_figures_of_a_matrix_worked_by_hand() -> None:
    """Precision, recall and F1 of three classes, computed on paper."""
    assert metrics.accuracy(MATRIX) == 12 / 15
    assert metrics.precision_per_class(MATRIX).tolist() == [4 / 6, 3 / 4, 1]
    assert metrics.recall_per_class(MATRIX).tolist() == [4 / 5, 3 / 5, 1]
    assert metrics.f1_per_class(MATRIX).tolist() == [8 / 11, 6 / 9, 1]


def test_averages_worked_by_hand() -> None:
    """The macro average counts classes alike, the weighted one by support."""
    matrix = np.array([[1, 1], [0, 6]])
    support = matrix.sum(axis=1)
    assert metrics.averages(matrix, np.ones(2, np.int64)).tolist() == [
        (1 + 6 / 7) / 2,
        (0.5 + 1) / 2,
        (2 / 3 + 12 / 13) / 2,
    ]
    assert metrics.averages(matrix, support)[1] == pytest.approx((2 * 0.5 + 6 * 1) / 8)


def test_many_matrices_at_once_have_the_figures_of_each() -> None:
    """Resamples are judged in blocks."""
    many = np.stack([MATRIX, MATRIX.T, np.diag([1, 2, 3])])
    for index, one in enumerate(many):
        for figure in (metrics.precision_per_class, metrics.recall_per_class, metrics.f1_per_class):
            assert figure(many)[index].tolist() == figure(one).tolist()
        weights = many.sum(axis=-1)
        assert metrics.averages(many, weights)[:, index].tolist() == metrics.averages(one, weights[index]).tolist()


def test_losses_worked_by_hand() -> None:
    """The negative logarithms of the true classes' probabilities."""
    assert metrics.losses(np.array([0.5, 0.25])).tolist() == [-np.log(0.5), -np.log(0.25)]


def test_the_loss_of_a_certain_mistake_is_finite() -> None:
    """A true class of probability 0 costs -log(2.2e-16), also in float32."""
    assert metrics.losses(np.array([0], np.float32))[0] == pytest.approx(36.04, abs=0.01)


def test_a_class_never_predicted_has_precision_0() -> None:
    """No division by zero, and the value scikit-learn gives with zero_division=0."""
    matrix = np.array([[3, 0], [2, 0]])
    assert metrics.precision_per_class(matrix).tolist() == [3 / 5, 0]
    assert metrics.f1_per_class(matrix).tolist() == [6 / 8, 0]


@pytest.mark.parametrize("n_classes", [2, 10, 100])
def test_all_figures_equal_those_of_scikit_learn(n_classes: int) -> None:
    """Random predictions, some classes never predicted."""
    random = np.random.default_rng(n_classes)
    y_true = np.arange(1000) % n_classes
    probabilities = random.dirichlet(np.full(n_classes, 0.3), 1000)
    y_pred = probabilities.argmax(axis=1)
    matrix = metrics.confusion_matrix(y_true, y_pred, n_classes)
    labels = range(n_classes)
    precision, recall, f1, _ = sklearn_metrics.precision_recall_fscore_support(
        y_true, y_pred, labels=labels, zero_division=0
    )
    assert (sklearn_metrics.confusion_matrix(y_true, y_pred, labels=labels) == matrix).all()
    assert metrics.accuracy(matrix) == sklearn_metrics.accuracy_score(y_true, y_pred)
    loss = metrics.losses(probabilities[np.arange(1000), y_true]).mean()
    assert loss == pytest.approx(sklearn_metrics.log_loss(y_true, probabilities))
    assert metrics.precision_per_class(matrix) == pytest.approx(precision)
    assert metrics.recall_per_class(matrix) == pytest.approx(recall)
    assert metrics.f1_per_class(matrix) == pytest.approx(f1)
