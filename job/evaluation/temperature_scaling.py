"""Measures what temperature scaling changed, from the calibrated probabilities of the test images."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from job.evaluation.calibration import assign_bins
from job.evaluation.predictions import Predictions

MIN_PROBABILITY = np.finfo(np.float32).tiny


@dataclass(frozen=True, kw_only=True)
class ProbabilityScores:
    """How good probabilities are; lower is better, except for the overconfidence, which is best at 0.

    Attributes:
        ece: Expected calibration error over 15 bins of equal width.
        overconfidence: Mean confidence minus accuracy.
        loss: Mean cross-entropy in nats.
        brier: Mean squared distance between the probabilities and the one-hot label, summed over the classes.
    """

    ece: float
    overconfidence: float
    loss: float
    brier: float


@dataclass(frozen=True)
class TemperatureScaling:
    """The scores of the test images without and with the temperature."""

    before: ProbabilityScores
    after: ProbabilityScores


def measure_temperature_scaling(predictions: Predictions, temperature: float) -> TemperatureScaling:
    """Compare the calibrated predictions with those that the model would make without the temperature."""
    uncalibrated = replace(predictions, probabilities=undo_temperature(predictions.probabilities, temperature))
    return TemperatureScaling(_score(uncalibrated), _score(predictions))


def undo_temperature(probabilities: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """Return the probabilities before the calibration: p to the power T, divided by the sum over the classes.

    This is exact up to rounding. A probability that became 0 is treated as the smallest normal float32.

    Args:
        probabilities: Calibrated probabilities, shape (n, n_classes).
        temperature: At least 0.2.
    """
    logits = np.float32(temperature) * np.log(np.maximum(probabilities, MIN_PROBABILITY))
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    uncalibrated: NDArray[np.float32] = powers / powers.sum(axis=1, keepdims=True)
    return uncalibrated


def _score(predictions: Predictions) -> ProbabilityScores:
    n, excess = len(predictions.y_true), predictions.confidence - predictions.is_correct.astype(np.float64)
    squares = np.square(predictions.probabilities, dtype=np.float64).sum(axis=1)
    return ProbabilityScores(
        ece=float(np.abs(np.bincount(assign_bins(predictions.confidence), excess)).sum() / n),
        overconfidence=float(excess.mean()),
        loss=predictions.loss,
        brier=float(np.mean(squares - 2 * predictions.p_true.astype(np.float64) + 1)),
    )
