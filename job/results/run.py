"""Represents a finished run as one object that is read from a folder or written into one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from job.config.gate import Gate
from job.evaluation.evaluate import Evaluation, evaluate
from job.evaluation.gate_result import GateResult
from job.evaluation.gates import evaluate_gates
from job.evaluation.history_entry import HistoryEntry
from job.evaluation.paired_comparison import Comparison, compare
from job.evaluation.predictions import AnyPredictions, Predictions
from job.evaluation.sample_selection import select_shown_images
from job.evaluation.seed_variation import add_intervals
from job.evaluation.temperature_scaling import TemperatureScaling, measure_temperature_scaling
from job.evaluation.trend import Trend, measure_trend
from job.results.file_names import METRICS, NETWORK, PREDICTIONS, SAMPLES
from job.results.history import describe_entry
from job.results.metrics_json import read_record, write_metrics
from job.results.network_npz import PlainNetwork, read_network, write_network
from job.results.output_folder.manifest import read_manifest, read_unchanged, write_manifest
from job.results.predictions_csv import read_any_predictions, read_predictions, write_predictions
from job.results.provenance import Provenance
from job.results.samples_npz import Images, Learnt, read_samples, write_samples
from job.results.schema import RunRecord, Training
from job.results.seed_check import check_seeds

FILES = (METRICS, PREDICTIONS, SAMPLES)
NO_IMAGES = np.zeros((0, 2, 0, 0), np.uint8)
"""The augmented images of a run without images."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """A finished run.

    Attributes:
        evaluation: Every metric that follows from the predictions.
        comparison: Comparison with a reference run, or None.
        temperature_scaling: What the calibration changed, or None if the model is not calibrated.
        training: How the model was trained; None if this job did not train it.
        images: Test images that the report shows; empty if they are unknown.
        network: The trained network; None if this job did not train it, or the run is of an earlier release.
        augmented: Training images, each followed by its augmented versions, shape (n, 1 + n_epochs, height, width).
        learnt: What the network has learnt; None if this job did not train it, or was older than version 0.6.
        gates: The results of the gates, in the order in which they were set.
        trend: The latest runs of the history, this one last; None without a history.
    """

    evaluation: Evaluation
    comparison: Comparison | None
    temperature_scaling: TemperatureScaling | None
    training: Training | None
    provenance: Provenance
    predictions: AnyPredictions
    images: Images
    augmented: NDArray[np.uint8]
    learnt: Learnt | None = None
    network: PlainNetwork | None = None
    gates: Sequence[GateResult] = ()
    trend: Trend | None = None

    @classmethod
    def from_predictions(
        cls,
        record: RunRecord,
        predictions: AnyPredictions,
        images: Images,
        augmented: NDArray[np.uint8],
        learnt: Learnt | None = None,
    ) -> Self:
        """Evaluate the predictions of a run that has no network yet.

        `record` describes the run, and the other arguments are attributes of `Run`.
        """
        training = record.training
        if training and training.seed_variation:
            training = replace(training, seed_variation=add_intervals(training.seed_variation))
        variation = training.seed_variation if training else None
        temperature = training.temperature if training else None
        run = cls(
            evaluation=evaluate(predictions, record.class_names, record.seed),
            comparison=compare(record.reference, predictions, variation) if record.reference else None,
            temperature_scaling=measure_temperature_scaling(predictions, temperature)
            if temperature and isinstance(predictions, Predictions)
            else None,
            training=training,
            provenance=record.provenance,
            predictions=predictions,
            images=images,
            augmented=augmented,
            learnt=learnt,
            trend=record.trend,
        )
        if record.earlier is not None:
            run = replace(run, trend=measure_trend(record.earlier, run.describe_entry()))
        return run.with_gates(record.gates)

    def describe_entry(self) -> HistoryEntry:
        """The entry of this run in a history."""
        return describe_entry(self.evaluation, self.predictions, self.training, self.provenance)

    def with_gates(self, gates: Sequence[Gate]) -> Self:
        """The run with the results of these gates, which replace its own."""
        return replace(self, gates=evaluate_gates(gates, self.metrics()) if gates else ())

    @classmethod
    def from_files(cls, folder: Path, record: RunRecord) -> Self:
        """Evaluate the predictions.csv in a folder that has no metrics.json yet.

        Raises:
            DataError: If a file is missing or damaged.
        """
        n_classes, has_reference = len(record.class_names), record.reference is not None
        read_file = read_predictions if record.training else read_any_predictions
        predictions = read_file(folder, n_classes, has_reference=has_reference)
        if not record.training and not (folder / SAMPLES).exists():
            return cls.from_predictions(record, predictions, {}, NO_IMAGES)
        indices = select_shown_images(predictions, record.seed)
        has_augmented = record.training is not None and record.training.config.augment != "none"
        samples = read_samples(folder, indices, n_classes, has_augmented=has_augmented)
        network = read_network(folder, n_classes) if (folder / NETWORK).exists() else None
        return replace(cls.from_predictions(record, predictions, *samples), network=network)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read a run and evaluate its predictions again, so that metrics and predictions cannot disagree.

        Raises:
            DataError: If a file is missing, damaged or edited.
        """
        record = read_record(folder)  # an older schema version may have no manifest
        listed = read_manifest(folder)
        optional = (NETWORK,) if record.training else (NETWORK, SAMPLES)
        absent = {name for name in optional if name not in listed and not (folder / name).exists()}
        names = [name for name in (*FILES, NETWORK) if name not in absent]
        return read_unchanged(folder, names, lambda: cls._read(folder))

    @classmethod
    def _read(cls, folder: Path) -> Self:
        record = read_record(folder)
        run = cls.from_files(folder, record)
        check_seeds(folder, record, run.predictions)
        return run

    def write(self, folder: Path) -> None:
        """Write the files of results and their checksums; the folder is created if needed."""
        folder.mkdir(parents=True, exist_ok=True)
        self.write_results(folder)
        write_manifest(folder, (*FILES, NETWORK), read_manifest(folder))

    def write_results(self, folder: Path) -> None:
        """Write the files of results into a folder: those that the run has data for."""
        write_predictions(folder, self.predictions)
        if self.images or self.training:
            write_samples(folder, self.images, self.augmented, self.learnt)
        if self.network:
            write_network(folder, self.network)
        self.write_metrics(folder)

    def write_metrics(self, folder: Path) -> None:
        """Write metrics.json into a folder."""
        write_metrics(folder, self.metrics())

    def metrics(self) -> dict[str, Any]:
        """What metrics.json contains: dictionaries, lists, texts and numbers."""
        names = ("evaluation", "comparison", "temperature_scaling", "training", "provenance", "gates", "trend")
        content: dict[str, Any] = msgspec.to_builtins({name: getattr(self, name) for name in names})
        return content
