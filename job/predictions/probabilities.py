"""Checks the probabilities of classes, and turns logits into probabilities."""

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from job.errors import PredictionsError
from job.evaluation.predictions import Floats
from job.predictions.missing_parts import shorten_list
from job.predictions.parts import Parts, Scores
from job.predictions.scores import MAX_DEVIATION
from job.text import count_noun

ROUNDING = 1e-6  # below 0 or above 1
PERCENT = 100
DIGITS = (1, 2, 3)
"""Digits to which probabilities may be rounded so far that they do not sum to 1."""
DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(e[+-]?\d+)?", re.IGNORECASE)


def check_probabilities(parts: Parts, scores: Scores, *, logits: bool) -> Floats:
    """The probabilities in double precision, shape (n, n_classes); with `logits`, the softmax of the values.

    Raises:
        PredictionsError: If a value is missing, infinite or no number, rows do not sum to 1, or the values look like
            logits without `logits`, or like probabilities with it.
    """
    values = _to_numbers(parts, scores)
    _check_finite(parts, scores, values)
    are_fractions = bool((values >= -ROUNDING).all() and (values <= 1 + MAX_DEVIATION).all())
    probabilities = np.clip(values, 0, 1)
    with np.errstate(over="ignore", invalid="ignore"):  # of numbers that are no probabilities
        sums = (probabilities if are_fractions else values).sum(axis=1)
    deviations = np.abs(sums - 1)
    if logits:
        if are_fractions and (deviations <= MAX_DEVIATION).all():
            raise PredictionsError(
                f"{parts.table.name}: the values are probabilities already: each row sums to 1; leave out --logits"
            )
        return softmax(values)
    if not are_fractions or scores.are_logits:
        raise PredictionsError(_explain_range(parts, scores, values, sums))
    if (wrong := np.flatnonzero(deviations > MAX_DEVIATION)).size:
        raise PredictionsError(_explain_sum(parts, scores, int(wrong[0]), probabilities))
    return probabilities


def softmax(logits: Floats) -> Floats:
    """Softmax of logits, shape (n, n_classes)."""
    with np.errstate(over="ignore"):  # the largest logit is 0, and a difference of minus infinity is the probability 0
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: Floats = powers / powers.sum(axis=1, keepdims=True)
    return probabilities


def round_probabilities(probabilities: Floats, y_pred: NDArray[np.integer]) -> NDArray[np.float32]:
    """Probabilities in single precision whose first maximum in each row is the predicted class.

    Rounding can make two of them equal, and predictions may break a tie in their own way; the predicted class then gets
    the next larger number.
    """
    rounded = probabilities.astype(np.float32)
    rows = np.flatnonzero(rounded.argmax(axis=1) != y_pred)
    largest = rounded[rows].max(axis=1)
    rounded[rows, y_pred[rows]] = np.nextafter(largest, np.float32(2))
    full = rows[largest == 1]  # a probability cannot exceed 1
    rounded[full] = np.minimum(rounded[full], np.nextafter(np.float32(1), np.float32(0)))
    rounded[full, y_pred[full]] = 1
    return rounded


def _to_numbers(parts: Parts, scores: Scores) -> Floats:
    values = scores.values
    if values.dtype.kind in "biuf":
        return np.ascontiguousarray(values, np.float64)
    numbers = np.full(values.shape, np.nan)
    for column in range(values.shape[1]):
        for row, text in enumerate(values[:, column].tolist()):
            try:
                numbers[row, column] = float(text)
            except ValueError:
                problem = f"{text[:80]!r} is not a number" if text else "is empty"
                remedy = "write a probability"
                if DECIMAL_COMMA.fullmatch(text):
                    remedy = "write a decimal point, or separate the columns of a text file by semicolons"
                place = parts.table.place(row, scores.columns[column])
                raise PredictionsError(f"{place}: {problem}; {remedy}") from None
    return numbers


def _check_finite(parts: Parts, scores: Scores, values: Floats) -> None:
    bad = ~np.isfinite(values)
    if bad.any():
        row, column = np.argwhere(bad)[0].tolist()
        place, n = parts.table.place(row, scores.columns[column]), int(bad.any(axis=1).sum())
        raise PredictionsError(
            f"{place}: is {values[row, column]}, in {_count_rows(n)}; correct the model, or leave out its images"
        )


def _explain_range(parts: Parts, scores: Scores, values: Floats, sums: Floats) -> str:
    """Why values are not fractions: logits, logarithms of probabilities, or percentages."""
    outside = (values < -ROUNDING) | (values > 1 + MAX_DEVIATION)
    n_outside, row = int(outside.any(axis=1).sum()), int(outside.any(axis=1).argmax())
    column = int(outside[row].argmax())
    place, lowest, highest = parts.table.place(row, scores.columns[column]), values[row].min(), values[row].max()
    if 0 < n_outside < len(values) / 2:
        return (
            f"{place}: {values[row, column]:.4g} is not between 0 and 1, in {n_outside:,} of {len(values):,} rows; "
            "correct it, or leave out its image"
        )
    if (values <= ROUNDING).all() and (np.abs(np.exp(values).sum(axis=1) - 1) <= MAX_DEVIATION).all():
        return f"{place}: {values[row, column]:.4g} is the logarithm of a probability; apply exp, or add --logits"
    if (values >= 0).all() and (np.abs(sums - PERCENT) <= PERCENT * MAX_DEVIATION).all():
        return f"{place}: {values[row, column]:.4g} is a percentage: each row sums to 100; divide by 100"
    if (values >= 0).all() and not scores.are_logits:
        return (
            f"{place}: {values[row, column]:.4g} is above 1, and the row does not sum to 1 but to {sums[row]:.4g}; "
            "write probabilities; if these are logits, add --logits"
        )
    return (
        f"{place}: the row has values from {lowest:.4g} to {highest:.4g} and sums to {sums[row]:.4g}: these look like "
        "logits; add --logits, or write probabilities"
    )


def _explain_sum(parts: Parts, scores: Scores, row: int, values: Floats) -> str:
    """Why values from 0 to 1 do not sum to 1 in a row: rounding, or a column that is not read."""
    deviations = np.abs(values.sum(axis=1) - 1)
    n = int((deviations > MAX_DEVIATION).sum())
    place = parts.table.place(row)
    text = f"{place}: its probabilities sum to {values[row].sum():.4g}, not to 1, in {_count_rows(n)}"
    for n_digits in DIGITS:
        unit = 10.0**-n_digits
        is_rounded = np.abs(values - np.round(values, n_digits)).max() < ROUNDING
        if is_rounded and deviations.max() <= values.shape[1] * unit / 2 + ROUNDING:
            return f"{text}; they seem to be rounded to {count_noun(n_digits, 'digit')}; write more of them"
    if scores.class_names is not None and (others := _find_others(parts, scores)):
        return f"{text}; the test set needs an image of each class that has a column, such as {shorten_list(others)}"
    return (
        f"{text}; write a column for each class, normalize independent scores, or write more digits; if these are "
        "logits, add --logits"
    )


def _find_others(parts: Parts, scores: Scores) -> list[str]:
    """Columns of numbers without a role that are not read as probabilities."""
    known = {*scores.columns, *parts.names.values()}
    return [
        name
        for name, values in parts.table.columns.items()
        if name not in known and values.dtype.kind == "f" and values.shape == (parts.n,)
    ]


def _count_rows(n: Any) -> str:  # noqa: ANN401 - a NumPy integer
    return "1 row" if n == 1 else f"{n:,} rows"
