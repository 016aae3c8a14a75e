"""Trains a network and stops a training that diverges."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from job.config.run_config import Config
from job.data.dataset import Dataset
from job.errors import DIVERGED_LOSS, DivergenceError
from job.log import log_stage
from job.training import networks
from job.training.compiled_trainer import CompiledTrainer
from job.training.progress_bar import show_progress

History = dict[str, list[float]]


@dataclass(frozen=True)
class TrainedNetwork:
    """A trained network and the course of its training.

    Attributes:
        network: The network with its final parameters.
        history: Metrics of each epoch, as `train_network` returns them.
        wall_time_s: Time to build and train the network.
        val_accuracy: Validation accuracy of the final parameters, or None without validation.
        val_loss: Validation loss of the final parameters, or None without validation.
    """

    network: keras.Model
    history: History
    wall_time_s: float
    val_accuracy: float | None
    val_loss: float | None


def build_and_train(dataset: Dataset, config: Config, strategy: tf.distribute.Strategy) -> TrainedNetwork:
    """Build the network of `config.seed` in the scope of the strategy, and train it.

    Raises:
        DivergenceError: If the loss of an epoch is NaN or infinite.
    """
    begun = time.monotonic()
    with strategy.scope():
        network = networks.build_network(dataset.n_classes, config, config.seed, count_steps(dataset, config))
    history = train_network(network, dataset, config)
    wall_time_s = time.monotonic() - begun
    return TrainedNetwork(network, history, wall_time_s, *_select_validation(history, config))


def count_steps(dataset: Dataset, config: Config) -> int:
    """Count the steps of the whole training, if it does not stop early."""
    return config.epochs * math.ceil(dataset.n_train(config.validation_split) / config.batch_size)


def train_network(
    network: keras.Model, dataset: Dataset, config: Config, callbacks: Sequence[keras.callbacks.Callback] = ()
) -> History:
    """Train a compiled network in place; the last training images are held out for validation.

    Returns:
        Keras's history: `loss`, `accuracy` and `learning_rate` of each epoch, and with validation `val_loss` and
        `val_accuracy`.

    Raises:
        DivergenceError: If the loss of an epoch is NaN or infinite.
    """
    n_train = dataset.n_train(config.validation_split)
    trainer = CompiledTrainer(network, dataset, n_train, config.batch_size, config.seed, augment=config.augmentations())
    with show_progress(config.epochs * trainer.n_steps) as show:
        return trainer.train(config.epochs, [*_build_callbacks(config), _Monitor(config), *callbacks], show)


def _select_validation(history: History, recipe: Config) -> tuple[float | None, float | None]:
    """Validation accuracy and loss of the last epoch, or with early stopping of the epoch with the lowest loss."""
    if losses := history.get("val_loss"):
        epoch = losses.index(min(losses)) if recipe.early_stopping else -1
        return history["val_accuracy"][epoch], losses[epoch]
    return None, None


def _build_callbacks(recipe: Config) -> list[keras.callbacks.Callback]:
    callbacks = []
    if recipe.average:
        callbacks.append(keras.callbacks.SwapEMAWeights())  # so that validation uses the average
    if recipe.schedule == "plateau":
        callbacks.append(keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=2, min_delta=0))
    if recipe.early_stopping:
        callbacks.append(keras.callbacks.EarlyStopping(patience=recipe.early_stopping, restore_best_weights=True))
    return callbacks


class _Monitor(keras.callbacks.Callback):  # type: ignore[misc] # Keras ships no types
    """Logs each epoch, records its learning rate, and stops a training that diverges."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self._config = config

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002 - Keras's signature
        self._begun = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None:
        if not all(value < DIVERGED_LOSS for value in logs.values()):  # not true for NaN either
            raise DivergenceError(
                f"the loss became NaN, infinite or at least {DIVERGED_LOSS:g} in epoch {epoch + 1} "
                f"with --learning-rate {self._config.learning_rate:g}; lower the learning rate"
            )
        values = ", ".join(f"{name} {value:.4f}" for name, value in logs.items() if name != "learning_rate")
        wall_time_s = time.monotonic() - self._begun
        log_stage("training", f"epoch {epoch + 1} of {self._config.epochs}: {values} ({wall_time_s:.1f} s)")
        # Keras adds this value to its history.
        logs["learning_rate"] = float(tf.convert_to_tensor(self.model.optimizer.learning_rate))
