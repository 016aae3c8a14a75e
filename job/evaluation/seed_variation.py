"""Measures how much the test metrics vary if only the seed of the training changes."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from job.evaluation.intervals import LEVEL, Amount, Fraction, Interval
from job.evaluation.predictions import Loss

Rule = Literal["lowest validation loss", "first seed", "median accuracy"]


@dataclass(frozen=True, kw_only=True)
class SeedRun:
    """One of several trainings that differ only by their seed.

    Attributes:
        accuracy: Accuracy on the test images.
        loss: Mean cross-entropy on the test images, in nats.
        val_accuracy: Validation accuracy without test-time augmentation, or None without validation.
        val_loss: The validation loss at the same time; None without validation, and in results of version 0.5.0.
        training_s: Wall time of the training in seconds.
    """

    seed: int
    accuracy: Fraction
    loss: Loss
    val_accuracy: Fraction | None
    val_loss: Amount | None = None
    training_s: Amount


@dataclass(frozen=True, kw_only=True)
class SeedVariation:
    """Several trainings that differ only by their seed.

    Attributes:
        runs: One run per seed, in the order of the seeds.
        mean: Mean of their test accuracies.
        mean_interval: 95 % confidence interval of the mean over all seeds, on the same test images.
        sd: Sample standard deviation (n - 1) of their test accuracies.
        sd_interval: 95 % confidence interval of the standard deviation. `add_intervals` computes both intervals; they
            are None if all accuracies are equal.
        reported_seed: Seed of the run that every other metric describes and whose network is saved.
        chosen_by: How this run was chosen. Version 0.5.0 chose it by its test accuracy, and stored no rule.
    """

    runs: list[SeedRun]
    mean: float
    mean_interval: Interval | None = None
    sd: float
    sd_interval: Interval | None = None
    reported_seed: int
    chosen_by: Rule = "median accuracy"

    @property
    def reported(self) -> SeedRun:
        """The run that every other metric describes."""
        return next(run for run in self.runs if run.seed == self.reported_seed)


def choose_run(val_losses: Sequence[float | None]) -> tuple[int, Rule]:
    """Index of the run to report, without a look at the test images, and the rule that chose it.

    It is the run of the lowest validation loss, the first among equals; without validation, the first one.
    """
    known = [loss for loss in val_losses if loss is not None]
    if len(known) < len(val_losses):
        return 0, "first seed"
    return known.index(min(known)), "lowest validation loss"


def summarize_seed_runs(runs: Sequence[SeedRun]) -> SeedVariation:
    """Mean and standard deviation of the accuracy over at least two runs, and the run to report."""
    accuracies = [run.accuracy for run in runs]
    chosen, rule = choose_run([run.val_loss for run in runs])
    return SeedVariation(
        runs=list(runs),
        mean=statistics.fmean(accuracies),
        sd=statistics.stdev(accuracies),
        reported_seed=runs[chosen].seed,
        chosen_by=rule,
    )


def add_intervals(variation: SeedVariation) -> SeedVariation:
    """Add the intervals of mean and standard deviation, for normally distributed accuracies.

    The mean has Student's t interval, the standard deviation the interval of the chi-square distribution. Both cover
    the choice of the seeds, for these test images.
    """
    from scipy.stats import chi2, t  # only the process that evaluates loads SciPy

    n, mean, sd = len(variation.runs), variation.mean, variation.sd
    if not sd:
        return replace(variation, mean_interval=None, sd_interval=None)
    margin = float(t.ppf((1 + LEVEL) / 2, n - 1)) * sd / math.sqrt(n)
    low, high = (
        sd * math.sqrt((n - 1) / float(chi2.ppf(level, n - 1))) for level in ((1 + LEVEL) / 2, (1 - LEVEL) / 2)
    )
    return replace(
        variation,
        mean_interval=Interval(max(mean - margin, 0.0), min(mean + margin, 1.0)),
        sd_interval=Interval(low, high),
    )


def measure_reseed_difference(variation: SeedVariation) -> float | None:
    """Size of the difference in accuracy that 95 % of the pairs of trainings stay below if only their seed differs.

    The difference of two independent trainings has the standard deviation sqrt(2) sd; its quantile is Student's,
    because sd is estimated. None if all accuracies are equal.
    """
    from scipy.stats import t  # only the process that evaluates loads SciPy

    quantile = float(t.ppf((1 + LEVEL) / 2, len(variation.runs) - 1))
    return min(quantile * math.sqrt(2) * variation.sd, 1.0) if variation.sd else None
