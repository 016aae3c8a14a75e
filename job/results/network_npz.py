"""Reads and writes network.npz: the trained network as plain arrays, which need no framework.

The file is an archive of NumPy arrays without pickle. `description` is JSON in UTF-8, as bytes:

    {"format": 1, "views": "flip", "temperature": 1.0, "distance_limit": 9.8,
     "layers": [{"kind": "dense", "activation": "relu"}, …]}

`kernel_0` and `bias_0` are the parameters of the first layer, float32. The input is one image of 28 x 28 pixels,
divided by 255. The layers apply in order; images have the shape (height, width, channels), kernels of convolutions
(height, width, channels in, channels out), kernels of dense layers (values in, values out).

| kind | computes |
|---|---|
| flatten | the values of an image in one row, row by row |
| dense | values @ kernel + bias |
| convolution | the correlation of the zero-padded image and the kernel, every `stride` pixels, + bias |
| scale | image * kernel + bias, per channel |
| max_pool | the maximum of each square of `size` pixels |
| mean_pool | the mean of each channel |

Then comes the `activation`: linear, relu or softmax. `views` says whose probabilities are averaged: `none` those of
the image, `flip` those of the image and its mirror image. `flip-shift` adds those of both after a shift of one pixel
in each of four directions; the two that are not shifted have half of the weight. The probabilities p of the model are
the softmax of log(p) / `temperature`.

`class_means` is the mean training image of each class at half of its height and width, shape (n_classes, 14, 14). An
image farther than `distance_limit` from all of them, each pixel repeated to 2 x 2, is unlike the data set.
"""

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from job.config.recipes import TestTime
from job.config.run_config import MAX_TEMPERATURE, MIN_TEMPERATURE
from job.results.file_names import NETWORK
from job.results.metrics_json import as_data_error, damaged
from job.results.plain_layers import WITH_PARAMETERS, Layer, Shape, find_shape
from job.system.regular_file import read_regular

Floats = NDArray[np.float32]

FORMAT: Literal[1] = 1
SIDE = 28
REDUCTION = 2
"""Pixels of an image for one of the mean image, in each direction."""
WHITE = 255
MAX_BYTES = 2**26  # 64 MiB; the networks of the job have about 1 MiB
MAX_LAYERS = 64
MAX_VALUES = 2**20  # values that a layer returns for an image; 28 x 28 x 16 in the networks of the job
MAX_CLASSES = 256


class _Description(msgspec.Struct, frozen=True):
    """The JSON in the file."""

    format: Literal[1]
    views: TestTime
    temperature: Annotated[float, msgspec.Meta(ge=MIN_TEMPERATURE, le=MAX_TEMPERATURE)]
    distance_limit: Annotated[float, msgspec.Meta(gt=0)]
    layers: Annotated[list[Layer], msgspec.Meta(min_length=1, max_length=MAX_LAYERS)]


@dataclass(frozen=True)
class PlainNetwork:
    """A trained network.

    Attributes:
        layers: The layers in the order in which they apply.
        kernels: Kernel of each layer; empty if it has none.
        biases: Bias of each layer, like `kernels`.
        views: The views of an image whose probabilities are averaged.
        temperature: Divides the logarithms of the averaged probabilities.
        class_means: Mean training image of each class, pixels in [0, 1], shape (n_classes, 14, 14).
        distance_limit: 99 % of the test images are at most this far from the nearest of the `class_means`.
    """

    layers: Sequence[Layer]
    kernels: Sequence[Floats]
    biases: Sequence[Floats]
    views: TestTime
    temperature: float
    class_means: Floats
    distance_limit: float

    @property
    def n_classes(self) -> int:
        """The number of classes."""
        return len(self.class_means)

    def distances(self, images: NDArray[np.uint8]) -> Floats:
        """Euclidean distance of each image, shape (n, 28, 28), to the nearest of the `class_means`, shape (n,)."""
        return find_distances(images, self.class_means)


def find_distances(images: NDArray[np.uint8], class_means: Floats) -> Floats:
    """Euclidean distance of each image, shape (n, 28, 28), to the nearest of the `class_means`, shape (n,).

    The unit is the difference between a black and a white pixel.
    """
    pixels = images.reshape(len(images), -1).astype(np.float32)
    means = class_means.repeat(REDUCTION, axis=1).repeat(REDUCTION, axis=2).reshape(len(class_means), -1)
    means = means * np.float32(WHITE)
    squares = np.einsum("ij,ij->i", pixels, pixels)[:, None] - pixels @ (2 * means).T + (means**2).sum(axis=1)
    distances: Floats = np.sqrt(np.maximum(squares.min(axis=1), 0)) / np.float32(WHITE)
    return distances


def build_network(
    layers: Sequence[Mapping[str, Any]],
    views: TestTime,
    class_means: Floats,
    distance_limit: float,
    temperature: float = 1.0,
) -> PlainNetwork:
    """Build a network from layers that are dictionaries of options and arrays.

    Raises:
        ValueError: If it is not sound.
    """
    empty = np.zeros(0, np.float32)
    options = [{name: each[name] for name in each if name not in {"kernel", "bias"}} for each in layers]
    network = PlainNetwork(
        layers=[msgspec.convert(each, Layer) for each in options],
        kernels=[layer.get("kernel", empty) for layer in layers],
        biases=[layer.get("bias", empty) for layer in layers],
        views=views,
        temperature=temperature,
        class_means=class_means,
        distance_limit=distance_limit,
    )
    _check(network)
    return network


def write_network(folder: Path, network: PlainNetwork) -> None:
    """Write network.npz into a folder; the same network gives the same bytes."""
    description = _Description(FORMAT, network.views, network.temperature, network.distance_limit, list(network.layers))
    arrays: dict[str, Any] = {
        name: array
        for kind, values in (("kernel", network.kernels), ("bias", network.biases))
        for name, array in ((f"{kind}_{index}", array) for index, array in enumerate(values))
        if array.size
    }
    content = np.frombuffer(msgspec.json.encode(description), np.uint8)
    np.savez(folder / NETWORK, description=content, class_means=network.class_means, **arrays)


def read_network(folder: Path, n_classes: int) -> PlainNetwork:
    """Read the network.npz of a folder, of a run with this number of classes.

    Raises:
        DataError: If the file is missing or damaged.
    """
    path = folder / NETWORK
    with as_data_error(path):
        content = read_regular(path, MAX_BYTES)
    try:
        network = _parse(_load_arrays(content))
    except Exception as error:  # NumPy, zipfile and msgspec raise many kinds on damaged files
        raise damaged(path, f"not a network: {error}") from error
    if network.n_classes != n_classes:
        raise damaged(path, f"it has {network.n_classes} classes, not {n_classes}")
    return network


def _load_arrays(content: bytes) -> dict[str, NDArray[Any]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(member.file_size for member in archive.infolist()) > MAX_BYTES:  # zipfile reads no byte more
            raise ValueError("larger than allowed")
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return dict(arrays)


def _parse(arrays: dict[str, NDArray[Any]]) -> PlainNetwork:
    description = msgspec.json.decode(arrays.pop("description").tobytes(), type=_Description)
    class_means = arrays.pop("class_means")
    layers = [msgspec.to_builtins(layer) for layer in description.layers]
    for index, layer in enumerate(description.layers):
        if layer.kind in WITH_PARAMETERS:
            layers[index] |= {"kernel": arrays.pop(f"kernel_{index}"), "bias": arrays.pop(f"bias_{index}")}
    if arrays:
        raise ValueError(f"`{min(arrays)}` is not part of a layer")
    views, limit, temperature = description.views, description.distance_limit, description.temperature
    return build_network(layers, views, class_means, limit, temperature)


def _check(network: PlainNetwork) -> None:
    """Raise a ValueError unless every layer fits the one before it and all numbers are finite."""
    for array in (*network.kernels, *network.biases, network.class_means):
        if array.dtype != np.float32 or not np.isfinite(array).all():
            raise ValueError("an array is not of finite float32 numbers")
    shape: Shape = (SIDE, SIDE, 1)
    for layer, kernel, bias in zip(network.layers, network.kernels, network.biases, strict=True):
        shape = find_shape(layer, kernel, bias, shape)
        if not 0 < np.prod(shape) <= MAX_VALUES:
            raise ValueError(f"a {layer.kind} layer returns {shape}")
    means = network.class_means
    if means.shape != (*shape, SIDE // REDUCTION, SIDE // REDUCTION) or not 1 < len(means) <= MAX_CLASSES:
        raise ValueError("`class_means` does not fit the last layer")
    *others, last = [layer.activation for layer in network.layers]
    if last != "softmax" or "softmax" in others:
        raise ValueError("the last layer must have a softmax, and no other one")
    if not 0 < network.distance_limit < np.inf:
        raise ValueError("`distance_limit` is not positive")
