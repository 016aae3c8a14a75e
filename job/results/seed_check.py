"""Checks that the predictions of a run with several seeds are those that metrics.json describes."""

import math
from pathlib import Path

import numpy as np

from job.evaluation.predictions import AnyPredictions, Labels, SeedPredictions
from job.evaluation.seed_variation import SeedVariation
from job.results.file_names import METRICS
from job.results.metrics_json import damaged
from job.results.schema import RunRecord


def check_seeds(folder: Path, record: RunRecord, predictions: AnyPredictions) -> None:
    """Compare the accuracy of each seed with its predictions; `folder` is that of the run.

    Raises:
        DataError: If they differ.
    """
    variation = record.training.seed_variation if record.training else None
    before = record.reference.seed_variation if record.reference else None
    y_true, y_reference = predictions.y_true, predictions.y_reference
    problem = _find_difference(variation, y_true, predictions.y_pred, predictions.other_seeds)
    if not problem and y_reference is not None:
        problem = _find_difference(before, y_true, y_reference, predictions.reference_other_seeds)
    if problem:
        raise damaged(folder / METRICS, problem)


def _find_difference(
    variation: SeedVariation | None, y_true: Labels, y_pred: Labels, others: SeedPredictions | None
) -> str:
    """How the predictions of a run contradict its seed variation; empty if they do not."""
    if variation is None:
        return "a single run has predictions of several seeds" if others else ""
    columns = {variation.reported_seed: y_pred}
    if others:  # version 0.5.0 stored only the predictions of the reported seed
        columns |= dict(zip(others.seeds, others.y_pred.T, strict=True))
        if sorted(columns) != [run.seed for run in variation.runs]:
            return "the predictions are not those of its seeds"
    for run in variation.runs:
        if run.seed in columns and not math.isclose(run.accuracy, float(np.mean(columns[run.seed] == y_true))):
            return f"the predictions are not those of seed {run.seed}"
    return ""
