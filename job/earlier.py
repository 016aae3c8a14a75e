"""Reads an earlier run that this one is to be compared with (--baseline), if both are judged on the same test set."""

import math
from pathlib import Path

import numpy as np

from job import intervals, metrics, saved
from job.comparison import Baseline, Earlier
from job.data import Dataset
from job.errors import DataError
from job.results import PREDICTIONS, Results
from job.saved import Predictions

TOLERANCE = 1e-6  # relative, of a loss


def read(name: str, dataset: Dataset) -> Baseline:
    """Read the results of an earlier run.

    Args:
        name: of its output folder.
        dataset: that this run will be judged on.

    Raises:
        DataError: if a file is missing or damaged, the files are of different runs, or it was judged on another test
            set.
    """
    folder = Path(name)
    results = saved.read_metrics(folder, "--baseline")
    _demand_same_set(name, results, dataset)
    predictions = saved.read_predictions(
        folder, dataset.n_classes, [], compared=results.comparison is not None, option="--baseline"
    )
    if flaw := _flaw(results, predictions, dataset):
        raise DataError(f"--baseline {name}: {PREDICTIONS} {flaw}; name a run whose files are as it wrote them")
    n_right = int((predictions.y_true == predictions.y_pred).sum())
    earlier = Earlier(
        folder=name,
        started=results.started,
        command=results.command,
        model=results.model,
        accuracy=n_right / len(predictions.y_true),
        accuracy_interval=intervals.wilson(n_right, len(predictions.y_true)),
        loss=results.loss,
        loss_interval=results.loss_interval,
    )
    return Baseline(earlier, predictions.y_pred)


def _demand_same_set(name: str, results: Results, dataset: Dataset) -> None:
    for role in ("test_images", "test_labels"):
        if results.data.sha256[role] != dataset.sha256[role]:
            raise DataError(
                f"--baseline {name}: was judged on other {role.replace('_', ' ')}, those of {results.data.name} in "
                f"{results.data.folder} (the SHA-256 differs); compare runs of one test set"
            )
    names = results.class_names
    if len(names) != dataset.n_classes:
        raise DataError(
            f"--baseline {name}: has {len(names)} classes, but the data set {dataset.n_classes}; compare runs of one "
            "test set"
        )
    for label, (before, now) in enumerate(zip(names, dataset.class_names, strict=True)):
        if before != now:
            raise DataError(
                f"--baseline {name}: names class {label} {before!r}, but the data set {now!r}; give both the same "
                "classes.txt"
            )


def _flaw(results: Results, predictions: Predictions, dataset: Dataset) -> str:
    """What in the predictions cannot be of that run on this test set; empty if nothing."""
    n, n_test = len(predictions.y_true), len(dataset.test_labels)
    if n != n_test:
        return f"tells of {n:,} of the {n_test:,} test images"
    if (other := np.flatnonzero(predictions.y_true != dataset.test_labels)).size:
        return f"gives test image {other[0]} another true class than the data set does"
    matrix = metrics.confusion_matrix(predictions.y_true, predictions.y_pred, dataset.n_classes)
    if matrix.tolist() != results.confusion_matrix:
        return "does not give the confusion matrix of its metrics.json"
    figures = {
        "accuracy": (results.accuracy, metrics.accuracy(matrix)),
        "loss": (results.loss, float(metrics.losses(predictions.of_truth).mean())),
    }
    for figure, (told, found) in figures.items():
        if not math.isclose(told, found, rel_tol=TOLERANCE, abs_tol=1e-12):
            return f"gives {found:.6g} as its {figure}, but its metrics.json tells {told:.6g}"
    return ""
