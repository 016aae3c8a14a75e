"""Estimates how long the runs of a sweep take."""

from collections.abc import Iterable, Sequence

from job.config.recipes import ModelName
from job.config.run_config import Config
from job.sweep.plan import PlannedRun

START_S = 6.0
"""What a run takes besides training: mostly the import of TensorFlow and the report."""

STEP_S: dict[ModelName, float] = {"mlp": 0.00012, "cnn": 0.002}
IMAGE_S: dict[ModelName, float] = {"mlp": 0.000006, "cnn": 0.0006}
"""Time of a training step: a constant, and a part for each image of the batch, which the threads share.

Two cores of a processor of 2026 took these times. Finished runs of the sweep correct them.
"""

BASE_IMAGES = 54_000
"""Training images of Fashion-MNIST without those held out for validation."""

RUN_BYTES = 3_100_000
"""Size of a run's folder without its predictions: mostly the model, twice, and the report."""

PROBABILITY_BYTES = 14
"""Size of a probability in predictions.csv, with its share of the labels."""

EXPORT_BYTES = {"tf_saved_model": 2_800_000, "onnx": 1_400_000, "litert": 1_400_000}
"""Size of each export of the largest recipe."""


def estimate_run_s(config: Config, n_train: int = BASE_IMAGES) -> float:
    """The estimated wall time of a run, in seconds."""
    step_s = STEP_S[config.model] + config.batch_size * IMAGE_S[config.model] / (config.threads or 1)
    return START_S + config.runs * config.epochs * n_train / config.batch_size * step_s


def estimate_sweep_s(runs: Iterable[PlannedRun], n_slots: int, finished: Sequence[tuple[Config, float]] = ()) -> float:
    """The estimated wall time of runs of which `n_slots` are trained at the same time, in seconds.

    The wall times of `finished` runs, in seconds, say how fast this machine is.
    """
    expected_s = sum(estimate_run_s(config) for config, _ in finished)
    slowness = sum(wall_time_s for _, wall_time_s in finished) / expected_s if finished else 1.0
    times_s = [slowness * estimate_run_s(run.config) for run in runs]
    return max([sum(times_s) / n_slots, *times_s], default=0.0)


def estimate_run_bytes(config: Config, n_probabilities: int) -> int:
    """The estimated size of the folder of a run, in bytes; `n_probabilities` is test images times classes."""
    return RUN_BYTES + n_probabilities * PROBABILITY_BYTES + sum(EXPORT_BYTES[name] for name in config.export)


def describe_duration(seconds: float) -> str:
    """A duration in words, such as `40 s`, `12 min` or `3.5 h`."""
    if seconds < 100:  # noqa: PLR2004
        return f"{seconds:.0f} s"
    if seconds < 100 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:,.1f} h"
