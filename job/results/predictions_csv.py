"""Reads and writes predictions.csv: one line per test image, in parts, so that a million images fit into memory."""

import hashlib
import itertools
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from job.errors import DataError
from job.evaluation.metrics import Labels
from job.evaluation.predictions import Predictions
from job.results.file_names import METRICS, PREDICTIONS
from job.results.metrics_json import Option, missing_file

if TYPE_CHECKING:
    import pandas as pd

REFERENCE = "reference"
"""The last column if the run has a reference: the class that the reference predicted."""

N_WRITTEN_AT_ONCE = 200_000  # probabilities in memory as text, 128 bytes each
N_READ_AT_ONCE = 500_000  # values in memory as a table


def write_predictions(folder: Path, predictions: Predictions) -> None:
    """Write predictions.csv; each probability has the digits that give back the same float32."""
    n, n_classes = predictions.probabilities.shape
    columns = list(_column_types(n_classes, has_reference=predictions.y_reference is not None))
    n_lines = max(N_WRITTEN_AT_ONCE // n_classes, 1)
    with (folder / PREDICTIONS).open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(columns) + "\n")
        for start in range(0, n, n_lines):
            part = slice(start, start + n_lines)
            y_true, y_pred = predictions.y_true[part].tolist(), predictions.y_pred[part].tolist()
            rows = predictions.probabilities[part].astype(str)
            y_reference = predictions.y_reference
            ends = (
                itertools.repeat("") if y_reference is None else (f",{label}" for label in y_reference[part].tolist())
            )
            lines = zip(range(start, n), y_true, y_pred, rows, ends, strict=False)
            file.writelines(f"{i},{true},{predicted},{','.join(row)}{end}\n" for i, true, predicted, row, end in lines)


def hash_predictions(folder: Path) -> str:
    """SHA-256 of predictions.csv."""
    with (folder / PREDICTIONS).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_predictions(
    folder: Path, n_classes: int, *, has_reference: bool = False, sha256: str = "", option: Option = "--output"
) -> Predictions:
    """Read predictions.csv.

    Args:
        folder: Output folder of a run.
        n_classes: Number of classes.
        has_reference: Whether the run was compared with a reference, whose predictions are then present.
        sha256: Expected SHA-256 of the file; empty to accept any.
        option: The option that named the folder.

    Raises:
        DataError: If the file is missing, damaged, contradicts itself, or has another hash.
    """
    path = folder / PREDICTIONS
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about values that are refused below
            predictions = _read_parts(path, n_classes, has_reference=has_reference)
    except FileNotFoundError as error:
        raise missing_file(path, option) from error
    except (OSError, ValueError, OverflowError) as error:  # the latter two come from pandas
        raise DataError(f"{path}: damaged ({' '.join(str(error).split())}); train again") from error
    if sha256 and hash_predictions(folder) != sha256:
        raise DataError(
            f"{path}: its SHA-256 is not the one in {METRICS}: it was edited, or belongs to another run; train again"
        )
    return predictions


def _column_types(n_classes: int, *, has_reference: bool) -> dict[str, type]:
    columns: dict[str, type] = {"index": np.int64, "true": np.int64, "predicted": np.int64}
    columns |= {f"p_{label}": np.float32 for label in range(n_classes)}
    return columns | ({REFERENCE: np.int64} if has_reference else {})


def _read_parts(path: Path, n_classes: int, *, has_reference: bool) -> Predictions:
    import pandas as pd

    columns = _column_types(n_classes, has_reference=has_reference)
    parts, start = [], 0
    with pd.read_csv(path, dtype=columns, chunksize=max(N_READ_AT_ONCE // len(columns), 1)) as tables:
        for table in tables:
            if list(table) != list(columns):
                extra = f" and {REFERENCE}" if has_reference else ""
                raise ValueError(f"its columns are not those of {n_classes} classes{extra}")
            parts.append(_check_part(table, start, n_classes))
            start += len(table)
    if not start:
        raise ValueError("it has no image")
    labels, probabilities = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Predictions(labels[:, 0], probabilities, labels[:, 1] if has_reference else None)


def _check_part(table: "pd.DataFrame", start: int, n_classes: int) -> tuple[Labels, NDArray[np.float32]]:
    """True classes and those of the reference, shape (n, 1 or 2), and probabilities of a part of the images."""
    probabilities = table.iloc[:, 3 : 3 + n_classes].to_numpy()
    labels = table.drop(columns=["index", *(f"p_{label}" for label in range(n_classes))]).to_numpy()
    if not ((labels >= 0) & (labels < n_classes)).all() or not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise ValueError("a label or a probability is out of range")
    if (table["index"] != np.arange(start, start + len(table))).any():
        raise ValueError("its lines are not numbered from 0")
    if (probabilities.argmax(axis=1) != labels[:, 1]).any():
        raise ValueError("a predicted class is not the most probable one")
    return np.delete(labels, 1, axis=1).astype(np.int16), probabilities
