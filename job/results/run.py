"""Reads the files of a run, without TensorFlow, and refuses what is damaged in one line."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from job.config.recipes import Recipe
from job.data.dataset import IMAGE_SHAPE
from job.data.fashion_mnist import FILES
from job.errors import DataError, UsageError
from job.results.schema import BASELINE, METRICS, PREDICTIONS, SAMPLES, SCHEMA_VERSION, Results
from job.text import is_displayable

if TYPE_CHECKING:
    import pandas as pd

    from job.evaluation.paired_comparison import Earlier

Option = Literal["--output", "--baseline"]  # that named the folder
REMEDIES: dict[Option, str] = {
    "--output": "render it with the release that wrote it, or train again",
    "--baseline": "train that run again with this release",
}
"""Of results of another schema version."""

MAX_AMOUNT = 1e12  # of a loss, seconds or images: no run comes near it
N_VALUES_AT_ONCE = 500_000  # of predictions.csv in memory as a table


@dataclass(frozen=True)
class Predictions:
    """What predictions.csv says of each test image, in their order.

    Attributes:
        y_true: class numbers, shape (n,).
        y_pred: class numbers, shape (n,).
        confidence: the probability of the class predicted, shape (n,).
        of_truth: the probability of the true class, shape (n,).
        rows: the probabilities of all classes, shape (n_classes,), by the index of their image: of some images only.
        y_earlier: where there is a comparison, the classes that the earlier model predicted, shape (n,).
    """

    y_true: NDArray[np.int16]
    y_pred: NDArray[np.int16]
    confidence: NDArray[np.float32]
    of_truth: NDArray[np.float32]
    rows: Mapping[int, NDArray[np.float32]]
    y_earlier: NDArray[np.int16] | None = None


def read_metrics(folder: Path, option: Option = "--output") -> Results:
    """Read metrics.json.

    Args:
        folder: of the run.
        option: that named it.

    Raises:
        DataError: if it is missing, damaged, or of another schema version.
    """
    path = folder / METRICS
    content = _read(path, option)
    try:
        version = msgspec.json.decode(content, type=dict[str, Any]).get("schema_version")
        if version != SCHEMA_VERSION:
            raise DataError(
                f"{path}: has schema version {version!r}, this job reads {SCHEMA_VERSION}; {REMEDIES[option]}"
            )
        results = msgspec.json.decode(content, type=Results)
    except (msgspec.MsgspecError, UnicodeDecodeError, UsageError) as error:  # a setting can be out of range
        raise DataError(f"{path}: damaged ({error}); train again") from error
    if flaw := _flaw(results):
        raise DataError(f"{path}: damaged ({flaw}); train again")
    return results


def _flaw(results: Results) -> str:
    """What in the figures cannot be, though their types are right; empty if nothing."""
    n_classes, history, config = len(results.per_class), results.history, results.config
    n_epochs = min(config.epochs, max(len(history.loss), 1)) if config.early_stopping else config.epochs
    n_validated = n_epochs if results.data.n_validation else 0
    outside = [index for index in results.pictured() if not 0 <= index < results.data.n_test]
    odd = [text for text in _texts(msgspec.to_builtins(results)) if not is_displayable(text)]
    shares = (*history.accuracy, *history.val_accuracy)
    compared = results.comparison
    judged: list[Results | Earlier] = [results, *([compared.earlier] if compared else [])]
    losses = [loss for one in judged for loss in (one.loss, one.loss_interval.lower, one.loss_interval.upper)]
    curves = (*history.loss, *history.val_loss, *history.learning_rate)
    amounts = [*curves, *losses, *results.timings_s.values(), results.data.n_train]
    flaws = {
        f"the confusion matrix is not {n_classes} x {n_classes}": (
            [len(row) for row in results.confusion_matrix] != [n_classes] * n_classes
        ),
        f"the comparison does not have {n_classes} classes": (
            compared is not None and len(compared.per_class) != n_classes
        ),
        f"there is no test image {next(iter(outside), 0)}": bool(outside),
        f"the history does not have {n_epochs} epochs": (
            [len(curve) for curve in vars(history).values()] != [n_epochs] * 3 + [n_validated] * 2
        ),
        "the time of the training is missing": "training" not in results.timings_s,
        "its hashes are not those of the four files of a data set": set(results.data.sha256) != set(FILES),
        f"the text {next(iter(odd), '')!r} has a control character": bool(odd),
        "an accuracy of an epoch is not from 0 to 1": not all(0 <= share <= 1 for share in shares),
        "a loss, a time or a number is out of range": not all(0 <= amount < MAX_AMOUNT for amount in amounts),
    }
    return next((flaw for flaw, found in flaws.items() if found), "")


def _texts(content: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    """Every text in `content`."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict | list):
        for value in content.values() if isinstance(content, dict) else content:
            yield from _texts(value)


def read_predictions(
    folder: Path, n_classes: int, chosen: Sequence[int], *, compared: bool = False, option: Option = "--output"
) -> Predictions:
    """Read predictions.csv, a part at a time.

    Args:
        folder: of the run.
        n_classes: how many classes there are.
        chosen: indices of the images whose probabilities are to be kept.
        compared: whether the run was compared with an earlier one, whose predictions are there then, and only then.
        option: that named the folder.

    Raises:
        DataError: if it is missing or damaged, or its lines contradict themselves.
    """
    path = folder / PREDICTIONS
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of values that are refused below
            return _gathered(path, n_classes, chosen, compared=compared)
    except FileNotFoundError as error:
        raise _missing(path, option) from error
    except (OSError, ValueError) as error:  # pandas's parser errors are ValueErrors
        raise DataError(f"{path}: damaged ({' '.join(str(error).split())}); train again") from error


def _gathered(path: Path, n_classes: int, chosen: Sequence[int], *, compared: bool) -> Predictions:
    import pandas as pd

    columns: dict[str, type] = {"index": np.int64, "true": np.int64, "predicted": np.int64}
    columns |= {f"p_{label}": np.float32 for label in range(n_classes)}
    columns |= {BASELINE: np.int64} if compared else {}
    parts, start = [], 0
    rows: dict[int, NDArray[np.float32]] = {}
    with pd.read_csv(path, dtype=columns, chunksize=max(N_VALUES_AT_ONCE // len(columns), 1)) as tables:
        for table in tables:
            if list(table) != list(columns):
                further = f" and {BASELINE}" if compared else ""
                raise ValueError(f"its columns are not those of {n_classes} classes{further}")
            y_true, y_pred, probabilities = _checked(table, start, n_classes)
            lines = np.arange(len(table))
            earlier = _earlier(table, n_classes) if compared else y_pred[:0]
            parts.append((y_true, y_pred, probabilities[lines, y_pred], probabilities[lines, y_true], earlier))
            stop = start + len(table)
            rows |= {index: probabilities[index - start].copy() for index in chosen if start <= index < stop}
            start = stop
    if not start:
        raise ValueError("it tells of no image")
    y_true, y_pred, confidence, of_truth, y_earlier = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Predictions(y_true, y_pred, confidence, of_truth, rows, y_earlier if compared else None)


def _earlier(table: "pd.DataFrame", n_classes: int) -> NDArray[np.int16]:
    """The classes that the earlier model predicted for a part of the images."""
    labels = table[BASELINE].to_numpy()
    if not ((labels >= 0) & (labels < n_classes)).all():
        raise ValueError(f"a label in its column {BASELINE} is out of range")
    return labels.astype(np.int16)


def _checked(
    table: "pd.DataFrame", start: int, n_classes: int
) -> tuple[NDArray[np.int16], NDArray[np.int16], NDArray[np.float32]]:
    """True and predicted classes and the probabilities of a part of the images, whose first is `start`."""
    probabilities = table.iloc[:, 3 : 3 + n_classes].to_numpy()
    labels = table[["true", "predicted"]].to_numpy()
    if not ((labels >= 0) & (labels < n_classes)).all() or not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise ValueError("a label or a probability is out of range")
    if (table["index"] != np.arange(start, start + len(table))).any():
        raise ValueError("its lines are not numbered from 0 on")
    y_true, y_pred = labels.T.astype(np.int16)
    if (probabilities.argmax(axis=1) != y_pred).any():
        raise ValueError("a class predicted is not the most probable one")
    return y_true, y_pred, probabilities


def read_samples(folder: Path, chosen: Sequence[int]) -> dict[int, NDArray[np.uint8]]:
    """Read samples.npz: pictures by the index of their test image, shape (28, 28) each.

    Args:
        folder: of the run.
        chosen: indices of the images that must be there.

    Raises:
        DataError: if it is missing or damaged, or lacks a chosen image.
    """
    path = folder / SAMPLES
    indices, images = _arrays(path, "index", "image")
    if indices.ndim != 1 or images.shape != (len(indices), *IMAGE_SHAPE) or images.dtype != np.uint8:
        raise DataError(f"{path}: damaged (a picture is not 28 x 28 bytes); train again")
    pictures = dict(zip(indices.tolist(), images, strict=True))
    if lacking := [index for index in chosen if index not in pictures]:
        raise DataError(f"{path}: lacks the picture of test image {lacking[0]}; train again")
    return pictures


def read_augmented(folder: Path, recipe: Recipe) -> NDArray[np.uint8]:
    """Read from samples.npz what training saw: images and each as it was changed, shape (n, 1 + n_epochs, 28, 28).

    Raises:
        DataError: if it is missing or damaged, or has no images though the recipe changes some.
    """
    path = folder / SAMPLES
    (augmented,) = _arrays(path, "augmented")
    n_images, n_columns = augmented.shape[:2] if augmented.ndim == 2 + len(IMAGE_SHAPE) else (0, 0)
    is_whole = augmented.shape[2:] == IMAGE_SHAPE and augmented.dtype == np.uint8 and n_columns > 1
    if not is_whole or bool(n_images) != bool(recipe.augmentations()):
        raise DataError(f"{path}: damaged (`augmented` is not what {recipe.augment} gives); train again")
    return augmented


def _arrays(path: Path, *names: str) -> list[NDArray[Any]]:
    """Arrays of an archive, by their names."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return [arrays[name] for name in names]
    except FileNotFoundError as error:
        raise _missing(path) from error
    except Exception as error:  # NumPy and zipfile raise of many kinds on damaged files
        wanted = " and ".join(f"`{name}`" for name in names)
        raise DataError(f"{path}: damaged (no archive of arrays {wanted}); train again") from error


def _read(path: Path, option: Option) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise _missing(path, option) from error
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read: {error.strerror}; name the output folder of a finished run: {option} DIR"
        ) from error


def _missing(path: Path, option: Option = "--output") -> DataError:
    return DataError(f"{path}: is not there; name the output folder of a finished run: {option} DIR")
