"""Reads a finished run as its networks, with as much of its predictions as a sweep needs."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from job.config.gate import Gate
from job.errors import DataError
from job.evaluation.gated_runs import MeasuredRun, measure_run
from job.evaluation.predictions import Predictions, cross_entropy
from job.evaluation.sweep_networks import SweptNetwork, Value
from job.report.assessment import find_tested_epoch
from job.results.file_names import CHECKSUMS, METRICS, PREDICTIONS
from job.results.metrics_json import Option, read_record
from job.results.output_folder.manifest import read_unchanged
from job.results.predictions_csv import read_predictions
from job.results.provenance import Environment
from job.results.run import NO_IMAGES, Run
from job.results.schema import RunRecord, Training
from job.results.seed_check import check_seeds

COLLECT: Option = "--collect"
UNCOMPARED = {"seed", "runs"}
"""Settings that decide which networks of a configuration a run trains."""


@dataclass(frozen=True)
class CollectedRun:
    """A run without the probabilities that the page does not need; `measured` is for gates."""

    folder: Path
    record: RunRecord
    training: Training
    networks: Sequence[SweptNetwork]
    measured: MeasuredRun | None

    @property
    def settings(self) -> Mapping[str, Value]:
        """What decides about the configuration."""
        return {name: value for name, value in self.training.config.settings().items() if name not in UNCOMPARED}


def read_run(folder: Path, gates: Sequence[Gate] = ()) -> tuple[CollectedRun, NDArray[np.uint8]]:
    """Read a run, what these gates need of it, and the true classes of its test images."""

    def read() -> tuple[RunRecord, Predictions, MeasuredRun | None]:
        record = read_record(folder, COLLECT)
        has_reference = record.reference is not None
        predictions = read_predictions(folder, len(record.class_names), has_reference=has_reference, option=COLLECT)
        check_seeds(folder, record, predictions)
        return record, predictions, _measure(folder, record, predictions, gates) if gates else None

    if not (folder / CHECKSUMS).exists():
        read_record(folder, COLLECT)  # names the schema version of older results, which had no manifest
    record, predictions, measured = read_unchanged(folder, (METRICS, PREDICTIONS), read, COLLECT)
    if record.training is None:
        raise DataError(f"{folder}: its model was not trained by this job; collect folders that a training wrote")
    networks = list(_list_networks(folder, record, record.training, predictions))
    return CollectedRun(folder, record, record.training, networks, measured), predictions.y_true.astype(np.uint8)


def _measure(folder: Path, record: RunRecord, predictions: Predictions, gates: Sequence[Gate]) -> MeasuredRun:
    """Evaluate the predictions again, as the page does, so that gates and page cannot disagree."""
    run = Run.from_predictions(record, predictions, {}, NO_IMAGES)
    return measure_run(folder.resolve().name, str(folder), gates, run.metrics())


def describe_work(environment: Environment, training: Training, n_epochs: int | None) -> Hashable:
    """What decides how long the training of a network takes; None if the number of its epochs is unknown.

    Learning rates and the like change no operation, so they are not in it; an option that adds operations is.
    """
    config = training.config
    sizes = (training.network, training.n_train, config.batch_size, n_epochs, config.replicas)
    operations = (config.optimizer, config.augment, config.schedule == "plateau", config.early_stopping > 0)
    added = tuple(getattr(config, name) > 0 for name in ("dropout", "average", "weight_decay", "label_smoothing"))
    machine = (environment.device_name, environment.n_threads)
    version = (environment.job, environment.revision)
    return None if n_epochs is None else (sizes, operations, added, machine, version)


def _list_networks(
    folder: Path, record: RunRecord, training: Training, predictions: Predictions
) -> Iterator[SweptNetwork]:
    """The networks of a run, in the order of their seeds."""
    variation, history, others = training.seed_variation, training.history, predictions.other_seeds
    y_pred, loss = predictions.y_pred.astype(np.uint8), float(predictions.losses.mean())
    run = {"run": folder.resolve().name, "folder": str(folder), "command": record.provenance.command}
    if variation is None:
        epoch = find_tested_epoch(training) - 1
        yield SweptNetwork(
            **run,
            seed=training.config.seed,
            val_accuracy=history.val_accuracy[epoch] if history.val_accuracy else None,
            val_loss=history.val_loss[epoch] if history.val_loss else None,
            training_s=record.provenance.timings_s["training"],
            loss=loss,
            y_pred=y_pred,
            work=describe_work(record.provenance.environment, training, len(history.loss)),
        )
        return
    if others is None:
        raise DataError(f"{folder}: version 0.5 kept the predictions of one seed only; train it again")
    for each in variation.runs:
        is_reported = each.seed == variation.reported_seed
        column = 0 if is_reported else others.seeds.index(each.seed)
        yield SweptNetwork(
            **run,
            seed=each.seed,
            val_accuracy=each.val_accuracy,
            val_loss=each.val_loss,
            training_s=each.training_s,
            loss=loss if is_reported else float(cross_entropy(others.p_true[:, column]).mean()),
            y_pred=y_pred if is_reported else others.y_pred[:, column].copy(),
            work=describe_work(
                record.provenance.environment,
                training,
                None if training.config.early_stopping else training.config.epochs,
            ),
        )
