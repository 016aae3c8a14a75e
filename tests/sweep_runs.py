"""Writes synthetic runs for the tests of sweeps: networks of chosen accuracy that agree on most images."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from support import make_run

from job.evaluation.predictions import Predictions, SeedPredictions
from job.evaluation.seed_variation import SeedRun, summarize_seed_runs
from job.results.run import Run

SEED_EFFECT, NETWORK_EFFECT = 0.03, 0.5


def draw_correctness(level: float, seed: int, n: int, key: int = 0) -> NDArray[np.bool_]:
    """Whether a network gets each of n images right; the images are as hard for every network."""
    image = np.random.default_rng(99).standard_normal(n)
    random = np.random.default_rng((round(1000 * abs(level)), seed, key))
    score = level + SEED_EFFECT * random.standard_normal() + image + NETWORK_EFFECT * random.standard_normal(n)
    return score > 0


def draw_predictions(level: float, seed: int, n: int = 1000, n_classes: int = 10, key: int = 0) -> Predictions:
    """Predictions of a network."""
    is_right = draw_correctness(level, seed, n, key)
    y_true = (np.arange(n) % n_classes).astype(np.int16)
    y_pred = np.where(is_right, y_true, (y_true + 1) % n_classes)
    probabilities = np.full((n, n_classes), 0.2 / (n_classes - 1) if n_classes > 2 else 0.2)
    probabilities[np.arange(n), y_pred] = 0.8
    return Predictions(y_true, probabilities.astype(np.float32))


def make_swept_run(  # noqa: PLR0913 - each is something that a test chooses
    level: float = 1.3,
    seed: int = 0,
    *,
    n: int = 1000,
    n_classes: int = 10,
    training_s: float = 3.0,
    n_parameters: int | None = 109_386,
    key: int = 0,
    **settings: Any,  # noqa: ANN401
) -> Run:
    """A run whose accuracy is about that of the level: 87 % with 1.3, and that of its validation likewise."""
    predictions = draw_predictions(level, seed, n, n_classes, key)
    n_runs = settings.get("runs", 1)
    seeds = range(seed, seed + n_runs)
    drawn = [predictions, *(draw_predictions(level, each, n, n_classes, key) for each in seeds[1:])]
    run = make_run(predictions=predictions, **{"epochs": 2, "seed": seed} | settings)
    assert run.training is not None
    network = "MLP 784-128-10" + (f", {n_parameters:,} parameters" if n_parameters else "")
    training = replace(run.training, network=network)
    has_validation = training.n_validation > 0
    val_accuracies = [float(draw_correctness(level, 1000 + each, 600, key).mean()) for each in seeds]
    if has_validation:
        history = replace(training.history, val_accuracy=[0.1] * (training.config.epochs - 1) + val_accuracies[:1])
        training = replace(training, history=history)
    if n_runs > 1:
        runs = [
            SeedRun(
                seed=each,
                accuracy=made.accuracy,
                loss=made.loss,
                val_accuracy=val if has_validation else None,
                val_loss=0.5 + 0.1 * (each - seed) if has_validation else None,
                training_s=training_s + each,
            )
            for each, made, val in zip(seeds, drawn, val_accuracies, strict=True)
        ]
        training = replace(training, seed_variation=summarize_seed_runs(runs))
        others = SeedPredictions(
            tuple(seeds[1:]),
            np.stack([made.y_pred.astype(np.uint8) for made in drawn[1:]], axis=1),
            np.stack([made.p_true for made in drawn[1:]], axis=1),
        )
        predictions = replace(predictions, other_seeds=others)
    timings_s = {**run.provenance.timings_s, "training": training_s + 0.1 * seed}
    command = f"python -m job --recipe {training.config.recipe} --seed {seed}"
    provenance = replace(run.provenance, timings_s=timings_s, command=command)
    return replace(run, predictions=predictions, training=training, provenance=provenance)


def write_runs(folder: Path, runs: Sequence[Run]) -> list[Path]:
    """The folders of the runs, written below a folder."""
    folders = [folder / f"run-{index}" for index in range(len(runs))]
    for path, run in zip(folders, runs, strict=True):
        run.write(path)
    return folders
