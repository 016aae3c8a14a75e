"""Says which columns of a table are labels, predicted classes, probabilities and numbers of images."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from job.errors import PredictionsError
from job.predictions.missing_parts import MATRIX, explain_unnamed_labels
from job.predictions.roles import Role, find_numbered, find_role, is_own_name
from job.predictions.tables import Table
from job.predictions.whole_numbers import to_whole_numbers
from job.text import IMAGE_SUFFIXES


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
        index: Numbers of the images, from 0, as whole numbers; other values are names of the images.
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

    @property
    def is_numbered(self) -> bool:
        """Whether the images have numbers."""
        return self.index is not None and self.index.dtype == np.int64

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
        if role in {"index", "id"} and values.ndim == MATRIX:
            raise PredictionsError(f"{table.name}: {name} has the shape {values.shape}; write one value for each image")
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
    if "index" in columns and (numbers := to_whole_numbers(columns["index"])) is not None:
        columns["index"] = numbers
    return Parts(
        table, n, names, columns.get("true"), columns.get("predicted"), columns.get("index"), columns.get("id")
    )


def _most_dimensions(role: Role) -> int:
    return MATRIX if role == "true" else 1  # labels may be one-hot


def _describe(role: Role) -> str:
    described: dict[Role, str] = {"true": "labels", "predicted": "predicted classes", "index": "numbers of images"}
    return described.get(role, "names of images")


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
