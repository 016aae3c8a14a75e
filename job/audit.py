"""Holds the figures of a run against scikit-learn's, computed afresh from the predictions."""

import math
import warnings
from typing import TYPE_CHECKING

import numpy as np

from job.results import Results

if TYPE_CHECKING:
    import pandas as pd

TOLERANCE = 1e-6  # relative; predictions.csv has the digits of float32


def differences(results: Results, predictions: "pd.DataFrame") -> list[str]:
    """What in `results` is not what scikit-learn computes from `predictions`, in words; empty if all agrees."""
    ours = _figures(results)
    theirs = _recomputed(predictions, len(results.per_class))
    found = [
        f"{name} is {ours[name]:.6g}, but predictions.csv gives {value:.6g}"
        for name, value in theirs.items()
        if not math.isclose(ours[name], value, rel_tol=TOLERANCE, abs_tol=1e-12)
    ]
    if len(predictions) != results.data.n_test or (predictions["index"] != np.arange(len(predictions))).any():
        found.append(f"predictions.csv does not hold each of the {results.data.n_test:,} test images once")
    return found + _inconsistencies(results, predictions)


def _inconsistencies(results: Results, predictions: "pd.DataFrame") -> list[str]:
    """What in the predictions and the chosen samples contradicts itself."""
    found = []
    probabilities = predictions.filter(like="p_").to_numpy()
    if (probabilities.argmax(axis=1) != predictions["predicted"]).any():
        found.append("predictions.csv predicts a class that is not the most probable one")
    hits = set(predictions.index[predictions["true"] == predictions["predicted"]])
    right, wrong = results.samples.right, results.samples.wrong
    if not hits.issuperset(right) or hits.intersection(wrong) or len({*right, *wrong}) < len(right) + len(wrong):
        found.append("the samples are not those that were predicted right and wrong")
    return found


def _figures(results: Results) -> dict[str, float]:
    figures = {"accuracy": results.accuracy, "loss": results.loss}
    for label, one in enumerate(results.per_class):
        figures |= {f"{figure} of class {label}": getattr(one, figure) for figure in ("precision", "recall", "f1")}
        figures[f"support of class {label}"] = one.support
    for average in ("macro", "weighted"):
        values = getattr(results, average)
        figures |= {f"{average} {figure}": getattr(values, figure) for figure in ("precision", "recall", "f1")}
    return figures | _cells(results.confusion_matrix)


def _recomputed(predictions: "pd.DataFrame", n_classes: int) -> dict[str, float]:
    from sklearn.metrics import accuracy_score, confusion_matrix, log_loss, precision_recall_fscore_support

    y_true, y_pred = predictions["true"], predictions["predicted"]
    labels = range(n_classes)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The y_prob values do not sum to one")  # they do, in float32
        loss = log_loss(y_true, predictions[[f"p_{label}" for label in labels]], labels=labels)
    figures = {"accuracy": accuracy_score(y_true, y_pred), "loss": loss}
    per_class = precision_recall_fscore_support(y_true, y_pred, labels=labels, zero_division=0)
    for name, values in zip(("precision", "recall", "f1", "support"), per_class, strict=True):
        figures |= {f"{name} of class {label}": value for label, value in enumerate(values)}
    for average in ("macro", "weighted"):
        values = precision_recall_fscore_support(y_true, y_pred, labels=labels, average=average, zero_division=0)
        figures |= {
            f"{average} {name}": value for name, value in zip(("precision", "recall", "f1"), values[:3], strict=True)
        }
    return figures | _cells(confusion_matrix(y_true, y_pred, labels=labels).tolist())


def _cells(matrix: list[list[int]]) -> dict[str, float]:
    return {f"confusion_matrix[{i}][{j}]": count for i, row in enumerate(matrix) for j, count in enumerate(row)}
