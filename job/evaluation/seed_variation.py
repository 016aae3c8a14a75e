"""How far the figures of a training move when only its seed changes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Trial:
    """One of several trainings that differ by their seeds alone.

    Attributes:
        seed: of its weights, batches and augmentation.
        accuracy: on the test images.
        loss: on the test images, in nats.
        val_accuracy: of the same weights, without mirror images; None where nothing validated.
        training_s: its wall time in seconds.
    """

    seed: int
    accuracy: float
    loss: float
    val_accuracy: float | None
    training_s: float


@dataclass(frozen=True)
class Spread:
    """Several trainings together.

    Attributes:
        trials: in the order of their seeds.
        mean: of their test accuracies.
        sd: the standard deviation of a sample (n - 1) of them.
        reported: the seed of the trial that all other figures are of, the median by accuracy.
    """

    trials: list[Trial]
    mean: float
    sd: float
    reported: int


def spread(trials: Sequence[Trial]) -> Spread:
    """The spread over at least two trials."""
    n, total = len(trials), math.fsum(one.accuracy for one in trials)
    squares = math.fsum((one.accuracy - total / n) ** 2 for one in trials)
    return Spread(list(trials), total / n, math.sqrt(squares / (n - 1)), median(trials).seed)


def median(trials: Sequence[Trial]) -> Trial:
    """The one of median accuracy: of an even number the lower of the two, among equals the one of the lowest seed."""
    ranked = sorted(trials, key=lambda one: (one.accuracy, one.seed))
    return ranked[(len(ranked) - 1) // 2]
