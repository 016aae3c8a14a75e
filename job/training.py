"""Trains a network with Keras's own `fit`."""

import math
import time
from typing import Any

import keras

from job.config import Config
from job.data import Dataset, scale
from job.errors import DivergenceError
from job.progress import Bar


def train(model: keras.Model, dataset: Dataset, config: Config) -> dict[str, list[float]]:
    """Train `model` in place.

    Returns:
        Keras's history: `loss`, `accuracy` and, where images were held out, `val_loss` and `val_accuracy` per epoch.

    Raises:
        DivergenceError: at the end of the first epoch whose loss is not a finite number.
    """
    n_steps = math.ceil(dataset.n_train(config.validation_split) / config.batch_size)
    with Bar(config.epochs, n_steps) as bar:
        history: dict[str, list[float]] = model.fit(
            scale(dataset.train_images),
            keras.utils.to_categorical(dataset.train_labels, dataset.n_classes),
            batch_size=config.batch_size,
            epochs=config.epochs,
            validation_split=config.validation_split,
            callbacks=[_Watch(bar, config.learning_rate)],
            verbose=0,
        ).history
    return history


class _Watch(keras.callbacks.Callback):  # type: ignore[misc] # Keras ships no types
    """Moves the bar and stops a training that has left the finite numbers."""

    def __init__(self, bar: Bar, learning_rate: float) -> None:
        super().__init__()
        self._bar = bar
        self._learning_rate = learning_rate
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002 - Keras's form
        self._epoch = epoch
        self._begun = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002 - the same
        self._bar.step(self._epoch, batch + 1)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        figures = logs or {}
        if not all(math.isfinite(value) for value in figures.values()):
            raise DivergenceError(
                f"the loss is no longer a finite number in epoch {epoch + 1} at --learning-rate "
                f"{self._learning_rate:g}; lower the learning rate"
            )
        self._bar.epoch(epoch, figures, time.monotonic() - self._begun)
