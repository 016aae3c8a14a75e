"""Reduces a trained network to plain layers that need no framework: names, numbers and arrays."""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

Layer = dict[str, Any]
"""What `results/network_npz.py` describes: the kind of a layer, its options, and its arrays in float32."""

Floats = NDArray[np.float64]
WHITE = 255


def extract_layers(network: keras.Model) -> list[Layer]:
    """List the layers of a network of `networks.build_network`, without test-time augmentation.

    The normalization of a convolution becomes part of its parameters. After a pooling it cannot: a negative factor
    does not commute with the maximum, so it remains a layer of its own.

    Raises:
        TypeError: If there is a layer that has no plain counterpart.
    """
    layers: list[Layer] = []
    for layer in network.operations:  # `layers` would lack the functions of keras.ops
        _append(layers, layer)
    return [{name: _to_float32(value) for name, value in layer.items()} for layer in layers]


def halve_images(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Average each square of 2 x 2 pixels; returns pixels in [0, 1], shape (n, height / 2, width / 2)."""
    n, height, width = images.shape
    squares = images.reshape(n, height // 2, 2, width // 2, 2)
    result: NDArray[np.float32] = squares.mean(axis=(2, 4), dtype=np.float32) / np.float32(WHITE)
    return result


def _append(layers: list[Layer], layer: keras.layers.Layer) -> None:
    """Add a layer, or change the last one."""
    kind = type(layer).__name__
    match kind:
        case "InputLayer" | "ExpandDims" | "Dropout" | "Reshape":  # Reshape prepares the maximum
            return
        case "Flatten":
            layers.append({"kind": "flatten"})
        case "Dense":
            kernel, bias = _read_arrays(layer)
            layers.append({"kind": "dense", "activation": layer.activation.__name__, "kernel": kernel, "bias": bias})
        case "Conv2D":
            layers.append(_describe_convolution(layer))
        case "Max":
            layers.append({"kind": "max_pool", "size": 2})
        case "GlobalAveragePooling2D":
            layers.append({"kind": "mean_pool"})
        case "BatchNormalization":
            _normalize(layers, layer)
        case "ReLU":
            layers[-1]["activation"] = "relu"
        case _:
            raise TypeError(f"{kind} has no plain counterpart")


def _describe_convolution(layer: keras.layers.Conv2D) -> Layer:
    kernel, *bias = _read_arrays(layer)
    return {
        "kind": "convolution",
        "stride": layer.strides[0],
        "padding": _count_padding(layer),
        "activation": "linear",
        "kernel": kernel,
        "bias": bias[0] if bias else np.zeros(layer.filters),
    }


def _count_padding(layer: keras.layers.Conv2D) -> int:
    """The zeros on each side of the image, which TensorFlow derives from the size of the image."""
    if layer.padding == "valid":
        return 0
    size, stride = layer.kernel_size[0], layer.strides[0]
    n_zeros: int = max((layer.output.shape[1] - 1) * stride + size - layer.input.shape[1], 0)
    before, is_uneven = divmod(n_zeros, 2)
    if is_uneven:
        raise TypeError("a convolution with more padding on one side has no plain counterpart")
    return before


def _normalize(layers: list[Layer], layer: keras.layers.BatchNormalization) -> None:
    gamma, beta, mean, variance = _read_arrays(layer)
    scale = gamma / np.sqrt(variance + layer.epsilon)
    if layers[-1]["kind"] == "convolution":
        layers[-1]["kernel"] *= scale
        layers[-1]["bias"] = (layers[-1]["bias"] - mean) * scale + beta
    else:
        layers.append({"kind": "scale", "activation": "linear", "kernel": scale, "bias": beta - mean * scale})


def _read_arrays(layer: keras.layers.Layer) -> list[Floats]:
    return [np.asarray(array, np.float64) for array in layer.get_weights()]


def _to_float32(value: Any) -> Any:  # noqa: ANN401 - an option or an array of a layer
    return value.astype(np.float32) if isinstance(value, np.ndarray) else value
