"""Reads class names, finds them in labels, and turns labels into class numbers."""

import re
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from job.errors import PredictionsError
from job.predictions.missing_parts import MATRIX, VECTOR, explain_shape, find_nearest, shorten_list
from job.predictions.parts import Parts
from job.predictions.roles import Role
from job.predictions.tables import read_content
from job.predictions.whole_numbers import are_whole
from job.text import find_bad_name, natural_key, split_names

WHOLE = re.compile(r"[+-]?\d{1,9}(\.0*)?")
NUMBER = re.compile(r"[+-]?(\d{1,40}\.?\d{0,40}|\.\d{1,40})")
SHORT = 80
"""Characters of a label in a message."""
Texts = NDArray[np.str_]


def read_class_names(path: Path) -> list[str]:
    """Read class names in label order, one per line.

    Raises:
        PredictionsError: If the file is not UTF-8 text, or a name is empty, too long or listed twice.
    """
    try:
        text = read_content(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PredictionsError(f"{path}: is not UTF-8 text; save it as UTF-8") from error
    return check_class_names(split_names(text), str(path), are_lines=True)


def check_class_names(names: Sequence[str], source: str, *, are_lines: bool = False) -> list[str]:
    """Return class names, or the lines of a file, if the report can show them; `source` says where they are from."""
    if problem := find_bad_name(names, are_lines=are_lines):
        raise PredictionsError(f"{source}: {problem}")
    return list(names)


def as_texts(parts: Parts, role: Role, values: NDArray[Any]) -> Texts:
    """Labels as texts: whole numbers without a point, and one-hot labels as numbers.

    Raises:
        PredictionsError: If a label is missing, or a fraction, or the array has more than two dimensions.
    """
    if values.ndim >= MATRIX:
        values = values[:, 0] if values.shape[1:] == (1,) else _decode_one_hot(parts, values)
    if role == "predicted" and values.dtype.kind == "U":
        values = _as_fractions(values)
    if values.dtype.kind == "f":
        bad = np.flatnonzero(~are_whole(values))
        if bad.size:
            value = float(values[bad[0]])
            problem = "has no label" if np.isnan(value) else f"{value:g} is not a class number"
            hint = ""
            if role == "predicted" and 0 < value < 1:
                hint = "; of two classes, write the probabilities of both, such as p_0 and p_1"
            raise PredictionsError(
                f"{parts.place(int(bad[0]), role)}: {problem}{hint or '; write class numbers or names'}"
            )
        values = values.astype(np.int64)
    if values.dtype.kind == "b":
        values = values.astype(np.int64)
    if values.dtype.kind == "S":
        values = np.strings.decode(values, "utf-8", "replace")
    texts: Texts = values.astype(np.str_)
    if (empty := np.flatnonzero(texts == "")).size:
        raise PredictionsError(f"{parts.place(int(empty[0]), role)}: is empty; write the class of each image")
    distinct, inverse = np.unique(texts, return_inverse=True)
    if all(WHOLE.fullmatch(text) for text in distinct.tolist()) and any("." in text for text in distinct.tolist()):
        distinct = np.array([str(int(float(text))) for text in distinct.tolist()])
    labels: Texts = distinct[inverse]
    return labels


def place_labels(parts: Parts, role: Role, texts: Texts) -> dict[str, str]:
    """The distinct labels, sorted, each with the place of its first image."""
    labels, rows = np.unique(texts, return_index=True)
    return {label: parts.place(row, role) for label, row in zip(labels.tolist(), rows.tolist(), strict=True)}


def require_whole_numbers(parts: Parts, role: Role, texts: Texts) -> None:
    """Check that labels are not numbers of which only some are whole.

    Raises:
        PredictionsError: If a label is a fraction, but others are whole numbers.
    """
    distinct = np.unique(texts).tolist()
    fractions = [text for text in distinct if NUMBER.fullmatch(text) and not WHOLE.fullmatch(text)]
    if fractions and all(NUMBER.fullmatch(text) for text in distinct) and len(fractions) < len(distinct):
        row = int(np.argmax(np.isin(texts, fractions)))
        raise PredictionsError(
            f"{parts.place(row, role)}: {texts[row]} is not a class number; write whole numbers from 0, or if it "
            "names a class, name all classes: --classes FILE"
        )


def _as_fractions(values: NDArray[Any]) -> NDArray[Any]:
    """Texts as numbers if some of them are fractions of 1, which are probabilities rather than labels."""
    try:
        numbers = values.astype(np.float64)
    except ValueError:
        return values
    return numbers if ((numbers > 0) & (numbers < 1)).any() else values


def _decode_one_hot(parts: Parts, values: NDArray[Any]) -> NDArray[Any]:
    if values.ndim > MATRIX:
        raise PredictionsError(f"{parts.table.name}: {explain_shape(values.shape, VECTOR)}")
    is_one = values == 1
    bad = np.flatnonzero((is_one.sum(axis=1) != 1) | ((values != 0) & ~is_one).any(axis=1))
    if values.dtype.kind not in "biuf" or bad.size:
        row = int(bad[0]) if bad.size else 0
        raise PredictionsError(f"{parts.place(row, 'true')}: is neither a label nor one-hot; write one label per image")
    labels: NDArray[Any] = is_one.argmax(axis=1)
    return labels


def infer_class_names(labels: AbstractSet[str], source: str) -> list[str]:
    """All labels in natural order.

    Raises:
        PredictionsError: If the report cannot show one of them.
    """
    return sorted(check_class_names(sorted(labels), source), key=natural_key)


def are_numbers(labels: Iterable[str]) -> bool:
    """Whether all labels are whole numbers."""
    return all(WHOLE.fullmatch(label) for label in labels)


def number_labels(  # noqa: PLR0913 - the last one has a default
    parts: Parts,
    role: Role,
    texts: Texts,
    class_names: Sequence[str],
    known: AbstractSet[str],
    *,
    columns: Sequence[str] = (),
) -> NDArray[np.int16]:
    """Turn labels, which are class names or numbers from 0, into class numbers.

    `known` has the true and the predicted labels. If all of them are numbers, they are class names only if all of them
    are. `columns` are the numbered columns of probabilities, if there are some.

    Raises:
        PredictionsError: If a label is not a class.
    """
    distinct, inverse = np.unique(texts, return_inverse=True)
    labels = distinct.tolist()
    numbers = {name: label for label, name in enumerate(class_names)}
    together = known if are_numbers(known) else set(labels)
    if not numbers.keys() >= together and are_numbers(together):
        numbers = {str(label): label for label in range(len(class_names))}
        labels = [str(int(label)) for label in labels]
    unknown = [label for label in labels if label not in numbers]
    if unknown:
        row = int(np.argmax(np.isin(inverse, [labels.index(label) for label in unknown])))
        label = labels[inverse[row]]
        raise PredictionsError(f"{parts.place(row, role)}: {_explain_unknown(label, labels, class_names, columns)}")
    return np.array([numbers[label] for label in labels], np.int16)[inverse]


def _explain_unknown(label: str, labels: Sequence[str], class_names: Sequence[str], columns: Sequence[str]) -> str:
    n = len(class_names)
    if WHOLE.fullmatch(label) and are_numbers(labels):
        values = {int(each) for each in labels}
        remedy = "correct the label"
        if values == set(range(1, n + 1)):
            remedy = "they seem to count from 1: subtract 1"
        elif columns and max(values) == n:
            remedy += f", or add the column {re.sub('[0-9]+', str(n), columns[-1])} if it is missing"
        return f"label {label} is out of range; the labels of {n} classes are 0 to {n - 1}; {remedy}"
    nearest, shown = find_nearest(label, class_names), shorten_list(class_names)
    remedy = f"did you mean {nearest!r}?" if nearest else f"the classes are {shown}; name all of them: --classes FILE"
    return f"{label[:SHORT]!r} is not one of the {n} classes; {remedy}"
