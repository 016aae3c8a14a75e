"""Explains what a table lacks: labels, predictions, or the column of a class."""

import difflib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from job.predictions.roles import find_numbered, find_role
from job.predictions.tables import Table

MOST_NAMES = 5
"""Names in a message."""
FRACTION = re.compile(r"[+-]?\d*[.,]\d+(e[+-]?\d+)?", re.IGNORECASE)
WHOLE = re.compile(r"[+-]?\d+")
SAVEZ = "save them as np.savez(FILE, y_true=…, probabilities=…)"
VECTOR, MATRIX = 1, 2
"""Dimensions."""
SIMILAR = 0.7
"""The least similarity of a name that is suggested, in [0, 1]: `grape` is none for `apple`."""


def shorten_list(names: Sequence[str]) -> str:
    """The first names of a list."""
    return ", ".join([*names[:MOST_NAMES], *(["…"] if len(names) > MOST_NAMES else [])])


def explain_no_labels(table: Table) -> str:
    """Why a table has no labels, and what to do."""
    for name, values in table.columns.items():
        if find_role(name) == "true" and values.ndim > MATRIX:
            return f"{table.name}: {name} {explain_shape(values.shape, VECTOR)}"
    if problem := _find_data_in_header(table):
        return problem
    if list(table.columns) == [""]:
        return f"{table.name}: has no labels; add --labels FILE"
    rename = SAVEZ if table.is_archive else "name their column true"
    return f"{table.name}: has no labels ({_list_columns(table)}); {rename}, or name a file of labels: --labels FILE"


def explain_unnamed_labels(table: Table) -> str:
    """Why no column of a file of labels is clearly the labels, and what to do."""
    if problem := _find_data_in_header(table):
        return problem
    return f"{table.name}: has no column of labels ({_list_columns(table)}); name it true, label or target"


def explain_no_predictions(table: Table) -> str:
    """Why a table has neither probabilities nor predicted classes, and what to do."""
    for name, values in table.columns.items():
        role = find_role(name)
        if (not name or role in {"probabilities", "logits"}) and values.ndim > MATRIX:
            return f"{table.name}: {f'{name} ' if name else ''}{explain_shape(values.shape, MATRIX)}"
        if role in {"probabilities", "logits"} and values.ndim == VECTOR:
            return f"{table.name}: {name} has one value for each image; give one for each class of each image"
    if problem := _find_data_in_header(table):
        return problem
    if table.is_archive:
        return f"{table.name}: has neither probabilities nor predicted classes ({_list_columns(table)}); {SAVEZ}"
    return (
        f"{table.name}: has neither probabilities (columns p_0, p_1, … or one named as each class) nor predicted "
        f"classes (column predicted); {_list_columns(table)}"
    )


def explain_shape(shape: Sequence[int], n_dimensions: int) -> str:
    """Say that an array has too many dimensions for labels, or for probabilities."""
    expected = "labels have (n,)" if n_dimensions == VECTOR else "probabilities have (n, n_classes)"
    return f"has the shape {tuple(shape)}, but {expected}; if these are the images, use --images FILE"


def explain_no_column(place: str, label: str, columns: Collection[str]) -> str:
    """Say that the label at a place has no column of probabilities."""
    nearest = find_nearest(label, [name for name in columns if not find_role(name)])
    remedy = f"did you mean {nearest!r}?" if nearest else "write one for each class, or correct the name"
    return f"{place}: the class {label[:80]!r} has no column; {remedy}"


def explain_other_names(table: Table, columns: Sequence[str], labels: Mapping[str, str]) -> str:
    """Say that columns look like probabilities, but are named unlike the labels, whose first places are given."""
    text = f"{table.name}: the columns {shorten_list(columns)} look like probabilities, but the labels are"
    if all(map(WHOLE.fullmatch, labels)):
        return f"{text} numbers, so their order is unknown; name the classes in label order: --classes FILE"
    shown = shorten_list([repr(label[:80]) for label in labels])
    return f"{text} other names: {shown}; name each column as its class"


def find_nearest(label: str, names: Iterable[str]) -> str:
    """The name that a label probably stands for; empty if none is similar."""
    if WHOLE.fullmatch(label):
        return ""
    known = {name.strip().casefold(): name for name in names}
    close = difflib.get_close_matches(label.strip().casefold(), known, n=1, cutoff=SIMILAR)
    return known[close[0]] if close else ""


def _find_data_in_header(table: Table) -> str:
    """Say that the first line of a text file is data rather than names of columns; empty if it seems not to be."""
    names = [name for name in table.columns if name]
    if not table.has_header or find_numbered(names) or any(map(find_role, names)):
        return ""
    is_data = any(FRACTION.fullmatch(name) or name in table.columns[name].tolist() for name in names)
    return f"{table.name}: line 1 looks like data; write a header there, such as true,p_0,p_1" if is_data else ""


def _list_columns(table: Table) -> str:
    kind = "arrays" if table.is_archive else "columns"
    return f"its {kind}: {shorten_list([name for name in table.columns if name]) or 'none with a name'}"
