"""The figures of a run computed a second time: by scikit-learn, pandas and the equations, not by what computed them."""

from typing import TYPE_CHECKING, Any

import numpy as np

from job.evaluation.calibration import HIGH_CONFIDENCE, N_BINS, N_COVERAGES
from job.evaluation.metrics import Labels
from job.evaluation.sample_selection import MAX_CELLS, N_CONFIDENT_MISTAKES, N_PER_CELL, N_SHOWN
from job.results.run import Predictions

if TYPE_CHECKING:
    import pandas as pd

Z = 1.959963984540054  # 97.5 % of a normal distribution lie below


def recompute(predictions: Predictions, n_classes: int) -> dict[str, Any]:
    """All that follows from the predictions without chance, in the structure of metrics.json."""
    import pandas as pd
    from sklearn.metrics import accuracy_score, confusion_matrix, log_loss

    y_true, y_pred = predictions.y_true, predictions.y_pred
    images = pd.DataFrame(
        {
            "true": y_true,
            "predicted": y_pred,
            "confidence": predictions.confidence.astype(np.float64),
            "hit": y_true == y_pred,
        }
    )
    n = len(images)
    accuracy_interval = share_interval(int(images["hit"].sum()), n)
    return {
        "accuracy": accuracy_score(y_true, y_pred),
        "accuracy_interval": accuracy_interval,
        "loss": log_loss(np.ones(n), predictions.of_truth.astype(np.float64), labels=[0, 1]),  # 1: it is the true class
        "macro": _average(y_true, y_pred, n_classes, "macro"),
        "weighted": _average(y_true, y_pred, n_classes, "weighted") | {"recall_interval": accuracy_interval},
        "per_class": _per_class(y_true, y_pred, n_classes),
        "confusion_matrix": confusion_matrix(y_true, y_pred, labels=range(n_classes)).tolist(),
        "calibration": _calibration(images),
        "samples": _samples(images),
    }


def _average(y_true: Labels, y_pred: Labels, n_classes: int, average: str) -> dict[str, Any]:
    from sklearn.metrics import precision_recall_fscore_support

    figures = precision_recall_fscore_support(y_true, y_pred, labels=range(n_classes), average=average, zero_division=0)
    return dict(zip(("precision", "recall", "f1"), figures[:3], strict=True))


def _per_class(y_true: Labels, y_pred: Labels, n_classes: int) -> list[dict[str, Any]]:
    from sklearn.metrics import multilabel_confusion_matrix, precision_recall_fscore_support

    labels, names = range(n_classes), ("precision", "recall", "f1", "support")
    figures = zip(*precision_recall_fscore_support(y_true, y_pred, labels=labels, zero_division=0), strict=True)
    one_against_rest = multilabel_confusion_matrix(y_true, y_pred, labels=labels).tolist()
    rows = []
    for row, ((_, n_mistaken), (n_missed, n_hits)) in zip(figures, one_against_rest, strict=True):
        jaccard = share_interval(n_hits, n_hits + n_missed + n_mistaken)
        rows.append(
            dict(zip(names, row, strict=True))
            | {
                "precision_interval": share_interval(n_hits, n_hits + n_mistaken),
                "recall_interval": share_interval(n_hits, n_hits + n_missed),
                "f1_interval": {side: 2 / (1 + 1 / bound) if bound else 0 for side, bound in jaccard.items()},
            }
        )
    return rows


def share_interval(n_hits: int, n: int) -> dict[str, float]:
    """The shares p from which n_hits / n is just 1.96 standard deviations away: n (share - p)² = z² p (1 - p)."""
    if n == 0:
        return {"lower": 0, "upper": 1}
    roots = np.roots([n + Z**2, -(2 * n_hits + Z**2), n_hits**2 / n])
    lower, upper = sorted(roots.tolist())
    return {"lower": lower, "upper": upper}


def _calibration(images: "pd.DataFrame") -> dict[str, Any]:
    import pandas as pd

    edges = [number / N_BINS for number in range(N_BINS + 1)]
    numbers = pd.cut(images["confidence"], edges, labels=False, include_lowest=True)
    bins: list[dict[str, Any]] = []
    for number in range(N_BINS):
        inside = images[numbers == number]
        if n := len(inside):
            confidence, accuracy = inside["confidence"].mean(), inside["hit"].mean()
            interval = share_interval(int(inside["hit"].sum()), n)
            values = (edges[number], edges[number + 1], n, confidence, accuracy, interval)
            names = ("lower", "upper", "n", "confidence", "accuracy", "accuracy_interval")
            bins.append(dict(zip(names, values, strict=True)))
    high, wrong = images["confidence"] > HIGH_CONFIDENCE, ~images["hit"]
    return {
        "ece": sum(one["n"] * abs(one["accuracy"] - one["confidence"]) for one in bins) / len(images),
        "bins": bins,
        "overconfidence": {
            "threshold": HIGH_CONFIDENCE,
            "n": high.sum(),
            "n_wrong": (high & wrong).sum(),
            "share_of_wrong": high[wrong].mean() if wrong.any() else 0,
        },
        "coverage": _coverage(images),
    }


def _coverage(images: "pd.DataFrame") -> list[dict[str, Any]]:
    descending = images["confidence"].sort_values(ascending=False)
    points = {}
    for number in range(1, N_COVERAGES + 1):
        threshold = descending.iloc[(len(images) * number - 1) // N_COVERAGES]
        hits = images["hit"][images["confidence"] >= threshold]
        points[threshold] = {
            "coverage": len(hits) / len(images),
            "n": len(hits),
            "threshold": threshold,
            "n_right": hits.sum(),
            "accuracy": hits.mean(),
        }
    return list(points.values())


def _samples(images: "pd.DataFrame") -> dict[str, Any]:
    confidence = images["confidence"]
    groups: dict[Any, Any] = images.groupby(["true", "predicted"]).indices

    def place(cell: tuple[int, int]) -> tuple[bool, int, tuple[int, int]]:
        is_right = cell[0] == cell[1]
        return is_right, 0 if is_right else -len(groups[cell]), cell

    return {
        "confident_mistakes": confidence[~images["hit"]].nlargest(N_CONFIDENT_MISTAKES).index.tolist(),
        "least_certain": confidence.nsmallest(N_SHOWN).index.tolist(),
        "cells": [
            {
                "true": cell[0],
                "predicted": cell[1],
                "indices": confidence.iloc[groups[cell]].nlargest(N_PER_CELL).index.tolist(),
            }
            for cell in sorted(groups, key=place)[:MAX_CELLS]
        ],
    }
