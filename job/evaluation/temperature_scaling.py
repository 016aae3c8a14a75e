"""Measures what temperature scaling changed, from the calibrated probabilities of the test images."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from job.evaluation.calibration import assign_bins, debiased_error, plug_in_error
from job.evaluation.paired_differences import MEASURES, PairedDifference, compare_means
from job.evaluation.predictions import Predictions

MIN_PROBABILITY = np.finfo(np.float32).tiny


@dataclass(frozen=True, kw_only=True)
class CalibrationErrors:
    """Expected calibration errors over 15 bins of equal width, as in `Calibration`."""

    ece: float
    ece_debiased: float


@dataclass(frozen=True, kw_only=True)
class TemperatureScaling:
    """What the temperature changed on the test images: `reference` is without it, `current` with it."""

    before: CalibrationErrors
    after: CalibrationErrors
    overconfidence: PairedDifference
    loss: PairedDifference
    brier: PairedDifference


def measure_temperature_scaling(predictions: Predictions, temperature: float) -> TemperatureScaling:
    """Compare the calibrated predictions with those that the model would make without the temperature."""
    before = Predictions(predictions.y_true, undo_temperature(predictions.probabilities, temperature))
    return TemperatureScaling(
        before=_measure_errors(before),
        after=_measure_errors(predictions),
        **{name: compare_means(measure, predictions, before) for name, measure in MEASURES.items()},
    )


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


def _measure_errors(predictions: Predictions) -> CalibrationErrors:
    confidence = predictions.confidence
    values = (assign_bins(confidence), confidence, predictions.is_correct)
    return CalibrationErrors(ece=plug_in_error(*values), ece_debiased=debiased_error(*values))
