"""Recognizes what the columns of a table are by their names."""

import re
from collections.abc import Iterable, Mapping
from typing import Literal

Role = Literal["true", "predicted", "index", "id", "picture", "probabilities", "logits"]

NAMES: Mapping[Role, tuple[str, ...]] = {
    "true": ("true", "y_true", "y_test", "y", "target", "targets", "label", "labels", "actual", "true_label"),
    "predicted": ("predicted", "y_pred", "pred", "preds", "prediction", "predictions", "predicted_label"),
    "index": ("index",),
    "id": (
        *("id", "image_id", "image", "image_name", "image_path", "img_path"),
        *("path", "file", "file_name", "filename", "file_path", "filepath"),
    ),
    "probabilities": ("probabilities", "probability", "probs", "proba", "y_prob", "y_proba", "y_score", "p"),
    "logits": ("logits",),
}
"""The names of each role, in lower case; the last two are arrays with a column for each class.

A column `id` whose values are names of pictures has the role `picture`."""

OWN = ("index", "true", "predicted")
"""The first columns of predictions.csv in the output folder."""
NUMBERED = re.compile(r"(p|prob|proba|probability|score|logit)_?(\d{1,4})")
"""The probability, or the logit, of the class with a number."""


def find_role(name: str) -> Role | None:
    """The role of a column, or None if it has no known name."""
    return next((role for role, names in NAMES.items() if name.lower() in names), None)


def is_own_name(name: str, columns: Iterable[str]) -> bool:
    """Whether a column has the names of the images in predictions.csv, as the job writes it."""
    return name == "name" and tuple(columns)[: len(OWN)] == OWN


def find_numbered(names: Iterable[str]) -> dict[int, str]:
    """The columns that are numbered as `p_0`, `p_1`, …, by number; in ascending order.

    Columns of one prefix count, that of the first one.
    """
    matches = [(match, name) for name in names if (match := NUMBERED.fullmatch(name.lower()))]
    columns = {int(match[2]): name for match, name in matches if match[1] == matches[0][0][1]}
    return dict(sorted(columns.items()))
