from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from support import write_dataset

from job.config.run_config import Config
from job.data.dataset import Dataset, load_dataset, scale_pixels
from job.data.sources import Source
from job.training import compiled_trainer, networks
from job.training.augmentation import Augmentation
from job.training.compiled_trainer import CompiledTrainer

pytestmark = pytest.mark.training

N_TRAIN, BATCH_SIZE, EPOCHS = 270, 32, 3


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """300 images; an epoch of 270 has 8 full batches and one batch of 14."""
    return load_dataset(Source(write_dataset(tmp_path / "blocks"), "--data"))


def build_mlp() -> keras.Model:
    return networks.build_network(10, Config(), seed=1)


def build_mlp_with_muon() -> keras.Model:
    return networks.build_network(10, Config(optimizer="muon", weight_decay=0.05), seed=1)


def build_cnn() -> keras.Model:
    """Builds a network with convolutions and batch statistics, which an MLP lacks."""
    keras.utils.set_random_seed(1)
    layers = keras.layers
    network = keras.Sequential(
        [
            keras.Input((28, 28)),
            layers.Reshape((28, 28, 1)),
            layers.Conv2D(4, 3, strides=2, use_bias=False),  # a bias would have a gradient of rounding errors alone
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    schedule = keras.optimizers.schedules.CosineDecay(0.01, 100)
    network.compile(keras.optimizers.AdamW(schedule), loss="categorical_crossentropy", metrics=["accuracy"])
    return network


def plain_fit(network: keras.Model, dataset: Dataset, seed: int) -> dict[str, list[float]]:
    """Trains with Keras's own loop, with the batches in the trainer's order."""
    images, labels = scale_pixels(dataset.train_images), keras.utils.to_categorical(dataset.train_labels, 10)
    random = np.random.default_rng(seed)
    history: dict[str, list[float]] = {}
    for _ in range(EPOCHS):
        order = random.permutation(N_TRAIN)
        metrics = network.fit(
            tf.data.Dataset.from_tensor_slices((images[order], labels[order])).batch(BATCH_SIZE),
            validation_data=(images[N_TRAIN:], labels[N_TRAIN:]),
            shuffle=False,
            verbose=0,
        ).history
        for name, values in metrics.items():
            history.setdefault(name, []).extend(values)
    return history


@pytest.mark.parametrize("build", [build_mlp, build_mlp_with_muon, build_cnn])
def test_the_same_batches_give_what_plain_fit_gives(dataset: Dataset, build: Any) -> None:  # noqa: ANN401
    """Weights, batch statistics, losses and accuracies are the same up to rounding."""
    ours, keras_own = build(), build()
    history = CompiledTrainer(ours, dataset, N_TRAIN, BATCH_SIZE, seed=5).train(EPOCHS, [])
    expected = plain_fit(keras_own, dataset, seed=5)
    assert set(history) == set(expected) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    for name, values in expected.items():
        np.testing.assert_allclose(history[name], values, rtol=1e-4, err_msg=name)
    for weights, those in zip(ours.get_weights(), keras_own.get_weights(), strict=True):
        np.testing.assert_allclose(weights, those, rtol=1e-3, atol=1e-5)
    assert int(ours.optimizer.iterations) == EPOCHS * 9


def test_an_epoch_sees_each_image_once_in_a_new_order(dataset: Dataset) -> None:
    """Each epoch uses the first 270 images and none of the validation images."""
    trainer = CompiledTrainer(build_mlp(), dataset, N_TRAIN, BATCH_SIZE, seed=5)
    orders = []
    for _ in range(2):
        trainer._shuffle(0, {})
        orders.append(np.concatenate([trainer._batches.numpy().ravel(), trainer._rest.numpy()]))
    assert all(sorted(order) == list(range(N_TRAIN)) for order in orders)
    assert list(orders[0]) != list(orders[1])


def test_the_images_are_not_copied(dataset: Dataset) -> None:
    """On the CPU the tensor shares the array's memory."""
    shared = CompiledTrainer(build_mlp(), dataset, N_TRAIN, BATCH_SIZE, seed=5)._images[0]
    before = int(dataset.train_images[7, 1, 0])
    assert int(shared[7, 1, 0]) == before
    dataset.train_images[7, 1, 0] = before ^ 1
    assert int(shared[7, 1, 0]) == before ^ 1


@pytest.mark.parametrize(("n_train", "batch_size"), [(256, 32), (270, 270), (270, 1), (270, 200)])
def test_a_step_for_each_batch(dataset: Dataset, n_train: int, batch_size: int) -> None:
    """The number of steps is the number of batches, whether or not the batch size divides the images."""
    network = build_mlp()
    CompiledTrainer(network, dataset, n_train, batch_size, seed=5).train(1, [])
    assert int(network.optimizer.iterations) == -(-n_train // batch_size)


def test_calls_are_short_for_a_slow_network(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress is reported after every step if steps are slow, and less often if they are fast; epochs add up."""
    monkeypatch.setattr(compiled_trainer, "N_FIRST_STEPS", 2)
    monkeypatch.setattr(compiled_trainer, "SECONDS_PER_CALL", 0.0)
    reported: list[int] = []
    trainer = CompiledTrainer(build_mlp(), dataset, N_TRAIN, BATCH_SIZE, seed=5)
    trainer.train(2, [], reported.append)
    assert reported == [2, *range(3, 17)]
    monkeypatch.setattr(compiled_trainer, "SECONDS_PER_CALL", 60.0)
    reported.clear()
    trainer.train(2, [], reported.append)
    assert reported == [1, 8, 16]


def test_a_step_is_traced_twice_in_all(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step is traced for full batches and for the smaller batch; another trace would take a third of a second."""
    sizes: list[int] = []
    step = CompiledTrainer._train_step

    def record_size(self: CompiledTrainer, indices: tf.Tensor) -> None:
        sizes.append(indices.shape[0])
        step(self, indices)

    monkeypatch.setattr(CompiledTrainer, "_train_step", record_size)
    CompiledTrainer(build_mlp(), dataset, N_TRAIN, BATCH_SIZE, seed=5).train(2, [])
    assert sizes == [32, 14]


def train(dataset: Dataset, epochs: int, *callbacks: keras.callbacks.Callback) -> tuple[keras.Model, dict[str, Any]]:
    network = build_mlp()
    return network, CompiledTrainer(network, dataset, N_TRAIN, BATCH_SIZE, seed=5).train(epochs, list(callbacks))


def test_early_stopping_restores_the_best_weights(dataset: Dataset) -> None:
    """A metric that only gets worse stops training after the patience, with the weights of the first epoch."""
    worse = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(metric=epoch))
    first, _ = train(dataset, 1)
    stopping = keras.callbacks.EarlyStopping("metric", mode="min", patience=2, restore_best_weights=True)
    stopped, history = train(dataset, 9, worse, stopping)
    assert len(history["loss"]) == 3
    for weights, those in zip(stopped.get_weights(), first.get_weights(), strict=True):
        np.testing.assert_array_equal(weights, those)


def test_learning_rates_are_changed_between_epochs(dataset: Dataset) -> None:
    """The compiled loop uses the learning rate set between epochs by a scheduler or on a plateau."""
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch: 0.001 if epoch == 0 else 0.0)
    after_one, _ = train(dataset, 1)
    after_three, _ = train(dataset, 3, schedule)
    for weights, those in zip(after_one.get_weights(), after_three.get_weights(), strict=True):
        np.testing.assert_array_equal(weights, those)
    constant = keras.callbacks.LambdaCallback(on_epoch_end=lambda _, logs: logs.update(metric=1.0))
    network, _ = train(
        dataset, 3, constant, keras.callbacks.ReduceLROnPlateau("metric", factor=0.1, patience=1, mode="min")
    )
    assert float(network.optimizer.learning_rate) == pytest.approx(0.00001)


def test_a_log_has_a_line_per_epoch(dataset: Dataset, tmp_path: Path) -> None:
    """CSVLogger writes the metrics of the history."""
    _, history = train(dataset, 2, keras.callbacks.CSVLogger(str(tmp_path / "log.csv")))
    head, *lines = (tmp_path / "log.csv").read_text().splitlines()
    assert head == "epoch,accuracy,loss,val_accuracy,val_loss"
    assert [float(line.split(",")[2]) for line in lines] == pytest.approx(history["loss"])


def test_training_stops_at_nan(dataset: Dataset) -> None:
    """TerminateOnNaN receives the loss of an epoch."""
    network = build_mlp()
    network.optimizer.learning_rate = 1e30
    history = CompiledTrainer(network, dataset, N_TRAIN, BATCH_SIZE, seed=5).train(
        5, [keras.callbacks.TerminateOnNaN()]
    )
    assert len(history["loss"]) == 1


def test_augmented_images_train_and_plain_ones_validate(dataset: Dataset) -> None:
    """Plain `fit` on the same augmented images gives the same weights; validation images are not augmented."""
    ours, keras_own, names = build_mlp(), build_mlp(), ("flip", "shift", "erase")
    history = CompiledTrainer(ours, dataset, N_TRAIN, BATCH_SIZE, seed=5, augment=names).train(EPOCHS, [])
    random, again = np.random.default_rng(5), Augmentation(names, N_TRAIN, seed=5)
    labels = keras.utils.to_categorical(dataset.train_labels, 10)
    for epoch in range(EPOCHS):
        images = scale_pixels(again.apply(dataset.train_images[:N_TRAIN], again.sample_parameters()).numpy())
        order = random.permutation(N_TRAIN)
        metrics = keras_own.fit(
            tf.data.Dataset.from_tensor_slices((images[order], labels[order])).batch(BATCH_SIZE),
            validation_data=(scale_pixels(dataset.train_images[N_TRAIN:]), labels[N_TRAIN:]),
            shuffle=False,
            verbose=0,
        ).history
        for name, (value,) in metrics.items():
            assert history[name][epoch] == pytest.approx(value, rel=1e-4)
    for weights, those in zip(ours.get_weights(), keras_own.get_weights(), strict=True):
        np.testing.assert_allclose(weights, those, rtol=1e-3, atol=1e-5)
