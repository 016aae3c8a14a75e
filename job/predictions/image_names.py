"""Reads the names of the images, and sorts the images by them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from job.errors import PredictionsError
from job.predictions.parts import Parts
from job.predictions.whole_numbers import to_whole_numbers
from job.text import count_noun, find_bad_image_name, natural_key

Order = NDArray[np.intp]


def sort_images(
    tables: Sequence[tuple[Parts, Order]], names: Sequence[str] | None = None
) -> tuple[list[str] | None, Order]:
    """Sort images by their names, so that the order of the rows does not matter.

    Args:
        tables: The tables, each with its row for each image, shape (n,); the first one with names counts.
        names: Good names in the order of the first table, in place of those in a column.

    Returns:
        The names in natural order, None if there are none; and the position of each image in the order before, shape
        (n,), which stays as it is without names.

    Raises:
        PredictionsError: If a name is empty, too long or listed twice, or has control characters, or `names` has
            another length.
    """
    parts, rows = tables[0]
    if names is not None and len(names) != parts.n:
        raise PredictionsError(
            f"names: has {count_noun(len(names), 'name')}, but {parts.table.name} has {parts.n:,} rows; give one for "
            "each image"
        )
    found = [(names, rows)] if names is not None else ((_read_names(each), order) for each, order in tables)
    for each, order in found:
        if each is not None:
            ordered = [each[row] for row in order.tolist()]
            keys = [natural_key(name) for name in ordered]
            positions = sorted(range(len(keys)), key=keys.__getitem__)
            return [ordered[position] for position in positions], np.array(positions, np.intp)
    return None, np.arange(len(rows))


def _read_names(parts: Parts) -> list[str] | None:
    """The names in the order of a table, as texts; None if it has no column of names."""
    values = parts.id
    if values is None:
        return None
    if values.dtype.kind == "S":
        values = np.strings.decode(values, "utf-8", "replace")
    if values.dtype.kind == "f":
        is_missing = np.isnan(values)
        numbers = to_whole_numbers(np.where(is_missing, 0, values))
        texts = (values if numbers is None else numbers).astype(np.str_)
        values = np.where(is_missing, "", texts)
    names: list[str] = values.astype(np.str_).tolist()
    if bad := find_bad_image_name(names):
        row, problem = bad
        raise PredictionsError(f"{parts.place(row, 'id')}: {problem}; give each image its own name")
    return names
