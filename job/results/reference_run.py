"""Reads the reference run (--reference) and checks that it was evaluated on the same test set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from job.config.run_name import name_run
from job.errors import DataError
from job.evaluation.intervals import wilson_interval
from job.evaluation.paired_comparison import Reference
from job.evaluation.predictions import AnyPredictions, Labels, Predictions
from job.results.file_names import METRICS, PREDICTIONS
from job.results.metrics_json import Option, read_record
from job.results.output_folder.manifest import read_unchanged
from job.results.predictions_csv import read_any_predictions, read_predictions
from job.results.schema import RunRecord
from job.results.seed_check import check_seeds
from job.text import shorten_path


@dataclass(frozen=True)
class ReferenceRun:
    """A reference run; `folder` is its output folder, as the command line names it."""

    folder: str
    record: RunRecord
    predictions: AnyPredictions

    def __str__(self) -> str:
        return f"{self.folder}: accuracy {self.predictions.accuracy:.4f} (n = {len(self.predictions.y_true):,})"


def read_reference(folder: str) -> ReferenceRun:
    """Read a reference run from its output folder, as the command line names it.

    Raises:
        DataError: If a file is missing, damaged or edited.
    """
    path = Path(folder)
    option: Option = "--reference"

    def read() -> ReferenceRun:
        record = read_record(path, option)
        has_reference = record.reference is not None
        read_file = read_predictions if record.training else read_any_predictions
        predictions = read_file(path, len(record.class_names), has_reference=has_reference, option=option)
        check_seeds(path, record, predictions)
        return ReferenceRun(folder, record, predictions)

    read_record(path, option)  # an older schema version may have no manifest
    return read_unchanged(path, (METRICS, PREDICTIONS), read, option)


def match_reference(
    run: ReferenceRun, class_names: Sequence[str], y_true: Labels, sha256: Mapping[str, str] | None = None
) -> Reference:
    """The reference for a comparison.

    Its metrics are computed from its predictions, which have the images in the order of this run, see `pair_images`.
    The other arguments describe the test set: class names in label order, true class numbers, shape (n,), and SHA-256
    of its decompressed files, by file name, which are None for predictions of another program. A reference that is such
    predictions need not name these files, nor the classes.

    Raises:
        DataError: If the reference was evaluated on another test set.
    """
    if difference := _find_difference(run, class_names, y_true, sha256):
        raise DataError(f"--reference {run.folder}: {difference}; only runs on the same test set can be compared")
    predictions, record = run.predictions, run.record
    return Reference(
        folder=run.folder,
        started=record.provenance.started,
        command=record.provenance.command,
        network=record.training.network if record.training else "",
        accuracy=predictions.accuracy,
        accuracy_interval=wilson_interval(int(predictions.is_correct.sum()), len(predictions.y_true)),
        loss=predictions.loss if isinstance(predictions, Predictions) else None,
        seed_variation=record.training.seed_variation if record.training else None,
        name=name_run(record.training.config) if record.training else record.provenance.name,
    )


def _find_difference(
    run: ReferenceRun, class_names: Sequence[str], y_true: Labels, sha256: Mapping[str, str] | None
) -> str:
    """How the test set of the reference differs; empty if it does not."""
    data, names, y_reference = run.record.provenance.data, run.record.class_names, run.predictions.y_true
    current = "this run" if sha256 is None else "the data set"
    for file, digest in (sha256 or {}).items():
        if data.sha256.get(file, None if run.record.training else digest) != digest:
            return f"was evaluated on another {file}, from {data.name} in {data.folder} (its SHA-256 differs)"
    if len(names) != len(class_names):
        return f"has {len(names)} classes, but {current} has {len(class_names)}"
    has_names = run.record.training or names != [str(label) for label in range(len(names))]
    for label, (old, new) in enumerate(zip(names, class_names, strict=True)):
        if has_names and old != new:
            return f"names class {label} {old!r}, but {current} names it {new!r}"
    if len(y_reference) != len(y_true):
        return f"{PREDICTIONS} has {len(y_reference):,} images, but {current} {len(y_true):,}"
    differs = np.flatnonzero(y_reference != y_true)
    return _describe_label(run, int(differs[0]), current, has_rows=sha256 is None) if differs.size else ""


def _describe_label(run: ReferenceRun, image: int, current: str, *, has_rows: bool) -> str:
    """Say that the label of an image differs; `has_rows`: whether this run is a table of predictions."""
    names = run.predictions.names
    shown = image if names is None else repr(shorten_path(names[image]))
    problem = f"{PREDICTIONS} gives image {shown} another true class than {current}"
    if names is not None or not has_rows:
        return problem
    return f"{problem}; give the rows of both runs the same order, or a column id with the names of the images"
