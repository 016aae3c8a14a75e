"""What the figures of a run mean, where they bear it out."""

from dataclasses import dataclass
from typing import Literal

from job.data.fashion_mnist import NAME as FASHION_MNIST
from job.evaluation.calibration import Calibration, Coverage
from job.evaluation.intervals import Interval
from job.report import published
from job.report.published import Published
from job.results.schema import History, Results

Place = Literal["above", "within", "beside", "below"]
NOTABLE = 0.02
"""A change of the validation loss, relative, that is more than its wavering from epoch to epoch."""


@dataclass(frozen=True)
class Standing:
    """Where the accuracy lies beside what others published."""

    people: Published
    beside_people: Place
    networks: Published
    beside_networks: Place


def compare(results: Results) -> Standing | None:
    """The accuracy beside people's and that of networks of its kind; None for another data set than Fashion-MNIST."""
    if results.data.name != FASHION_MNIST:
        return None
    people, networks = published.HUMAN, published.NETWORKS[results.config.model]
    interval = results.accuracy_interval
    return Standing(
        people,
        _place(results.accuracy, interval, people.interval()),
        networks,
        _place(results.accuracy, interval, networks.interval()),
    )


def _place(accuracy: float, interval: Interval, reference: Interval) -> Place:
    """Above or below only where the whole interval is; within where the accuracy is, else beside: chance may decide."""
    if interval.lower > reference.upper:
        return "above"
    if interval.upper < reference.lower:
        return "below"
    return "within" if reference.lower <= accuracy <= reference.upper else "beside"


@dataclass(frozen=True)
class Fit:
    """What the losses say of the fit.

    Attributes:
        sign: of what, or `none` where the losses show neither.
        best_epoch: of the lowest validation loss, from 1.
        change: of the validation loss, relative: since the best epoch, or in the last one where that is the best.
    """

    sign: Literal["overfitting", "underfitting", "none"]
    best_epoch: int
    change: float


def fit(history: History) -> Fit | None:
    """The sign of over- or underfitting in the losses; None without validation.

    Overfitting: the validation loss has risen notably since its lowest, while the training loss fell. Underfitting:
    the validation loss is at its lowest, and fell notably in the last epoch.
    """
    losses = history.val_loss
    if not losses:
        return None
    best = min(range(len(losses)), key=losses.__getitem__)
    if best < len(losses) - 1:
        change = _change(losses[best], losses[-1])
        is_over = change > NOTABLE and history.loss[-1] < history.loss[best]
        return Fit("overfitting" if is_over else "none", best + 1, change)
    change = _change(losses[-2], losses[-1]) if len(losses) > 1 else 0.0
    return Fit("underfitting" if change < -NOTABLE else "none", best + 1, change)


def _change(before: float, after: float) -> float:
    """Relative; none where there was no loss."""
    return after / before - 1 if before else 0.0


def abstain(calibration: Calibration, coverage: float) -> Coverage:
    """How right the model is if it only answers where it is surest, for at least the share `coverage` of the images."""
    return next(point for point in calibration.coverage if point.coverage >= coverage)
