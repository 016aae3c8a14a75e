"""What test files share: paths, small data sets, edits of JSON files."""

import gzip
import json
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from job.config.run_config import Config
from job.data.fashion_mnist import FILES
from job.evaluation.calibration import Calibration
from job.evaluation.evaluate import Evaluation
from job.evaluation.intervals import wilson_interval
from job.evaluation.paired_comparison import Reference
from job.evaluation.predictions import Labels, Predictions, SeedPredictions, cross_entropy
from job.evaluation.sample_selection import select_shown_images
from job.evaluation.seed_variation import SeedRun, SeedVariation, summarize_seed_runs
from job.results.file_names import METRICS
from job.results.output_folder.manifest import read_manifest, write_manifest
from job.results.provenance import DataSource, Environment, Provenance
from job.results.run import Run
from job.results.samples_npz import Learnt
from job.results.schema import History, RunRecord, Training

REPOSITORY = Path(__file__).resolve().parent.parent

TEMPERATURE = 1.25
"""The temperature of a synthetic run that is calibrated."""

UInt8 = NDArray[np.uint8]

ErrorOf = Callable[..., str]
"""The type of the fixture `error_of`."""

CONTAINERS: list[str] = []
"""The table at the end of `make image-test`: status, wall time and options of each container that ran."""


def run_job(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Runs the job in a new process, which must succeed."""
    command = (sys.executable, "-m", "job", *map(str, arguments))
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)


def list_processes(word: str) -> list[str]:
    """The command lines of all processes that contain a word."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended
            found.append(path.read_text().replace("\0", " "))
    return [line for line in found if word in line]


def wait_until(condition: Callable[[], bool], timeout_s: float = 30) -> None:
    """Wait until something holds, which must happen."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether a process runs, and is not only waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def list_children(process: int) -> list[int]:
    """The IDs of the processes that a process with one thread has started; none after its end."""
    with suppress(FileNotFoundError):
        return [int(word) for word in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    return []


def write_idx(path: Path, values: UInt8) -> None:
    header = bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape)
    path.write_bytes(gzip.compress(header + values.tobytes(), mtime=0))


def write_dataset(folder: Path, *, n_train: int = 300, n_test: int = 100, n_classes: int = 10) -> Path:
    """A data set that can be learned: each class is a bright block in a place of its own, under noise."""
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng(7)
    for part, n in (("train", n_train), ("test", n_test)):
        labels = (np.arange(n) % n_classes).astype(np.uint8)
        images = random.integers(0, 100, (n, 28, 28), np.uint8)
        for image, label in zip(images, labels, strict=True):
            row, column = divmod(int(label) % 49, 7)
            image[4 * row : 4 * row + 4, 4 * column : 4 * column + 4] += 120
        write_idx(folder / FILES[f"{part}_images"], images)
        write_idx(folder / FILES[f"{part}_labels"], labels)
    return folder


def edited(edit: Callable[[dict[str, Any]], object]) -> Callable[[str], str]:
    """What edits the JSON of a file's text."""

    def change(text: str) -> str:
        content = json.loads(text)
        edit(content)
        return json.dumps(content)

    return change


FASHION_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


def make_predictions(n: int = 100, n_classes: int = 10, seed: int = 0, *, with_reference: bool = False) -> Predictions:
    """Predictions of a model that is right about three times in four; every class occurs if `n` allows it."""
    random = np.random.default_rng(seed)
    y_true = random.permutation(np.arange(n) % n_classes).astype(np.int16)
    scores = random.normal(size=(n, n_classes))
    scores[np.arange(n), y_true] += 2.5
    exponentials = np.exp(2 * scores)
    probabilities = (exponentials / exponentials.sum(axis=1, keepdims=True)).astype(np.float32)
    y_reference = np.where(random.random(n) < 0.6, y_true, random.integers(0, n_classes, n)).astype(np.int16)
    if not with_reference:
        return Predictions(y_true, probabilities)
    shares = random.dirichlet(np.ones(n_classes), n)
    p_reference = (np.eye(n_classes)[y_reference] + shares) / 2
    return Predictions(
        y_true, probabilities, p_reference.argmax(axis=1).astype(np.int16), p_reference.astype(np.float32)
    )


def calibration_of(evaluation: Evaluation) -> Calibration:
    """The calibration of an evaluation that has one."""
    assert evaluation.calibration is not None
    return evaluation.calibration


def predictions_of(run: Run) -> Predictions:
    """The predictions of a run that has probabilities."""
    assert isinstance(run.predictions, Predictions)
    return run.predictions


def make_other_seeds(y_true: Labels, n_classes: int, seeds: Sequence[int]) -> SeedPredictions:
    """Predictions of further seeds, which are right about three times in four."""
    random = np.random.default_rng(seeds)
    shape = (len(y_true), len(seeds))
    y_pred = np.where(random.random(shape) < 0.7, y_true[:, None], random.integers(0, n_classes, shape))
    p_true = np.where(y_pred == y_true[:, None], 0.6, 0.2) * random.uniform(0.9, 1.1, shape)
    return SeedPredictions(tuple(seeds), y_pred.astype(np.uint8), p_true.astype(np.float32))


def make_reference(predictions: Predictions, folder: str = "before") -> Reference:
    """The run that predicted `y_reference`."""
    is_correct = predictions.y_reference == predictions.y_true
    return Reference(
        folder=folder,
        started="2026-01-01T00:00:00+00:00",
        command="python -m job --seed 1",
        network="MLP 784-128-10",
        accuracy=float(np.mean(is_correct)),
        accuracy_interval=wilson_interval(int(np.sum(is_correct)), len(predictions.y_true)),
        loss=0.75,
        seed_variation=_make_reference_variation(predictions),
    )


def _make_reference_variation(predictions: Predictions) -> SeedVariation | None:
    """The variation of the reference if its other seeds are known; its own seed is 0."""
    others = predictions.reference_other_seeds
    if others is None or predictions.y_reference is None:
        return None
    runs = _list_seed_runs(predictions.y_true, predictions.y_reference, 0.75, 0, others, has_validation=True)
    return summarize_seed_runs(runs)


def make_training(predictions: Predictions, config: Config, n_train: int = 300) -> Training:
    """A training with a plausible history; with several runs, the reported one made the predictions."""
    n_validation = int(n_train * config.validation_split)
    curve = [round(1 / epoch, 3) for epoch in range(1, config.epochs + 1)]
    rising = [round(1 - loss / 2, 3) for loss in curve]
    return Training(
        config=config,
        network="MLP 784-128-10",
        n_train=n_train - n_validation,
        n_validation=n_validation,
        history=History(
            loss=curve,
            accuracy=rising,
            learning_rate=[config.learning_rate] * config.epochs,
            val_loss=curve if n_validation else [],
            val_accuracy=rising if n_validation else [],
        ),
        seed_variation=_make_seed_variation(predictions, config),
        temperature=TEMPERATURE if config.calibrate == "temperature" else None,
    )


def _make_seed_variation(predictions: Predictions, config: Config) -> SeedVariation | None:
    others, seed = predictions.other_seeds, find_reported_seed(config)
    if others is None:
        return None
    has_validation = config.validation_split > 0
    return summarize_seed_runs(
        _list_seed_runs(
            *(predictions.y_true, predictions.y_pred, predictions.loss, seed, others), has_validation=has_validation
        )
    )


def find_reported_seed(config: Config) -> int:
    """The second one if there is validation, so that it differs from the first."""
    return config.seed + (config.runs > 1 and config.validation_split > 0)


def _list_seed_runs(  # noqa: PLR0913 - each is a part of the runs
    y_true: Labels, y_pred: Labels, loss: float, seed: int, others: SeedPredictions, *, has_validation: bool
) -> list[SeedRun]:
    """A run for each seed; `seed`, which made `y_pred`, has the lowest validation loss."""
    columns = {seed: (y_pred, loss)}
    for index, other in enumerate(others.seeds):
        columns[other] = others.y_pred[:, index], float(cross_entropy(others.p_true[:, index]).mean())
    return [
        SeedRun(
            seed=each,
            accuracy=float(np.mean(columns[each][0] == y_true)),
            loss=columns[each][1],
            val_accuracy=0.8 if has_validation else None,
            val_loss=0.5 + 0.1 * abs(each - seed) if has_validation else None,
            training_s=2.5,
        )
        for each in sorted(columns)
    ]


def make_provenance(*, is_fashion_mnist: bool = True, is_trained: bool = True) -> Provenance:
    """A run on one processor."""
    return Provenance(
        started="2026-02-03T04:05:06+00:00",
        command="python -m job",
        environment=Environment(
            job="0.5.0",
            python="3.13.5",
            platform="Linux-6.12-x86_64-with-glibc2.41",
            device="CPU",
            device_name="Some Processor",
            n_threads=2,
            n_replicas=1,
            packages={"tensorflow": "2.21.0", "keras": "3.15.1", "numpy": "2.4.6"},
            keras={"backend": "tensorflow", "floatx": "float32", "epsilon": 1e-7, "image_data_format": "channels_last"},
            revision="0123456789abcdef0123456789abcdef01234567",
            image="",
        ),
        data=DataSource(
            name="Fashion-MNIST" if is_fashion_mnist else "blocks",
            is_fashion_mnist=is_fashion_mnist,
            source="folder",
            folder="/data",
            sha256={name: f"{number:064x}" for number, name in enumerate(FILES.values())},
        ),
        timings_s={"data": 0.5, "training": 2.5, "total": 4.0} if is_trained else {"data": 0.5, "total": 1.0},
    )


def make_run(  # noqa: PLR0913 - each is something that a test chooses
    *,
    n: int = 100,
    n_classes: int = 10,
    seed: int = 0,
    class_names: Sequence[str] | None = None,
    with_reference: bool = False,
    trained: bool = True,
    is_fashion_mnist: bool = True,
    predictions: Predictions | None = None,
    reference_runs: int = 1,
    **settings: Any,  # noqa: ANN401
) -> Run:
    """A finished run, made without TensorFlow.

    Args:
        n: Number of test images.
        n_classes: Number of classes.
        seed: Seed of the predictions, the images and the run.
        class_names: Class names; those of Fashion-MNIST if there are ten of them and `is_fashion_mnist`.
        with_reference: Whether the run is compared with a reference run.
        trained: Whether this job trained the model.
        is_fashion_mnist: Whether the data set is Fashion-MNIST.
        predictions: The predictions, if not random ones; replaces `n`, `n_classes` and `with_reference`.
        reference_runs: Number of trainings of the reference, the first of which made its predictions.
        settings: Settings of the run by the names of their fields, such as `runs`, `augment` and `epochs`.
    """
    predictions = predictions or make_predictions(n, n_classes, seed, with_reference=with_reference)
    n_classes = predictions.probabilities.shape[1]
    if class_names is None:
        is_fashion = is_fashion_mnist and n_classes == len(FASHION_NAMES)
        class_names = FASHION_NAMES if is_fashion else [f"class {label}" for label in range(n_classes)]
    config = Config(**{"epochs": 2, "seed": seed} | settings)
    if config.runs > 1 and trained:
        seeds = [each for each in range(config.seed, config.seed + config.runs) if each != find_reported_seed(config)]
        predictions = replace(predictions, other_seeds=make_other_seeds(predictions.y_true, n_classes, seeds))
    if reference_runs > 1:
        others = make_other_seeds(predictions.y_true, n_classes, range(1, reference_runs))
        predictions = replace(predictions, reference_other_seeds=others)
    record = RunRecord(
        class_names=class_names,
        seed=config.seed,
        reference=None if predictions.y_reference is None else make_reference(predictions),
        training=make_training(predictions, config) if trained else None,
        provenance=make_provenance(is_fashion_mnist=is_fashion_mnist, is_trained=trained),
    )
    random = np.random.default_rng(seed)
    shown = select_shown_images(predictions, config.seed)
    images = dict(zip(shown, random.integers(0, 256, (len(shown), 28, 28), np.uint8), strict=True))
    n_augmented = 8 if trained and config.augment != "none" else 0
    augmented = random.integers(0, 256, (n_augmented, 1 + min(config.epochs, 5), 28, 28), np.uint8)
    learnt = make_learnt(n_classes) if trained else None
    return Run.from_predictions(record, predictions, images, augmented, learnt)


def make_learnt(n_classes: int = 10, n_units: int = 24) -> Learnt:
    """Mean images and weights of a dense layer, at random."""
    random = np.random.default_rng(5)
    weights = random.uniform(-1, 1, (n_units, 28, 28)).astype(np.float16)
    return Learnt(random.integers(0, 256, (n_classes, 28, 28), np.uint8), weights)


def read_tree(folder: Path) -> dict[str, bytes]:
    """The content of all files in a folder and below, by relative path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def edit_metrics(folder: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    """Edit the content of metrics.json, so that only the content betrays it."""
    path = folder / METRICS
    path.write_text(edited(edit)(path.read_text(encoding="utf-8")), encoding="utf-8")
    seal(folder, METRICS)


def seal(folder: Path, *names: str) -> None:
    """Enter edited files into the manifest, as a program would that knows the format."""
    write_manifest(folder, names, read_manifest(folder))
