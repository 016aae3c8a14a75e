"""Assesses the learning curves, the predicted classes and the coverage of a run."""

from dataclasses import dataclass
from typing import Literal

from job.evaluation.calibration import Calibration, Coverage
from job.evaluation.evaluate import Evaluation
from job.results.schema import Training

NOTABLE = 0.02
"""A relative change of the validation loss that is larger than its usual variation between epochs."""
MIN_VALIDATION = 100
"""With fewer validation images, chance moves their loss and accuracy too much to say something about the fit."""


@dataclass(frozen=True)
class Fit:
    """What the losses show about the fit.

    Attributes:
        sign: The problem that the losses show; `too few images` if they can show none.
        best_epoch: Epoch of the lowest validation loss, from 1.
        change: Relative change of the validation loss since the best epoch, or in the last epoch if that is the best.
    """

    sign: Literal["overfitting", "underfitting", "none", "too few images"]
    best_epoch: int
    change: float


def assess_fit(training: Training, *, is_perfect: bool = False) -> Fit | None:
    """Look for signs of overfitting or underfitting; None without validation.

    Overfitting: the validation loss has risen notably since its lowest value, and the training loss fell meanwhile.
    Underfitting: the validation loss is at its lowest value, and fell notably in the last epoch; not if the model
    `is_perfect`, right on every test image.
    """
    losses, loss = training.history.val_loss, training.history.loss
    if not losses:
        return None
    best = min(range(len(losses)), key=losses.__getitem__)
    is_last = best == len(losses) - 1
    change = _relative_change(losses[best - 1 if is_last and best else best], losses[-1])
    if training.n_validation < MIN_VALIDATION:
        return Fit("too few images", best + 1, change)
    if not is_last and change > NOTABLE and loss[-1] < loss[best]:
        return Fit("overfitting", best + 1, change)
    is_falling = is_last and change < -NOTABLE and not is_perfect
    return Fit("underfitting" if is_falling else "none", best + 1, change)


def find_tested_epoch(training: Training) -> int:
    """The epoch whose parameters predicted the test images, from 1.

    It is the last one, or with early stopping the one of the lowest validation loss.
    """
    losses = training.history.val_loss
    if training.config.early_stopping and losses:
        return losses.index(min(losses)) + 1
    return len(training.history.loss)


def measure_gap(training: Training) -> float | None:
    """Training accuracy minus validation accuracy in the last epoch; None without validation."""
    history = training.history
    return history.accuracy[-1] - history.val_accuracy[-1] if history.val_accuracy else None


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
