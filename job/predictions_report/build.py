"""Makes a run of predictions, their images and a reference."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from job.config.gate import Gate
from job.data import fashion_mnist
from job.data.idx import hash_values
from job.evaluation.history_entry import HistoryEntry, hash_test_set
from job.evaluation.predictions import AnyPredictions, Labels
from job.evaluation.sample_selection import select_shown_images
from job.evaluation.trend import select_earlier
from job.log import Stopwatch, log, log_stage
from job.predictions.assemble import Assembled
from job.predictions.images import ImageArray, ImageFiles
from job.predictions.missing_images import warn_of_unread_images
from job.results.gate_check import RunParts, check_gates
from job.results.paired_images import pair_images, warn_of_order
from job.results.provenance import DataSource, Provenance, describe_report_environment
from job.results.reference_run import ReferenceRun, match_reference, read_reference
from job.results.run import NO_IMAGES, Run
from job.results.samples_npz import Images
from job.results.schema import RunRecord

SEED = 0
"""Seed of the random samples."""


@dataclass(frozen=True)
class Source:
    """What a report is made of.

    Attributes:
        images: The images; None if there is no file or array of them.
        data: What the report says about the files.
        command: What makes the report again.
        name: Name of the run; may be empty.
        reference: The run to compare with, or its output folder, or None.
        has_names: Whether the class names were given.
        gates: The gates that the run is to meet.
        history: The entries of the history; None without a history.
    """

    assembled: Assembled
    images: ImageArray | None
    data: DataSource
    command: str
    name: str = ""
    reference: str | ReferenceRun | None = None
    has_names: bool = False
    gates: Sequence[Gate] = ()
    history: Sequence[HistoryEntry] | None = None


def build_run(source: Source, stopwatch: Stopwatch) -> Run:
    """Evaluate predictions.

    Classes whose names were not given get those of the reference, or of Fashion-MNIST if the labels are those of its
    test images.

    Raises:
        JobError: If an image cannot be read, the reference is missing or has another test set, or the run cannot have
            the metric of a gate.
    """
    reference = read_reference(source.reference) if isinstance(source.reference, str) else source.reference
    if reference:
        log_stage("reference", str(reference))
    assembled, data = source.assembled, source.data
    if is_fashion_mnist(assembled.predictions.y_true[np.argsort(assembled.positions)]):
        data = replace(data, is_fashion_mnist=True)
    if not source.has_names:
        known = reference.record.class_names if reference else fashion_mnist.CLASS_NAMES
        assembled = _name_classes(assembled, known if reference or data.is_fashion_mnist else ())
    predictions, match = assembled.predictions, None
    check_gates(source.gates, assembled.class_names, _describe_parts(predictions, reference))
    if reference:
        paired = pair_images(reference, predictions.names, assembled.positions)
        match = match_reference(paired, assembled.class_names, predictions.y_true)
        warn_of_order(reference, predictions.names, is_numbered=assembled.parts.is_numbered)
        predictions = predictions.with_reference(paired.predictions)
    earlier = None
    if source.history is not None:
        test_set = hash_test_set(predictions.y_true, assembled.class_names, predictions.names)
        earlier = select_earlier(source.history, test_set, len(predictions.y_true))
    record = RunRecord(
        class_names=assembled.class_names,
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
        gates=source.gates,
        earlier=earlier,
    )
    return Run.from_predictions(record, predictions, _load_images(source, predictions), NO_IMAGES)


def _describe_parts(predictions: AnyPredictions, reference: ReferenceRun | None) -> RunParts:
    """What the run will have that gates may be about."""
    return RunParts(
        reference=reference is not None,
        probabilities=predictions.probabilities is not None,
        reference_probabilities=reference is not None and reference.predictions.probabilities is not None,
    )


def _name_classes(assembled: Assembled, known: Sequence[str]) -> Assembled:
    """Give numbered classes known names, and named ones the known order."""
    names = assembled.class_names
    is_numbered = names == [str(label) for label in range(len(known))]
    return assembled.with_class_names(known) if is_numbered or sorted(names) == sorted(known) else assembled


def is_fashion_mnist(y_true: Labels) -> bool:
    """Whether labels are those of the test images of Fashion-MNIST, in their order."""
    return hash_values(y_true.astype(np.uint8)) == fashion_mnist.SHA256["test_labels"]


def _load_images(source: Source, predictions: AnyPredictions) -> Images:
    """The images that the report shows; without a file or array of them, those in the files that the table names."""
    numbers, parts = select_shown_images(predictions, SEED), source.assembled.parts
    if source.images is not None:
        positions = source.assembled.positions[numbers].tolist()
        images = source.images.load(positions)
        return {number: images[position] for number, position in zip(numbers, positions, strict=True)}
    column = parts.names.get("picture")
    if column is None:
        warn_of_unread_images(parts)
        return {}
    files = ImageFiles(parts.table, column, source.assembled.rows)
    if not files.exist():
        log.warning(
            "%s: no picture in column %s exists, the first would be %s, so the report has no images; give paths from "
            "the folder of the table",
            *(parts.table.name, column, files.path(0)),
        )
        return {}
    return files.load(numbers)
