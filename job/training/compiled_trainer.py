"""Runs many of Keras's own training steps in one compiled call, on images that stay on the device as bytes.

With such small networks, plain `fit` spends most of its time between steps. Here XLA compiles a loop over the steps.
"""

import ctypes
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from job.data.dataset import Dataset
from job.training.augmentation import Augmentation

SECONDS_PER_CALL = 0.25  # target; signals are handled and progress is reported between two calls
N_FIRST_STEPS = 4  # in the first call, which measures the time of a step
CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
"""Layers whose gradients are fast only outside XLA's loops, because inside a loop XLA does not rewrite them into a form
that is fast on a processor. With such layers TensorFlow runs the loop, and XLA compiles each step."""

VALIDATION_BATCH_SIZE = 1000  # does not affect the results


class CompiledTrainer(keras.Model):  # type: ignore[misc] # Keras ships no types
    """Trains a compiled network in place through Keras's `fit`, with its callbacks and history.

    Keras treats a whole epoch as one batch, so it calls `on_train_batch_end` once per epoch. Each epoch uses every
    training image once, in a new order, including a smaller last batch.

    A network built in the scope of a `tf.distribute.MirroredStrategy` is trained on all devices of the strategy; each
    takes an equal share of each batch. As in Keras, each device then computes its own batch statistics.

    Attributes:
        n_steps: Number of full batches in an epoch.

    Args:
        network: Takes pixels in [0, 1], shape (n, 28, 28); compiled with optimizer and loss.
        dataset: The first `n_train` training images are for training, the others for validation. On a CPU, TensorFlow
            shares their memory.
        n_train: At least `batch_size`; both are multiples of the number of devices.
        batch_size: Number of images in a step.
        seed: Seed of the order of the images and of their augmentation.
        augment: Names of the augmentations of the training images.
    """

    def __init__(  # noqa: PLR0913 - a training has this many settings
        self,
        network: keras.Model,
        dataset: Dataset,
        n_train: int,
        batch_size: int,
        seed: int,
        *,
        augment: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.network = network
        self._strategy = network.distribute_strategy
        self._n_devices = self._strategy.num_replicas_in_sync
        self._images, self._labels = [], []
        for device in self._strategy.extended.worker_devices if self._n_devices > 1 else [None]:
            with tf.device(device):
                self._images.append(tf.identity(tf.experimental.dlpack.from_dlpack(dataset.train_images.__dlpack__())))
                self._labels.append(tf.constant(dataset.train_labels))
        self._n_classes = dataset.n_classes
        self._n_train = n_train
        self.n_steps, n_rest = divmod(n_train, batch_size)
        self._steps_per_call = N_FIRST_STEPS
        self._thread = ThreadPoolExecutor(1)
        self._run_step = self._train_step
        self._batches = tf.Variable(tf.zeros((self.n_steps, batch_size), tf.int32), trainable=False)
        self._rest = tf.Variable(tf.zeros((n_rest,), tf.int32), trainable=False)
        self._random = np.random.default_rng(seed)
        self._augmentation = Augmentation(augment, n_train, seed)
        self._augmentation_parameters = tf.Variable(self._augmentation.sample_parameters(), trainable=False)
        with self._strategy.scope():
            self.compile(optimizer=network.optimizer, loss=network.loss, metrics=["accuracy"])
            self.build((None, *network.input_shape[1:]))
            self.optimizer.build(network.trainable_variables)
        self._create_metric_variables()
        self._compile()

    def train(
        self,
        epochs: int,
        callbacks: list[keras.callbacks.Callback],
        show_progress: Callable[[int], object] = lambda n_steps: None,  # noqa: ARG005
    ) -> dict[str, list[float]]:
        """Train the network for at least one epoch.

        Calls `show_progress` several times a second with the number of full batches so far.

        Returns:
            Keras's history, with `val_` metrics if there are validation images.
        """
        self._show_progress = show_progress
        n_images = len(self._images[0])
        validation = tf.data.Dataset.range(self._n_train, n_images).batch(VALIDATION_BATCH_SIZE)
        options = tf.data.Options()
        options.autotune.enabled = False  # autotuning so small a data set only costs processor time
        history: dict[str, list[float]] = self.fit(
            tf.data.Dataset.range(1).with_options(options),  # one call of `train_function` in each epoch
            epochs=epochs,
            validation_data=validation.with_options(options) if n_images > self._n_train else None,
            callbacks=[keras.callbacks.LambdaCallback(on_epoch_begin=self._shuffle), *callbacks],
            shuffle=False,  # Keras warns about its default
            verbose=0,
        ).history
        _return_freed_memory()
        return history

    def call(self, images: tf.Tensor, training: bool | None = None) -> tf.Tensor:  # noqa: FBT001 - Keras's signature
        """Call the network."""
        return self.network(images, training=training)

    def make_train_function(self, force: bool = False) -> None:  # noqa: FBT001, FBT002, ARG002 - Keras's signature
        """Make `fit` run all training steps of an epoch at once."""
        self.train_function = self._train_epoch

    def make_test_function(self, force: bool = False) -> None:  # noqa: FBT001, FBT002, ARG002 - Keras's signature
        """Make `fit` validate images by their indices."""
        self.test_function = lambda indices: self._validate_batch(next(indices))

    def _create_metric_variables(self) -> None:
        """Create the variables of the metrics, so that no function is traced twice."""
        one_hot = tf.one_hot([0], self._n_classes)
        run = partial(self._strategy.run, lambda: self.compute_metrics(None, one_hot, one_hot))
        compute_metrics = tf.function(run, autograph=False)
        if self._n_devices > 1:
            compute_metrics()  # tracing alone cannot create variables on several devices
        else:
            compute_metrics.get_concrete_function()  # calling it in many trainers would make TensorFlow warn

    def _compile(self) -> None:
        """Trace the other functions that training calls while XLA compiles the loop."""
        use_xla = self._n_devices == 1  # XLA does not support communication between devices
        compile_loop = use_xla and not any(isinstance(layer, CONVOLUTIONS) for layer in self.network.layers)
        if use_xla and not compile_loop:
            self._run_step = tf.function(self._train_step, jit_compile=True, autograph=False)
        loop = tf.function(self._run_steps, jit_compile=compile_loop, autograph=False)
        self._loop = loop.get_concrete_function(self._batches.value(), tf.constant(0), tf.constant(0))
        compilation = self._thread.submit(self._call_loop, 0, 0)
        if self._rest.shape[0]:
            train_rest = tf.function(self._train_step, autograph=False)
            self._train_rest = train_rest.get_concrete_function(self._rest.value())
        validate_batch = tf.function(self._validation_step, autograph=False)
        self._validate_batch = validate_batch.get_concrete_function(tf.TensorSpec((None,), tf.int64))
        compilation.result()
        _return_freed_memory()

    def _train_epoch(self, epochs: Iterator[tf.Tensor]) -> dict[str, Any]:
        """Run the full batches of an epoch in calls of about `SECONDS_PER_CALL`, then the smaller last batch."""
        next(epochs)
        start = 0
        while start < self.n_steps:
            stop = min(start + self._steps_per_call, self.n_steps)
            begun = time.monotonic()
            self._thread.submit(self._call_loop, start, stop).result()
            seconds_per_step = (time.monotonic() - begun) / (stop - start)
            self._steps_per_call = max(1, round(SECONDS_PER_CALL / seconds_per_step))
            self._show_progress(self._epoch * self.n_steps + stop)
            start = stop
        if self._rest.shape[0]:
            self._train_rest(self._rest.value())
        metrics: dict[str, Any] = self.get_metrics_result()
        return metrics

    def _call_loop(self, start: int, stop: int) -> None:
        """Run steps and wait for the device. Called in a thread, because a signal interrupts only the main thread."""
        self._loop(self._batches.value(), tf.constant(start), tf.constant(stop))
        self.optimizer.iterations.numpy()

    def _shuffle(self, epoch: int, _logs: dict[str, Any]) -> None:
        self._epoch = epoch
        order = self._random.permutation(self._n_train).astype(np.int32)
        n_full = self._batches.shape.num_elements()
        self._batches.assign(order[:n_full].reshape(self._batches.shape))
        self._rest.assign(order[n_full:])
        if self._augmentation.names and epoch:
            self._augmentation_parameters.assign(self._augmentation.sample_parameters())

    def _run_steps(self, batches: tf.Tensor, start: tf.Tensor, stop: tf.Tensor) -> None:
        def next_step(i: tf.Tensor) -> tuple[tf.Tensor]:
            self._run_step(batches[i])
            return (i + 1,)

        tf.while_loop(lambda i: i < stop, next_step, (start,))

    def _train_step(self, indices: tf.Tensor) -> None:
        """Run one of Keras's training steps; each device takes its share of the images."""
        shares = tf.split(indices, self._n_devices)
        self._strategy.run(lambda: self.train_step(self._gather_batch(shares, augment=True)))

    def _validation_step(self, indices: tf.Tensor) -> dict[str, tf.Tensor]:
        """Return the metrics so far; each device evaluates all images, which does not change the averages."""
        self._strategy.run(lambda: self.test_step(self._gather_batch([indices] * self._n_devices)))
        metrics: dict[str, tf.Tensor] = self.get_metrics_result()
        return metrics

    def _gather_batch(self, shares: list[tf.Tensor], *, augment: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """Gather images as the network expects them, and one-hot labels, on the device whose function is traced."""
        replica = int(tf.get_static_value(tf.distribute.get_replica_context().replica_id_in_sync_group))
        images = tf.gather(self._images[replica], shares[replica])
        if augment and self._augmentation.names:
            images = self._augmentation.apply(images, tf.gather(self._augmentation_parameters, shares[replica]))
        images = tf.cast(images, tf.float32) / 255.0
        return images, tf.one_hot(tf.gather(self._labels[replica], shares[replica]), self._n_classes)


def _return_freed_memory() -> None:
    """Make glibc return freed memory: 50 MiB after a compilation, 200 MiB after the training of a `cnn`."""
    with suppress(OSError, AttributeError, TypeError):  # other C libraries have no such function
        ctypes.CDLL(None).malloc_trim(0)
