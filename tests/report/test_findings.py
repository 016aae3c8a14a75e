from dataclasses import replace

import pytest

from job.data.fashion_mnist import NAME as FASHION_MNIST
from job.evaluation.intervals import Interval
from job.report import findings
from job.results.schema import History, Results


@pytest.mark.parametrize(
    ("figures", "people", "networks"),
    [
        ((0.8742, 0.868, 0.881), "above", "within"),
        ((0.8666, 0.860, 0.873), "above", "beside"),
        ((0.897, 0.891, 0.903), "above", "above"),
        ((0.85, 0.843, 0.857), "within", "below"),
        ((0.86, 0.853, 0.867), "beside", "below"),
        ((0.79, 0.782, 0.798), "below", "below"),
    ],
)
def test_a_place_is_claimed_only_where_the_whole_interval_lies_there(
    finished_results: Results, figures: tuple[float, float, float], people: str, networks: str
) -> None:
    """Beside people's 0.835, which of 1,000 images is 0.811 to 0.857, and the 0.87 to 0.89 of other networks."""
    accuracy, lower, upper = figures
    data = replace(finished_results.data, name=FASHION_MNIST)
    comparison = findings.compare(
        replace(finished_results, data=data, accuracy=accuracy, accuracy_interval=Interval(lower, upper))
    )
    assert comparison is not None
    assert (comparison.beside_people, comparison.beside_networks) == (people, networks)


def test_other_data_sets_are_compared_with_nothing(finished_results: Results) -> None:
    """What was published is about Fashion-MNIST."""
    assert findings.compare(finished_results) is None


@pytest.mark.parametrize(
    ("loss", "val_loss", "sign", "best_epoch", "change"),
    [
        ([0.5, 0.4, 0.3, 0.2], [0.5, 0.4, 0.45, 0.5], "overfitting", 2, 0.25),
        ([0.5, 0.4, 0.3, 0.5], [0.5, 0.4, 0.45, 0.5], "none", 2, 0.25),  # both rose: that is another trouble
        ([0.5, 0.4, 0.3], [0.5, 0.4, 0.404], "none", 2, 0.01),
        ([0.5, 0.4, 0.3], [0.5, 0.4, 0.3], "underfitting", 3, -0.25),
        ([0.5, 0.4, 0.3], [0.5, 0.4, 0.396], "none", 3, -0.01),
        ([0.5], [0.5], "none", 1, 0.0),
        ([0.5, 0.1, 0.0], [0.5, 0.0, 0.0], "none", 2, 0.0),
        ([0.5, 0.1, 0.0], [0.5, 0.0, 0.1], "none", 2, 0.0),
    ],
)
def test_a_sign_is_named_only_where_the_losses_show_it(
    loss: list[float], val_loss: list[float], sign: str, best_epoch: int, change: float
) -> None:
    """More than 2 % of the validation loss, and for overfitting a training loss that fell."""
    found = findings.fit(History(loss, loss, loss, val_loss, val_loss))
    assert found is not None
    assert (found.sign, found.best_epoch) == (sign, best_epoch)
    assert found.change == pytest.approx(change)


def test_without_validation_there_is_no_sign() -> None:
    """The training loss alone shows neither."""
    assert findings.fit(History([0.5], [0.8], [0.1])) is None


def test_the_surest_answers_are_more_often_right(finished_results: Results) -> None:
    """The first known coverage of at least 80 %."""
    found = findings.abstain(finished_results.calibration, 0.8)
    assert found.coverage >= 0.8
    assert found.n == round(found.coverage * finished_results.data.n_test)
