"""Finds what the learning curves show: overfitting, underfitting, and a gap between training and validation."""

from job.report.assessment import assess_fit
from job.report.first_screen.statements import Finding, Level, sample_size
from job.results.schema import Training

MIN_GAP = 0.05
"""A difference between training and validation accuracy that is larger than what averaging over an epoch explains."""


def find_overfitting(training: Training) -> Finding | None:
    """The validation loss has risen since its lowest value while the training loss fell, and the model has kept it."""
    fit = assess_fit(training.history)
    if fit is None or fit.sign != "overfitting" or training.config.early_stopping:
        return None
    text = (
        f"The validation loss ({sample_size(training.n_validation)}) has risen by {fit.change:.1%} since epoch "
        f"{fit.best_epoch}, while the training loss fell: a sign of overfitting."
    )
    return Finding(Level.PROBLEM, measure_gap(training), "learning", (text,))


def find_gap(training: Training) -> Finding | None:
    """The accuracy is much higher on the training images, without the sign of overfitting in the losses."""
    gap = measure_gap(training)
    if gap < MIN_GAP or find_overfitting(training):
        return None
    accuracy, val_accuracy = training.history.accuracy[-1], training.history.val_accuracy[-1]
    text = (
        f"In the last epoch, the accuracy is {accuracy:.1%} on the {training.n_train:,} training images and "
        f"{val_accuracy:.1%} on the {training.n_validation:,} validation images."
    )
    return Finding(Level.PROBLEM, gap, "learning", (text,))


def find_underfitting(training: Training) -> Finding | None:
    """The validation loss still fell in the last epoch."""
    fit = assess_fit(training.history)
    if fit is None or fit.sign != "underfitting" or training.config.early_stopping:
        return None
    text = (
        f"The validation loss ({sample_size(training.n_validation)}) still fell by {abs(fit.change):.1%} in the last "
        "epoch: more epochs may help."
    )
    before, last = training.history.val_accuracy[-2:]
    return Finding(Level.INSIGHT, max(last - before, 0.0), "learning", (text,))


def measure_gap(training: Training) -> float:
    """Training accuracy minus validation accuracy in the last epoch, at least 0; 0 without validation."""
    history = training.history
    return max(history.accuracy[-1] - history.val_accuracy[-1], 0.0) if history.val_accuracy else 0.0
