"""Trains a network and watches over it."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import tensorflow as tf

from job.config.run_config import Config
from job.data.dataset import Dataset
from job.errors import DivergenceError
from job.evaluation.seed_variation import Trial
from job.log import Bar, say
from job.training import networks, resources
from job.training.augmentation import Augmentation
from job.training.compiled_trainer import Engine

PLATEAU_FACTOR, PLATEAU_PATIENCE = 0.5, 2


@dataclass(frozen=True)
class Trained:
    """A network that was trained.

    Attributes:
        network: whose weights are those at the end.
        seed: of the training.
        history: as `train` gives it.
        wall_time_s: of building and training it.
    """

    network: keras.Model
    seed: int
    history: dict[str, list[float]]
    wall_time_s: float

    def trial(self, accuracy: float, loss: float, *, took_best: bool) -> Trial:
        """It among others, once the test images were judged.

        Args:
            accuracy: on them.
            loss: on them.
            took_best: whether its weights are those of the lowest validation loss, not the last.
        """
        val_accuracy = None
        if losses := self.history.get("val_loss"):
            val_accuracy = self.history["val_accuracy"][losses.index(min(losses)) if took_best else -1]
        return Trial(self.seed, accuracy, loss, val_accuracy, self.wall_time_s)


def train_each(dataset: Dataset, config: Config, strategy: tf.distribute.Strategy) -> list[Trained]:
    """Build and train `config.runs` networks, one after another; each is what a run with its seed alone would give.

    Args:
        dataset: whose last images validate.
        config: of the run.
        strategy: in whose scope they are built.

    Raises:
        DivergenceError: as `train` does.
    """
    trained = []
    for seed in range(config.seed, config.seed + config.runs):
        begun = time.monotonic()
        with strategy.scope():
            network = networks.build(dataset.n_classes, config, seed, n_steps(dataset, config))
        history = train(network, dataset, replace(config, seed=seed, runs=1))
        trained.append(Trained(network, seed, history, time.monotonic() - begun))
        if config.runs > 1:
            say("training", f"run {len(trained)} of {config.runs}, seed {seed} ({trained[-1].wall_time_s:.1f} s)")
    return trained


def n_steps(dataset: Dataset, config: Config) -> int:
    """How many steps the training takes, if nothing ends it early."""
    return config.epochs * math.ceil(dataset.n_train(config.validation_split) / config.batch_size)


def train(
    network: keras.Model, dataset: Dataset, config: Config, callbacks: Sequence[keras.callbacks.Callback] = ()
) -> dict[str, list[float]]:
    """Train `network` in place.

    Args:
        network: compiled.
        dataset: whose last images validate.
        config: of the run.
        callbacks: more of Keras's than the run asks for.

    Returns:
        Keras's history: `loss`, `accuracy`, `learning_rate` and, where images were held out, `val_loss` and
        `val_accuracy` per epoch.

    Raises:
        DivergenceError: as soon as the loss of an epoch is not a finite number.
    """
    n_train = dataset.n_train(config.validation_split)
    names = config.augmentations()
    augmentation = Augmentation(names, n_train, config.seed) if names else None
    engine = Engine(network, dataset, n_train, config.batch_size, config.seed, augmentation=augmentation)
    with Bar(config.epochs, engine.n_steps) as bar:
        watch = _Watch(bar, config.learning_rate)
        history = engine.train(config.epochs, [*_callbacks(config), watch, *callbacks], watch.progress)
    resources.give_back_memory()
    return history


def _callbacks(recipe: Config) -> list[keras.callbacks.Callback]:
    """Keras's own that a recipe asks for."""
    callbacks = []
    if recipe.average:
        callbacks.append(keras.callbacks.SwapEMAWeights())  # so that the average is what is validated
    if recipe.schedule == "plateau":
        callbacks.append(
            keras.callbacks.ReduceLROnPlateau(factor=PLATEAU_FACTOR, patience=PLATEAU_PATIENCE, min_delta=0)
        )
    if recipe.early_stopping:
        patience = recipe.early_stopping
        callbacks.append(keras.callbacks.EarlyStopping(patience=patience, restore_best_weights=True))
    return callbacks


class _Watch(keras.callbacks.Callback):  # type: ignore[misc] # Keras ships no types
    """Moves the bar and stops a training that has left the finite numbers."""

    def __init__(self, bar: Bar, learning_rate: float) -> None:
        super().__init__()
        self._bar = bar
        self._learning_rate = learning_rate
        self._epoch = 0

    def progress(self, n_steps: int) -> None:
        self._bar.step(self._epoch, n_steps)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002 - Keras's form
        self._epoch = epoch
        self._begun = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        self._demand_finite(logs or {})

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        figures = {} if logs is None else logs  # which Keras's history takes over
        self._demand_finite(figures)
        self._bar.epoch(epoch, figures, time.monotonic() - self._begun)
        figures["learning_rate"] = float(tf.convert_to_tensor(self.model.optimizer.learning_rate))

    def _demand_finite(self, figures: dict[str, Any]) -> None:
        if not all(math.isfinite(value) for value in figures.values()):
            raise DivergenceError(
                f"the loss is no longer a finite number in epoch {self._epoch + 1} at --learning-rate "
                f"{self._learning_rate:g}; lower the learning rate"
            )
