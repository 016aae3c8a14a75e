"""Computes the probabilities of a `PlainNetwork` with NumPy, layer by layer."""

import numpy as np
from numpy.typing import NDArray

from job.results.network_npz import PlainNetwork
from job.results.plain_layers import Layer

Floats = NDArray[np.float64]
SHIFTS = ((-1, 0), (1, 0), (0, -1), (0, 1))


def predict(network: PlainNetwork, images: NDArray[np.uint8]) -> Floats:
    """The probabilities of images of shape (n, 28, 28), shape (n, n_classes)."""
    powers = _average_views(network, images) ** (1 / network.temperature)
    result: Floats = powers / powers.sum(axis=1, keepdims=True)
    return result


def _average_views(network: PlainNetwork, images: NDArray[np.uint8]) -> Floats:
    pixels = images / 255
    if network.views == "none":
        return _apply_layers(network, pixels)
    mean = _predict_both(network, pixels)
    if network.views == "flip":
        return mean
    padded = np.pad(pixels, ((0, 0), (1, 1), (1, 1)))
    shifted = [padded[:, 1 - down : 29 - down, 1 - right : 29 - right] for down, right in SHIFTS]
    result: Floats = (mean + np.mean([_predict_both(network, view) for view in shifted], axis=0)) / 2
    return result


def _predict_both(network: PlainNetwork, pixels: Floats) -> Floats:
    """The mean of the probabilities of images and mirror images."""
    return (_apply_layers(network, pixels) + _apply_layers(network, pixels[:, :, ::-1])) / 2


def _apply_layers(network: PlainNetwork, pixels: Floats) -> Floats:
    values = pixels[..., None]
    for layer, kernel, bias in zip(network.layers, network.kernels, network.biases, strict=True):
        values = _activate(layer, _apply(layer, kernel.astype(np.float64), bias.astype(np.float64), values))
    return values


def _apply(layer: Layer, kernel: Floats, bias: Floats, values: Floats) -> Floats:
    match layer.kind:
        case "flatten":
            return values.reshape(len(values), -1)
        case "dense":
            return values @ kernel + bias
        case "convolution":
            return _convolve(layer, kernel, values) + bias
        case "scale":
            return values * kernel + bias
        case "max_pool":
            n, height, width, channels = values.shape
            squares = values.reshape(n, height // layer.size, layer.size, width // layer.size, layer.size, channels)
            pooled: Floats = squares.max(axis=(2, 4))
            return pooled
        case "mean_pool":
            mean: Floats = values.mean(axis=(1, 2))
            return mean


def _convolve(layer: Layer, kernel: Floats, values: Floats) -> Floats:
    margin = (layer.padding, layer.padding)
    padded = np.pad(values, ((0, 0), margin, margin, (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape[:2], axis=(1, 2))
    patches = windows[:, :: layer.stride, :: layer.stride]  # (n, rows, columns, channels, height, width)
    result: Floats = np.tensordot(patches, kernel, ((4, 5, 3), (0, 1, 2)))
    return result


def _activate(layer: Layer, values: Floats) -> Floats:
    if layer.activation == "relu":
        return np.maximum(values, 0)
    if layer.activation == "softmax":
        exponentials = np.exp(values - values.max(axis=-1, keepdims=True))
        result: Floats = exponentials / exponentials.sum(axis=-1, keepdims=True)
        return result
    return values
