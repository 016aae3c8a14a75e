"""Runs Keras's own training steps, many of them in one compiled call, on images that stay on the device as bytes.

Plain `fit` spends most of its time between the steps of so small a network. Here XLA compiles a loop over the steps.
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from job.data import Dataset

STEPS_PER_CALL = 256  # at most: signals are answered, and the bar moves, between two calls
VALIDATION_BATCH_SIZE = 1000  # no figure depends on it


class Engine(keras.Model):  # type: ignore[misc] # Keras ships no types
    """Trains a compiled network in place through Keras's `fit`, with its callbacks and history.

    What Keras calls a batch is a call here, of up to 256 steps: `on_train_batch_end` comes after each. Each epoch sees
    every training image once in a new order, the last, smaller batch included.

    Args:
        network: takes pixels in [0, 1], shape (n, 28, 28), and is compiled with optimizer and loss.
        dataset: its first `n_train` training images train, the others validate.
        n_train: at least `batch_size`.
        batch_size: images per step.
        seed: of the orders.
    """

    def __init__(self, network: keras.Model, dataset: Dataset, n_train: int, batch_size: int, seed: int) -> None:
        super().__init__()
        self.network = network
        self._images = tf.constant(dataset.train_images)
        self._labels = tf.constant(dataset.train_labels)
        self._n_classes = dataset.n_classes
        self._n_train = n_train
        self._n_steps, n_rest = divmod(n_train, batch_size)
        self._batches = tf.Variable(tf.zeros((self._n_steps, batch_size), tf.int32), trainable=False)
        self._rest = tf.Variable(tf.zeros((n_rest,), tf.int32), trainable=False)
        self._random = np.random.default_rng(seed)
        self._run = tf.function(self._steps, jit_compile=True)
        self.compile(optimizer=network.optimizer, loss=network.loss, metrics=["accuracy"])
        self.build((None, *network.input_shape[1:]))
        self.optimizer.build(network.trainable_variables)

    def train(self, epochs: int, callbacks: list[keras.callbacks.Callback]) -> dict[str, list[float]]:
        """Train; returns Keras's history, with `val_` figures where there are images that validate."""
        stops = self.stops()
        calls = tf.data.Dataset.from_tensor_slices((np.append(np.int32(0), stops[:-1]), stops))
        n_images = len(self._images)
        validation = tf.data.Dataset.range(self._n_train, n_images).batch(VALIDATION_BATCH_SIZE)
        options = tf.data.Options()
        options.autotune.enabled = False  # of a few numbers: it would take up to 2 s of the processor, and of its end
        history: dict[str, list[float]] = self.fit(
            calls.with_options(options),
            epochs=epochs,
            validation_data=validation.with_options(options) if n_images > self._n_train else None,
            callbacks=[keras.callbacks.LambdaCallback(on_epoch_begin=self._shuffle), *callbacks],
            shuffle=False,  # the calls
            verbose=0,
        ).history
        return history

    def stops(self) -> NDArray[np.int32]:
        """How many full batches of an epoch are done after each call, shape (n_calls,)."""
        n_calls = -(-self._n_steps // STEPS_PER_CALL)
        return np.linspace(0, self._n_steps, n_calls + 1).round().astype(np.int32)[1:]

    def call(self, images: tf.Tensor, training: bool | None = None) -> tf.Tensor:  # noqa: FBT001 - Keras's form
        """The network's."""
        return self.network(images, training=training)

    def train_step(self, data: tuple[tf.Tensor, tf.Tensor]) -> dict[str, Any]:
        """Run the full batches from one number to another; after the last, that of the rest."""
        start, stop = data
        self._run(self._batches.value(), start, stop)
        if self._rest.shape[0]:
            tf.cond(stop == self._n_steps, lambda: self._step(self._rest), lambda: 0)
        metrics: dict[str, Any] = self.get_metrics_result()
        return metrics

    def test_step(self, data: tf.Tensor) -> dict[str, Any]:
        """Judge the images with these indices."""
        metrics: dict[str, Any] = super().test_step(self._batch(data))
        return metrics

    def save(self, filepath: str, **options: Any) -> None:  # noqa: ANN401 - whatever Keras takes
        """Save the network itself, which knows nothing of this engine."""
        self.network.save(filepath, **options)

    def _shuffle(self, _epoch: int, _logs: dict[str, Any]) -> None:
        order = self._random.permutation(self._n_train).astype(np.int32)
        n_full = self._batches.shape.num_elements()
        self._batches.assign(order[:n_full].reshape(self._batches.shape))
        self._rest.assign(order[n_full:])

    def _steps(self, batches: tf.Tensor, start: tf.Tensor, stop: tf.Tensor) -> None:
        tf.while_loop(lambda i: i < stop, lambda i: (i + 1 + self._step(batches[i]),), (start,))

    def _step(self, indices: tf.Tensor) -> int:
        super().train_step(self._batch(indices))
        return 0

    def _batch(self, indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        images = tf.cast(tf.gather(self._images, indices), tf.float32) / 255.0
        return images, tf.one_hot(tf.gather(self._labels, indices), self._n_classes)
