"""Reads an earlier run that this one is to be compared with (--reference), and holds it against the test set."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from job.data.dataset import Dataset
from job.errors import DataError
from job.evaluation import intervals, metrics
from job.evaluation.paired_comparison import Baseline, Earlier
from job.results import run
from job.results.run import Predictions
from job.results.schema import PREDICTIONS, Results

TOLERANCE = 1e-6  # relative


@dataclass(frozen=True)
class Run:
    """An earlier run, whose files agree with each other; `name` is that of its folder on the command line."""

    name: str
    results: Results
    predictions: Predictions

    def __str__(self) -> str:
        return f"{self.name}: accuracy {self.results.accuracy:.4f} (n = {self.results.data.n_test:,})"


def read(name: str) -> Run:
    """Read the results of an earlier run.

    Args:
        name: of its output folder.

    Raises:
        DataError: if a file is missing or damaged, or the files are of different runs.
    """
    folder = Path(name)
    results = run.read_metrics(folder, "--reference")
    n_classes, compared = len(results.per_class), results.comparison is not None
    predictions = run.read_predictions(folder, n_classes, [], compared=compared, option="--reference")
    if flaw := _flaw(results, predictions):
        raise DataError(
            f"{folder / PREDICTIONS}: {flaw}; the files are of different runs, train again or name another --reference"
        )
    return Run(name, results, predictions)


def _flaw(results: Results, predictions: Predictions) -> str:
    """What in the predictions cannot be of these results; empty if nothing."""
    n, n_test, n_classes = len(predictions.y_true), results.data.n_test, len(results.per_class)
    if n != n_test:
        return f"tells of {n:,} test images, but metrics.json of {n_test:,}"
    matrix = metrics.confusion_matrix(predictions.y_true, predictions.y_pred, n_classes)
    if matrix.tolist() != results.confusion_matrix:
        return "gives another confusion matrix than metrics.json"
    figures = {
        "accuracy": (results.accuracy, metrics.accuracy(matrix)),
        "loss": (results.loss, float(metrics.losses(predictions.of_truth).mean())),
    }
    for figure, (told, found) in figures.items():
        if not math.isclose(told, found, rel_tol=TOLERANCE, abs_tol=1e-12):
            return f"gives {found:.6g} as {figure}, but metrics.json tells {told:.6g}"
    return ""


def match(run: Run, dataset: Dataset) -> Baseline:
    """The run as it enters a comparison, if it was judged on the test set of `dataset`.

    Raises:
        DataError: if it was not.
    """
    results, predictions = run.results, run.predictions
    if difference := _difference(results, predictions, dataset):
        raise DataError(f"--reference {run.name}: {difference}; only runs judged on one test set can be compared")
    n, n_right = results.data.n_test, int((predictions.y_true == predictions.y_pred).sum())
    earlier = Earlier(
        folder=run.name,
        started=results.started,
        command=results.command,
        model=results.model,
        accuracy=n_right / n,
        accuracy_interval=intervals.wilson(n_right, n),
        loss=results.loss,
        loss_interval=results.loss_interval,
    )
    return Baseline(earlier, predictions.y_pred)


def _difference(results: Results, predictions: Predictions, dataset: Dataset) -> str:
    """In what the test set of the results is another than that of `dataset`; empty if in nothing."""
    for role in ("test_images", "test_labels"):
        if results.data.sha256[role] != dataset.sha256[role]:
            where = f"{results.data.name} in {results.data.folder}"
            return f"was judged on other {role.replace('_', ' ')}, those of {where} (their SHA-256 differs)"
    if len(results.class_names) != dataset.n_classes:
        return f"has {len(results.class_names)} classes, but the data set {dataset.n_classes}"
    for label, (before, now) in enumerate(zip(results.class_names, dataset.class_names, strict=True)):
        if before != now:
            return f"names class {label} {before!r}, but the data set {now!r}"
    other = np.flatnonzero(predictions.y_true != dataset.test_labels)
    if other.size:
        return f"{PREDICTIONS} gives image {other[0]} another true class than the data set"
    return ""
