"""Packs a network into little text for the page: rounded parameters, deflated, in base 85.

The class of an image must almost never change, nor its probabilities by 0.01, in about 7 bits a parameter. Three
things help:

- The first dense layer of an MLP has most of the parameters, and its inputs are pixels, of which neighbours are
  alike. When a row of its kernel has been rounded, the rows after it take over the error as well as the correlation
  of the pixels allows (GPTQ, arXiv 2210.17323). The images in the report and their shifted copies are enough to
  estimate the correlation.
- The small layers have a finer grid.
- The low and the high bytes of the rounded values are deflated apart.
"""

import base64
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from job.results.network_npz import Layer, PlainNetwork

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

PIXEL_STEPS = 36
"""Steps of the grid in a standard deviation of the kernel that is applied to the pixels of an MLP."""
STEPS = 256
"""Steps of the grid in a standard deviation of any other kernel."""
MAX_INTEGER = 2**15 - 1
DAMPING = 0.01
"""Added to the diagonal of the correlation of the pixels, as a fraction of its mean (that of GPTQ)."""
REDUCED = 2
"""The mean images are stored at half of their height and width: distances of blurred images mean more."""

HTML_SAFE = bytes.maketrans(b"<>&", b",:.")
"""Three characters of Python's base 85 that HTML could misread, and three that it does not use."""


def pack_network(network: PlainNetwork, images: NDArray[np.uint8]) -> dict[str, Any]:
    """The network as JSON-able values; `images`, shape (n, 28, 28), are like those that it will see.

    `arrays` gives shape and step of each array in `data`: kernel and bias of the layers that have them.
    """
    steps, shapes, integers = [], [], []
    for layer, kernel, bias in zip(network.layers, network.kernels, network.biases, strict=True):
        if kernel.size:
            for array, is_kernel in ((kernel, kernel.ndim > 1), (bias, False)):
                step = _choose_step(layer, array, is_kernel=is_kernel)
                steps.append(step)
                shapes.append(list(array.shape))
                takes_pixels = is_kernel and layer is _find_pixel_layer(network)
                integers.append(_round_with_feedback(array, step, images) if takes_pixels else _round(array, step))
    return {
        "views": network.views,
        "layers": [_describe_layer(layer) for layer in network.layers],
        "arrays": [{"shape": shape, "step": step} for shape, step in zip(shapes, steps, strict=True)],
        "data": encode(integers),
    }


def encode(arrays: Iterable[Integers]) -> str:
    """Text of arrays of integers in [-32768, 32767]; JavaScript's `decode` is the inverse.

    0, -1, 1, -2, … become 0, 1, 2, 3, …: first the low bytes of each array, then its high bytes, deflated and in
    base 85.
    """
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_FILTERED)
    content = b""
    for array in arrays:
        codes = np.where(array < 0, -2 * array - 1, 2 * array).ravel()
        for plane in (codes & 255, codes >> 8):
            content += deflate.compress(plane.astype(np.uint8).tobytes()) + deflate.flush(zlib.Z_SYNC_FLUSH)
    return base64.b85encode(content + deflate.flush()).translate(HTML_SAFE).decode()


def _describe_layer(layer: Layer) -> Mapping[str, Any]:
    options = {name: getattr(layer, name) for name in layer.__struct_fields__}
    return {name: value for name, value in options.items() if value != getattr(Layer(layer.kind), name) or name == "kind"}


def _find_pixel_layer(network: PlainNetwork) -> Layer | None:
    """The dense layer that takes the pixels of the image, if there is one."""
    first, second = network.layers[:2] if len(network.layers) > 1 else (None, None)
    return second if first and second and (first.kind, second.kind) == ("flatten", "dense") else None


def _choose_step(layer: Layer, array: NDArray[np.float32], *, is_kernel: bool) -> float:
    """The distance of the values that remain, rounded so that its text in JSON is short."""
    finest = float(np.abs(array).max()) / MAX_INTEGER
    n_steps = PIXEL_STEPS if layer.kind == "dense" and array.shape[0] == 784 else STEPS
    step = max(finest, float(array.std()) / n_steps if is_kernel else 0)
    return float(f"{step * 1.001:.4g}") or 1.0


def _round(array: NDArray[np.float32], step: float) -> Integers:
    return np.rint(array.astype(np.float64) / step).astype(np.int64)


def _round_with_feedback(kernel: NDArray[np.float32], step: float, images: NDArray[np.uint8]) -> Integers:
    """Round a kernel, shape (n_pixels, n_units), row by row; later rows make up for the errors of earlier ones."""
    correlation = _correlate_pixels(images)
    order = np.argsort(-np.diag(correlation), kind="stable")  # the pixels that matter most first
    factors = np.linalg.cholesky(np.linalg.inv(correlation[np.ix_(order, order)])).T
    remaining = kernel[order].astype(np.float64)
    integers = np.empty(kernel.shape, np.int64)
    for row, pixel in enumerate(order):
        integers[pixel] = np.clip(np.rint(remaining[row] / step), -MAX_INTEGER, MAX_INTEGER)
        error = (remaining[row] - integers[pixel] * step) / factors[row, row]
        remaining[row + 1 :] -= np.outer(factors[row, row + 1 :], error)
    return integers


def _correlate_pixels(images: NDArray[np.uint8]) -> Floats:
    """The damped mean of x x^T over the images x, their mirror images and shifted copies, shape (n_pixels, n_pixels)."""
    padded = np.pad(images / 255, ((0, 0), (1, 1), (1, 1)))
    rows, columns = images.shape[1:]
    places = ((1, 1), (0, 1), (2, 1), (1, 0), (1, 2))
    views = [padded[:, top : top + rows, left : left + columns] for top, left in places]
    pixels = np.concatenate([*views, views[0][:, :, ::-1]]).reshape(-1, rows * columns)
    correlation = pixels.T @ pixels / len(pixels)
    damping = DAMPING * float(np.mean(np.diag(correlation))) or 1.0  # 1: all images are black
    result: Floats = correlation + damping * np.eye(rows * columns)
    return result
