"""Reads and writes predictions.csv: one line per test image."""

import itertools
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from job.evaluation.predictions import Predictions
from job.results.file_names import PREDICTIONS
from job.results.metrics_json import Option, as_data_error, damaged
from job.system.regular_file import open_regular

if TYPE_CHECKING:
    import pandas as pd

REFERENCE = "reference"
"""The last column if the run has a reference: the class that the reference predicted."""

MAX_BYTES = 2**34  # 100 million images of ten classes
MAX_DEVIATION = 1e-3  # of the sum of the probabilities of an image from 1
N_WRITTEN_AT_ONCE = 200_000  # probabilities in memory as text, 128 bytes each


def write_predictions(folder: Path, predictions: Predictions) -> None:
    """Write predictions.csv; each probability has enough digits to restore the exact float32."""
    n, n_classes = predictions.probabilities.shape
    y_reference = predictions.y_reference
    n_lines = max(N_WRITTEN_AT_ONCE // n_classes, 1)
    with (folder / PREDICTIONS).open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(_column_types(n_classes, has_reference=y_reference is not None)) + "\n")
        for start in range(0, n, n_lines):
            part = slice(start, start + n_lines)
            y_true, y_pred = predictions.y_true[part].tolist(), predictions.y_pred[part].tolist()
            rows = predictions.probabilities[part].astype(str)
            ends = itertools.repeat("") if y_reference is None else (f",{label}" for label in y_reference[part])
            lines = zip(range(start, n), y_true, y_pred, rows, ends, strict=False)
            file.writelines(f"{i},{true},{predicted},{','.join(row)}{end}\n" for i, true, predicted, row, end in lines)


def read_predictions(
    folder: Path, n_classes: int, *, has_reference: bool = False, option: Option = "--output"
) -> Predictions:
    """Read predictions.csv from the output folder of a run, which `option` named.

    `has_reference` says whether it has the column of a reference.

    Raises:
        DataError: If the file is missing, damaged, or contradicts itself.
    """
    import pandas as pd

    path = folder / PREDICTIONS
    with as_data_error(path, option), open_regular(path, MAX_BYTES) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about values that the job refuses below
        try:
            table = pd.read_csv(file, dtype=_column_types(n_classes, has_reference=has_reference))
            return _to_predictions(table, n_classes, has_reference=has_reference)
        except (ValueError, OverflowError) as error:
            raise damaged(path, error) from error


def _column_types(n_classes: int, *, has_reference: bool) -> dict[str, type]:
    columns: dict[str, type] = {"index": np.int64, "true": np.int64, "predicted": np.int64}
    columns |= {f"p_{label}": np.float32 for label in range(n_classes)}
    return columns | ({REFERENCE: np.int64} if has_reference else {})


def _to_predictions(table: "pd.DataFrame", n_classes: int, *, has_reference: bool) -> Predictions:
    if list(table) != list(_column_types(n_classes, has_reference=has_reference)):
        extra = f" and {REFERENCE}" if has_reference else ""
        raise ValueError(f"its columns are not those of {n_classes} classes{extra}")
    if table.empty:
        raise ValueError("it has no image")
    probabilities = table.iloc[:, 3 : 3 + n_classes].to_numpy()
    labels = table[["true", "predicted", *([REFERENCE] if has_reference else [])]].to_numpy()
    if not ((labels >= 0) & (labels < n_classes)).all() or not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise ValueError("a label or a probability is out of range")
    if (table["index"] != np.arange(len(table))).any():
        raise ValueError("its lines are not numbered from 0")
    deviations = np.abs(probabilities.sum(axis=1, dtype=np.float64) - 1)
    if (deviations > MAX_DEVIATION).any():
        raise ValueError(f"the probabilities of image {deviations.argmax()} do not sum to 1")
    y_true, y_pred, *y_reference = labels.astype(np.int16).T
    if (probabilities.argmax(axis=1) != y_pred).any():
        raise ValueError("a predicted class is not the most probable one")
    if not (n_images := np.bincount(y_true, minlength=n_classes)).all():
        raise ValueError(f"class {n_images.argmin()} has no image")
    return Predictions(y_true, probabilities, *y_reference)
