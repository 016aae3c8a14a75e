"""The results of a run as files: written by the evaluation, read by everything that shows them.

`metrics.json` holds every figure, `predictions.csv` a line per test image, `samples.npz` the pictures that the report
shows. None of them needs TensorFlow to be read.
"""

import json
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from job.config import Config
from job.data import IMAGE_SHAPE, Dataset, is_text
from job.environment import Environment
from job.errors import DataError, UsageError
from job.evaluation import Judgement
from job.metrics import Labels
from job.samples import Samples

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 3

METRICS = "metrics.json"
PREDICTIONS = "predictions.csv"
SAMPLES = "samples.npz"
MODEL = "model.keras"
REPORT = "index.html"
FILES = (METRICS, PREDICTIONS, SAMPLES, MODEL, REPORT)


@dataclass(frozen=True)
class History:
    """One value per epoch; the `val_` lists are empty where no image was held out for validation.

    The training figures are Keras's: averages over the epoch, while the weights change. The validation figures are
    those at its end.
    """

    loss: list[float]
    accuracy: list[float]
    val_loss: list[float] = field(default_factory=list)
    val_accuracy: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class DataSummary:
    """What the model was trained and judged on; `sha256` is of each decompressed file."""

    name: str
    source: str
    folder: str
    n_train: int
    n_validation: int
    n_test: int
    sha256: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Results(Judgement):
    """The content of metrics.json.

    Attributes:
        started: UTC, ISO 8601.
        command: repeats the run.
        model: the network in one line.
        timings_s: wall time of each stage in seconds, and `total` from the start of the job to these results.
    """

    schema_version: int = SCHEMA_VERSION
    started: str
    command: str
    model: str
    history: History
    config: Config
    environment: Environment
    data: DataSummary
    timings_s: dict[str, float]

    @property
    def class_names(self) -> list[str]:
        """In label order."""
        return [one.name for one in self.per_class]

    @property
    def matrix(self) -> NDArray[np.int64]:
        """The confusion matrix, shape (n_classes, n_classes)."""
        return np.array(self.confusion_matrix, np.int64)


def size_bytes(n_test: int, n_classes: int) -> int:
    """About how much room the files of a run take, rather more than less."""
    prediction = 24 + 14 * n_classes
    return 3_000_000 + n_test * prediction


def summarise(dataset: Dataset, n_train: int) -> DataSummary:
    """The summary of a data set of whose training images the first `n_train` train."""
    return DataSummary(
        name=dataset.name,
        source=dataset.source.kind,
        folder=str(dataset.source.folder),
        n_train=n_train,
        n_validation=len(dataset.train_images) - n_train,
        n_test=len(dataset.test_images),
        sha256=dict(dataset.sha256),
    )


def write(folder: Path, results: Results, dataset: Dataset, probabilities: NDArray[np.float32]) -> None:
    """Write metrics.json, predictions.csv and samples.npz.

    Args:
        folder: where to.
        results: of the run.
        dataset: what it was judged on.
        probabilities: of each test image, shape (n_test, n_classes).
    """
    content = {"schema_version": SCHEMA_VERSION} | msgspec.to_builtins(results)
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / METRICS).write_text(text + "\n", encoding="utf-8")
    _write_predictions(folder / PREDICTIONS, dataset.test_labels, probabilities)
    indices = np.array(results.samples.indices(), np.int64)
    np.savez_compressed(folder / SAMPLES, index=indices, image=dataset.test_images[indices])


def _write_predictions(path: Path, y_true: Labels, probabilities: NDArray[np.float32]) -> None:
    """A line per test image; the probabilities have the digits that give back the same float32."""
    columns = ["index", "true", "predicted", *(f"p_{label}" for label in range(probabilities.shape[1]))]
    rows = zip(y_true.tolist(), probabilities.argmax(axis=1).tolist(), probabilities.astype(str), strict=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(columns) + "\n")
        file.writelines(f"{i},{true},{predicted},{','.join(row)}\n" for i, (true, predicted, row) in enumerate(rows))


def read_metrics(folder: Path) -> Results:
    """Read metrics.json.

    Raises:
        DataError: if it is missing, damaged, or of another schema version.
    """
    path = folder / METRICS
    content = _read(path)
    try:
        version = msgspec.json.decode(content, type=dict[str, Any]).get("schema_version")
        if version != SCHEMA_VERSION:
            raise DataError(
                f"{path}: has schema version {version!r}, this job reads {SCHEMA_VERSION}; "
                "render it with the release that wrote it, or train again"
            )
        results = msgspec.json.decode(content, type=Results)
    except (msgspec.MsgspecError, UnicodeDecodeError, UsageError) as error:  # a setting can be out of range
        raise DataError(f"{path}: damaged ({error}); train again") from error
    if flaw := _flaw(results):
        raise DataError(f"{path}: damaged ({flaw}); train again")
    return results


def _flaw(results: Results) -> str:
    """What in the figures cannot be, though their types are right; empty if nothing."""
    n_classes = len(results.per_class)
    if [len(row) for row in results.confusion_matrix] != [n_classes] * n_classes:
        return f"the confusion matrix is not {n_classes} x {n_classes}"
    if outside := [index for index in results.samples.indices() if not 0 <= index < results.data.n_test]:
        return f"there is no test image {outside[0]}"
    history, n_epochs = results.history, results.config.epochs
    n_validated = n_epochs if results.data.n_validation else 0
    if [len(curve) for curve in vars(history).values()] != [n_epochs, n_epochs, n_validated, n_validated]:
        return f"the history does not have {n_epochs} epochs"
    if "training" not in results.timings_s:
        return "the time of the training is missing"
    if odd := [name for name in results.class_names if not is_text(name)]:
        return f"the class name {odd[0]!r} has a control character"
    return ""


def read_predictions(folder: Path, n_classes: int) -> "pd.DataFrame":
    """Read predictions.csv into a table with its columns.

    Raises:
        DataError: if it is missing or damaged.
    """
    import pandas as pd

    path = folder / PREDICTIONS
    columns: dict[str, type] = {"index": np.int64, "true": np.int64, "predicted": np.int64}
    columns |= {f"p_{label}": np.float64 for label in range(n_classes)}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of values that are refused below
            table = pd.read_csv(path, dtype=columns)
    except FileNotFoundError as error:
        raise _missing(path) from error
    except (OSError, ValueError) as error:  # pandas's parser errors are ValueErrors
        raise DataError(f"{path}: damaged ({' '.join(str(error).split())}); train again") from error
    if list(table) != list(columns):
        raise DataError(f"{path}: damaged (its columns are not those of {n_classes} classes); train again")
    in_range = table[["true", "predicted"]].isin(range(n_classes)).all(axis=None)
    if not in_range or not table.filter(like="p_").apply(lambda p: p.between(0, 1)).all(axis=None):
        raise DataError(f"{path}: damaged (a label or a probability is out of range); train again")
    return table


def read_samples(folder: Path, chosen: Samples) -> dict[int, NDArray[np.uint8]]:
    """Read samples.npz: pictures by the index of their test image, shape (28, 28) each.

    Raises:
        DataError: if it is missing or damaged, or lacks a chosen image.
    """
    path = folder / SAMPLES
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            pictures = dict(zip(arrays["index"].tolist(), arrays["image"], strict=True))
    except FileNotFoundError as error:
        raise _missing(path) from error
    except Exception as error:  # NumPy and zipfile raise of many kinds on damaged files
        raise DataError(f"{path}: damaged ({error}); train again") from error
    if lacking := [index for index in chosen.indices() if index not in pictures]:
        raise DataError(f"{path}: lacks the picture of test image {lacking[0]}; train again")
    if any(picture.shape != IMAGE_SHAPE or picture.dtype != np.uint8 for picture in pictures.values()):
        raise DataError(f"{path}: damaged (a picture is not 28 x 28 bytes); train again")
    return pictures


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise _missing(path) from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error


def _missing(path: Path) -> DataError:
    return DataError(f"{path}: is not there; name the output folder of a finished run: --output DIR")
