"""Simulates how often each printed confidence interval contains the value that it estimates.

`python -m bench.coverage` prints a table. It exits with 1 if an interval does so in fewer than 93 % or more than 97 %
of the test sets of 300, 1,000 or 10,000 images. See docs/benchmark.md.
"""

import argparse
import multiprocessing
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from bench.populations import ALL_SIZES, MODELS, Population, make_population
from job.evaluation.calibration import measure_calibration
from job.evaluation.delta_method import Average, average_interval, mcc_interval
from job.evaluation.intervals import SIMULATED_IMAGES, Interval, f1_interval, score_interval, wilson_interval
from job.evaluation.predictions import Counts, Predictions
from job.evaluation.ranking import measure_ranking
from job.system.processors import count_processors

LOWEST, HIGHEST = 0.93, 0.97
N_SAMPLES = 2000
N_ERRORS = 3  # standard errors of the simulation by which a coverage may miss the limits

Pairs = Iterable[tuple[Interval | None, float]]
"""Intervals, each with the value that it estimates."""


@dataclass(frozen=True)
class Sample:
    """A test set: predictions for the images in some rows of a population, shape (n,)."""

    model: str
    population: Population
    predictions: Predictions
    rows: NDArray[np.intp]


@dataclass(frozen=True)
class Coverage:
    """How often an interval contains its value.

    Attributes:
        fraction: Fraction of the test sets whose interval does; one without an interval misses nothing.
        error: Standard error of the fraction.
        printed: Fraction of the test sets that have an interval.
    """

    fraction: float
    error: float
    printed: float = 1.0


def find_fractions(sample: Sample) -> Mapping[str, Pairs]:
    """Fractions of the images."""
    hits = {"accuracy": sample.predictions.is_correct}
    n_classes = sample.predictions.probabilities.shape[1]
    hits |= {f"top-{k} accuracy": sample.predictions.is_among(k) for k in (2, 3) if k < n_classes}
    values = sample.population.values
    return {name: [(wilson_interval(int(is_hit.sum()), len(is_hit)), values[name])] for name, is_hit in hits.items()}


def find_matrix_metrics(sample: Sample) -> Mapping[str, Pairs]:
    """Metrics that follow from the confusion matrix, of each class and of all."""
    population, matrix = sample.population, count_cells(sample.predictions)
    found: dict[str, Pairs] = {"MCC": [(mcc_interval(matrix, correlate(matrix)), population.values["MCC"])]}
    for name in get_args(Average):
        for kind, weighted in (("macro", False), ("weighted", True)):
            if (kind, name) != ("weighted", "recall"):  # the accuracy
                interval = average_interval(matrix, name, weighted=weighted)
                found[f"{kind} {name}"] = [(interval, population.scores[kind][name])]
    hits, n_true, n_predicted = (
        counts.tolist() for counts in (np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0))
    )
    intervals = {
        "precision": map(wilson_interval, hits, n_predicted),
        "recall": map(wilson_interval, hits, n_true),
        "f1": (f1_interval(h, t + p - h) for h, t, p in zip(hits, n_true, n_predicted, strict=True)),
    }
    return found | {
        f"{name} of a class": zip(each, population.scores["class"][name], strict=True)
        for name, each in intervals.items()
    }


def count_cells(predictions: Predictions) -> Counts:
    """The confusion matrix, faster than by scikit-learn."""
    n_classes = predictions.probabilities.shape[1]
    cells = predictions.y_true * n_classes + predictions.y_pred
    return np.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes)


def correlate(matrix: Counts) -> float:
    """Matthews's correlation."""
    true, predicted = matrix.sum(axis=1) / matrix.sum(), matrix.sum(axis=0) / matrix.sum()
    spread = (1 - true @ true) * (1 - predicted @ predicted)
    return float((np.trace(matrix) / matrix.sum() - true @ predicted) / np.sqrt(spread))


def find_scores(sample: Sample) -> Mapping[str, Pairs]:
    """Metrics of the probabilities of all classes."""
    predictions, values = sample.predictions, sample.population.values
    ranking = measure_ranking(predictions)
    intervals = {
        "loss": score_interval(predictions.losses, predictions.is_correct),
        "Brier score": score_interval(predictions.brier_scores, predictions.is_correct),
        "ROC AUC": ranking.mean_roc_auc_interval,
        "average precision": ranking.mean_average_precision_interval,
    }
    return {name: [(interval, values[name])] for name, interval in intervals.items()}


def find_calibration(sample: Sample) -> Mapping[str, Pairs]:
    """What the calibration section shows, and ranges of counts that must contain what a calibrated model shows."""
    predictions, values = sample.predictions, sample.population.values
    confidence, p_correct = predictions.confidence, sample.population.p_correct[sample.rows]
    calibration = measure_calibration(confidence, predictions.is_correct)
    high = calibration.high_confidence
    found: dict[str, Pairs] = {
        "overconfidence": [(calibration.overconfidence_interval, values["overconfidence"])],
        "accuracy of a bin": (
            (each.accuracy_interval, p_correct[(confidence > each.lower) & (confidence <= each.upper)].mean())
            for each in calibration.bins
        ),
        "accuracy at a coverage": (
            (wilson_interval(point.n_right, point.n), p_correct[confidence >= point.threshold].mean())
            for point in calibration.coverage
        ),
    }
    if MODELS[sample.model].is_calibrated:
        found["calibration error (95 % quantile)"] = [
            (Interval(0.0, calibration.ece_if_calibrated_95), calibration.ece)
        ]
        found["errors at high confidence (range)"] = [(high.n_wrong_expected_interval, high.n_wrong)]
        found["consistency of a bin (range)"] = [(each.consistency, each.accuracy) for each in calibration.bins]
    return found


FINDERS: Sequence[Callable[[Sample], Mapping[str, Pairs]]] = (
    find_fractions,
    find_matrix_metrics,
    find_scores,
    find_calibration,
)
"""Each returns intervals of one sample by name; intervals of one name count as one, on average."""
RANGE = "(range)"  # ends the name of ranges of counts, which may contain more than 97 %


def simulate(model: str, n: int, n_samples: int = N_SAMPLES) -> dict[str, Coverage]:
    """Coverage of each interval over test sets of n images."""
    counts: dict[str, list[float]] = defaultdict(list)
    printed: Counter[str] = Counter()
    population, random = make_population(model), np.random.default_rng([n, list(MODELS).index(model)])
    for _ in range(n_samples):
        sample = Sample(model, population, *population.draw(n, random))
        for find in FINDERS:
            for name, pairs in find(sample).items():
                held = [each.lower <= value <= each.upper for each, value in pairs if each is not None]
                counts[name].append(float(np.mean(held)) if held else 1.0)
                printed[name] += bool(held)
    return {
        name: Coverage(float(np.mean(held)), float(np.std(held) / np.sqrt(n_samples)), printed[name] / n_samples)
        for name, held in counts.items()
        if printed[name]
    }


def misses(name: str, coverage: Coverage, model: str) -> bool:
    """Whether a coverage is outside the limits by more than the error of the simulation.

    Test sets without an interval leave no upper limit. They cannot be left out: those that have one although few do are
    unusual, so no interval of them would hold.
    """
    tolerance = N_ERRORS * coverage.error
    is_open = name.endswith(RANGE) or coverage.printed < 1 or MODELS[model].has_few_errors
    return coverage.fraction < LOWEST - tolerance or (coverage.fraction > HIGHEST + tolerance and not is_open)


def format_table(found: Mapping[tuple[str, int], Mapping[str, Coverage]]) -> str:
    """Coverage in percent by interval, model and number of images, as a Markdown table; * marks a miss."""
    names = dict.fromkeys(name for coverages in found.values() for name in coverages)
    head = ["interval", *(f"{model}, n = {n:,}" for model, n in found)]
    rows = [head, ["---"] * len(head)]
    for name in names:
        cells = (_format_cell(name, coverages.get(name), model) for (model, _), coverages in found.items())
        rows.append([name, *cells])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _format_cell(name: str, coverage: Coverage | None, model: str) -> str:
    if coverage is None:
        return ""
    printed = f" ({coverage.printed:.0%} printed)" if coverage.printed < 1 else ""
    return f"{100 * coverage.fraction:.1f}" + "*" * misses(name, coverage, model) + printed


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; returns 1 if an interval misses the limits."""
    parser = argparse.ArgumentParser(prog="python -m bench.coverage", description=__doc__)
    parser.add_argument("--samples", type=int, default=N_SAMPLES, help="number of test sets of each kind (2000)")
    parser.add_argument("--sizes", type=int, nargs="+", default=ALL_SIZES, help="numbers of images")
    options = parser.parse_args(arguments)
    kinds = [(model, n) for model in MODELS for n in options.sizes if n in MODELS[model].sizes]
    with ProcessPoolExecutor(count_processors(), multiprocessing.get_context("spawn")) as pool:
        simulated = pool.map(simulate, *zip(*kinds, strict=True), [options.samples] * len(kinds))
        found = dict(zip(kinds, simulated, strict=True))
    print(format_table(found))
    missed = [
        f"{name}, {model}, n = {n:,}"
        for (model, n), coverages in found.items()
        for name, coverage in coverages.items()
        if n >= SIMULATED_IMAGES and misses(name, coverage, model)
    ]
    print("\n".join(["", "outside 93 to 97 %:", *missed] if missed else ["", "every interval: 93 to 97 %"]))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
