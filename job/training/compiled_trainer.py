"""Runs Keras's own training steps, many of them in one compiled call, on images that stay on the device as bytes.

Plain `fit` spends most of its time between the steps of so small a network. Here XLA compiles a loop over the steps.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from job.data.dataset import Dataset
from job.data.idx import ALIGNMENT
from job.training import resources
from job.training.augmentation import Augmentation

STEPS_PER_BATCH = 512  # at most, of what Keras takes for a batch
SECONDS_PER_CALL = 0.25  # about: signals are answered, and progress is told, between two calls of the device
FIRST_CALL = 4  # steps, to measure how long one takes
CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
"""Layers whose gradients XLA computes well only outside of its loops: the pass that brings them into the form which a
processor has fast code for does not look into loops. So the loop is then TensorFlow's, and each step in it compiled."""

VALIDATION_BATCH_SIZE = 1000  # no figure depends on it


class Engine(keras.Model):  # type: ignore[misc] # Keras ships no types
    """Trains a compiled network in place through Keras's `fit`, with its callbacks and history.

    What Keras takes for a batch are up to 512 steps here: `on_train_batch_end` comes after them. Each epoch sees every
    training image once in a new order, the last, smaller batch included.

    A network built in the scope of a `tf.distribute.MirroredStrategy` is trained on all its devices, each of which
    takes an equal share of each batch. Statistics of a batch are then each device's own, as they are with Keras.

    Attributes:
        network: the one that is trained.
        n_steps: the full batches of an epoch.

    Args:
        network: takes pixels in [0, 1], shape (n, 28, 28), and is compiled with optimizer and loss.
        dataset: its first `n_train` training images train, the others validate.
        n_train: at least `batch_size`; the number of devices divides both.
        batch_size: images per step.
        seed: of the orders.
        augmentation: of the images that train, or None.
    """

    def __init__(  # noqa: PLR0913 - what a training is made of
        self,
        network: keras.Model,
        dataset: Dataset,
        n_train: int,
        batch_size: int,
        seed: int,
        *,
        augmentation: Augmentation | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self._strategy = network.distribute_strategy
        self._n_devices = self._strategy.num_replicas_in_sync
        self._images, self._labels = [], []
        for device in self._strategy.extended.worker_devices if self._n_devices > 1 else [None]:
            with tf.device(device):
                self._images.append(_resident(dataset.train_images))
                self._labels.append(tf.constant(dataset.train_labels))
        self._n_classes = dataset.n_classes
        self._n_train = n_train
        self.n_steps, n_rest = divmod(n_train, batch_size)
        self._steps_per_call = FIRST_CALL
        self._thread = ThreadPoolExecutor(1)
        self._is_compiled = False
        self._run_step = self._step
        self._batches = tf.Variable(tf.zeros((self.n_steps, batch_size), tf.int32), trainable=False)
        self._rest = tf.Variable(tf.zeros((n_rest,), tf.int32), trainable=False)
        self._random = np.random.default_rng(seed)
        self._augmentation = augmentation
        if augmentation:
            self._drawn = tf.Variable(augmentation.draw(), trainable=False)
        with self._strategy.scope():
            self.compile(optimizer=network.optimizer, loss=network.loss, metrics=["accuracy"])
            self.build((None, *network.input_shape[1:]))
            self.optimizer.build(network.trainable_variables)
        # Makes the variables of the metrics, without which all is traced twice.
        anything = tf.one_hot([0], self._n_classes)
        first = tf.function(
            lambda: self._strategy.run(lambda: self.compute_metrics(None, anything, anything)), autograph=False
        )
        if self._n_devices > 1:
            first()  # a trace alone cannot make variables on several devices
        else:
            first.get_concrete_function()  # TensorFlow warns of many calls, where there are many engines

    def train(
        self,
        epochs: int,
        callbacks: list[keras.callbacks.Callback],
        progress: Callable[[int], None] = lambda n_steps: None,  # noqa: ARG005
    ) -> dict[str, list[float]]:
        """Train.

        Args:
            epochs: at least 1.
            callbacks: Keras's.
            progress: told several times a second how many steps of the epoch are done.

        Returns:
            Keras's history, with `val_` figures where there are images that validate.
        """
        self._progress = progress
        n_batches = -(-self.n_steps // STEPS_PER_BATCH)
        stops = np.linspace(0, self.n_steps, n_batches + 1).round().astype(np.int32)
        ranges = tf.data.Dataset.from_tensor_slices((stops[:-1], stops[1:]))
        n_images = len(self._images[0])
        validation = tf.data.Dataset.range(self._n_train, n_images).batch(VALIDATION_BATCH_SIZE)
        options = tf.data.Options()
        options.autotune.enabled = False  # of a few numbers: it would take up to 2 s of the processor, and of its end
        history: dict[str, list[float]] = self.fit(
            ranges.with_options(options),
            epochs=epochs,
            validation_data=validation.with_options(options) if n_images > self._n_train else None,
            callbacks=[keras.callbacks.LambdaCallback(on_epoch_begin=self._shuffle), *callbacks],
            shuffle=False,  # the ranges
            verbose=0,
        ).history
        return history

    def call(self, images: tf.Tensor, training: bool | None = None) -> tf.Tensor:  # noqa: FBT001 - Keras's form
        """The network's."""
        return self.network(images, training=training)

    def make_train_function(self, force: bool = False) -> None:  # noqa: FBT001, FBT002 - Keras's form
        """Have `fit` run many of Keras's training steps at once."""
        if force or not self._is_compiled:
            self._compile()
            self._is_compiled = True
            self.train_function = self._train_range

    def make_test_function(self, force: bool = False) -> None:  # noqa: FBT001, FBT002, ARG002 - Keras's form
        """Have `fit` judge images by their indices."""
        self.test_function = lambda indices: self._judge(next(indices))

    def save(self, filepath: str, **options: Any) -> None:  # noqa: ANN401 - whatever Keras takes
        """Save the network itself, which knows nothing of this engine."""
        self.network.save(filepath, **options)

    def _compile(self) -> None:
        """Trace what training calls, while XLA compiles the loop."""
        number = tf.TensorSpec((), tf.int32)
        compilable = self._n_devices == 1  # XLA takes no exchange between devices
        whole = compilable and not any(isinstance(layer, CONVOLUTIONS) for layer in self.network.layers)
        if compilable and not whole:
            resources.keep_memory()
            self._run_step = tf.function(self._step, jit_compile=True, autograph=False)
        self._loop = tf.function(self._steps, jit_compile=whole, autograph=False).get_concrete_function(
            tf.TensorSpec(self._batches.shape, tf.int32), number, number
        )
        compiled = self._thread.submit(self._advance, 0, 0)
        if self._rest.shape[0]:
            self._last = tf.function(self._step, autograph=False).get_concrete_function(
                tf.TensorSpec(self._rest.shape, tf.int32)
            )
        self._judge = tf.function(self._judgement, autograph=False).get_concrete_function(
            tf.TensorSpec((None,), tf.int64)
        )
        compiled.result()
        resources.give_back_memory()

    def _train_range(self, ranges: Iterator[tuple[tf.Tensor, tf.Tensor]]) -> dict[str, Any]:
        """Run the full batches of the next range of steps, in calls of a good length; after the last, the rest."""
        start, end = map(int, next(ranges))
        while start < end:
            stop = min(start + self._steps_per_call, end)
            begun = time.monotonic()
            self._thread.submit(self._advance, start, stop).result()
            seconds_per_step = (time.monotonic() - begun) / (stop - start)
            self._steps_per_call = max(1, round(SECONDS_PER_CALL / seconds_per_step))
            self._progress(stop)
            start = stop
        if end == self.n_steps and self._rest.shape[0]:
            self._last(self._rest.value())
        metrics: dict[str, Any] = self.get_metrics_result()
        return metrics

    def _advance(self, start: int, stop: int) -> None:
        """Run steps, and wait for the device; in a thread, since a signal would wait for a call of the main one."""
        self._loop(self._batches.value(), tf.constant(start), tf.constant(stop))
        self.optimizer.iterations.numpy()

    def _shuffle(self, epoch: int, _logs: dict[str, Any]) -> None:
        order = self._random.permutation(self._n_train).astype(np.int32)
        n_full = self._batches.shape.num_elements()
        self._batches.assign(order[:n_full].reshape(self._batches.shape))
        self._rest.assign(order[n_full:])
        if self._augmentation and epoch:
            self._drawn.assign(self._augmentation.draw())

    def _steps(self, batches: tf.Tensor, start: tf.Tensor, stop: tf.Tensor) -> None:
        def next_step(i: tf.Tensor) -> tuple[tf.Tensor]:
            self._run_step(batches[i])
            return (i + 1,)

        tf.while_loop(lambda i: i < stop, next_step, (start,))

    def _step(self, indices: tf.Tensor) -> None:
        """One of Keras's training steps, of which each device takes its share of the images."""
        shares = tf.split(indices, self._n_devices)
        self._strategy.run(lambda: self.train_step(self._batch(shares[_replica()], self._augmentation)))

    def _judgement(self, indices: tf.Tensor) -> dict[str, tf.Tensor]:
        """The metrics so far; each device judges all images, which leaves their averages as they are."""
        self._strategy.run(lambda: self.test_step(self._batch(indices)))
        metrics: dict[str, tf.Tensor] = self.get_metrics_result()
        return metrics

    def _batch(self, indices: tf.Tensor, augmentation: Augmentation | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        """Images as the network takes them, and one-hot labels."""
        replica = _replica()
        images = tf.gather(self._images[replica], indices)
        if augmentation:
            images = augmentation.apply(images, tf.gather(self._drawn, indices))
        images = tf.cast(images, tf.float32) / 255.0
        return images, tf.one_hot(tf.gather(self._labels[replica], indices), self._n_classes)


def _replica() -> int:
    """Which of the devices this is traced for."""
    return int(tf.get_static_value(tf.distribute.get_replica_context().replica_id_in_sync_group))


def _resident(images: NDArray[np.uint8]) -> tf.Tensor:
    """The images on the device; a CPU shares the array's memory, where that is aligned as `idx.read` aligns it."""
    if images.ctypes.data % ALIGNMENT:
        return tf.constant(images)
    return tf.identity(tf.experimental.dlpack.from_dlpack(images.__dlpack__()))
