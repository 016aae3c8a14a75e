from dataclasses import replace

import numpy as np
import pytest
from first_screen_reading import words
from support import make_predictions, make_run, make_training

from job.config.run_config import Config
from job.evaluation.predictions import Predictions
from job.report.first_screen.statements import Level
from job.report.first_screen.training_findings import find_gap, find_overfitting, find_underfitting
from job.results.schema import History, Training


def make(loss: list[float], val_loss: list[float], accuracy: float, val_accuracy: float, **settings: int) -> Training:
    """A training on 2,700 images with these losses and final accuracies, validated on 300."""
    config = Config(epochs=len(loss), **settings)  # type: ignore[arg-type]
    n = len(loss)
    accuracies, val_accuracies = [0.5] * (n - 1) + [accuracy], [0.5] * (n - 1) + [val_accuracy] if val_loss else []
    history = History(loss, accuracies, [0.001] * n, val_loss, val_accuracies)
    training = make_training(make_predictions(), config, n_train=3000)
    return Training(
        config=config,
        network=training.network,
        n_train=training.n_train,
        n_validation=training.n_validation,
        history=history,
    )


OVERFITTING = ([0.5, 0.4, 0.3, 0.2], [0.5, 0.4, 0.45, 0.5])
FALLING = ([0.5, 0.4, 0.3], [0.5, 0.4, 0.3])
FLAT = ([0.5, 0.4, 0.3], [0.5, 0.4, 0.4])


def test_overfitting() -> None:
    """How far the validation loss has risen, since when, and on how many images it was measured."""
    finding = find_overfitting(make(*OVERFITTING, 0.95, 0.85))
    assert words(finding) == (
        "The validation loss (n = 300) has risen by 25.0% since epoch 2, while the training loss fell: a sign of "
        "overfitting."
    )
    assert finding is not None
    assert (finding.level, finding.anchor) == (Level.PROBLEM, "learning")
    assert finding.share == pytest.approx(0.1)


@pytest.mark.parametrize(
    "training",
    [
        make(*FALLING, 0.9, 0.9),
        make(*FLAT, 0.9, 0.9),
        make([0.5, 0.4], [], 0.9, 0.9),
        make(*OVERFITTING, 0.95, 0.85, early_stopping=2),
    ],
    ids=["falling", "flat", "without validation", "early stopping"],
)
def test_no_overfitting(training: Training) -> None:
    """With early stopping, the model has the parameters of the best epoch."""
    assert find_overfitting(training) is None


def test_a_gap_between_training_and_validation() -> None:
    """At least 5 points, with both numbers of images; overfitting says it already."""
    assert words(find_gap(make(*FLAT, 0.97, 0.89))) == (
        "In the last epoch, the accuracy is 97.0% on the 2,700 training images and 89.0% on the 300 validation images."
    )
    assert find_gap(make(*FLAT, 0.93, 0.89)) is None
    assert find_gap(make(*FLAT, 0.8, 0.89)) is None
    assert find_gap(make(*OVERFITTING, 0.97, 0.89)) is None
    assert find_gap(make([0.5, 0.4], [], 0.9, 0.9)) is None


def test_underfitting() -> None:
    """It is no problem, but a hint."""
    evaluation = make_run().evaluation
    finding = find_underfitting(make(*FALLING, 0.9, 0.9), evaluation)
    assert words(finding) == (
        "The validation loss (n = 300) still fell by 25.0% in the last epoch: more epochs may help."
    )
    assert finding is not None
    assert finding.level is Level.INSIGHT
    assert find_underfitting(make(*FLAT, 0.9, 0.9), evaluation) is None
    assert find_underfitting(make(*FALLING, 0.9, 0.9, early_stopping=2), evaluation) is None
    assert find_underfitting(make([0.5, 0.4], [], 0.9, 0.9), evaluation) is None


def test_more_epochs_cannot_help_a_perfect_model() -> None:
    """Every test image is classified correctly."""
    predictions = Predictions(np.arange(10, dtype=np.int16), np.eye(10, dtype=np.float32))
    assert find_underfitting(make(*FALLING, 0.9, 0.9), make_run(predictions=predictions).evaluation) is None


def test_few_validation_images_show_nothing() -> None:
    """Neither in their loss nor in their accuracy."""
    for losses, find in ((OVERFITTING, find_overfitting), (FLAT, find_gap)):
        training = make(*losses, 0.97, 0.85)
        assert find(training) is not None
        assert find(replace(training, n_validation=99)) is None
