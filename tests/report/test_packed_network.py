import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray
from plain_forward import predict
from support import make_run

from job.report.packed_network import ALPHABET, encode, pack_network
from job.report.page import render_page
from job.results.network_npz import PlainNetwork, build_network

if TYPE_CHECKING:
    from job.config.run_config import Layout

RANDOM = np.random.default_rng(5)


def decode(text: str) -> bytes:
    """The bytes of planes of low and high bytes."""
    content = b""
    for start in range(0, len(text), 11):
        number = 0
        for character in text[start : start + 11]:
            number = number * 94 + ALPHABET.index(character)
        content += number.to_bytes(9)
    return zlib.decompress(content[1 : len(content) - content[0]], -15)


def unpack(description: dict[str, Any], text: str) -> list[NDArray[np.float64]]:
    """The arrays of a packed network."""
    content, arrays = decode(text), []
    for each in description["arrays"]:
        n = int(np.prod(each["shape"]))
        low, high = (np.frombuffer(content, np.uint8, n, offset).astype(int) for offset in (0, n))
        content, codes = content[2 * n :], low + 256 * high
        steps = each["step"] * 2 ** (np.array(list(map(int, each.get("exponents", "0")))) / 2)
        integers = np.where(codes % 2, -(codes + 1) // 2, codes // 2)
        *rows, n_units = each["shape"]
        arrays.append(np.moveaxis(integers.reshape(n_units, *rows), 0, -1) * steps)
    assert content == b""
    return arrays


def smooth_images(n: int) -> NDArray[np.uint8]:
    """Images of two soft spots."""
    y, x = np.mgrid[:28, :28]
    centres = RANDOM.uniform(4, 24, (n, 2, 2, 1, 1))
    spots = np.exp(-((y - centres[:, :, 0]) ** 2 + (x - centres[:, :, 1]) ** 2) / 30).sum(axis=1)
    result: NDArray[np.uint8] = (255 * np.clip(spots, 0, 1)).astype(np.uint8)
    return result


def make_mlp(scale: float = 3) -> PlainNetwork:
    """A network like the baseline, with random weights."""
    layers: list[dict[str, Any]] = [{"kind": "flatten"}]
    for n_inputs, n_units in ((784, 60), (60, 40), (40, 5)):
        kernel = RANDOM.normal(size=(n_inputs, n_units)) * scale / np.sqrt(n_inputs)
        activation = "softmax" if n_units == 5 else "relu"
        bias = RANDOM.normal(size=n_units)
        arrays = {"kernel": kernel.astype(np.float32), "bias": bias.astype(np.float32)}
        layers.append({"kind": "dense", "activation": activation, **arrays})
    return build_network(layers, "none", RANDOM.random((5, 14, 14), np.float32), 7.5)


def restore(network: PlainNetwork, arrays: list[NDArray[np.float64]]) -> PlainNetwork:
    """The network with the arrays of the page."""
    values = iter(arrays[:-1])
    layers: list[dict[str, Any]] = []
    for layer in network.layers:
        options: dict[str, Any] = {"kind": layer.kind, "activation": layer.activation, "padding": layer.padding}
        if layer.kind in {"dense", "convolution"}:
            options |= {name: next(values).astype(np.float32) for name in ("kernel", "bias")}
        layers.append(options)
    return build_network(layers, network.views, arrays[-1].astype(np.float32), network.distance_limit)


def test_integers_read_back() -> None:
    """From -32768 to 32767; the text has only characters that a script may contain."""
    arrays = [np.array([[0, -1, 1], [-2, 32767, -32768]]), np.array([300])]
    text = encode(arrays)
    assert set(text) <= {chr(code) for code in range(32, 127)} - {"<"}
    assert decode(text) == bytes([0, 3, 1, 254, 2, 255, 0, 0, 0, 255, 0, 255]) + bytes([600 % 256, 600 // 256])


@pytest.mark.parametrize("n", range(1, 12))
def test_any_length_reads_back(n: int) -> None:
    """Zeros fill the last block."""
    integers = RANDOM.integers(-9, 9, n)
    codes = np.where(integers < 0, -2 * integers - 1, 2 * integers)
    assert decode(encode([integers])) == codes.astype(np.uint8).tobytes() + bytes(n)


def test_an_mlp_keeps_its_probabilities() -> None:
    """Within 0.01, in less than a third of the size of its float32 numbers."""
    network, images = make_mlp(), smooth_images(200)
    description, text = pack_network(network, images[:100])
    assert len(text) < 4 * 784 * 60 / 3
    restored = restore(network, unpack(description, text))
    expected, actual = predict(network, images), predict(restored, images)
    assert np.ptp(expected) > 0.9
    np.testing.assert_allclose(actual, expected, atol=0.01)
    np.testing.assert_allclose(restored.class_means, network.class_means, atol=1 / 256 + 1e-6)
    assert (description["views"], description["limit"]) == ("none", 7.5)


def test_a_convolutional_network_keeps_its_parameters() -> None:
    """Each within half a step: a 512th of the standard deviation of a small kernel."""
    kernel = RANDOM.normal(size=(3, 3, 1, 8)).astype(np.float32)
    dense = {"kernel": RANDOM.normal(size=(8, 3)).astype(np.float32), "bias": np.zeros(3, np.float32)}
    layers: list[dict[str, Any]] = [
        {"kind": "convolution", "padding": 1, "activation": "relu", "kernel": kernel, "bias": kernel[0, 0, 0]},
        {"kind": "mean_pool"},
        {"kind": "dense", "activation": "softmax", **dense},
    ]
    network = build_network(layers, "flip", np.zeros((3, 14, 14), np.float32), 1.0)
    description, text = pack_network(network, smooth_images(4))
    arrays = unpack(description, text)
    np.testing.assert_allclose(arrays[0], kernel, atol=kernel.std() / 512 / 2 + 1e-9)
    np.testing.assert_allclose(arrays[1], kernel[0, 0, 0], atol=1e-4)
    assert arrays[3].tolist() == [0, 0, 0]
    assert description["layers"] == [
        {"kind": "convolution", "activation": "relu", "padding": 1},
        {"kind": "mean_pool"},
        {"kind": "dense", "activation": "softmax"},
    ]


@pytest.mark.parametrize("scale", [0, 1e-6, 1e4])
def test_odd_networks(scale: float) -> None:
    """All weights zero, tiny or huge; black images: every number stays finite and close."""
    network = make_mlp(scale)
    arrays = unpack(*pack_network(network, np.zeros((2, 28, 28), np.uint8)))
    assert all(np.isfinite(array).all() for array in arrays)
    np.testing.assert_allclose(
        np.sort(np.abs(arrays[0]).sum(axis=0)), np.sort(np.abs(network.kernels[1]).sum(axis=0)), rtol=0.2
    )


def test_the_same_network_gives_the_same_text() -> None:
    """The page of a run is always the same."""
    network, images = make_mlp(), smooth_images(20)
    assert pack_network(network, images) == pack_network(network, images)


def test_only_fashion_mnist_asks_for_clothing() -> None:
    """Images of other data sets may be of anything; the page of its own in a folder says the same."""
    for is_fashion_mnist, subject in ((True, "a piece of clothing"), (False, "an image")):
        run = replace(make_run(is_fashion_mnist=is_fashion_mnist), network=make_mlp())
        layouts: dict[Layout, str] = {"single": "index.html", "folder": "try-it.html"}
        for layout, name in layouts.items():
            page = render_page(run, layout)[name].decode()
            assert f"<p>Draw {subject}, choose a picture or take a test image. " in page
