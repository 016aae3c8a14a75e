"""The results of a run, and the files that keep them.

`metrics.json` holds every figure, `predictions.csv` a line per test image, `samples.npz` the pictures that the report
shows. `saved` reads them.
"""

import itertools
import json
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from job.config.run_config import Config
from job.data.dataset import Dataset
from job.evaluation.evaluate import Judgement
from job.evaluation.metrics import Labels
from job.evaluation.paired_comparison import Baseline, Comparison
from job.evaluation.seed_variation import Spread
from job.results.provenance import Environment

SCHEMA_VERSION = 4

METRICS = "metrics.json"
PREDICTIONS = "predictions.csv"
SAMPLES = "samples.npz"
MODEL = "model.keras"
REPORT = "index.html"
BASELINE = "baseline"
"""The last column of predictions.csv, where there is a comparison: the class that the earlier model predicted."""
FILES = (METRICS, PREDICTIONS, SAMPLES, MODEL, REPORT)

N_PROBABILITIES_AT_ONCE = 200_000  # of predictions.csv in memory as text, 128 bytes each


@dataclass(frozen=True)
class History:
    """One value per epoch; the `val_` lists are empty where no image was held out for validation.

    The training figures are Keras's: averages over the epoch, while the weights change. The learning rate and the
    validation figures are those at its end.
    """

    loss: list[float]
    accuracy: list[float]
    learning_rate: list[float]
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
        spread: over the seeds, where there was more than one training.
        comparison: with an earlier run, if one was named.
        timings_s: wall time of each stage in seconds, and `total` from the start of the job to these results.
    """

    schema_version: int = SCHEMA_VERSION
    started: str
    command: str
    model: str
    spread: Spread | None = None
    comparison: Comparison | None = None
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

    def pictured(self) -> list[int]:
        """Indices of the test images that the report shows, each once, ascending."""
        compared = self.comparison.indices() if self.comparison else []
        return sorted({*self.samples.indices(), *compared})


def size_bytes(n_test: int, n_classes: int) -> int:
    """About how much room the files of a run take, rather more than less."""
    prediction = 24 + 14 * n_classes
    return 4_000_000 + n_test * prediction


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


@dataclass(frozen=True)
class Evidence:
    """What lies behind the results.

    Attributes:
        probabilities: of each test image, shape (n_test, n_classes).
        augmented: training images, each followed by what training saw of it, shape (n, 1 + n_epochs, 28, 28).
        baseline: of the comparison, if there is one.
    """

    probabilities: NDArray[np.float32]
    augmented: NDArray[np.uint8]
    baseline: Baseline | None = None


def write(folder: Path, results: Results, dataset: Dataset, evidence: Evidence) -> None:
    """Write metrics.json, predictions.csv and samples.npz.

    Args:
        folder: where to.
        results: of the run.
        dataset: what it was judged on.
        evidence: of these results.
    """
    content = {"schema_version": SCHEMA_VERSION} | msgspec.to_builtins(results)
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / METRICS).write_text(text + "\n", encoding="utf-8")
    y_earlier = evidence.baseline.y_pred if evidence.baseline else None
    _write_predictions(folder / PREDICTIONS, dataset.test_labels, evidence.probabilities, y_earlier)
    indices = np.array(results.pictured(), np.int64)
    images = dataset.test_images[indices]
    np.savez_compressed(folder / SAMPLES, index=indices, image=images, augmented=evidence.augmented)


def _write_predictions(
    path: Path, y_true: Labels, probabilities: NDArray[np.float32], y_earlier: Labels | None = None
) -> None:
    """A line per test image; the probabilities have the digits that give back the same float32."""
    n, n_classes = probabilities.shape
    columns = ["index", "true", "predicted", *(f"p_{label}" for label in range(n_classes))]
    columns += [] if y_earlier is None else [BASELINE]
    step = max(N_PROBABILITIES_AT_ONCE // n_classes, 1)
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(columns) + "\n")
        for start in range(0, n, step):
            part = probabilities[start : start + step]
            labels = zip(y_true[start : start + step].tolist(), part.argmax(axis=1).tolist(), strict=True)
            earlier = [] if y_earlier is None else y_earlier[start : start + step].tolist()
            ends = (f",{label}" for label in earlier) if earlier else itertools.repeat("")
            rows = zip(range(start, n), labels, part.astype(str), ends, strict=False)
            file.writelines(f"{i},{true},{predicted},{','.join(row)}{end}\n" for i, (true, predicted), row, end in rows)
