from pathlib import Path

import keras
import numpy as np
import pytest

from job.config.run_config import Config
from job.data.dataset import load_dataset, scale_pixels
from job.data.sources import Source
from job.errors import DivergenceError
from job.evaluation.seed_variation import Trial
from job.training import networks
from job.training import train as training


def train(folder: Path, config: Config) -> tuple[keras.Model, dict[str, list[float]]]:
    dataset = load_dataset(Source(folder, "--data"))
    network = networks.build(dataset.n_classes, config, config.seed, training.n_steps(dataset, config))
    return network, training.train(network, dataset, config)


def test_history_has_a_value_per_epoch_and_falls(dataset_folder: Path) -> None:
    """An easy data set is learned."""
    _, history = train(dataset_folder, Config(epochs=8))
    assert set(history) == {"loss", "accuracy", "learning_rate", "val_loss", "val_accuracy"}
    assert {len(values) for values in history.values()} == {8}
    assert history["loss"][-1] < history["loss"][0] / 2
    assert history["val_accuracy"][-1] > 0.9


def test_validation_is_the_end_of_the_training_images(dataset_folder: Path) -> None:
    """The reported validation figures are those of the last tenth, which was never trained on."""
    network, history = train(dataset_folder, Config(epochs=2))
    dataset = load_dataset(Source(dataset_folder, "--data"))
    labels = keras.utils.to_categorical(dataset.train_labels[270:], 10)
    loss, accuracy = network.evaluate(scale_pixels(dataset.train_images[270:]), labels, verbose=0)
    assert history["val_loss"][-1] == pytest.approx(loss, rel=1e-5)
    assert history["val_accuracy"][-1] == pytest.approx(accuracy)


def test_without_validation_there_are_no_validation_figures(dataset_folder: Path) -> None:
    """--validation-split 0 trains on all."""
    _, history = train(dataset_folder, Config(epochs=1, validation_split=0))
    assert set(history) == {"loss", "accuracy", "learning_rate"}


def test_the_seed_gives_the_run(dataset_folder: Path) -> None:
    """Two runs with one seed end with the same weights and history."""
    (first, history), (second, again) = (train(dataset_folder, Config(epochs=2, seed=3)) for _ in range(2))
    assert history == again
    assert all(np.array_equal(a, b) for a, b in zip(first.get_weights(), second.get_weights(), strict=True))


def test_a_diverging_training_stops(dataset_folder: Path) -> None:
    """It says in which epoch, at which learning rate."""
    with pytest.raises(DivergenceError, match=r"epoch 1 at --learning-rate 1e\+30"):
        train(dataset_folder, Config(learning_rate=1e30))


def test_early_stopping_takes_back_the_best_weights(dataset_folder: Path) -> None:
    """Training ends after two epochs without a lower validation loss, with the weights of the lowest."""
    config = Config(epochs=40, learning_rate=0.05, early_stopping=2)
    network, history = train(dataset_folder, config)
    losses = history["val_loss"]
    best = int(np.argmin(losses))
    assert len(losses) == best + 3 < 40
    dataset = load_dataset(Source(dataset_folder, "--data"))
    labels = keras.utils.to_categorical(dataset.train_labels[270:], 10)
    loss, _ = network.evaluate(scale_pixels(dataset.train_images[270:]), labels, verbose=0)
    assert loss == pytest.approx(losses[best], rel=1e-4)


def test_plateau_halves_the_rate(dataset_folder: Path) -> None:
    """After two epochs without a lower validation loss."""
    _, history = train(dataset_folder, Config(epochs=12, learning_rate=0.05, schedule="plateau"))
    rates, losses = history["learning_rate"], history["val_loss"]
    assert all(np.isclose(rates[1:], rates[:-1]) | np.isclose(rates[1:], np.array(rates[:-1]) / 2))
    assert rates[-1] < 0.05 * 0.6
    first = next(epoch for epoch, rate in enumerate(rates) if rate < 0.05 * 0.6)
    assert min(losses[first - 1 : first + 1]) >= min(losses[: first - 1])


def test_the_average_of_the_weights_is_validated_and_taken(dataset_folder: Path) -> None:
    """The figures of the last epoch are those of the network that training leaves."""
    network, history = train(dataset_folder, Config(epochs=3, learning_rate=0.01, average=0.9))
    dataset = load_dataset(Source(dataset_folder, "--data"))
    labels = keras.utils.to_categorical(dataset.train_labels[270:], 10)
    loss, _ = network.evaluate(scale_pixels(dataset.train_images[270:]), labels, verbose=0)
    assert history["val_loss"][-1] == pytest.approx(loss, rel=1e-4)
    last, _ = train(dataset_folder, Config(epochs=3, learning_rate=0.01))
    assert not np.allclose(last.get_weights()[0], network.get_weights()[0], atol=1e-4)


def test_cosine_ends_at_nothing(dataset_folder: Path) -> None:
    """The rates at the ends of the epochs are those of half a wave."""
    _, history = train(dataset_folder, Config(epochs=4, schedule="cosine"))
    expected = [0.0005 * (1 + np.cos(np.pi * epoch / 4)) for epoch in range(1, 5)]
    assert history["learning_rate"] == pytest.approx(expected, abs=1e-8)


def test_a_trial_has_the_validation_accuracy_of_its_weights() -> None:
    """That of the last epoch, or of the one whose weights were taken back; none without validation."""
    history = {"val_loss": [0.5, 0.25, 0.75], "val_accuracy": [0.8, 0.9, 0.85]}
    trained = training.Trained(None, 7, history, 1.5)
    assert trained.trial(0.88, 0.3, took_best=False) == Trial(7, 0.88, 0.3, 0.85, 1.5)
    assert trained.trial(0.88, 0.3, took_best=True) == Trial(7, 0.88, 0.3, 0.9, 1.5)
    assert training.Trained(None, 7, {}, 1.5).trial(0.88, 0.3, took_best=False) == Trial(7, 0.88, 0.3, None, 1.5)
