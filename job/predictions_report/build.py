"""Makes a run of predictions, their images and a reference."""

import hashlib
import os
import struct
from dataclasses import dataclass, replace

import numpy as np

from job.data import fashion_mnist
from job.evaluation.predictions import AnyPredictions, Labels
from job.evaluation.sample_selection import select_shown_images
from job.log import Stopwatch, log, log_stage
from job.predictions.assemble import Assembled
from job.predictions.images import ImageSource, find_paths
from job.results.provenance import DataSource, Provenance, describe_report_environment
from job.results.reference_run import match_reference, read_reference
from job.results.run import NO_IMAGES, Run
from job.results.samples_npz import Images
from job.results.schema import RunRecord

SEED = 0  # of the random samples
IDX_LABELS = b"\0\0\x08\1"


@dataclass(frozen=True)
class Source:
    """What a report is made of.

    Attributes:
        images: The images; None if there is no file or array of them.
        data: What the report says about the files.
        command: What makes the report again.
        name: Name of the run; may be empty.
        reference: Output folder of the run to compare with, or None.
        has_names: Whether the class names were given.
    """

    assembled: Assembled
    images: ImageSource | None
    data: DataSource
    command: str
    name: str = ""
    reference: str | None = None
    has_names: bool = False


def build_run(source: Source, stopwatch: Stopwatch) -> Run:
    """Evaluate predictions; the test images of Fashion-MNIST get the names of their classes if none are given.

    Raises:
        JobError: If an image cannot be read, or the reference is missing or has another test set.
    """
    predictions, data = source.assembled.predictions, source.data
    names: tuple[str, ...] = tuple(source.assembled.class_names)
    if is_fashion_mnist(predictions.y_true):
        is_numbered = not source.has_names and names == tuple(map(str, range(len(names))))
        names = fashion_mnist.CLASS_NAMES if is_numbered else names
        data = replace(data, is_fashion_mnist=True)
    match = None
    if source.reference is not None:
        reference = read_reference(source.reference)
        log_stage("reference", str(reference))
        match = match_reference(reference, names, predictions.y_true, {})
        predictions = predictions.with_reference(reference.predictions)
    images = _load_images(source, predictions)
    record = RunRecord(
        class_names=list(names),
        seed=SEED,
        reference=match,
        training=None,
        provenance=Provenance(
            started=stopwatch.began.isoformat(timespec="seconds"),
            command=os.environ.get("FASHION_JOB_COMMAND") or source.command,
            environment=describe_report_environment(),
            data=data,
            timings_s=stopwatch.timings_s(),
            name=source.name,
        ),
    )
    return Run.from_predictions(record, predictions, images, NO_IMAGES)


def is_fashion_mnist(y_true: Labels) -> bool:
    """Whether labels are those of the test images of Fashion-MNIST, in their order."""
    header = IDX_LABELS + struct.pack(">I", len(y_true))
    digest = hashlib.sha256(header + y_true.astype(np.uint8).tobytes()).hexdigest()
    return digest == fashion_mnist.SHA256["test_labels"]


def _load_images(source: Source, predictions: AnyPredictions) -> Images:
    """The images that the report shows; without a file or array of them, those in the files that the table names."""
    numbers, parts = select_shown_images(predictions, SEED), source.assembled.parts
    if source.images is not None:
        return source.images.load(numbers)
    column = parts.names.get("id", "")
    files = find_paths(parts.table, column, parts.table.columns[column], source.assembled.rows) if column else None
    if files is None:
        return {}
    if not files.exist(numbers):
        log.warning("%s: no file in column %s exists, so the report has no images", parts.table.name, column)
        return {}
    return files.load(numbers)
