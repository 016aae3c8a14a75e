from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from plain_forward import predict
from served import make_images, make_network

from job.results.network_npz import PlainNetwork, build_network
from job.serving import forward_pass


def make_convolutional_network(views: Any) -> PlainNetwork:  # noqa: ANN401 - a name
    """A network with a layer of each kind."""
    random = np.random.default_rng(3)

    def normal(*shape: int) -> Any:  # noqa: ANN401 - an array
        return random.normal(size=shape).astype(np.float32) / 4

    layers: list[dict[str, Any]] = [
        {"kind": "convolution", "stride": 2, "padding": 1, "kernel": normal(4, 4, 1, 3), "bias": normal(3)},
        {"kind": "max_pool", "size": 2},
        {"kind": "scale", "activation": "relu", "kernel": normal(3), "bias": normal(3)},
        {"kind": "convolution", "padding": 1, "activation": "relu", "kernel": normal(3, 3, 3, 5), "bias": normal(5)},
        {"kind": "mean_pool"},
        {"kind": "dense", "activation": "softmax", "kernel": normal(5, 4), "bias": normal(4)},
    ]
    return build_network(layers, views, random.random((4, 14, 14), np.float32), 3.5)


@pytest.mark.parametrize("views", ["none", "flip", "flip-shift"])
@pytest.mark.parametrize("make", [make_network, make_convolutional_network])
@pytest.mark.parametrize("n", [1, 45])
def test_probabilities(make: Any, views: str, n: int) -> None:  # noqa: ANN401 - a function
    """They are those of the independent implementation in double precision, in blocks as well as alone."""
    network, images = make(views), make_images(n)
    probabilities = forward_pass.predict(network, images.astype(np.float32) / np.float32(255))
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities, predict(network, images), atol=1e-6)


@pytest.mark.parametrize("temperature", [0.2, 0.7, 20])
@pytest.mark.parametrize("views", ["none", "flip-shift"])
def test_temperature(views: str, temperature: float) -> None:
    """It divides the logarithms of the averaged probabilities, and the result sums to 1."""
    network, images = make_convolutional_network(views), make_images(5)
    pixels = images.astype(np.float32) / np.float32(255)
    logarithms = np.log(forward_pass.predict(network, pixels).astype(np.float64)) / temperature
    expected = np.exp(logarithms) / np.exp(logarithms).sum(axis=1, keepdims=True)
    calibrated = replace(network, temperature=temperature)
    np.testing.assert_allclose(forward_pass.predict(calibrated, pixels), expected, atol=1e-6)
    np.testing.assert_allclose(predict(calibrated, images), expected, atol=1e-6)


def test_the_multiplications() -> None:
    """They are those of a count by hand, for all views."""
    assert forward_pass.count_multiplications(make_network(n_units=32)) == 784 * 32 + 32 * 10
    assert forward_pass.count_multiplications(make_network("flip")) == 2 * (784 * 32 + 32 * 10)
    convolutions, scale, dense = 14 * 14 * (4 * 4 * 1) * 3 + 7 * 7 * (3 * 3 * 3) * 5, 7 * 7 * 3, 5 * 4
    assert forward_pass.count_multiplications(make_convolutional_network("none")) == convolutions + scale + dense
