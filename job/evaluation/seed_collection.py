"""Collects the results of several seeds."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol, TypeVar

import numpy as np

from job.evaluation.predictions import Predictions, SeedPredictions
from job.evaluation.seed_variation import SeedRun, choose_run


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


class SeedResult(Protocol):
    """A training with one seed, and what its network predicted for the test images."""

    @property
    def training(self) -> SeedTraining:
        """What the training reports."""

    @property
    def predictions(self) -> Predictions:
        """What its network predicted."""


S = TypeVar("S", bound=SeedResult)


def collect_seeds(results: Iterable[S]) -> tuple[list[SeedRun], Predictions, S]:
    """Collect the results of at least one seed, which come in any order.

    Only one result besides the chosen one is in memory at a time. Validation alone decides which one is chosen.

    Returns:
        The results of each seed, in the order of the seeds; the predictions of the chosen one with those columns of the
        others that are kept; and the chosen one.
    """
    runs: dict[int, SeedRun] = {}
    columns, chosen = {}, None
    for result in results:
        seed, predictions = result.training.seed, result.predictions
        runs[seed] = _summarize(result.training, predictions)
        columns[seed] = predictions.y_pred.astype(np.uint8), predictions.p_true
        chosen = _choose(chosen, result) if chosen else result
    if chosen is None:
        raise ValueError("there is no result")
    del columns[chosen.training.seed]
    seed_runs, predictions = [runs[seed] for seed in sorted(runs)], chosen.predictions
    if columns:
        seeds = tuple(sorted(columns))
        y_pred, p_true = (np.stack(parts, axis=1) for parts in zip(*(columns[seed] for seed in seeds), strict=True))
        predictions = replace(predictions, other_seeds=SeedPredictions(seeds, y_pred, p_true))
    return seed_runs, predictions, chosen


def _choose(one: S, other: S) -> S:
    """The result of the two that `choose_run` takes."""
    pair = sorted((one, other), key=lambda result: result.training.seed)
    index, _ = choose_run([result.training.val_loss for result in pair])
    return pair[index]


def _summarize(training: SeedTraining, predictions: Predictions) -> SeedRun:
    return SeedRun(
        seed=training.seed,
        accuracy=predictions.accuracy,
        loss=predictions.loss,
        val_accuracy=training.val_accuracy,
        val_loss=training.val_loss,
        training_s=training.wall_time_s,
    )
