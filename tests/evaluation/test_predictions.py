import numpy as np

from job.evaluation.predictions import Predictions


def test_what_follows_from_probabilities() -> None:
    """The predicted class is the most probable one, the first of equals; its probability is the confidence."""
    probabilities = np.array([[0.25, 0.5, 0.25], [0.5, 0.5, 0], [0, 0.25, 0.75]], np.float32)
    predictions = Predictions(np.array([0, 0, 2]), probabilities)
    assert predictions.y_pred.tolist() == [1, 0, 2]
    assert predictions.confidence.tolist() == [0.5, 0.5, 0.75]
    assert predictions.p_true.tolist() == [0.25, 0.5, 0.75]
    assert predictions.is_correct.tolist() == [False, True, True]
    assert predictions.confidence.dtype == predictions.p_true.dtype == np.float32
