"""Every metric computed a second time: by loops and equations in plain Python, in the structure of metrics.json."""

import math
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from job.evaluation.predictions import Predictions

Z = 1.959963984540054  # 97.5 % of a standard normal distribution are below
EPSILON = 2.0**-52
N_BINS = 15


def evaluate(predictions: Predictions, n_classes: int) -> dict[str, Any]:
    """The evaluation, except for what is resampled or drawn at random."""
    images = _describe_images(predictions)
    n, n_right = len(images), sum(image["is_right"] for image in images)
    matrix = [[0] * n_classes for _ in range(n_classes)]
    for image in images:
        matrix[image["true"]][image["predicted"]] += 1
    per_class = [_describe_class(matrix, label) for label in range(n_classes)]
    names = ("precision", "recall", "f1")
    return {
        "n_test": n,
        "accuracy": n_right / n,
        "accuracy_interval": wilson(n_right, n),
        "loss": math.fsum(-math.log(min(max(image["p_true"], EPSILON), 1 - EPSILON)) for image in images) / n,
        "macro": {name: sum(row[name] for row in per_class) / n_classes for name in names},
        "weighted": {name: sum(row["support"] * row[name] for row in per_class) / n for name in names}
        | {"recall_interval": wilson(n_right, n)},
        "per_class": per_class,
        "confusion_matrix": matrix,
        "calibration": _calibrate(images),
        "samples": _select_samples(images),
    }


def _describe_images(predictions: Predictions) -> list[dict[str, Any]]:
    rows = []
    for index, (true, row) in enumerate(
        zip(predictions.y_true.tolist(), predictions.probabilities.tolist(), strict=True)
    ):
        confidence = max(row)
        predicted = row.index(confidence)
        rows.append(
            {
                "index": index,
                "true": true,
                "predicted": predicted,
                "confidence": confidence,
                "p_true": row[true],
                "is_right": predicted == true,
            }
        )
    return rows


def wilson(n_hits: int, n: int) -> dict[str, float]:
    """The fractions p that are 1.96 standard errors away from n_hits / n: n (n_hits / n - p)² = z² p (1 - p)."""
    if n == 0:
        return {"lower": 0, "upper": 1}
    a, b, c = n + Z**2, -(2 * n_hits + Z**2), n_hits**2 / n
    root = math.sqrt(b**2 - 4 * a * c)
    return {"lower": (-b - root) / (2 * a), "upper": (-b + root) / (2 * a)}


def _describe_class(matrix: list[list[int]], label: int) -> dict[str, Any]:
    """One class against the rest."""
    n_hits, support = matrix[label][label], sum(matrix[label])
    n_predicted = sum(row[label] for row in matrix)
    precision = n_hits / n_predicted if n_predicted else 0
    recall = n_hits / support if support else 0
    jaccard = wilson(n_hits, support + n_predicted - n_hits)
    return {
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / (precision + recall) if n_hits else 0,  # the harmonic mean
        "support": support,
        "precision_interval": wilson(n_hits, n_predicted),
        "recall_interval": wilson(n_hits, support),
        "f1_interval": {side: 2 / (1 + 1 / bound) if bound else 0 for side, bound in jaccard.items()},
    }


def _calibrate(images: list[dict[str, Any]]) -> dict[str, Any]:
    bins = []
    for number in range(N_BINS):
        lower, upper = number / N_BINS, (number + 1) / N_BINS
        inside = [image for image in images if lower < image["confidence"] <= upper]
        inside += [image for image in images if number == 0 and image["confidence"] == 0]
        if inside:
            n_right = sum(image["is_right"] for image in inside)
            bins.append(
                {
                    "lower": lower,
                    "upper": upper,
                    "n": len(inside),
                    "confidence": math.fsum(image["confidence"] for image in inside) / len(inside),
                    "accuracy": n_right / len(inside),
                    "accuracy_interval": wilson(n_right, len(inside)),
                }
            )
    wrong = [image for image in images if not image["is_right"]]
    n_overconfident = sum(image["confidence"] > 0.9 for image in wrong)
    return {
        "ece": sum(row["n"] / len(images) * abs(row["accuracy"] - row["confidence"]) for row in bins),
        "bins": bins,
        "overconfidence": {
            "threshold": 0.9,
            "n": sum(image["confidence"] > 0.9 for image in images),
            "n_wrong": n_overconfident,
            "share_of_wrong": n_overconfident / len(wrong) if wrong else 0,
        },
        "coverage": _cover(images),
    }


def _cover(images: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Accuracy of the most confident 5 %, 10 %, … of the images, and of those that are as confident as the last."""
    descending = sorted((image["confidence"] for image in images), reverse=True)
    points = {}
    for percent in range(5, 101, 5):
        threshold = descending[math.ceil(len(images) * percent / 100) - 1]
        kept = [image for image in images if image["confidence"] >= threshold]
        n_right = sum(image["is_right"] for image in kept)
        points[threshold] = {
            "coverage": len(kept) / len(images),
            "n": len(kept),
            "threshold": threshold,
            "n_right": n_right,
            "accuracy": n_right / len(kept),
        }
    return list(points.values())


def _select_samples(images: list[dict[str, Any]]) -> dict[str, Any]:
    cells = defaultdict(list)
    for image in images:
        cells[image["true"], image["predicted"]].append(image)
    errors = sorted((cell for cell in cells if cell[0] != cell[1]), key=lambda cell: (-len(cells[cell]), cell))
    diagonal = sorted(cell for cell in cells if cell[0] == cell[1])
    return {
        "confident_mistakes": _most_confident([image for image in images if not image["is_right"]], 12),
        "least_certain": [image["index"] for image in sorted(images, key=lambda image: image["confidence"])[:9]],
        "cells": [
            {"true": cell[0], "predicted": cell[1], "indices": _most_confident(cells[cell], 6)}
            for cell in (errors + diagonal)[:100]
        ],
    }


def _most_confident(images: list[dict[str, Any]], n: int) -> list[int]:
    return [image["index"] for image in sorted(images, key=lambda image: -image["confidence"])[:n]]


def compare(predictions: Predictions, n_classes: int) -> dict[str, Any]:
    """The comparison with a reference, except for what the reference says of itself."""
    assert predictions.y_reference is not None
    images = _describe_images(predictions)
    for image, reference in zip(images, predictions.y_reference.tolist(), strict=True):
        image["was_right"] = reference == image["true"]
    counts = _count_pairs(images)
    n, n_right = len(images), sum(image["was_right"] for image in images)
    return {
        "reference": {"accuracy": n_right / n, "accuracy_interval": wilson(n_right, n)},
        "counts": counts,
        "p_value": mcnemar(counts["n_fixed"], counts["n_broken"]),
        "per_class": _compare_classes(images, n_classes),
        "fixed": _most_confident([image for image in images if image["is_right"] > image["was_right"]], 12),
        "broken": _most_confident([image for image in images if image["is_right"] < image["was_right"]], 12),
    }


def _compare_classes(images: list[dict[str, Any]], n_classes: int) -> list[dict[str, Any]]:
    """Counts, McNemar's p-values, and Holm's: the largest of m p(1), (m - 1) p(2), … up to each rank."""
    rows = [_count_pairs([image for image in images if image["true"] == label]) for label in range(n_classes)]
    p_values = [mcnemar(row["n_fixed"], row["n_broken"]) for row in rows]
    ranked = sorted(p_values)
    for row, p_value in zip(rows, p_values, strict=True):
        below = [(n_classes - rank) * p for rank, p in enumerate(ranked) if p <= p_value]
        row |= {"p_value": p_value, "p_adjusted": min(max(below), 1.0)}
    return rows


def _count_pairs(images: list[dict[str, Any]]) -> dict[str, Any]:
    pairs = [(image["was_right"], image["is_right"]) for image in images]
    n, n_fixed, n_broken = len(pairs), pairs.count((False, True)), pairs.count((True, False))
    return {
        "n": n,
        "n_both_right": pairs.count((True, True)),
        "n_fixed": n_fixed,
        "n_broken": n_broken,
        "n_both_wrong": pairs.count((False, False)),
        "reference": sum(was_right for was_right, _ in pairs) / n,
        "current": sum(is_right for _, is_right in pairs) / n,
        "difference": sum(is_right - was_right for was_right, is_right in pairs) / n,
        "interval": agresti_min(n_fixed, n_broken, n),
    }


def agresti_min(n_fixed: int, n_broken: int, n: int) -> dict[str, float]:
    """Mean change ± 1.96 standard errors, of changes of 1, -1 and 0 with half an image more in each of the cells."""
    weights = {1: n_fixed + 0.5, -1: n_broken + 0.5, 0: n - n_fixed - n_broken + 1}
    total = sum(weights.values())
    mean = sum(weight * change for change, weight in weights.items()) / total
    variance = sum(weight * (change - mean) ** 2 for change, weight in weights.items()) / total
    error = math.sqrt(variance / total)
    return {"lower": max(mean - Z * error, -1), "upper": min(mean + Z * error, 1)}


def mcnemar(n_fixed: int, n_broken: int) -> float:
    """Probability that a fair coin falls at least as unevenly in as many throws, from exact integers."""
    n, n_fewer = n_fixed + n_broken, min(n_fixed, n_broken)
    n_ways = 2 * sum(math.comb(n, k) for k in range(n_fewer + 1))
    return min(n_ways / int(2**n), 1.0)


def flatten(content: Any, place: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - JSON
    """Every value in `content` with its place, such as `per_class[3].recall`."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from flatten(value, f"{place}.{key}" if place else key)
    elif isinstance(content, list):
        for index, value in enumerate(content):
            yield from flatten(value, f"{place}[{index}]")
    else:
        yield place, content
