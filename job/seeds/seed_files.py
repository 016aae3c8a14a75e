"""Hands the network of a seed as files from the process that trained it to the one that asked for it."""

from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from job.evaluation.predictions import Predictions
from job.results.file_names import MODEL
from job.results.network_npz import read_network, write_network
from job.results.samples_npz import Learnt
from job.seeds.trained_seed import Model, SeedTraining, TrainedSeed

TRAINING = "training.json"
ARRAYS = "arrays.npz"


def write_seed(folder: Path, trained: TrainedSeed) -> None:
    """Write the files of a seed."""
    trained.model.save(folder / MODEL)
    write_network(folder, trained.plain)
    np.savez(
        folder / ARRAYS,
        probabilities=trained.predictions.probabilities,
        augmented=trained.augmented,
        class_means=trained.learnt.class_means,
        first_layer=trained.learnt.first_layer,
    )
    (folder / TRAINING).write_bytes(msgspec.json.encode(trained.training))


def read_seed(folder: Path, y_true: NDArray[np.uint8], n_classes: int, model: Model) -> TrainedSeed:
    """Read what `write_seed` wrote, except for the model.

    Args:
        folder: The folder with the files.
        y_true: True class numbers of the test images, shape (n,).
        n_classes: The number of classes.
        model: The model of these files.
    """
    with np.load(folder / ARRAYS, allow_pickle=False) as arrays:
        return TrainedSeed(
            msgspec.json.decode((folder / TRAINING).read_bytes(), type=SeedTraining),
            model,
            read_network(folder, n_classes),
            Predictions(y_true, arrays["probabilities"]),
            arrays["augmented"],
            Learnt(arrays["class_means"], arrays["first_layer"]),
        )
