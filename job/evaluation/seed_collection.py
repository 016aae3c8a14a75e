"""Collects the results of several seeds."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from job.evaluation.predictions import Predictions, SeedPredictions
from job.evaluation.seed_variation import SeedRun


class SeedTraining(Protocol):
    """What a training with one seed reports."""

    @property
    def seed(self) -> int:
        """Seed of the training."""

    @property
    def wall_time_s(self) -> float:
        """Time to build and train the network, in seconds."""

    @property
    def val_accuracy(self) -> float | None:
        """Validation accuracy, or None without validation."""

    @property
    def val_loss(self) -> float | None:
        """Validation loss, or None without validation."""


def collect_seeds(
    trainings: Sequence[SeedTraining], predictions: Iterator[Predictions], chosen: int
) -> tuple[list[SeedRun], Predictions]:
    """The results of each seed, and the predictions of the chosen one with those columns of the others that are kept.

    Only one set of probabilities besides the chosen one is in memory at a time.
    """
    seed_runs, kept, others = [], None, []
    for index, (training, made) in enumerate(zip(trainings, predictions, strict=True)):
        seed_runs.append(_summarize(training, made))
        if index == chosen:
            kept = made
        else:
            others.append((training.seed, made.y_pred.astype(np.uint8), made.p_true))
    if kept is None:
        raise ValueError(f"there is no training number {chosen}")
    if not others:
        return seed_runs, kept
    seeds, y_pred, p_true = zip(*others, strict=True)
    return seed_runs, replace(
        kept, other_seeds=SeedPredictions(seeds, np.stack(y_pred, axis=1), np.stack(p_true, axis=1))
    )


def _summarize(training: SeedTraining, predictions: Predictions) -> SeedRun:
    return SeedRun(
        seed=training.seed,
        accuracy=predictions.accuracy,
        loss=predictions.loss,
        val_accuracy=training.val_accuracy,
        val_loss=training.val_loss,
        training_s=training.wall_time_s,
    )
