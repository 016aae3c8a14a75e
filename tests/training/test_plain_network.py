from typing import Any

import keras
import numpy as np
import pytest
from plain_forward import predict

from job.config.run_config import Config
from job.data.dataset import scale_pixels
from job.results.network_npz import build_network
from job.training import networks
from job.training.plain_network import average_images, extract_layers

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


def test_the_mean_image_of_each_class() -> None:
    """Pixels are in [0, 1]."""
    images = RANDOM.integers(0, 256, (30, 28, 28), np.uint8)
    labels = np.arange(30, dtype=np.uint8) % 3
    means = average_images(images, labels, 3)
    assert means.shape == (3, 14, 14)
    for label, row, column in ((0, 0, 0), (1, 13, 5), (2, 7, 13)):
        square = images[label::3, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        assert means[label, row, column] == pytest.approx(square.mean() / 255, abs=1e-6)
