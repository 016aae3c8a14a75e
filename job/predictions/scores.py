"""Finds the probabilities, or the logits, of a table by the names of its columns."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from job.errors import PredictionsError
from job.predictions.missing_parts import MATRIX, explain_no_column, explain_other_names, shorten_list
from job.predictions.parts import Parts, Scores
from job.predictions.roles import find_numbered, find_role
from job.predictions.tables import Table

MAX_DEVIATION = 0.001001
"""How far the sum of probabilities may be from 1: 0.001, and rounding of numbers in binary."""


def with_scores(parts: Parts, labels: Mapping[str, str], class_names: Sequence[str] | None) -> Parts:
    """The parts with their probabilities, if there are some; an array without a name is predictions, too.

    Args:
        parts: The parts of the table without them.
        labels: The distinct labels, as texts, each with the place of its first image.
        class_names: The names of all classes, if they are known.

    Raises:
        PredictionsError: If the columns are not those of the classes.
    """
    columns = parts.table.columns
    unnamed = columns.get("")
    matrices = {name: each for name, each in columns.items() if each.ndim == MATRIX and name != parts.names.get("true")}
    roles = {"probabilities", "logits", "predicted"}
    if chosen := [name for name in matrices if not name or find_role(name) in roles]:
        if len(chosen) > 1:
            raise PredictionsError(f"{parts.table.name}: {' and '.join(chosen)} are both predictions; keep one of them")
        name = chosen[0]
        titles = [f"{name}[{label}]" if name else str(label) for label in range(matrices[name].shape[1])]
        return replace(parts, scores=Scores(matrices[name], titles, None, find_role(name) == "logits"))
    scores = _find_columns(parts, labels, class_names)
    if scores is None and parts.y_pred is None and unnamed is not None and unnamed.ndim == 1:
        return replace(parts, y_pred=unnamed)
    return replace(parts, scores=scores)


def _find_columns(parts: Parts, labels: Mapping[str, str], class_names: Sequence[str] | None) -> Scores | None:
    """The columns of probabilities: named as the classes, or numbered."""
    roles = set(parts.names.values())
    columns = parts.table.columns
    free = {name: each for name, each in columns.items() if name and each.shape == (parts.n,) and name not in roles}
    if class_names is not None and (named := _find_named(free, class_names)):
        return _stack_named(parts.table, named, dict.fromkeys(class_names, parts.table.name), class_names)
    if numbered := find_numbered(free):
        return _stack_numbered(parts.table, numbered)
    if named := _find_named(free, labels):
        return _stack_named(parts.table, named, labels, sorted(named, key=lambda name: list(free).index(named[name])))
    _refuse_other_names(parts.table, free, labels, class_names)
    return None


def _find_named(free: Collection[str], class_names: Collection[str]) -> dict[str, str]:
    """The columns that are named as classes, by class.

    If all classes have one, capital letters do not matter, unless two classes or columns differ only in them.
    """
    exact = {name: name for name in class_names if name in free}
    columns, classes = (_group_by_letters(names) for names in (free, class_names))
    similar = {name: columns.get(name.casefold(), []) for name in class_names}
    are_clear = all(len(similar[name]) == len(classes[name.casefold()]) == 1 for name in class_names)
    return {name: columns[0] for name, columns in similar.items()} if are_clear else exact


def _group_by_letters(names: Iterable[str]) -> dict[str, list[str]]:
    """Names by their letters without regard to case."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(name.casefold(), []).append(name)
    return groups


def _stack_named(table: Table, named: dict[str, str], places: Mapping[str, str], order: Sequence[str]) -> Scores:
    """The columns of the classes, each of which must have one, in the given order; `places` are those in messages."""
    if missing := next((name for name in places if name not in named), None):
        raise PredictionsError(explain_no_column(places[missing], missing, table.columns))
    columns = [named[name] for name in order]
    return Scores(np.column_stack([table.columns[column] for column in columns]), columns, order)


def _stack_numbered(table: Table, numbered: dict[int, str]) -> Scores:
    numbers, names = list(numbered), list(numbered.values())
    if len(names) == 1:
        raise PredictionsError(
            f"{table.name}: {names[0]} is the only column of probabilities; write one for each class, such as p_0 and "
            "p_1"
        )
    if numbers != list(range(len(numbers))):
        missing = next(number for number in range(len(numbers)) if number not in numbered)
        prefix = names[0].rstrip("0123456789")
        raise PredictionsError(f"{table.name}: the column {prefix}{missing} is missing; number the classes from 0")
    are_logits = names[0].lower().startswith("logit")
    return Scores(np.column_stack([table.columns[name] for name in names]), names, None, are_logits)


def _refuse_other_names(
    table: Table, free: dict[str, NDArray[Any]], labels: Mapping[str, str], class_names: Sequence[str] | None
) -> None:
    """Refuse columns that look like probabilities of classes with other names."""
    numbers = {name: each for name, each in free.items() if each.dtype.kind == "f"}
    if len(numbers) < MATRIX:
        return
    sums = np.sum(list(numbers.values()), axis=0)
    if (np.abs(sums - 1) <= MAX_DEVIATION).all():
        if class_names is not None:
            raise PredictionsError(
                f"{table.name}: the columns {shorten_list(list(numbers))} look like probabilities, but are not named "
                f"as the classes; name each column as its class: {shorten_list(class_names)}"
            )
        raise PredictionsError(explain_other_names(table, list(numbers), labels))
