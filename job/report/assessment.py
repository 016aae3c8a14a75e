"""Assesses the learning curves, the predicted classes and the coverage of a run."""

from dataclasses import dataclass
from typing import Literal

from job.evaluation.calibration import Calibration, Coverage
from job.evaluation.evaluate import Evaluation
from job.results.schema import History

NOTABLE = 0.02
"""A relative change of the validation loss that is larger than its usual variation between epochs."""


@dataclass(frozen=True)
class Fit:
    """What the losses show about the fit.

    Attributes:
        sign: The problem that the losses show.
        best_epoch: Epoch of the lowest validation loss, from 1.
        change: Relative change of the validation loss since the best epoch, or in the last epoch if that is the best.
    """

    sign: Literal["overfitting", "underfitting", "none"]
    best_epoch: int
    change: float


def assess_fit(history: History) -> Fit | None:
    """Look for signs of overfitting or underfitting; None without validation.

    Overfitting: the validation loss has risen notably since its lowest value, and the training loss fell meanwhile.
    Underfitting: the validation loss is at its lowest value, and fell notably in the last epoch.
    """
    losses = history.val_loss
    if not losses:
        return None
    best = min(range(len(losses)), key=losses.__getitem__)
    if best < len(losses) - 1:
        change = _relative_change(losses[best], losses[-1])
        is_overfitting = change > NOTABLE and history.loss[-1] < history.loss[best]
        return Fit("overfitting" if is_overfitting else "none", best + 1, change)
    change = _relative_change(losses[-2], losses[-1]) if len(losses) > 1 else 0.0
    return Fit("underfitting" if change < -NOTABLE else "none", best + 1, change)


def _relative_change(before: float, after: float) -> float:
    """Relative change of a loss; 0 if the loss was 0 before."""
    return after / before - 1 if before else 0.0


def split_by_prediction(evaluation: Evaluation) -> tuple[list[str], list[str]]:
    """Names of the classes that the model predicts for at least one image, and for none; each in label order."""
    n_predicted = dict(zip(evaluation.class_names, evaluation.matrix.sum(axis=0).tolist(), strict=True))
    return [name for name, n in n_predicted.items() if n], [name for name, n in n_predicted.items() if not n]


def accuracy_at_coverage(calibration: Calibration, coverage: float) -> Coverage:
    """Accuracy on the most confident predictions, for the lowest known coverage of at least `coverage`."""
    return next(point for point in calibration.coverage if point.coverage >= coverage)
