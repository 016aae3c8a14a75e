"""Holds a model against an earlier one that was judged on the same test images.

Both answered for each image, so the answers come in pairs: only the images that one of the two got right and the other
did not say which is better, and how surely.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from job.evaluation.intervals import Interval, Z
from job.evaluation.metrics import Labels

N_SHOWN = 12
"""The images won, and those lost, whose pictures are kept."""


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """An earlier run, in the words of its own metrics.json.

    Attributes:
        folder: it was read from, as the command line named it.
        started: UTC, ISO 8601.
        command: repeats it.
        model: its network in one line.
        accuracy: on the test images.
        loss: on the test images, in nats; unlike the accuracy it cannot be computed from the files of this run.
    """

    folder: str
    started: str
    command: str
    model: str
    accuracy: float
    accuracy_interval: Interval
    loss: float
    loss_interval: Interval


@dataclass(frozen=True)
class Baseline:
    """What enters a comparison: an earlier run, and the class that it predicted for each test image, shape (n,)."""

    earlier: Earlier
    y_pred: Labels


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Images by what the two models made of them, and what follows from these counts.

    Attributes:
        n: the images.
        n_both_right: that both got right.
        n_won: that the earlier model got wrong, and this one right.
        n_lost: that the earlier model got right, and this one wrong.
        n_both_wrong: that both got wrong.
        earlier: the share that the earlier model got right: its accuracy, or its recall of a class.
        now: the share that this one got right.
        difference: of the two, above 0 where this one is better.
        interval: of the difference.
    """

    n: int
    n_both_right: int
    n_won: int
    n_lost: int
    n_both_wrong: int
    earlier: float
    now: float
    difference: float
    interval: Interval

    @property
    def n_discordant(self) -> int:
        """The images that just one of the two got right."""
        return self.n_won + self.n_lost


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A run beside an earlier one.

    Attributes:
        pairs: all test images.
        p_value: of the exact McNemar test.
        per_class: the test images of each class, in label order.
        won: indices of at most 12 images won, those first of whose class this model is surest.
        lost: indices of at most 12 images lost, those first where this model is surest of its wrong class.
    """

    earlier: Earlier
    pairs: Pairs
    p_value: float
    per_class: list[Pairs]
    won: list[int]
    lost: list[int]

    def indices(self) -> list[int]:
        """Of the images shown, ascending."""
        return sorted((*self.won, *self.lost))


def compare(baseline: Baseline, y_true: Labels, probabilities: NDArray[np.float32]) -> Comparison:
    """Compare a model with an earlier one.

    Args:
        baseline: the earlier one.
        y_true: class numbers, shape (n,).
        probabilities: that this model gives to each class, shape (n, n_classes).
    """
    now, before = probabilities.argmax(axis=1) == y_true, baseline.y_pred == y_true
    groups = (now & before, now & ~before, before & ~now, ~now & ~before)
    counts = np.stack([np.bincount(y_true[group], minlength=probabilities.shape[1]) for group in groups])
    whole = _pairs(*counts.sum(axis=1).tolist())
    ranked = np.argsort(-probabilities.max(axis=1), kind="stable")
    won, lost = (ranked[group[ranked]][:N_SHOWN].tolist() for group in groups[1:3])
    return Comparison(
        earlier=baseline.earlier,
        pairs=whole,
        p_value=mcnemar(whole.n_won, whole.n_lost),
        per_class=[_pairs(*column) for column in counts.T.tolist()],
        won=won,
        lost=lost,
    )


def _pairs(n_both_right: int, n_won: int, n_lost: int, n_both_wrong: int) -> Pairs:
    n = n_both_right + n_won + n_lost + n_both_wrong
    return Pairs(
        n=n,
        n_both_right=n_both_right,
        n_won=n_won,
        n_lost=n_lost,
        n_both_wrong=n_both_wrong,
        earlier=(n_both_right + n_lost) / n,
        now=(n_both_right + n_won) / n,
        difference=(n_won - n_lost) / n,
        interval=paired(n_won, n_lost, n),
    )


def paired(n_won: int, n_lost: int, n: int) -> Interval:
    """95 % interval of the difference of two shares of the same images.

    Wald's, after 1/2 has been added to each of the four counts: Agresti and Min 2005, Statistics in Medicine 24:729,
    who call it Wald+2. Cut off at -1 and 1. It has a width where nothing was won or lost, too.

    Args:
        n_won: images that only the second share counts.
        n_lost: images that only the first share counts.
        n: all images.
    """
    centre = (n_won - n_lost) / (n + 2)
    margin = Z * math.sqrt(n_won + n_lost + 1 - (n_won - n_lost) ** 2 / (n + 2)) / (n + 2)
    return Interval(max(centre - margin, -1.0), min(centre + margin, 1.0))


def mcnemar(n_won: int, n_lost: int) -> float:
    """The two-sided p value of the exact McNemar test.

    It is how often two equally good models would divide the images that just one of them gets right as unevenly as
    this, or more: each such image falls to either with probability 1/2 (McNemar 1947, Psychometrika 12:153).

    Args:
        n_won: images that only one model got right.
        n_lost: images that only the other got right.
    """
    n, fewer = n_won + n_lost, min(n_won, n_lost)
    highest = math.lgamma(n + 1) - math.lgamma(fewer + 1) - math.lgamma(n - fewer + 1) - n * math.log(2)
    steps = np.arange(fewer, 0, -1)
    others = np.cumprod(steps / (n - steps + 1)).sum()  # each probability below, relative to that of `fewer`
    return min(2 * math.exp(highest) * (1 + float(others)), 1.0)
