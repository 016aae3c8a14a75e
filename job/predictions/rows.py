"""Brings the rows of predictions and labels into one order: that of the images."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from job.errors import PredictionsError
from job.log import log
from job.predictions.parts import Parts
from job.predictions.roles import Role

Order = NDArray[np.intp]
KEYS: tuple[Role, ...] = ("id", "index")


def match_rows(predictions: Parts, labels: Parts, n_images: int | None) -> tuple[Order, Order]:
    """The rows of both tables in the order of the images, shape (n,) each.

    Both may be the same table. Tables that name the images are matched by these names; others by their order. A column
    `index` of the predictions then gives the order of the images, by their numbers from 0. Where no other file depends
    on these numbers, a gap in them is only a warning.

    Args:
        predictions: The table of predictions.
        labels: The table of labels.
        n_images: Number of images in a file of images; None without one.

    Raises:
        PredictionsError: If a row is missing or doubled, or the tables have different numbers of rows.
    """
    for parts in (predictions, labels):
        for role in KEYS:
            _check_unique(parts, role)
    order, n, is_matched = np.arange(predictions.n), predictions.n, True
    others = order
    if labels is not predictions:
        key = next((role for role in KEYS if role in predictions.names and role in labels.names), None)
        is_matched = key is not None
        if key:
            others = _match_keys(predictions, labels, key)
        elif labels.n == n:
            others = order if labels.index is None else _sort_index(labels)
        else:
            raise PredictionsError(
                f"{predictions.table.name}: has {n:,} rows, but {labels.table.name} has {labels.n:,} labels; give one "
                "row for each image in both"
            )
    if n_images is not None and n_images != n:
        remedy = "one image for each row" if n_images < n else "one row for each image"
        raise PredictionsError(
            f"{predictions.table.name}: has {n:,} rows, but there are {n_images:,} images; give {remedy}"
        )
    if predictions.index is None:
        return order, others
    if n_images is None and is_matched:
        if predictions.is_numbered:
            _warn_of_gap(predictions)
            order = np.argsort(predictions.index)
        return order, others[order]
    order = _sort_index(predictions)
    return order, others[order] if is_matched else others


def _check_unique(parts: Parts, role: Role) -> None:
    if role not in parts.names:
        return
    values = _list_keys(parts, role)
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    doubled = np.flatnonzero((ordered[1:] == ordered[:-1]) & (ordered[1:].astype(np.str_) != ""))  # names: empty ones
    if not doubled.size:
        return
    second = int(order[doubled + 1].min())
    first = int(np.flatnonzero(values == values[second])[0])
    unit = parts.table.unit
    raise PredictionsError(
        f"{parts.place(second, role)}: {values[second]} is listed twice, first in {unit} "
        f"{first + parts.table.first:,}; keep one row for each image"
    )


def _list_keys(parts: Parts, role: Role) -> NDArray[Any]:
    """The numbers or the names of the images of a table that has them."""
    values = parts.index if role == "index" else parts.id
    assert values is not None  # noqa: S101 - for mypy
    return values


def _match_keys(predictions: Parts, labels: Parts, key: Role) -> Order:
    """The row of the labels for each row of the predictions."""
    ours, theirs = (_list_keys(parts, key).astype(np.str_) for parts in (predictions, labels))
    for mine, others, has, lacks in ((ours, theirs, predictions, labels), (theirs, ours, labels, predictions)):
        missing = np.flatnonzero(~np.isin(mine, others))
        if missing.size:
            row = int(missing[0])
            more = f", and {missing.size - 1:,} more" if missing.size > 1 else ""
            raise PredictionsError(
                f"{has.place(row, key)}: {mine[row]} is missing in {lacks.table.name}{more}; give one row for each "
                "image in both"
            )
    sorter = np.argsort(theirs)
    return sorter[np.searchsorted(theirs, ours, sorter=sorter)]


def _sort_index(parts: Parts) -> Order:
    """The rows of a table by the numbers of the images, which must be those from 0."""
    numbers = parts.index
    if numbers is None or not parts.is_numbered:
        raise PredictionsError(
            f"{parts.place(0, 'index')}: is not a whole number; number the images from 0, or rename the column to id"
        )
    missing = np.setdiff1d(np.arange(parts.n), numbers)
    if missing.size:
        raise PredictionsError(
            f"{parts.table.name}: image {missing[0]:,} is missing in column {parts.names['index']}, which ends with "
            f"{numbers.max():,}; number all {parts.n:,} images from 0, or rename the column to id"
        )
    return np.argsort(numbers)


def _warn_of_gap(parts: Parts) -> None:
    """Warn if numbers of images are missing between the first one, 0 or 1, and the last one."""
    numbers = np.unique(_list_keys(parts, "index"))
    if numbers[0] < 0:
        return
    first, last = int(numbers[0] == 1), int(numbers[-1])
    n_missing = last + 1 - first - len(numbers)
    if n_missing:
        gap = first + int(np.argmax(numbers != first + np.arange(len(numbers))))
        more = f", and {n_missing - 1:,} more up to {last:,}" if n_missing > 1 else ""
        log.warning(
            "%s: image %s is missing in column %s%s; the report is about the other %s images",
            parts.table.name,
            f"{gap:,}",
            parts.names["index"],
            more,
            f"{parts.n:,}",
        )
