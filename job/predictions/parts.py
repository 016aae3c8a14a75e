"""Says which columns of a table are labels, predicted classes, probabilities and numbers of images."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from job.errors import PredictionsError
from job.predictions.missing_parts import (
    MATRIX,
    explain_no_column,
    explain_other_names,
    explain_unnamed_labels,
    shorten_list,
)
from job.predictions.roles import Role, find_numbered, find_role, is_own_name
from job.predictions.tables import Table
from job.text import IMAGE_SUFFIXES

MAX_DEVIATION = 0.001001
"""How far the sum of probabilities may be from 1: 0.001, and rounding of numbers in binary."""


@dataclass(frozen=True)
class Scores:
    """The probabilities, or logits, of a table.

    Attributes:
        values: Shape (n, n_classes).
        columns: Their names in messages, one for each class.
        class_names: The class of each column, if the columns are named as classes; else they are in label order.
        are_logits: Whether their name says that they are logits.
    """

    values: NDArray[Any]
    columns: Sequence[str]
    class_names: Sequence[str] | None = None
    are_logits: bool = False


@dataclass(frozen=True)
class Parts:
    """The columns of a table by what they are, each None if there is none.

    Attributes:
        y_true: Labels, shape (n,), or one-hot, shape (n, n_classes).
        y_pred: Predicted classes, shape (n,).
        index: Numbers of the images, from 0.
        id: Other names of the images, such as paths.
        names: The names of these columns, by role; a column of pictures is `id`, too, if there is no other.
    """

    table: Table
    n: int
    names: dict[Role, str]
    y_true: NDArray[Any] | None = None
    y_pred: NDArray[Any] | None = None
    index: NDArray[Any] | None = None
    id: NDArray[Any] | None = None
    scores: Scores | None = None

    def place(self, row: int, role: Role | None = None) -> str:
        """Name a row and a column, as the beginning of an error message."""
        return self.table.place(row, self.names.get(role, "") if role else "")


def find_parts(table: Table, class_names: Sequence[str] | None = None) -> Parts:
    """Find the parts of a table by the names of its columns, all but the probabilities.

    A column named as one of `class_names` has no other role.

    Raises:
        PredictionsError: If two columns have the same role, or columns have different lengths.
    """
    n = _measure_length(table)
    names: dict[Role, str] = {}
    for name, values in table.columns.items():
        role = "id" if is_own_name(name, table.columns) else find_role(name)
        if role == "id" and are_pictures(values).all():
            role = "picture"
        is_class = class_names is not None and name in class_names and values.ndim == 1
        if role is None or is_class or role in {"probabilities", "logits"} or values.ndim > _most_dimensions(role):
            continue
        if role in names:
            raise PredictionsError(
                f"{table.name}: the columns {names[role]} and {name} are both {_describe(role)}; rename or remove one"
            )
        names[role] = name
    if "picture" in names:
        names.setdefault("id", names["picture"])
    columns = {role: table.columns[name] for role, name in names.items()}
    return Parts(
        table, n, names, columns.get("true"), columns.get("predicted"), columns.get("index"), columns.get("id")
    )


def _most_dimensions(role: Role) -> int:
    return MATRIX if role == "true" else 1  # labels may be one-hot


def _describe(role: Role) -> str:
    return {"true": "labels", "predicted": "predicted classes"}.get(role, "numbers of images")


def are_pictures(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether each value is the name of a picture that the job can read, by its suffix; shape (n,)."""
    if values.dtype.kind != "U":
        return np.zeros(values.shape, np.bool_)
    return np.array([name.lower().endswith(IMAGE_SUFFIXES) for name in values.ravel().tolist()], np.bool_)


def _measure_length(table: Table) -> int:
    """The rows of the columns that have a role or a number, or of the first column if none has."""
    numbered = find_numbered(name for name, values in table.columns.items() if values.ndim < MATRIX).values()
    known = {name: each for name, each in table.columns.items() if not name or find_role(name) or name in numbered}
    if single := next((name for name, values in known.items() if not values.ndim), None):
        raise PredictionsError(f"{table.name}: {single} is a single value; write one for each image")
    lengths = {name: len(values) for name, values in (known or table.columns).items() if values.ndim}
    if not lengths:
        raise PredictionsError(f"{table.name}: has no array with a row for each image; write one")
    (first, n), *others = lengths.items()
    for name, other in others if known else ():
        if other != n:
            raise PredictionsError(f"{table.name}: {name} has {other:,} rows, but {first} has {n:,}; give all the same")
    if n == 0:
        raise PredictionsError(f"{table.name}: has no row; write one for each image")
    return n


def find_labels(table: Table) -> Parts:
    """The parts of a table of labels: its column of labels, or its only column.

    Raises:
        PredictionsError: If no column is clearly the labels.
    """
    parts = find_parts(table)
    if parts.y_true is not None:
        return parts
    if len(table.columns) == 1:
        (name, values), *_ = table.columns.items()
        return replace(parts, y_true=values, names={"true": name})
    raise PredictionsError(explain_unnamed_labels(table))


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
    if chosen := [name for name in matrices if not name or find_role(name)]:
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
