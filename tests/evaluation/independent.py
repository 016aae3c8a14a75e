"""Every metric computed a second time: by loops and equations in plain Python, in the structure of metrics.json."""

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

from job.evaluation.predictions import Predictions

Z = 1.959963984540054  # 97.5 % of a standard normal distribution are below
EPSILON = 2.0**-52
N_BINS = 15


def evaluate(predictions: Predictions, n_classes: int) -> dict[str, Any]:
    """The evaluation, except for what is drawn at random, and intervals that tests of their own check."""
    images = _describe_images(predictions)
    n, n_right = len(images), sum(image["is_right"] for image in images)
    matrix = [[0] * n_classes for _ in range(n_classes)]
    for image in images:
        matrix[image["true"]][image["predicted"]] += 1
    per_class = [_describe_class(matrix, label) | _separate(images, label) for label in range(n_classes)]
    is_known = all(row["roc_auc"] is not None for row in per_class)
    names = ("precision", "recall", "f1")
    return {
        "n_test": n,
        "accuracy": n_right / n,
        "accuracy_interval": wilson(n_right, n),
        "loss": math.fsum(-math.log(min(max(image["p_true"], EPSILON), 1 - EPSILON)) for image in images) / n,
        "brier": sum(row["brier"] for row in per_class),
        "mcc": correlate(matrix),
        "roc_auc": sum(row["roc_auc"] for row in per_class) / n_classes if is_known else None,
        "average_precision": sum(row["average_precision"] for row in per_class) / n_classes if is_known else None,
        **_count_near_hits(images, n_classes),
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
                "p": row,
                "is_right": predicted == true,
            }
        )
    return rows


def wilson(n_hits: float, n: float) -> dict[str, float]:
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


def _separate(images: list[dict[str, Any]], label: int) -> dict[str, Any]:
    """How well the probability of one class separates its images from the others."""
    scores = sorted(image["p"][label] for image in images)
    own = sorted(image["p"][label] for image in images if image["true"] == label)
    others = sorted(image["p"][label] for image in images if image["true"] != label)
    ranks = [(bisect_left(others, score) + bisect_right(others, score)) / 2 for score in own]
    precisions = [(len(own) - bisect_left(own, score)) / (len(images) - bisect_left(scores, score)) for score in own]
    is_known = bool(own and others)
    return {
        "roc_auc": sum(ranks) / len(own) / len(others) if is_known else None,
        "average_precision": sum(precisions) / len(own) if is_known else None,
        "brier": math.fsum((image["p"][label] - (image["true"] == label)) ** 2 for image in images) / len(images),
        "calibration_error": debias([(image["p"][label], image["true"] == label) for image in images]),
    }


def correlate(matrix: list[list[int]]) -> float:
    """Covariance of the true and predicted classes over the root of their variances, each summed over the classes."""
    cells = [(i, j, n) for i, row in enumerate(matrix) for j, n in enumerate(row)]
    n = sum(count for *_, count in cells)
    true = [sum(row) / n for row in matrix]
    predicted = [sum(column) / n for column in zip(*matrix, strict=True)]
    labels = range(len(matrix))

    def covary(side: int, other: int, means: list[float], other_means: list[float]) -> float:
        return sum(
            cell[2] * ((cell[side] == k) - means[k]) * ((cell[other] == k) - other_means[k])
            for cell in cells
            if cell[2]
            for k in labels
        )

    variances = covary(0, 0, true, true) * covary(1, 1, predicted, predicted)
    return covary(0, 1, true, predicted) / math.sqrt(variances) if variances > EPSILON else 0.0


def _count_near_hits(images: list[dict[str, Any]], n_classes: int) -> dict[str, Any]:
    """Images whose true class is among the most probable, in a stable order."""
    found: dict[str, Any] = {}
    for k in (2, 3):
        n_hits = sum(
            image["true"] in sorted(range(n_classes), key=lambda label: -image["p"][label])[:k] for image in images
        )
        found[f"top_{k}_accuracy"] = n_hits / len(images) if n_classes > k else None
        found[f"top_{k}_accuracy_interval"] = wilson(n_hits, len(images)) if n_classes > k else None
    return found


def debias(pairs: list[tuple[float, bool]]) -> float:
    """Calibration error less its bias, from probabilities and hits; at least 0."""
    bins = defaultdict(list)
    for p, is_hit in pairs:
        bins[min(number for number in range(N_BINS) if p <= (number + 1) / N_BINS)].append((p, is_hit))
    error = bias = 0.0
    for inside in bins.values():
        n, share = len(inside), len(inside) / len(pairs)
        mean = sum(is_hit for _, is_hit in inside) / n
        gap, sd = abs(mean - math.fsum(p for p, _ in inside) / n), math.sqrt(mean * (1 - mean) / n)
        folded = sd * math.sqrt(2 / math.pi) * math.exp(-(gap**2) / (2 * sd**2)) if sd else 0
        folded += gap * math.erf(gap / sd / math.sqrt(2)) if sd else gap
        error += share * gap
        bias += share * (folded - gap)
    return max(error - bias, 0.0)


def count_right(probabilities: list[float]) -> list[float]:
    """Probability of each number of right predictions, one prediction after the other."""
    distribution = [1.0]
    for p in probabilities:
        distribution = [
            before * p + same * (1 - p) for before, same in zip([0, *distribution], [*distribution, 0], strict=True)
        ]
    return distribution


def find_range(distribution: list[float]) -> tuple[int, int]:
    """The lowest numbers that are reached with a probability of 2.5 % and 97.5 %."""
    reached = list(accumulate(distribution))
    lowest, highest = (next(k for k, p in enumerate(reached) if p >= level) for level in (0.025, 0.975))
    return lowest, highest


def _calibrate(images: list[dict[str, Any]]) -> dict[str, Any]:
    bins = []
    mean_error = 0.0
    for number in range(N_BINS):
        lower, upper = number / N_BINS, (number + 1) / N_BINS
        inside = [image for image in images if lower < image["confidence"] <= upper]
        inside += [image for image in images if number == 0 and image["confidence"] == 0]
        if inside:
            n_right = sum(image["is_right"] for image in inside)
            distribution = count_right([image["confidence"] for image in inside])
            expected = math.fsum(image["confidence"] for image in inside)
            mean_error += sum(p * abs(k - expected) for k, p in enumerate(distribution)) / len(images)
            bins.append(
                {
                    "lower": lower,
                    "upper": upper,
                    "n": len(inside),
                    "confidence": math.fsum(image["confidence"] for image in inside) / len(inside),
                    "accuracy": n_right / len(inside),
                    "accuracy_interval": wilson(n_right, len(inside)),
                    "consistency": _as_interval(find_range(distribution), len(inside)),
                }
            )
    wrong = [image for image in images if not image["is_right"]]
    high = [image["confidence"] for image in images if image["confidence"] > 0.9]
    n_overconfident = sum(image["confidence"] > 0.9 for image in wrong)
    mean = math.fsum(image["confidence"] for image in images) / len(images)
    overconfidence = mean - 1 + len(wrong) / len(images)
    return {
        "ece_debiased": debias([(image["confidence"], image["is_right"]) for image in images]),
        "ece_if_calibrated": mean_error,
        "mean_confidence": mean,
        "overconfidence": overconfidence,
        "overconfidence_interval": _mirror(images, mean, overconfidence),
        "ece": sum(row["n"] / len(images) * abs(row["accuracy"] - row["confidence"]) for row in bins),
        "bins": bins,
        "high_confidence": {
            "threshold": 0.9,
            "n": len(high),
            "n_wrong": n_overconfident,
            "n_wrong_expected": math.fsum(1 - p for p in high),
            "n_wrong_expected_interval": _as_interval([len(high) - k for k in find_range(count_right(high))[::-1]], 1),
        },
        "coverage": _cover(images),
    }


def _as_interval(bounds: Sequence[int], n: int) -> dict[str, float]:
    return {"lower": bounds[0] / n, "upper": bounds[1] / n}


def _mirror(images: list[dict[str, Any]], mean: float, overconfidence: float) -> dict[str, float]:
    """Wilson's interval of the accuracy, mirrored at the mean confidence, with the variance of the difference."""
    n, n_right = len(images), sum(image["is_right"] for image in images)
    gaps = [image["confidence"] - image["is_right"] for image in images]
    variance = math.fsum((gap - overconfidence) ** 2 for gap in gaps) / n
    accuracy = n_right / n
    n_effective = n * accuracy * (1 - accuracy) / variance if 0 < n_right < n else n
    interval = wilson(accuracy * n_effective, n_effective)
    return {"lower": mean - interval["upper"], "upper": mean - interval["lower"]}


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
