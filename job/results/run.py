"""Represents a finished run as one object that is read from a folder or written into one."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from job.evaluation.evaluate import Evaluation, evaluate
from job.evaluation.paired_comparison import Comparison, compare
from job.evaluation.predictions import Predictions
from job.evaluation.sample_selection import select_shown_images
from job.results.file_names import METRICS, NETWORK, PREDICTIONS, SAMPLES
from job.results.metrics_json import damaged, read_record, write_metrics
from job.results.network_npz import PlainNetwork, read_network, write_network
from job.results.output_folder.manifest import read_manifest, read_unchanged, write_manifest
from job.results.predictions_csv import read_predictions, write_predictions
from job.results.provenance import Provenance
from job.results.samples_npz import Images, read_samples, write_samples
from job.results.schema import RunRecord, Training

FILES = (METRICS, PREDICTIONS, SAMPLES)


@dataclass(frozen=True, kw_only=True)
class Run:
    """A finished run.

    Attributes:
        evaluation: Every metric that follows from the predictions.
        comparison: Comparison with a reference run, or None.
        training: How the model was trained; None if this job did not train it.
        images: Test images that the report shows.
        network: The trained network; None if this job did not train it, or the run is of an earlier release.
        augmented: Training images, each followed by its augmented versions, shape (n, 1 + n_epochs, height, width).
    """

    evaluation: Evaluation
    comparison: Comparison | None
    training: Training | None
    provenance: Provenance
    predictions: Predictions
    images: Images
    augmented: NDArray[np.uint8]
    network: PlainNetwork | None = None

    @classmethod
    def from_predictions(
        cls,
        record: RunRecord,
        predictions: Predictions,
        images: Images,
        augmented: NDArray[np.uint8],
        network: PlainNetwork | None = None,
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
            network=network,
        )

    @classmethod
    def from_files(cls, folder: Path, record: RunRecord) -> Self:
        """Evaluate the predictions.csv in a folder that has no metrics.json yet.

        Raises:
            DataError: If a file is missing or damaged.
        """
        n_classes, has_reference = len(record.class_names), record.reference is not None
        predictions = read_predictions(folder, n_classes, has_reference=has_reference)
        indices = select_shown_images(predictions, record.seed)
        has_augmented = record.training is not None and record.training.config.augment != "none"
        images, augmented = read_samples(folder, indices, has_augmented=has_augmented)
        network = read_network(folder, n_classes) if (folder / NETWORK).exists() else None
        return cls.from_predictions(record, predictions, images, augmented, network)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read a run and evaluate its predictions again, so that metrics and predictions cannot disagree.

        Raises:
            DataError: If a file is missing, damaged or edited.
        """
        read_record(folder)  # an older schema version may have no manifest
        names = (*FILES, NETWORK) if (folder / NETWORK).exists() else FILES
        return read_unchanged(folder, names, lambda: cls._read(folder))

    @classmethod
    def _read(cls, folder: Path) -> Self:
        record = read_record(folder)
        run = cls.from_files(folder, record)
        variation = record.training and record.training.seed_variation
        if variation and not math.isclose(variation.reported.accuracy, run.evaluation.accuracy):
            raise damaged(folder / METRICS, f"the predictions are not those of seed {variation.reported_seed}")
        return run

    def write(self, folder: Path) -> None:
        """Write the files of results and their checksums; the folder is created if needed."""
        folder.mkdir(parents=True, exist_ok=True)
        write_predictions(folder, self.predictions)
        write_samples(folder, self.images, self.augmented)
        if self.network:
            write_network(folder, self.network)
        self.write_metrics(folder)
        write_manifest(folder, (*FILES, NETWORK), read_manifest(folder))

    def write_metrics(self, folder: Path) -> None:
        """Write metrics.json into a folder."""
        stored = {name: getattr(self, name) for name in ("evaluation", "comparison", "training", "provenance")}
        write_metrics(folder, stored)
