from typing import Any

import keras
import numpy as np
import pytest
from plain_forward import predict

from job.config.run_config import Config
from job.data.dataset import scale_pixels
from job.results.network_npz import build_network
from job.training import networks
from job.training.plain_network import extract_layers, halve_images
from job.training.temperature import apply_temperature

pytestmark = pytest.mark.training

RANDOM = np.random.default_rng(1)
MEANS = RANDOM.random((10, 14, 14), np.float32)


@pytest.mark.parametrize("test_time", ["none", "flip", "flip-shift"])
@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_the_plain_network_predicts_the_same(model: Any, test_time: Any) -> None:  # noqa: ANN401 - names
    """With normalization that changes something: any mean and variance, factors of both signs."""
    config = Config(model=model, dropout=0.2, test_time=test_time)
    network = networks.build_network(10, config, seed=0)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = (RANDOM.normal(size=array.shape) for array in layer.get_weights())
            layer.set_weights([gamma, beta, mean / 4, np.abs(variance)])
    images = RANDOM.integers(0, 256, (20, 28, 28), np.uint8)
    expected = networks.with_test_time_augmentation(network, config)(scale_pixels(images), training=False).numpy()
    plain = build_network(extract_layers(network), test_time, MEANS, 1.0)
    np.testing.assert_allclose(predict(plain, images), expected, atol=1e-5)
    assert np.ptp(expected) > 0.1


def test_a_layer_without_a_plain_counterpart() -> None:
    """An error names it, instead of a network that predicts something else."""
    images = keras.Input((28, 28))
    with pytest.raises(TypeError, match="Softmax has no plain counterpart"):
        extract_layers(keras.Model(images, keras.layers.Softmax()(images)))


def test_images_at_half_size() -> None:
    """Pixels are in [0, 1]."""
    images = RANDOM.integers(0, 256, (3, 28, 28), np.uint8)
    halved = halve_images(images)
    assert halved.shape == (3, 14, 14)
    for index, row, column in ((0, 0, 0), (1, 13, 5), (2, 7, 13)):
        square = images[index, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        assert halved[index, row, column] == pytest.approx(square.mean() / 255, abs=1e-6)


@pytest.mark.parametrize("test_time", ["none", "flip-shift"])
def test_a_calibrated_network(test_time: Any) -> None:  # noqa: ANN401 - a name
    """With a single view, the temperature is in the last layer; with several views, it is a number of its own."""
    config = Config(model="mlp", test_time=test_time)
    network = networks.build_network(10, config, seed=0)
    model = apply_temperature(networks.with_test_time_augmentation(network, config), 1.7, config)
    images = RANDOM.integers(0, 256, (20, 28, 28), np.uint8)
    expected = model(scale_pixels(images), training=False).numpy()
    after = 1.0 if test_time == "none" else 1.7
    plain = build_network(extract_layers(network), test_time, MEANS, 1.0, after)
    np.testing.assert_allclose(predict(plain, images), expected, atol=1e-5)
