"""Measures how much the test metrics vary if only the seed of the training changes."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from job.evaluation.intervals import Amount, Fraction
from job.evaluation.predictions import Loss


@dataclass(frozen=True, kw_only=True)
class SeedRun:
    """One of several trainings that differ only by their seed.

    Attributes:
        accuracy: Accuracy on the test images.
        loss: Mean cross-entropy on the test images, in nats.
        val_accuracy: Validation accuracy without test-time augmentation, or None without validation.
        training_s: Wall time of the training in seconds.
    """

    seed: int
    accuracy: Fraction
    loss: Loss
    val_accuracy: Fraction | None
    training_s: Amount


@dataclass(frozen=True, kw_only=True)
class SeedVariation:
    """Several trainings that differ only by their seed.

    Attributes:
        runs: One run per seed, in the order of the seeds.
        mean: Mean of their test accuracies.
        sd: Sample standard deviation (n - 1) of their test accuracies.
        reported_seed: Seed of the run of median accuracy, which every other metric describes.
    """

    runs: list[SeedRun]
    mean: float
    sd: float
    reported_seed: int

    @property
    def reported(self) -> SeedRun:
        """The run that every other metric describes."""
        return next(run for run in self.runs if run.seed == self.reported_seed)


def summarize_seed_runs(runs: Sequence[SeedRun]) -> SeedVariation:
    """Mean and standard deviation of the accuracy over at least two runs."""
    accuracies = [run.accuracy for run in runs]
    mean, sd = statistics.fmean(accuracies), statistics.stdev(accuracies)
    return SeedVariation(runs=list(runs), mean=mean, sd=sd, reported_seed=find_median_run(runs).seed)


def find_median_run(runs: Sequence[SeedRun]) -> SeedRun:
    """The run of median accuracy: the lower middle one of an even number, the lowest seed among equals."""
    ranked = sorted(runs, key=lambda run: (run.accuracy, run.seed))
    return ranked[(len(ranked) - 1) // 2]
