"""Trains the network of one seed and predicts the test images.

TensorFlow is imported by the functions that need it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from job.config.run_config import Config
from job.data.dataset import Dataset
from job.evaluation.predictions import Predictions
from job.log import Stopwatch
from job.results.network_npz import PlainNetwork, build_network, find_distances
from job.results.samples_npz import Learnt
from job.results.schema import History
from job.training.device import Device

if TYPE_CHECKING:
    import keras

    from job.training.train import TrainedNetwork


DISTANCE_QUANTILE = 0.99
"""Fraction of the test images within the distance limit; a picture that is farther away gets a warning."""


class Model(Protocol):
    """A trained network with test-time augmentation, in this process or not."""

    def save(self, path: Path) -> None:
        """Save it in Keras's format."""

    def export(self, folder: Path, formats: Sequence[str]) -> None:
        """Export it into a folder, which must exist."""


@dataclass(frozen=True)
class LoadedModel:
    """A network in the memory of this process."""

    network: "keras.Model"

    def save(self, path: Path) -> None:
        """Save it in Keras's format."""
        from job.training import export

        export.save_network(self.network, path)

    def export(self, folder: Path, formats: Sequence[str]) -> None:
        """Export it into a folder, which must exist."""
        from job.training import export

        export.export_network(self.network, folder, formats)


@dataclass(frozen=True, kw_only=True)
class SeedTraining:
    """The training of one seed, and where it took place.

    Attributes:
        network: The network in one line.
        wall_time_s: Time to build and train the network.
        val_accuracy: Validation accuracy of the final parameters, or None without validation.
        val_loss: Validation loss of the final parameters, or None without validation.
        temperature: Temperature that calibrates the model; None if it is not calibrated.
        keras: Settings of Keras by name.
    """

    seed: int
    network: str
    history: History
    wall_time_s: float
    val_accuracy: float | None
    val_loss: float | None
    temperature: float | None
    device: Device
    keras: Mapping[str, str | float]


@dataclass(frozen=True)
class TrainedSeed:
    """The network of one seed, its predictions of the test images, and what the report shows of its training."""

    training: SeedTraining
    model: Model
    plain: PlainNetwork
    predictions: Predictions
    augmented: NDArray[np.uint8]
    learnt: Learnt


def train_in_turn(config: Config, dataset: Dataset, device: Device, stopwatch: Stopwatch) -> Iterator[TrainedSeed]:
    """Train `config.runs` networks in this process, with the seeds from `config.seed` on.

    Each network has the parameters of a single run with its seed.

    Raises:
        DivergenceError: If a loss or a prediction is NaN or infinite.
    """
    for seed in range(config.seed, config.seed + config.runs):
        yield train_seed(replace(config, seed=seed, runs=1), dataset, device, stopwatch)


def train_seed(config: Config, dataset: Dataset, device: Device, stopwatch: Stopwatch) -> TrainedSeed:
    """Train the network of `config.seed` and predict the test images.

    Raises:
        DivergenceError: If a loss or a prediction is NaN or infinite.
    """
    from job.training import augmentation, first_layer, inference, networks
    from job.training.import_tensorflow import read_keras_settings
    from job.training.train import build_and_train

    n_train = dataset.n_train(config.validation_split)
    with stopwatch.stage("training") as stage:
        trained = build_and_train(dataset, config, device.create_strategy())
        description, n_epochs = networks.describe_network(trained.network), len(trained.history["loss"])
        stage.summary = f"{description}: {n_epochs} x {n_train:,} images"
    model = networks.with_test_time_augmentation(trained.network, config)
    model, temperature = _calibrate_model(model, config, dataset, stopwatch)
    with stopwatch.stage("prediction") as stage:
        probabilities = inference.predict_probabilities(model, dataset.test_images)
        stage.summary = f"{len(dataset.test_images):,} test images"
    learnt = Learnt(dataset.average_classes(n_train), first_layer.extract_first_layer(trained.network))
    return TrainedSeed(
        SeedTraining(
            seed=config.seed,
            network=description,
            history=History(**trained.history),
            wall_time_s=trained.wall_time_s,
            val_accuracy=trained.val_accuracy,
            val_loss=trained.val_loss,
            temperature=temperature,
            device=device,
            keras=read_keras_settings(),
        ),
        LoadedModel(model),
        _simplify_network(trained, temperature, learnt, dataset, config),
        Predictions(dataset.test_labels, probabilities),
        augmentation.build_examples(config.augmentations(), dataset.train_images[:n_train], config.seed, n_epochs),
        learnt,
    )


def _calibrate_model(
    model: "keras.Model", config: Config, dataset: Dataset, stopwatch: Stopwatch
) -> "tuple[keras.Model, float | None]":
    """Calibrate the model if the settings say so; returns it and its temperature."""
    from job.training import temperature

    if config.calibrate == "none":
        return model, None
    with stopwatch.stage("calibration") as stage:
        calibrated, fitted = temperature.calibrate_model(model, dataset, config)
        stage.summary = f"temperature {'none' if fitted is None else f'{fitted:.3f}'}"
    return calibrated, fitted


def _simplify_network(
    trained: "TrainedNetwork", temperature: float | None, learnt: Learnt, dataset: Dataset, config: Config
) -> PlainNetwork:
    """The network as plain arrays, and how far the test images are from the mean training images."""
    from job.training import plain_network

    means = plain_network.halve_images(learnt.class_means)
    distances = find_distances(dataset.test_images, means)
    layers = plain_network.extract_layers(trained.network)
    # Without other views, the last layer contains the temperature.
    after = temperature if temperature and config.test_time != "none" else 1.0
    return build_network(layers, config.test_time, means, float(np.quantile(distances, DISTANCE_QUANTILE)), after)
