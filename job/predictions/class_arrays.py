"""Finds the class names in an array of an NPZ file."""

import numpy as np

from job.log import log
from job.predictions.class_names import check_class_names
from job.predictions.missing_parts import MATRIX
from job.predictions.roles import find_role
from job.predictions.tables import Table

NAMES = ("class_names", "classes")


def find_class_names(table: Table) -> list[str] | None:
    """The class names in an array of a table of predictions, in label order.

    Returns:
        None if there is none, or there is another number of classes; the latter is a warning.

    Raises:
        PredictionsError: If a name is empty, too long or listed twice.
    """
    if not table.is_archive:
        return None
    arrays = {name.lower(): values for name, values in table.columns.items() if values.ndim == 1}
    name = next((name for name in NAMES if name in arrays and arrays[name].dtype.kind in "US"), None)
    if name is None:
        return None
    values = arrays[name]
    n_classes = _count_classes(table) or len(values)
    if len(values) != n_classes:
        counts = f"{len(values):,} texts, but there are {n_classes:,} classes"
        log.warning("%s: its array %s has %s, so it does not name the classes", table.name, name, counts)
        return None
    texts = np.strings.decode(values, "utf-8", "replace") if values.dtype.kind == "S" else values
    return check_class_names(texts.tolist(), f"{table.name}, array {name}")


def _count_classes(table: Table) -> int:
    """The classes of an array of probabilities, otherwise of the labels; 0 if the table has neither."""
    roles = {find_role(name): values for name, values in table.columns.items()}
    for role in ("probabilities", "logits", "predicted", "true"):
        if role in roles and roles[role].ndim == MATRIX and roles[role].shape[1] > 1:
            return int(roles[role].shape[1])
    return len(np.unique(roles["true"])) if "true" in roles else 0
