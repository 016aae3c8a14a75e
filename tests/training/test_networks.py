import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from job.config.recipes import OPTIMIZERS
from job.config.run_config import Config
from job.training import networks

pytestmark = pytest.mark.training

CNN = Config(model="cnn")


def random_images(n: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).random((n, 28, 28), np.float32)


def test_the_baseline() -> None:
    """Flatten, 128 relu, 64 relu, 10 softmax: 109,386 parameters, with Adam and categorical cross-entropy."""
    network = networks.build_network(10, Config(recipe="baseline"), seed=0)
    kinds = [type(layer).__name__ for layer in network.layers]
    assert kinds == ["InputLayer", "Flatten", "Dense", "Dense", "Dense"]
    assert [layer.units for layer in network.layers[2:]] == [128, 64, 10]
    assert [layer.activation.__name__ for layer in network.layers[2:]] == ["relu", "relu", "softmax"]
    assert network.count_params() == 784 * 128 + 128 + 128 * 64 + 64 + 64 * 10 + 10
    assert type(network.optimizer).__name__ == "Adam"
    assert float(network.optimizer.learning_rate) == pytest.approx(0.001)
    assert isinstance(network.loss, keras.losses.CategoricalCrossentropy)
    assert networks.describe_network(network) == "MLP 784-128-64-10, 109,386 parameters"


def test_the_mlp_recipe_has_the_same_weights() -> None:
    """The `mlp` recipe starts from the baseline's initial weights."""
    baseline, mlp = (networks.build_network(10, Config(recipe=name), seed=3) for name in ("baseline", "mlp"))
    assert all(np.array_equal(a, b) for a, b in zip(baseline.get_weights(), mlp.get_weights(), strict=True))


def test_the_cnn_is_small() -> None:
    """It has fewer than 300,000 parameters, moving statistics included, and returns probabilities."""
    network = networks.build_network(10, Config(recipe="cnn"), seed=0)
    assert network.count_params() < 300_000
    assert networks.describe_network(network).startswith("CNN ")
    assert networks.describe_network(network).endswith(f"-10, {network.count_params():,} parameters")
    np.testing.assert_allclose(network(random_images(3)).numpy().sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_the_last_layer_has_a_unit_for_each_class(name: str) -> None:
    """With two classes there are two outputs."""
    assert networks.build_network(2, Config(model=name), seed=0).output_shape == (None, 2)  # type: ignore[arg-type]


def test_the_seed_determines_the_initial_weights() -> None:
    """The same seed gives the same weights, another seed gives others."""
    first, again, other = (networks.build_network(10, Config(), seed).get_weights()[0] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_dropout_comes_before_the_last_layer() -> None:
    """The layer before the last one drops the requested fraction."""
    layer = networks.build_network(10, Config(dropout=0.25), seed=0).layers[-2]
    assert (type(layer).__name__, layer.rate) == ("Dropout", 0.25)


def test_label_smoothing_changes_the_loss() -> None:
    """A tenth of each label is spread over the ten classes."""
    network = networks.build_network(10, Config(label_smoothing=0.1), seed=0)
    y_true = np.eye(10, dtype=np.float32)[[3]]
    probabilities = np.full((1, 10), 0.02, np.float32)
    probabilities[0, 3] = 0.82
    expected = -(0.91 * np.log(0.82) + 9 * 0.01 * np.log(0.02))
    assert float(network.loss(y_true, probabilities)) == pytest.approx(expected, rel=1e-5)


def test_keras_alone_loads_a_saved_model(tmp_path: Path) -> None:
    """A model with any optimizer loads without this package and predicts the same."""
    images, expected = random_images(4), {}
    for name in OPTIMIZERS:
        config = Config(model="cnn", optimizer=name)
        network = networks.build_network(10, config, seed=0)
        networks.with_test_time_augmentation(network, config).save(tmp_path / f"{name}.keras")
        expected[name] = network(images).numpy()
    np.save(tmp_path / "images.npy", images)
    script = (
        "import keras, sys; import numpy as np; images = np.load('images.npy')\n"
        "for name in sys.argv[1:]: np.save(f'{name}.npy', keras.models.load_model(f'{name}.keras')(images))"
    )
    subprocess.run([sys.executable, "-I", "-c", script, *OPTIMIZERS], check=True, cwd=tmp_path)
    for name in OPTIMIZERS:
        np.testing.assert_allclose(np.load(tmp_path / f"{name}.npy"), expected[name], atol=1e-6)


@pytest.mark.parametrize("recipe", [Config(), CNN], ids=["mlp", "cnn"])
def test_test_time_augmentation_averages_predictions(recipe: Config, tmp_path: Path) -> None:
    """`flip` averages image and mirror image, also after loading; the shifted views together count as much."""
    network = networks.build_network(10, recipe, seed=0)
    model, images = networks.with_test_time_augmentation(network, Config(test_time="flip")), random_images(4)
    expected = (network(images).numpy() + network(images[:, :, ::-1]).numpy()) / 2
    np.testing.assert_allclose(model(images).numpy(), expected, rtol=1e-5)
    np.testing.assert_allclose(model(images[:, :, ::-1]).numpy(), expected, rtol=1e-5)
    shifted = np.zeros((4, *images.shape), np.float32)
    shifted[0, :, :-1], shifted[1, :, 1:], shifted[2, :, :, :-1], shifted[3, :, :, 1:] = (
        *(images[:, 1:], images[:, :-1]),
        *(images[:, :, 1:], images[:, :, :-1]),
    )
    mean_of_shifted = np.mean([model(view).numpy() for view in shifted], axis=0)
    flip_shift = networks.with_test_time_augmentation(network, Config(test_time="flip-shift"))
    np.testing.assert_allclose(flip_shift(images).numpy(), (expected + mean_of_shifted) / 2, rtol=1e-5)
    model.save(tmp_path / "model.keras")
    np.testing.assert_allclose(keras.models.load_model(tmp_path / "model.keras")(images).numpy(), expected, rtol=1e-5)
