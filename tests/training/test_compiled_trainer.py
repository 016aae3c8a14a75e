from collections.abc import Callable
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
from job.training import compiled_trainer, networks, resources
from job.training.augmentation import Augmentation
from job.training.compiled_trainer import Engine

N_TRAIN, BATCH_SIZE, EPOCHS = 270, 32, 3


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """Of 300 images; an epoch of 270 is 8 full batches and one of 14: ranges of 3, 2 and 3 steps."""
    monkeypatch.setattr(compiled_trainer, "STEPS_PER_BATCH", 3)
    return load_dataset(Source(write_dataset(tmp_path / "blocks"), "--data"))


def mlp() -> keras.Model:
    return networks.build(10, Config(), seed=1)


def by_muon() -> keras.Model:
    return networks.build(10, Config(optimizer="muon", weight_decay=0.05), seed=1)


def cnn() -> keras.Model:
    """A network with what an MLP has not: convolutions, and statistics of each batch."""
    keras.utils.set_random_seed(1)
    layers = keras.layers
    network = keras.Sequential(
        [
            keras.Input((28, 28)),
            layers.Reshape((28, 28, 1)),
            layers.Conv2D(4, 3, strides=2, use_bias=False),  # whose gradient would be rounding alone
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
    """Keras's own training with the batches in the order of the engine."""
    images, labels = scale_pixels(dataset.train_images), keras.utils.to_categorical(dataset.train_labels, 10)
    random = np.random.default_rng(seed)
    history: dict[str, list[float]] = {}
    for _ in range(EPOCHS):
        order = random.permutation(N_TRAIN)
        figures = network.fit(
            tf.data.Dataset.from_tensor_slices((images[order], labels[order])).batch(BATCH_SIZE),
            validation_data=(images[N_TRAIN:], labels[N_TRAIN:]),
            shuffle=False,
            verbose=0,
        ).history
        for name, values in figures.items():
            history.setdefault(name, []).extend(values)
    return history


@pytest.mark.parametrize("build", [mlp, by_muon, cnn])
def test_the_same_batches_give_what_plain_fit_gives(dataset: Dataset, build: Any) -> None:  # noqa: ANN401
    """The same weights, statistics of batches, losses and accuracies, to rounding."""
    ours, keras_own = build(), build()
    history = Engine(ours, dataset, N_TRAIN, BATCH_SIZE, seed=5).train(EPOCHS, [])
    expected = plain_fit(keras_own, dataset, seed=5)
    assert set(history) == set(expected) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    for name, values in expected.items():
        np.testing.assert_allclose(history[name], values, rtol=1e-4, err_msg=name)
    for weights, those in zip(ours.get_weights(), keras_own.get_weights(), strict=True):
        np.testing.assert_allclose(weights, those, rtol=1e-3, atol=1e-5)
    assert int(ours.optimizer.iterations) == EPOCHS * 9


def test_an_epoch_sees_each_image_once_in_a_new_order(dataset: Dataset) -> None:
    """The first 270, none of those that validate."""
    trained = Engine(mlp(), dataset, N_TRAIN, BATCH_SIZE, seed=5)
    orders = []
    for _ in range(2):
        trained._shuffle(0, {})
        orders.append(np.concatenate([trained._batches.numpy().ravel(), trained._rest.numpy()]))
    assert all(sorted(order) == list(range(N_TRAIN)) for order in orders)
    assert list(orders[0]) != list(orders[1])


def test_the_images_are_not_copied(dataset: Dataset) -> None:
    """On the CPU the tensor is the array's memory; an array that is not aligned is copied."""
    shared = Engine(mlp(), dataset, N_TRAIN, BATCH_SIZE, seed=5)._images[0]
    copied = compiled_trainer._resident(dataset.train_images[:, 1:])
    before = int(dataset.train_images[7, 1, 0])
    assert int(shared[7, 1, 0]) == int(copied[7, 0, 0]) == before
    dataset.train_images[7, 1, 0] = before ^ 1
    assert int(shared[7, 1, 0]) == before ^ 1
    assert int(copied[7, 0, 0]) == before


@pytest.mark.parametrize(("n_train", "batch_size"), [(256, 32), (270, 270), (270, 1), (270, 200)])
def test_batches_that_divide_the_images_or_do_not(dataset: Dataset, n_train: int, batch_size: int) -> None:
    """As many steps as there are batches."""
    network = mlp()
    Engine(network, dataset, n_train, batch_size, seed=5).train(1, [])
    assert int(network.optimizer.iterations) == -(-n_train // batch_size)


def test_the_calls_of_a_slow_network_become_short(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress is told after every step where a step takes longer than a call may, and less often where it does not."""
    monkeypatch.setattr(compiled_trainer, "FIRST_CALL", 2)
    monkeypatch.setattr(compiled_trainer, "SECONDS_PER_CALL", 0.0)
    told: list[int] = []
    trained = Engine(mlp(), dataset, N_TRAIN, BATCH_SIZE, seed=5)
    trained.train(2, [], told.append)
    assert told == [2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8]
    monkeypatch.setattr(compiled_trainer, "SECONDS_PER_CALL", 60.0)
    told.clear()
    trained.train(2, [], told.append)
    assert told == [1, 3, 5, 8, 3, 5, 8]


def test_a_step_is_traced_twice_in_all(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the full batches and for the rest; each further time would take a third of a second."""
    sizes: list[int] = []
    step = Engine._step

    def counted(self: Engine, indices: tf.Tensor) -> None:
        sizes.append(indices.shape[0])
        step(self, indices)

    monkeypatch.setattr(Engine, "_step", counted)
    Engine(mlp(), dataset, N_TRAIN, BATCH_SIZE, seed=5).train(2, [])
    assert sizes == [32, 14]


def train(dataset: Dataset, epochs: int, *callbacks: keras.callbacks.Callback) -> tuple[keras.Model, dict[str, Any]]:
    network = mlp()
    return network, Engine(network, dataset, N_TRAIN, BATCH_SIZE, seed=5).train(epochs, list(callbacks))


def test_early_stopping_restores_the_best_weights(dataset: Dataset) -> None:
    """A figure that only gets worse stops after the patience, with the weights of the first epoch."""
    worse = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(figure=epoch))
    first, _ = train(dataset, 1)
    stopping = keras.callbacks.EarlyStopping("figure", mode="min", patience=2, restore_best_weights=True)
    stopped, history = train(dataset, 9, worse, stopping)
    assert len(history["loss"]) == 3
    for weights, those in zip(stopped.get_weights(), first.get_weights(), strict=True):
        np.testing.assert_array_equal(weights, those)


def test_learning_rates_are_changed_between_epochs(dataset: Dataset) -> None:
    """By a schedule and on a plateau: the compiled loop takes the new one, and without one the weights stay."""
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch: 0.001 if epoch == 0 else 0.0)
    one, _ = train(dataset, 1)
    three, _ = train(dataset, 3, schedule)
    for weights, those in zip(one.get_weights(), three.get_weights(), strict=True):
        np.testing.assert_array_equal(weights, those)
    constant = keras.callbacks.LambdaCallback(on_epoch_end=lambda _, logs: logs.update(figure=1.0))
    network, _ = train(
        dataset, 3, constant, keras.callbacks.ReduceLROnPlateau("figure", factor=0.1, patience=1, mode="min")
    )
    assert float(network.optimizer.learning_rate) == pytest.approx(0.00001)


def test_checkpoints_hold_the_network_itself(dataset: Dataset, tmp_path: Path) -> None:
    """What is saved knows nothing of the engine, and predicts the same."""
    path = tmp_path / "model.keras"
    network, _ = train(dataset, 1, keras.callbacks.ModelCheckpoint(str(path)))
    loaded = keras.models.load_model(path)
    assert type(loaded) is type(network)
    images = scale_pixels(dataset.test_images)
    np.testing.assert_array_equal(loaded.predict(images, verbose=0), network.predict(images, verbose=0))


def test_a_log_has_a_line_per_epoch(dataset: Dataset, tmp_path: Path) -> None:
    """Of CSVLogger, the figures of the history."""
    _, history = train(dataset, 2, keras.callbacks.CSVLogger(str(tmp_path / "log.csv")))
    head, *lines = (tmp_path / "log.csv").read_text().splitlines()
    assert head == "epoch,accuracy,loss,val_accuracy,val_loss"
    assert [float(line.split(",")[2]) for line in lines] == pytest.approx(history["loss"])


def test_training_stops_at_nan(dataset: Dataset) -> None:
    """TerminateOnNaN sees the loss of a call."""
    network = mlp()
    network.optimizer.learning_rate = 1e30
    history = Engine(network, dataset, N_TRAIN, BATCH_SIZE, seed=5).train(5, [keras.callbacks.TerminateOnNaN()])
    assert len(history["loss"]) == 1


def test_augmented_images_train_and_plain_ones_validate(dataset: Dataset) -> None:
    """Plain `fit` on the images as they were changed ends with the same weights; those as they are validate."""
    ours, keras_own, names = mlp(), mlp(), ("flip", "shift", "erase")
    augmentation = Augmentation(names, N_TRAIN, seed=5)
    history = Engine(ours, dataset, N_TRAIN, BATCH_SIZE, seed=5, augmentation=augmentation).train(EPOCHS, [])
    random, again = np.random.default_rng(5), Augmentation(names, N_TRAIN, seed=5)
    labels = keras.utils.to_categorical(dataset.train_labels, 10)
    for epoch in range(EPOCHS):
        images = scale_pixels(again.apply(dataset.train_images[:N_TRAIN], again.draw()).numpy())
        order = random.permutation(N_TRAIN)
        figures = keras_own.fit(
            tf.data.Dataset.from_tensor_slices((images[order], labels[order])).batch(BATCH_SIZE),
            validation_data=(scale_pixels(dataset.train_images[N_TRAIN:]), labels[N_TRAIN:]),
            shuffle=False,
            verbose=0,
        ).history
        for name, (value,) in figures.items():
            assert history[name][epoch] == pytest.approx(value, rel=1e-4)
    for weights, those in zip(ours.get_weights(), keras_own.get_weights(), strict=True):
        np.testing.assert_allclose(weights, those, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(("build", "n_calls"), [(mlp, 0), (cnn, 1)])
def test_memory_is_kept_for_convolutions_alone(
    build: Callable[[], keras.Model], n_calls: int, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their steps are calls of their own, each of which takes and frees its memory."""
    calls: list[None] = []
    monkeypatch.setattr(resources, "keep_memory", lambda: calls.append(None))
    Engine(build(), dataset, N_TRAIN, BATCH_SIZE, seed=0).train(1, [])
    assert len(calls) == n_calls
