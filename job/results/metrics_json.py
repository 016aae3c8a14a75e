"""Reads and writes metrics.json, and refuses a damaged one in one line."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec

from job.errors import DataError, UsageError
from job.evaluation.paired_comparison import Reference
from job.evaluation.seed_variation import summarize_seed_runs
from job.results.file_names import METRICS
from job.results.schema import SCHEMA_VERSION, Metrics, Training
from job.text import is_displayable

Option = Literal["--output", "--reference"]
"""The option that named the folder of a run."""

REMEDIES: dict[Option, str] = {
    "--output": "render it with the release that wrote it, or train again",
    "--reference": "train that run again with this release",
}
"""What to do about results of another schema version."""

MAX_AMOUNT = 1e12  # a loss, a time or a count; no run comes near it


def write_metrics(folder: Path, metrics: Metrics) -> None:
    """Write metrics.json."""
    text = json.dumps(msgspec.to_builtins(metrics), indent=1, ensure_ascii=False, allow_nan=False)
    (folder / METRICS).write_text(text + "\n", encoding="utf-8")


def read_metrics(folder: Path, option: Option = "--output") -> Metrics:
    """Read metrics.json.

    Args:
        folder: Output folder of a run.
        option: The option that named the folder.

    Raises:
        DataError: If the file is missing, damaged, or has another schema version.
    """
    path = folder / METRICS
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise missing_file(path, option) from error
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror}); name the output folder of a finished run: {option} DIR"
        ) from error
    try:
        version = msgspec.json.decode(content, type=dict[str, Any]).get("schema_version")
        if version != SCHEMA_VERSION:
            raise DataError(
                f"{path}: has schema version {version!r}, this job reads {SCHEMA_VERSION}; {REMEDIES[option]}"
            )
        metrics = msgspec.json.decode(content, type=Metrics)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, UsageError) as error:  # UsageError: of a setting
        raise DataError(f"{path}: damaged ({error}); train again") from error
    if flaw := _find_flaw(metrics):
        raise DataError(f"{path}: damaged ({flaw}); train again")
    return metrics


def missing_file(path: Path, option: Option = "--output") -> DataError:
    """The error for a file that a finished run would have."""
    return DataError(f"{path}: not found; name the output folder of a finished run: {option} DIR")


def _find_flaw(metrics: Metrics) -> str:
    """The first impossible value that the evaluation cannot replace; empty if there is none."""
    for text in _find_texts(msgspec.to_builtins(metrics)):
        if not is_displayable(text):
            return f"the text {text!r} has a control character"
    if not all(0 <= time_s < MAX_AMOUNT for time_s in metrics.provenance.timings_s.values()):
        return "a time is out of range"
    if metrics.evaluation.seed < 0:
        return "the seed of the evaluation is negative"
    if metrics.comparison and not _is_loss_sound(metrics.comparison.reference):
        return "the loss of the reference is out of range"
    return _find_training_flaw(metrics.training, metrics) if metrics.training else ""


def _is_loss_sound(reference: Reference) -> bool:
    interval = reference.loss_interval
    return 0 <= interval.lower <= interval.upper < MAX_AMOUNT and 0 <= reference.loss < MAX_AMOUNT


def _find_training_flaw(training: Training, metrics: Metrics) -> str:
    history, config = training.history, training.config
    n_epochs = min(config.epochs, max(len(history.loss), 1)) if config.early_stopping else config.epochs
    n_validated = n_epochs if training.n_validation else 0
    if [len(curve) for curve in vars(history).values()] != [n_epochs] * 3 + [n_validated] * 2:
        return f"the history does not have {n_epochs} epochs"
    if not all(0 <= accuracy <= 1 for accuracy in (*history.accuracy, *history.val_accuracy)):
        return "an accuracy of an epoch is not from 0 to 1"
    amounts = (*history.loss, *history.val_loss, *history.learning_rate, training.n_train, training.n_validation)
    if not all(0 <= amount < MAX_AMOUNT for amount in amounts):
        return "a loss, a learning rate or a count is out of range"
    if "training" not in metrics.provenance.timings_s:
        return "the time of the training is missing"
    return _find_seed_flaw(training, metrics)


def _find_seed_flaw(training: Training, metrics: Metrics) -> str:
    config, variation = training.config, training.seed_variation
    if config.runs == 1 and not variation:
        return ""
    seeds = list(range(config.seed, config.seed + config.runs))
    if not variation or [run.seed for run in variation.runs] != seeds or config.runs == 1:
        return f"the seed variation does not have {config.runs} runs with the seeds from {config.seed}"
    if not all(
        0 <= run.accuracy <= 1
        and 0 <= run.loss < MAX_AMOUNT
        and 0 <= (run.val_accuracy or 0) <= 1
        and 0 <= run.training_s < MAX_AMOUNT
        for run in variation.runs
    ):
        return "an accuracy, a loss or a time of a run is out of range"
    expected = summarize_seed_runs(variation.runs)
    figures = {
        "mean": (variation.mean, expected.mean),
        "sd": (variation.sd, expected.sd),
        "reported_seed": (variation.reported_seed, expected.reported_seed),
        "accuracy": (metrics.evaluation.accuracy, expected.reported.accuracy),
        "loss": (metrics.evaluation.loss, expected.reported.loss),
    }
    differing = (name for name, pair in figures.items() if not math.isclose(*pair, abs_tol=1e-12))
    return next((f"{name} does not follow from the runs of the seed variation" for name in differing), "")


def _find_texts(content: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    """Every text in `content`, keys included."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict):
        yield from content
        for value in content.values():
            yield from _find_texts(value)
    elif isinstance(content, list):
        for value in content:
            yield from _find_texts(value)
