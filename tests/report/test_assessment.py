import pytest
from support import make_run

from job.report import assessment
from job.results.schema import History


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
    fit = assessment.assess_fit(History(loss, loss, loss, val_loss, val_loss))
    assert fit is not None
    assert (fit.sign, fit.best_epoch) == (sign, best_epoch)
    assert fit.change == pytest.approx(change)


def test_without_validation_no_sign_is_named() -> None:
    """The training loss alone shows neither."""
    assert assessment.assess_fit(History([0.5], [0.8], [0.1])) is None


def test_the_accuracy_of_the_most_confident_predictions() -> None:
    """The lowest known coverage of at least 80 %."""
    evaluation = make_run().evaluation
    point = assessment.accuracy_at_coverage(evaluation.calibration, 0.8)
    assert 0.8 <= point.coverage < 0.85
    assert point.n == round(point.coverage * evaluation.n_test)
