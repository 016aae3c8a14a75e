"""Builds finished runs from synthetic predictions, without training and without TensorFlow."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from job.config.run_config import Config
from job.evaluation.intervals import wilson_interval
from job.evaluation.metrics import Labels
from job.evaluation.paired_comparison import Reference
from job.evaluation.predictions import Predictions
from job.evaluation.sample_selection import select_shown_images
from job.evaluation.seed_variation import SeedRun, summarize_seed_runs
from job.results.provenance import PACKAGES, DataSource, Environment, Provenance
from job.results.run import Run
from job.results.schema import History, RunRecord, Training

N_AUGMENTED = 8
FILE_NAMES = [f"{part}-{kind}" for part in ("train", "t10k") for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")]


def make_predictions(
    n: int = 100, n_classes: int = 10, *, n_wrong: int | None = None, with_reference: bool = False, seed: int = 0
) -> Predictions:
    """Predictions of which a fifth is wrong, unless `n_wrong` says otherwise; every class has images."""
    random = np.random.default_rng(seed)
    y_true = np.arange(n) % n_classes
    y_pred, y_reference = (_confuse(y_true, n_classes, n // 5 if n_wrong is None else n_wrong, random) for _ in "12")
    scores = random.normal(0, 1, (n, n_classes))
    scores[np.arange(n), y_pred] = scores.max(axis=1) + random.uniform(0.1, 4, n)
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return Predictions(
        y_true.astype(np.int16),
        probabilities.astype(np.float32),
        y_reference.astype(np.int16) if with_reference else None,
    )


def _confuse(y_true: Labels, n_classes: int, n_wrong: int, random: np.random.Generator) -> Labels:
    labels = y_true.copy()
    wrong = random.choice(len(labels), n_wrong, replace=False)
    labels[wrong] = (labels[wrong] + random.integers(1, n_classes, n_wrong)) % n_classes
    return labels


def make_training(*, n_epochs: int = 3, n_runs: int = 1, n_validation: int = 30, **settings: Any) -> Training:  # noqa: ANN401 - settings of Config
    """A training with these settings; its median run has the accuracy of `make_predictions()`."""
    config = Config(**{"epochs": n_epochs, "runs": n_runs} | settings)
    falling = [1 / (epoch + 2) for epoch in range(n_epochs)]
    rising = [1 - loss / 2 for loss in falling]
    validation = (falling, rising) if n_validation else ([], [])
    runs = [
        SeedRun(
            seed=config.seed + index,
            accuracy=0.8 + (index - (n_runs - 1) // 2) / 100,
            loss=0.5,
            val_accuracy=0.7 if n_validation else None,
            training_s=2.0 + index,
        )
        for index in range(n_runs)
    ]
    return Training(
        config=config,
        network="784-64-10, 50,890 parameters",
        n_train=300 - n_validation,
        n_validation=n_validation,
        history=History(falling, rising, [0.001] * n_epochs, *validation),
        seed_variation=summarize_seed_runs(runs) if n_runs > 1 else None,
    )


def make_provenance(*, is_fashion_mnist: bool = False) -> Provenance:
    """The provenance of a run on a data set called blocks."""
    return Provenance(
        started="2026-01-02T03:04:05+00:00",
        command="python -m job --epochs 3 --data /data/blocks",
        environment=Environment(
            job="0.4.0",
            python="3.12.1",
            platform="Linux-x86_64",
            device="CPU",
            device_name="Some Processor",
            n_threads=2,
            n_replicas=1,
            packages={name: f"{number}.2.3" for number, name in enumerate(PACKAGES)},
            revision="0123456789abcdef",
            image="",
        ),
        data=DataSource(
            name="Fashion-MNIST" if is_fashion_mnist else "blocks",
            is_fashion_mnist=is_fashion_mnist,
            source="given",
            folder="/data/blocks",
            sha256={name: f"{number:064x}" for number, name in enumerate(FILE_NAMES)},
        ),
        timings_s={"data": 0.5, "tensorflow": 2.0, "training": 3.0, "total": 5.5},
    )


TRAINING = make_training()


def make_run(
    predictions: Predictions | None = None,
    *,
    class_names: Sequence[str] = (),
    training: Training | None = TRAINING,
    is_fashion_mnist: bool = False,
    seed: int = 0,
) -> Run:
    """A finished run; with `y_reference` in its predictions, it has a comparison.

    Args:
        predictions: `make_predictions()` if None.
        class_names: `class 0`, `class 1`, … if empty.
        training: How the model was trained.
        is_fashion_mnist: Whether the data set is Fashion-MNIST.
        seed: Seed of the samples.
    """
    predictions = predictions or make_predictions()
    reference = Reference(
        folder="earlier",
        started="2026-01-01T00:00:00+00:00",
        command="python -m job --epochs 2",
        network="784-32-10",
        accuracy=0.5,
        accuracy_interval=wilson_interval(50, 100),
        loss=1.25,
        loss_interval=replace(wilson_interval(50, 100), upper=1.5),
    )
    record = RunRecord(
        class_names=class_names or [f"class {label}" for label in range(predictions.probabilities.shape[1])],
        seed=seed,
        reference=reference if predictions.y_reference is not None else None,
        training=training,
        provenance=make_provenance(is_fashion_mnist=is_fashion_mnist),
    )
    random = np.random.default_rng(seed)
    images = {index: random.integers(0, 256, (28, 28), np.uint8) for index in select_shown_images(predictions, seed)}
    n_epochs = len(training.history.loss) if training else 1
    n_augmented = N_AUGMENTED if training and training.config.augment != "none" else 0
    augmented = random.integers(0, 256, (n_augmented, 1 + n_epochs, 28, 28), np.uint8)
    return Run.from_predictions(record, predictions, images, augmented)
