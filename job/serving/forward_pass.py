"""Computes the probabilities of a plain network with NumPy alone; convolutions are matrix products."""

import numpy as np
from numpy.typing import NDArray

from job.config.recipes import TestTime
from job.results.network_npz import SIDE, PlainNetwork
from job.results.plain_layers import Layer

Floats = NDArray[np.float32]

BLOCK = 20
"""Images that pass through the layers together: more do not fit into the caches of a processor."""
SHIFTS = ((-1, 0), (1, 0), (0, -1), (0, 1))
"""Pixels by which `flip-shift` shifts an image: down, right."""


def predict(network: PlainNetwork, images: Floats) -> Floats:
    """Predict the probability of each class for images with pixels in [0, 1], shape (n, 28, 28).

    Returns:
        Rows that sum to 1, shape (n, n_classes).
    """
    probabilities = _average_views(network, images)
    if network.temperature == 1:
        return probabilities
    powers = probabilities ** np.float32(1 / network.temperature)
    powers /= powers.sum(axis=1, keepdims=True)
    return powers


def _average_views(network: PlainNetwork, images: Floats) -> Floats:
    """The mean of the probabilities over the views of each image."""
    views = create_views(images, network.views)
    stacked = np.concatenate([view for _, view in views]) if len(views) > 1 else images
    blocks = (stacked[start : start + BLOCK] for start in range(0, len(stacked), BLOCK))
    probabilities = np.concatenate([_apply_layers(network, block) for block in blocks])
    if len(views) == 1:
        return probabilities
    weights = np.array([weight for weight, _ in views], np.float32)
    return np.tensordot(weights, probabilities.reshape(len(views), len(images), -1), axes=1)


def count_multiplications(network: PlainNetwork) -> int:
    """Count the multiplications for one image, over all its views."""
    shape: tuple[int, ...] = (1, SIDE, SIDE, 1)
    values = np.zeros(shape, np.float32)
    n = 0
    for layer, kernel, bias in zip(network.layers, network.kernels, network.biases, strict=True):
        values = _apply(layer, kernel, bias, values)
        n_places = values.size // values.shape[-1]
        n += kernel.size * n_places
    return n * len(create_views(np.zeros((1, SIDE, SIDE), np.float32), network.views))


def create_views(images: Floats, views: TestTime) -> list[tuple[float, Floats]]:
    """Return each view of the images with its weight; the weights sum to 1."""
    if views == "none":
        return [(1.0, images)]
    if views == "flip":
        return [(0.5, view) for view in _mirror(images)]
    shifted = [view for down, right in SHIFTS for view in _mirror(_shift(images, down, right))]
    return [*((0.25, view) for view in _mirror(images)), *((0.5 / len(shifted), view) for view in shifted)]


def _mirror(images: Floats) -> tuple[Floats, Floats]:
    return images, images[:, :, ::-1]


def _shift(images: Floats, down: int, right: int) -> Floats:
    """Shift images by at most one pixel; the uncovered edge becomes black."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    return padded[:, 1 - down : 1 - down + SIDE, 1 - right : 1 - right + SIDE]


def _apply_layers(network: PlainNetwork, images: Floats) -> Floats:
    values = images[..., np.newaxis]
    for layer, kernel, bias in zip(network.layers, network.kernels, network.biases, strict=True):
        values = _apply(layer, kernel, bias, values)
    return values


def _apply(layer: Layer, kernel: Floats, bias: Floats, values: Floats) -> Floats:
    match layer.kind:
        case "flatten":
            values = values.reshape(len(values), -1)
        case "dense":
            values = values @ kernel
            values += bias
        case "convolution":
            values = _convolve(values, kernel, layer.stride, layer.padding)
            values += bias
        case "scale":
            values = values * kernel
            values += bias
        case "max_pool":
            values = _pool(values, layer.size)
        case "mean_pool":
            values = values.mean(axis=(1, 2))
    if layer.activation == "relu":
        np.maximum(values, 0, out=values)
    elif layer.activation == "softmax":
        values = np.exp(values - values.max(axis=1, keepdims=True))
        values /= values.sum(axis=1, keepdims=True)
    return values


def _convolve(images: Floats, kernel: Floats, stride: int, padding: int) -> Floats:
    """Correlate images, shape (n, height, width, channels), with a kernel: one product with all its positions."""
    if padding:
        images = np.pad(images, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    height, width, channels, n_outputs = kernel.shape
    windows = np.lib.stride_tricks.sliding_window_view(images, (height, width), axis=(1, 2))[:, ::stride, ::stride]
    rows = windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, height * width * channels)
    products = rows @ kernel.reshape(-1, n_outputs)
    result: Floats = products.reshape(*windows.shape[:3], n_outputs)
    return result


def _pool(images: Floats, size: int) -> Floats:
    """The maximum of each square."""
    result = images[:, ::size, ::size].copy()
    for row in range(size):
        for column in range(size):
            np.maximum(result, images[:, row::size, column::size], out=result)
    return result
