import math
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from job.config.run_config import Config
from job.data.dataset import load_dataset, scale_pixels
from job.data.sources import Source
from job.errors import DivergenceError
from job.training import networks, train

pytestmark = pytest.mark.training


def train_on(folder: Path, config: Config) -> tuple[keras.Model, dict[str, list[float]]]:
    dataset = load_dataset(Source(folder, "--data"))
    network = networks.build_network(dataset.n_classes, config, config.seed, train.count_steps(dataset, config))
    return network, train.train_network(network, dataset, config)


def test_history_has_a_value_per_epoch_and_falls(dataset_folder: Path) -> None:
    """Training learns an easy data set."""
    _, history = train_on(dataset_folder, Config(epochs=8))
    assert set(history) == {"loss", "accuracy", "learning_rate", "val_loss", "val_accuracy"}
    assert {len(values) for values in history.values()} == {8}
    assert history["loss"][-1] < history["loss"][0] / 2
    assert history["val_accuracy"][-1] > 0.9


def test_validation_is_the_end_of_the_training_images(dataset_folder: Path) -> None:
    """The validation metrics are those of the last tenth, which is held out."""
    network, history = train_on(dataset_folder, Config(epochs=2))
    dataset = load_dataset(Source(dataset_folder, "--data"))
    labels = keras.utils.to_categorical(dataset.train_labels[270:], 10)
    loss, accuracy = network.evaluate(scale_pixels(dataset.train_images[270:]), labels, verbose=0)
    assert history["val_loss"][-1] == pytest.approx(loss, rel=1e-5)
    assert history["val_accuracy"][-1] == pytest.approx(accuracy)


def test_no_validation_metrics_without_validation(dataset_folder: Path) -> None:
    """--validation-split 0 trains on all images."""
    _, history = train_on(dataset_folder, Config(epochs=1, validation_split=0))
    assert set(history) == {"loss", "accuracy", "learning_rate"}


def test_the_seed_determines_the_training(dataset_folder: Path) -> None:
    """Two trainings with the same seed end with the same weights and history."""
    (first, history), (second, again) = (train_on(dataset_folder, Config(epochs=2, seed=3)) for _ in range(2))
    assert history == again
    assert all(np.array_equal(a, b) for a, b in zip(first.get_weights(), second.get_weights(), strict=True))


def test_a_diverging_training_stops(dataset_folder: Path) -> None:
    """The error names the epoch and the learning rate."""
    with pytest.raises(DivergenceError, match=r"infinite or at least 1e\+12 in epoch 1 with --learning-rate 1e\+30"):
        train_on(dataset_folder, Config(learning_rate=1e30))


@pytest.mark.parametrize(
    "logs",
    [{"loss": 1e12}, {"loss": math.nan}, {"loss": math.inf}, {"loss": 1.0, "val_loss": 2e12}, {"val_loss": math.nan}],
    ids=str,
)
def test_a_loss_that_no_report_shows_is_a_divergence(logs: dict[str, float]) -> None:
    """A finite one, too, in the epoch where it occurs."""
    monitor = train._Monitor(Config(learning_rate=1000))
    monitor.on_epoch_begin(6)
    with pytest.raises(DivergenceError, match=r"in epoch 7 with --learning-rate 1000; lower the learning rate"):
        monitor.on_epoch_end(6, {"accuracy": 0.1, **logs})


def test_early_stopping_restores_the_best_weights(dataset_folder: Path) -> None:
    """Training ends after two epochs without a lower validation loss, with the weights of the lowest loss."""
    config = Config(epochs=40, learning_rate=0.05, early_stopping=2)
    network, history = train_on(dataset_folder, config)
    losses = history["val_loss"]
    best = int(np.argmin(losses))
    assert len(losses) == best + 3 < 40
    dataset = load_dataset(Source(dataset_folder, "--data"))
    labels = keras.utils.to_categorical(dataset.train_labels[270:], 10)
    loss, _ = network.evaluate(scale_pixels(dataset.train_images[270:]), labels, verbose=0)
    assert loss == pytest.approx(losses[best], rel=1e-4)


def test_plateau_halves_the_rate(dataset_folder: Path) -> None:
    """The learning rate is halved after two epochs without a lower validation loss."""
    _, history = train_on(dataset_folder, Config(epochs=12, learning_rate=0.05, schedule="plateau"))
    rates, losses = history["learning_rate"], history["val_loss"]
    assert all(np.isclose(rates[1:], rates[:-1]) | np.isclose(rates[1:], np.array(rates[:-1]) / 2))
    assert rates[-1] < 0.05 * 0.6
    first = next(epoch for epoch, rate in enumerate(rates) if rate < 0.05 * 0.6)
    assert min(losses[first - 1 : first + 1]) >= min(losses[: first - 1])


def test_validation_uses_the_average_of_the_weights(dataset_folder: Path) -> None:
    """The metrics of the last epoch are those of the final network, whose weights are the average."""
    network, history = train_on(dataset_folder, Config(epochs=3, learning_rate=0.01, average=0.9))
    dataset = load_dataset(Source(dataset_folder, "--data"))
    labels = keras.utils.to_categorical(dataset.train_labels[270:], 10)
    loss, _ = network.evaluate(scale_pixels(dataset.train_images[270:]), labels, verbose=0)
    assert history["val_loss"][-1] == pytest.approx(loss, rel=1e-4)
    without_average, _ = train_on(dataset_folder, Config(epochs=3, learning_rate=0.01))
    assert not np.allclose(without_average.get_weights()[0], network.get_weights()[0], atol=1e-4)


def test_cosine_ends_at_zero(dataset_folder: Path) -> None:
    """The rates at the end of each epoch follow half a cosine wave."""
    _, history = train_on(dataset_folder, Config(epochs=4, schedule="cosine"))
    expected = [0.0005 * (1 + np.cos(np.pi * epoch / 4)) for epoch in range(1, 5)]
    assert history["learning_rate"] == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize(("early_stopping", "expected"), [(0, (0.85, 0.75)), (2, (0.9, 0.25))])
def test_the_validation_is_that_of_the_final_weights(early_stopping: int, expected: tuple[float, float]) -> None:
    """Accuracy and loss are those of the last epoch, or with early stopping those of the epoch with the lowest loss."""
    history = {"val_loss": [0.5, 0.25, 0.75], "val_accuracy": [0.8, 0.9, 0.85]}
    assert train._select_validation(history, Config(early_stopping=early_stopping)) == expected
    assert train._select_validation({}, Config()) == (None, None)


def test_the_seed_decides_about_the_network(dataset_folder: Path) -> None:
    """A training does not depend on those before it in the same process."""
    dataset, strategy = load_dataset(Source(dataset_folder, "--data")), tf.distribute.get_strategy()
    alone, other, again = (train.build_and_train(dataset, Config(epochs=2, seed=seed), strategy) for seed in (4, 3, 4))
    assert alone.history == again.history != other.history
    assert alone.val_accuracy == alone.history["val_accuracy"][-1]
    assert alone.val_loss == alone.history["val_loss"][-1]
    assert all(map(np.array_equal, alone.network.get_weights(), again.network.get_weights()))
