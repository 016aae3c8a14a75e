"""Reads and writes metrics.json, and reports damage in one line."""

import datetime
import json
import reprlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import msgspec

from job.errors import DataError, UsageError
from job.evaluation.seed_variation import SeedVariation, summarize_seed_runs
from job.results.file_names import METRICS
from job.results.schema import SCHEMA_VERSION, RunRecord, StoredRun, Training
from job.system.regular_file import read_regular
from job.text import find_bad_name, is_displayable

Option = Literal["--output", "--reference", "--collect"]
"""The option that named the folder of a run."""

MAX_BYTES = 2**25  # 32 MiB: 200,000 epochs
MIN_RUNS = 2  # that have a standard deviation
MAX_PROBLEM = 300  # characters; a damaged text may be long

REMEDIES: dict[Option, str] = {  # for results of another schema version
    "--output": "render it with the release that wrote it, or train again",
    "--reference": "train that run again with this release",
    "--collect": "train that run again with this release",
}


class _Versioned(msgspec.Struct):
    """What the files of all schema versions have in common."""

    schema_version: Any = None


def write_metrics(folder: Path, content: Mapping[str, Any]) -> None:
    """Write metrics.json: evaluation, comparison, training and provenance of a run, by these names."""
    content = {"schema_version": SCHEMA_VERSION, **content}
    text = json.dumps(msgspec.to_builtins(content), indent=1, ensure_ascii=False, allow_nan=False)
    (folder / METRICS).write_text(text + "\n", encoding="utf-8")


def read_record(folder: Path, option: Option = "--output") -> RunRecord:
    """Read what does not follow from the predictions in metrics.json, in the output folder that `option` named.

    Raises:
        DataError: If the file is missing, damaged, or has another schema version.
    """
    path = folder / METRICS
    with as_data_error(path, option):
        content = read_regular(path, MAX_BYTES)
    try:
        version = msgspec.json.decode(content, type=_Versioned).schema_version
        if version != SCHEMA_VERSION:
            problem = f"has schema version {reprlib.repr(version)[:80]}, this job reads {SCHEMA_VERSION}"
            raise DataError(f"{path}: {problem}; {REMEDIES[option]}")
        record = msgspec.json.decode(content, type=StoredRun).record()
        check_texts(msgspec.to_builtins(record))
        _check_record(record)
    except (msgspec.MsgspecError, ValueError, RecursionError, UsageError) as error:  # UsageError: from a setting
        raise damaged(path, error) from error
    return record


def damaged(path: Path, problem: object) -> DataError:
    """The error for a file of a finished run whose content is impossible."""
    return DataError(
        f"{path}: damaged ({' '.join(str(problem).split())[:MAX_PROBLEM]}); train again, or make the report again"
    )


@contextmanager
def as_data_error(path: Path, option: Option = "--output") -> Iterator[None]:
    """Turn an OSError of the block, which reads a file of a finished run, into a DataError."""
    try:
        yield
    except OSError as error:
        reason = "not found" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        raise DataError(f"{path}: {reason}; name the output folder of a finished run: {option} DIR") from error


def check_texts(content: Any) -> None:  # noqa: ANN401 - JSON
    """Raise a ValueError if a text in the content, keys included, has a control character."""
    if isinstance(content, str) and not is_displayable(content):
        raise ValueError(f"the text {content!r} has a control character")
    if isinstance(content, dict | list):
        for part in (*content, *content.values()) if isinstance(content, dict) else content:
            check_texts(part)


def _check_record(record: RunRecord) -> None:
    if problem := find_bad_name(record.class_names):
        raise ValueError(problem)
    check_moment(record.provenance.started)
    timings_s = record.provenance.timings_s
    for point in record.trend.points if record.trend else ():
        check_moment(point.started)
    if reference := record.reference:
        check_moment(reference.started)
        if reference.seed_variation:
            _check_summary(reference.seed_variation)
    if record.training:
        if "training" not in timings_s:
            raise ValueError("the time of the training is missing")
        _check_training(record.training)
        _check_seed_variation(record.training)


def check_moment(text: str) -> None:
    """Raise a ValueError if a text is not a moment in UTC, in ISO 8601 and to the second."""
    moment = datetime.datetime.fromisoformat(text)  # raises ValueError
    if moment.utcoffset() != datetime.timedelta(0) or moment.isoformat(timespec="seconds") != text:
        raise ValueError(f"{text!r} is not a moment in UTC, to the second")


def _check_training(training: Training) -> None:
    lengths = [len(curve) for curve in vars(training.history).values()]
    n_epochs = training.config.epochs
    if training.config.early_stopping and 0 < lengths[0] < n_epochs:
        n_epochs = lengths[0]
    if lengths != [n_epochs] * 3 + [n_epochs if training.n_validation else 0] * 2:
        raise ValueError(f"the history does not have {n_epochs} epochs")
    if training.temperature is not None and training.config.calibrate == "none":
        raise ValueError("a model that is not calibrated has a temperature")


def _check_seed_variation(training: Training) -> None:
    config, variation = training.config, training.seed_variation
    if config.runs == 1 and not variation:
        return
    seeds = list(range(config.seed, config.seed + config.runs))
    if config.runs == 1 or not variation or [run.seed for run in variation.runs] != seeds:
        raise ValueError(f"the seed variation does not have {config.runs} runs with the seeds from {config.seed}")
    if any((run.val_accuracy is None) == bool(training.n_validation) for run in variation.runs):
        raise ValueError("the validation accuracies contradict the number of validation images")
    _check_summary(variation)


def _check_summary(variation: SeedVariation) -> None:
    """Check everything but the intervals, which are computed again."""
    if len(variation.runs) < MIN_RUNS:
        raise ValueError(f"a seed variation has {len(variation.runs)} runs")
    expected = summarize_seed_runs(variation.runs)
    if variation.chosen_by == "median accuracy" and variation.reported_seed in {run.seed for run in variation.runs}:
        expected = replace(expected, reported_seed=variation.reported_seed, chosen_by=variation.chosen_by)
    if replace(variation, mean_interval=None, sd_interval=None) != expected:
        raise ValueError("the seed variation does not follow from its runs")
