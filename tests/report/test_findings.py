from dataclasses import replace

import pytest
from support import make_run

from job.evaluation.intervals import Interval
from job.report import findings
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
    fit = findings.assess_fit(History(loss, loss, loss, val_loss, val_loss))
    assert fit is not None
    assert (fit.sign, fit.best_epoch) == (sign, best_epoch)
    assert fit.change == pytest.approx(change)


def test_without_validation_no_sign_is_named() -> None:
    """The training loss alone shows neither."""
    assert findings.assess_fit(History([0.5], [0.8], [0.1])) is None


@pytest.mark.parametrize(
    ("bounds", "p_value", "verdict"),
    [
        ((0.002, 0.018), 0.01, "better"),
        ((-0.018, -0.002), 0.01, "worse"),
        ((-0.002, 0.022), 0.1, "no significant difference"),
        ((0.0001, 0.02), 0.051, "no significant difference"),
        ((-0.0001, 0.02), 0.049, "no significant difference"),
        ((-0.01, 0.01), 1.0, "no significant difference"),
    ],
)
def test_a_verdict_requires_both_the_interval_and_the_test(
    bounds: tuple[float, float], p_value: float, verdict: str
) -> None:
    """If they disagree, the difference is not significant."""
    comparison = make_run(with_reference=True).comparison
    assert comparison is not None
    counts = replace(comparison.counts, difference=sum(bounds) / 2, interval=Interval(*bounds))
    assert findings.assess_difference(replace(comparison, counts=counts, p_value=p_value)) == verdict


def test_the_accuracy_of_the_most_confident_predictions() -> None:
    """The lowest known coverage of at least 80 %."""
    evaluation = make_run().evaluation
    point = findings.accuracy_at_coverage(evaluation.calibration, 0.8)
    assert 0.8 <= point.coverage < 0.85
    assert point.n == round(point.coverage * evaluation.n_test)
