import keras
import numpy as np
import pytest

from job.config.run_config import Config
from job.training.first_layer import N_UNITS, extract_first_layer
from job.training.networks import build_network


def set_kernels(network: keras.Model, first: np.ndarray, second: np.ndarray) -> None:
    """Replace the weights of the first two layers that have any."""
    layers = [layer for layer in network.layers if hasattr(layer, "kernel")][:2]
    for layer, kernel in zip(layers, (first, second), strict=True):
        layer.kernel.assign(kernel)


def test_units_of_a_dense_layer_are_images() -> None:
    """Unit 7 has the largest weights, unit 3 the second largest; each is an image in row order."""
    network = build_network(10, Config(), seed=0)
    first, second = np.zeros((784, 128), np.float32), np.ones((128, 64), np.float32)
    first[28 * 4 + 9, 7], first[0, 3] = -8, 4
    set_kernels(network, first, second)
    weights = extract_first_layer(network)
    assert weights.shape == (N_UNITS, 28, 28)
    assert weights.dtype == np.float16
    assert np.argwhere(weights).tolist() == [[0, 4, 9], [1, 0, 0]]
    assert [weights[0, 4, 9], weights[1, 0, 0]] == [-1, 0.5]


def test_units_are_chosen_by_the_product_of_their_norms() -> None:
    """Doubling the weights into a unit and halving those out of it does not change the network, nor its rank."""
    network = build_network(10, Config(), seed=3)
    first, second = (np.array(weight) for weight in network.get_weights()[::2][:2])
    expected = np.argsort(-np.linalg.norm(first, axis=0) * np.linalg.norm(second, axis=1))[:N_UNITS]
    scale = np.where(np.arange(128) % 2, 4, 0.25).astype(np.float32)
    set_kernels(network, first * scale, second / scale[:, None])
    scaled = (first * scale)[:, expected].T.reshape(-1, 28, 28)
    assert extract_first_layer(network) == pytest.approx(scaled / np.abs(scaled).max(), abs=0.001)


def test_kernels_of_a_convolution() -> None:
    """All 16, in the order of their sizes."""
    network = build_network(10, Config(model="cnn"), seed=0)
    first, second = np.zeros((3, 3, 1, 16), np.float32), np.ones((2, 2, 16, 32), np.float32)
    first[1, 2, 0] = np.arange(1, 17)
    set_kernels(network, first, second)
    weights = extract_first_layer(network)
    assert weights.shape == (16, 3, 3)
    assert weights[:, 1, 2] == pytest.approx(np.arange(16, 0, -1) / 16, abs=0.001)
    assert not np.delete(weights.reshape(16, 9), 5, axis=1).any()


def test_a_layer_without_weights() -> None:
    """Zeros stay zeros."""
    network = build_network(10, Config(), seed=0)
    set_kernels(network, np.zeros((784, 128), np.float32), np.zeros((128, 64), np.float32))
    assert not extract_first_layer(network).any()
