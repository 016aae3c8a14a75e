"""Represents a finished run as one object that is read from a folder or written into one."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from job.errors import DataError
from job.evaluation.evaluate import Evaluation, evaluate
from job.evaluation.paired_comparison import Comparison, compare
from job.evaluation.predictions import Predictions
from job.evaluation.sample_selection import select_shown_images
from job.results.file_names import METRICS, PREDICTIONS
from job.results.metrics_json import read_metrics, write_metrics
from job.results.predictions_csv import hash_predictions, read_predictions, write_predictions
from job.results.provenance import Provenance
from job.results.samples_npz import Images, read_samples, write_samples
from job.results.schema import Metrics, RunRecord, Training

TOLERANCE = 1e-6  # relative; another version of NumPy may sum in another order
INTERVAL_TOLERANCE = 0.2  # of the width of an interval


@dataclass(frozen=True, kw_only=True)
class Run:
    """A finished run.

    Attributes:
        evaluation: Every metric that follows from the predictions.
        comparison: Comparison with a reference run, or None.
        training: How the model was trained; None if this job did not train it.
        images: Test images that the report shows.
        augmented: Training images, each followed by its augmented versions, shape (n, 1 + n_epochs, height, width).
    """

    evaluation: Evaluation
    comparison: Comparison | None
    training: Training | None
    provenance: Provenance
    predictions: Predictions
    images: Images
    augmented: NDArray[np.uint8]

    @classmethod
    def from_predictions(
        cls, record: RunRecord, predictions: Predictions, images: Images, augmented: NDArray[np.uint8]
    ) -> Self:
        """Evaluate the predictions of a run; `record` describes it, and the other arguments are attributes of `Run`."""
        return cls(
            evaluation=evaluate(predictions, record.class_names, record.seed),
            comparison=compare(record.reference, predictions) if record.reference else None,
            training=record.training,
            provenance=record.provenance,
            predictions=predictions,
            images=images,
            augmented=augmented,
        )

    @classmethod
    def from_files(cls, folder: Path, record: RunRecord, sha256: str | None = None) -> Self:
        """Evaluate the predictions.csv in a folder that has no metrics.json yet.

        Its SHA-256 must be `sha256`, unless that is None.

        Raises:
            DataError: If a file is missing or damaged.
        """
        n_classes, has_reference = len(record.class_names), record.reference is not None
        predictions = read_predictions(folder, n_classes, has_reference=has_reference, sha256=sha256)
        indices = select_shown_images(predictions, record.seed)
        has_augmented = record.training is not None and record.training.config.augment != "none"
        return cls.from_predictions(record, predictions, *read_samples(folder, indices, has_augmented=has_augmented))

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read a run and evaluate its predictions again, so that metrics and predictions cannot disagree.

        Raises:
            DataError: If a file is missing, damaged or edited.
        """
        metrics = read_metrics(folder)
        run = cls.from_files(folder, metrics.record(), metrics.predictions_sha256)
        for name in ("evaluation", "comparison"):
            stored, computed = (msgspec.to_builtins(getattr(source, name)) for source in (metrics, run))
            if place := _find_difference(stored, computed, name):
                raise DataError(
                    f"{folder / METRICS}: {place} does not follow from {PREDICTIONS}: it was edited, or belongs to "
                    "another run; train again"
                )
        return run

    def write(self, folder: Path) -> None:
        """Write predictions.csv, samples.npz and metrics.json into a folder, which is created if needed."""
        folder.mkdir(parents=True, exist_ok=True)
        write_predictions(folder, self.predictions)
        write_samples(folder, self.images, self.augmented)
        self.write_metrics(folder)

    def write_metrics(self, folder: Path) -> None:
        """Write metrics.json into the folder of predictions.csv."""
        stored = {name: getattr(self, name) for name in ("evaluation", "comparison", "training", "provenance")}
        write_metrics(folder, Metrics(**stored, predictions_sha256=hash_predictions(folder)))


def _find_difference(stored: Any, computed: Any, place: str) -> str:  # noqa: ANN401 - JSON
    """Place of the first value that differs; an interval may differ a little, as with another version of NumPy."""
    if place.endswith("interval"):
        tolerance = INTERVAL_TOLERANCE * (computed["upper"] - computed["lower"]) + TOLERANCE
        return "" if all(abs(stored[side] - computed[side]) <= tolerance for side in computed) else place
    if isinstance(stored, dict):
        pairs = [(f"{place}.{key}", key) for key in stored]
    elif isinstance(stored, list) and len(stored) == len(computed):
        pairs = [(f"{place}[{index}]", index) for index in range(len(stored))]
    elif isinstance(stored, float):
        return "" if math.isclose(stored, computed, rel_tol=TOLERANCE, abs_tol=1e-12) else place
    else:
        return "" if stored == computed else place
    return next(filter(None, (_find_difference(stored[key], computed[key], inner) for inner, key in pairs)), "")
