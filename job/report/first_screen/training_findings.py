"""Finds what the learning curves show: overfitting, underfitting, and a gap between training and validation."""

from job.evaluation.evaluate import Evaluation
from job.report.assessment import MIN_VALIDATION, assess_fit, measure_gap
from job.report.first_screen.statements import Finding, Level, sample_size
from job.results.schema import Training

MIN_GAP = 0.05
"""A difference between training and validation accuracy that is larger than what averaging over an epoch explains."""


def find_overfitting(training: Training) -> Finding | None:
    """The validation loss has risen since its lowest value while the training loss fell, and the model has kept it."""
    fit = assess_fit(training)
    if fit is None or fit.sign != "overfitting" or training.config.early_stopping:
        return None
    text = (
        f"The validation loss ({sample_size(training.n_validation)}) has risen by {fit.change:.1%} since epoch "
        f"{fit.best_epoch}, while the training loss fell: a sign of overfitting."
    )
    return Finding(Level.PROBLEM, max(measure_gap(training) or 0.0, 0.0), "learning", (text,))


def find_gap(training: Training) -> Finding | None:
    """The accuracy is much higher on the training images, without the sign of overfitting in the losses."""
    gap = measure_gap(training)
    if gap is None or gap < MIN_GAP or training.n_validation < MIN_VALIDATION or find_overfitting(training):
        return None
    accuracy, val_accuracy = training.history.accuracy[-1], training.history.val_accuracy[-1]
    text = (
        f"In the last epoch, the accuracy is {accuracy:.1%} on the {training.n_train:,} training images and "
        f"{val_accuracy:.1%} on the {training.n_validation:,} validation images."
    )
    return Finding(Level.PROBLEM, gap, "learning", (text,))


def find_underfitting(training: Training, evaluation: Evaluation) -> Finding | None:
    """The validation loss still fell in the last epoch, and some predictions are wrong."""
    fit = assess_fit(training, is_perfect=evaluation.n_correct == evaluation.n_test)
    if fit is None or fit.sign != "underfitting" or training.config.early_stopping:
        return None
    text = (
        f"The validation loss ({sample_size(training.n_validation)}) still fell by {abs(fit.change):.1%} in the last "
        "epoch: more epochs may help."
    )
    before, last = training.history.val_accuracy[-2:]
    return Finding(Level.INSIGHT, max(last - before, 0.0), "learning", (text,))
