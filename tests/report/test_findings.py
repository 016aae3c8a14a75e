from dataclasses import replace

import pytest
from support import make_run

from job.evaluation.intervals import Interval
from job.report import findings
from job.results.schema import History


@pytest.mark.parametrize(
    ("accuracy", "bounds", "people", "networks"),
    [
        (0.8742, (0.868, 0.881), "above", "within"),
        (0.8666, (0.860, 0.873), "above", "overlapping"),
        (0.897, (0.891, 0.903), "above", "above"),
        (0.85, (0.843, 0.857), "within", "below"),
        (0.86, (0.853, 0.867), "overlapping", "below"),
        (0.79, (0.782, 0.798), "below", "below"),
    ],
)
def test_above_and_below_require_the_whole_interval(
    accuracy: float, bounds: tuple[float, float], people: str, networks: str
) -> None:
    """People have 0.835, whose interval over 1,000 images is 0.811 to 0.857; similar networks 0.87 to 0.89."""
    run = make_run()
    evaluation = replace(run.evaluation, accuracy=accuracy, accuracy_interval=Interval(*bounds))
    comparison = findings.compare_with_published(replace(run, evaluation=evaluation))
    assert comparison is not None
    assert (comparison.versus_people, comparison.versus_networks) == (people, networks)


def test_other_data_sets_are_not_compared_with_published_accuracies() -> None:
    """Those are about Fashion-MNIST."""
    assert findings.compare_with_published(make_run(is_fashion_mnist=False)) is None


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


def test_the_accuracy_of_the_most_confident_predictions() -> None:
    """The lowest known coverage of at least 80 %."""
    evaluation = make_run().evaluation
    point = findings.accuracy_at_coverage(evaluation.calibration, 0.8)
    assert 0.8 <= point.coverage < 0.85
    assert point.n == round(point.coverage * evaluation.n_test)
