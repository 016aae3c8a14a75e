import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics
from support import make_predictions

from job.evaluation.predictions import Predictions, cross_entropy


def test_what_follows_from_probabilities() -> None:
    """The predicted class is the most probable one, the first of equals; its probability is the confidence."""
    probabilities = np.array([[0.25, 0.5, 0.25], [0.5, 0.5, 0], [0, 0.25, 0.75]], np.float32)
    predictions = Predictions(np.array([0, 0, 2]), probabilities)
    assert predictions.y_pred.tolist() == [1, 0, 2]
    assert predictions.confidence.tolist() == [0.5, 0.5, 0.75]
    assert predictions.p_true.tolist() == [0.25, 0.5, 0.75]
    assert predictions.is_correct.tolist() == [False, True, True]
    assert predictions.confidence.dtype == predictions.p_true.dtype == np.float32


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
    rows = predictions.probabilities.astype(float)
    rows /= rows.sum(axis=1, keepdims=True)
    assert predictions.accuracy == sklearn_metrics.accuracy_score(predictions.y_true, predictions.y_pred)
    assert predictions.loss == pytest.approx(sklearn_metrics.log_loss(predictions.y_true, rows), rel=1e-6)
