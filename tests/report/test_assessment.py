from dataclasses import replace

import pytest
from support import calibration_of, make_predictions, make_run, make_training

from job.config.run_config import Config
from job.report import assessment
from job.results.schema import History, Training


def make(history: History, n_validation: int = 100, **settings: int) -> Training:
    """A training with this history."""
    training = make_training(make_predictions(), Config(**settings))  # type: ignore[arg-type]
    return replace(training, history=history, n_validation=n_validation)


@pytest.mark.parametrize(
    ("loss", "val_loss", "sign", "best_epoch", "change"),
    [
        ([0.5, 0.4, 0.3, 0.2], [0.5, 0.4, 0.45, 0.5], "overfitting", 2, 0.25),
        ([0.5, 0.4, 0.3, 0.5], [0.5, 0.4, 0.45, 0.5], "none", 2, 0.25),  # both rose, which is another problem
        ([0.5, 0.4, 0.3], [0.5, 0.4, 0.404], "none", 2, 0.01),
        ([0.5, 0.4, 0.3], [0.5, 0.4, 0.3], "underfitting", 3, -0.25),
        ([0.5, 0.4, 0.3], [0.5, 0.4, 0.396], "none", 3, -0.01),
        ([0.5], [0.5], "none", 1, 0.0),
        ([0.5, 0.1, 0.0], [0.5, 0.0, 0.0], "none", 2, 0.0),
        ([0.5, 0.1, 0.0], [0.5, 0.0, 0.1], "none", 2, 0.0),
    ],
)
def test_a_sign_is_named_only_if_the_losses_show_it(
    loss: list[float], val_loss: list[float], sign: str, best_epoch: int, change: float
) -> None:
    """More than 2 % of the validation loss, and for overfitting a training loss that fell."""
    fit = assessment.assess_fit(make(History(loss, loss, loss, val_loss, val_loss)))
    assert fit is not None
    assert (fit.sign, fit.best_epoch) == (sign, best_epoch)
    assert fit.change == pytest.approx(change)


def test_without_validation_no_sign_is_named() -> None:
    """The training loss alone shows neither."""
    training = make(History([0.5], [0.8], [0.1]), 0)
    assert assessment.assess_fit(training) is None
    assert assessment.measure_gap(training) is None


@pytest.mark.parametrize("val_loss", [[0.5, 0.4, 0.5], [0.5, 0.4, 0.3]])
def test_few_validation_images_show_no_sign(val_loss: list[float]) -> None:
    """Chance moves the loss of 99 images too much."""
    history = History([0.5, 0.4, 0.3], [0.5] * 3, [0.1] * 3, val_loss, [0.5] * 3)
    fits = [assessment.assess_fit(make(history, n)) for n in (99, 100)]
    assert [fit and fit.sign == "too few images" for fit in fits] == [True, False]


def test_a_perfect_model_needs_no_more_epochs() -> None:
    """Although its loss still falls."""
    training = make(History([0.5, 0.3], [0.5] * 2, [0.1] * 2, [0.5, 0.3], [0.5] * 2))
    fits = [assessment.assess_fit(training, is_perfect=is_perfect) for is_perfect in (False, True)]
    assert [fit and fit.sign for fit in fits] == ["underfitting", "none"]


def test_the_tested_epoch() -> None:
    """The last one; with early stopping the one of the lowest validation loss."""
    curves = History([0.5] * 3, [0.5] * 3, [0.1] * 3, [0.5, 0.3, 0.4], [0.5] * 3)
    assert assessment.find_tested_epoch(make(curves)) == 3
    assert assessment.find_tested_epoch(make(curves, early_stopping=1)) == 2
    assert assessment.find_tested_epoch(make(History([0.5] * 3, [0.5] * 3, [0.1] * 3), 0)) == 3


def test_the_gap_has_a_sign() -> None:
    """Training minus validation accuracy in the last epoch."""
    gaps = [assessment.measure_gap(make(History([0.5], [accuracy], [0.1], [0.5], [0.8]))) for accuracy in (0.9, 0.7)]
    assert gaps == pytest.approx([0.1, -0.1])


def test_the_accuracy_of_the_most_confident_predictions() -> None:
    """The lowest known coverage of at least 80 %."""
    evaluation = make_run().evaluation
    point = assessment.accuracy_at_coverage(calibration_of(evaluation), 0.8)
    assert 0.8 <= point.coverage < 0.85
    assert point.n == round(point.coverage * evaluation.n_test)
