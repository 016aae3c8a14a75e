"""Holds the figures of a run against those computed afresh from its predictions."""

import statistics
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import msgspec

from job import recomparison
from job.evaluation import bootstrap, metrics
from job.evaluation.evaluate import Judgement
from job.evaluation.intervals import Interval
from job.evaluation.sample_selection import N_SHOWN
from job.recomputation import recompute
from job.results.run import Predictions
from job.results.schema import Results

TOLERANCE = 1e-6  # relative
CHANCE = 0.2  # of an interval's width: so far may its ends lie apart if another NumPy draws other resamples


def differences(results: Results, predictions: Predictions) -> list[str]:
    """What in `results` does not follow from `predictions`, in words; empty if all does."""
    if len(predictions.y_true) != results.data.n_test:
        return [f"predictions.csv does not hold each of the {results.data.n_test:,} test images once"]
    ours, theirs = dict(_flat(_figures(results))), _expected(results, predictions)
    found = []
    for name in ours | theirs:
        value, (expected, tolerance) = ours.get(name), theirs.get(name, (None, 0))
        if value is None or expected is None or abs(value - expected) > tolerance:
            found.append(f"{name} is {_text(value)}, but predictions.csv gives {_text(expected)}")
    found += _of_seeds(results)
    hits = predictions.y_true == predictions.y_pred
    for indices, right in ((results.samples.right, hits), (results.samples.wrong, ~hits)):
        if not right[indices].all() or not len(indices) == len(set(indices)) == min(N_SHOWN, right.sum()):
            found.append("the samples are not those that were predicted right and wrong")
    return found


def _of_seeds(results: Results) -> list[str]:
    """What in the spread over seeds does not follow from its trials, or is not of the model that was judged."""
    spread, seed = results.spread, results.config.seed
    if not spread:
        return [] if results.config.runs == 1 else [f"the figures of {results.config.runs} runs are missing"]
    accuracies = [one.accuracy for one in spread.trials]
    if [one.seed for one in spread.trials] != list(range(seed, seed + results.config.runs)):
        return [f"the runs are not those of the {results.config.runs} seeds from {seed} on"]
    reported = next((one for one in spread.trials if one.seed == spread.reported), None)
    if not reported:
        return [f"the run reported, seed {spread.reported}, is none of them"]
    expected = {
        "spread.mean": (spread.mean, statistics.mean(accuracies)),
        "spread.sd": (spread.sd, statistics.stdev(accuracies)),
        "the accuracy of the median run": (results.accuracy, statistics.median_low(accuracies)),
        "the accuracy of the run reported": (results.accuracy, reported.accuracy),
        "the loss of the run reported": (results.loss, reported.loss),
    }
    return [
        f"{name} is {_text(value)}, but the runs give {_text(other)}"
        for name, (value, other) in expected.items()
        if abs(value - other) > TOLERANCE * abs(other) + 1e-12
    ]


def _figures(results: Results) -> dict[str, Any]:
    """What follows from the predictions alone, in the structure of metrics.json."""
    content = msgspec.to_builtins(results)
    judgement = {field.name: content[field.name] for field in fields(Judgement)}
    for row in judgement["per_class"]:
        del row["name"]
    del judgement["samples"]["right"], judgement["samples"]["wrong"]  # drawn at random
    if compared := content["comparison"]:
        told = {name: compared["earlier"][name] for name in ("accuracy", "accuracy_interval")}
        judgement["comparison"] = compared | {"earlier": told}
    return judgement


def _expected(results: Results, predictions: Predictions) -> dict[str, tuple[float, float]]:
    """The figures by name, and how far ours may lie from each."""
    figures = dict(_flat(recompute(predictions, len(results.per_class))))
    if predictions.y_earlier is not None:
        figures |= dict(_flat({"comparison": recomparison.recompute(predictions, len(results.per_class))}))
    figures["n_resamples"] = bootstrap.n_resamples(results.data.n_test)
    expected = {name: (value, TOLERANCE * abs(value) + 1e-12) for name, value in figures.items()}
    for name, interval in _resampled(results, predictions):
        tolerance = CHANCE * (interval.upper - interval.lower) + TOLERANCE
        expected |= {f"{name}.lower": (interval.lower, tolerance), f"{name}.upper": (interval.upper, tolerance)}
    return expected


def _resampled(results: Results, predictions: Predictions) -> Iterator[tuple[str, Interval]]:
    """The intervals that no formula gives, by name."""
    seed, names = results.config.seed, ("precision_interval", "recall_interval", "f1_interval")
    matrix = metrics.confusion_matrix(predictions.y_true, predictions.y_pred, len(results.per_class))
    macro, weighted = bootstrap.of_matrix(matrix, seed)
    yield from ((f"macro.{name}", interval) for name, interval in zip(names, macro, strict=True))
    yield from ((f"weighted.{name}", interval) for name, interval in zip(names[::2], weighted[::2], strict=True))
    hits = predictions.y_true == predictions.y_pred
    of_images = bootstrap.of_images(metrics.losses(predictions.of_truth), predictions.confidence, hits, seed)
    yield from zip(("loss_interval", "calibration.ece_interval"), of_images, strict=True)


def _flat(content: Any, name: str = "") -> Iterator[tuple[str, float]]:  # noqa: ANN401 - JSON
    """Every number in `content` by its place, such as `per_class[3].recall`."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from _flat(value, f"{name}.{key}" if name else key)
    elif isinstance(content, list):
        for index, value in enumerate(content):
            yield from _flat(value, f"{name}[{index}]")
    else:
        yield name, content


def _text(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.6g}"
