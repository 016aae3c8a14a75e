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
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from job.results.network_npz import Layer, PlainNetwork

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

PIXEL_STEPS = 34
"""Steps of the grid in a standard deviation of the kernel that is applied to the pixels of an MLP."""
CONVOLUTION_STEPS = 96
DENSE_STEPS = 256
"""Steps for other kernels; the dense ones are small."""
MAX_INTEGER = 2**15 - 1
N_STEPS = {"convolution": CONVOLUTION_STEPS, "dense": DENSE_STEPS, "scale": MAX_INTEGER}
DAMPING = 0.01
"""Added to the diagonal of the correlation of the pixels, as a fraction of its mean (that of GPTQ)."""
MEAN_STEP = 1 / 255
"""Step of the grid of the mean images."""

HTML_SAFE = bytes.maketrans(b"<>&", b",:.")
"""Three characters of Python's base 85 that HTML could misread, and three that it does not use."""


def pack_network(network: PlainNetwork, images: NDArray[np.uint8]) -> dict[str, Any]:
    """The network as JSON-able values; `images`, shape (n, 28, 28), are like those that it will see.

    `arrays` gives shape and step of each array in `data`: kernel and bias of the layers that have them, then the mean
    image of each class.
    """
    rounded = [*_round_layers(network, images), (MEAN_STEP, _round(network.class_means, MEAN_STEP))]
    return {
        "views": network.views,
        "limit": network.distance_limit,
        "layers": [_describe_layer(layer) for layer in network.layers],
        "arrays": [{"shape": integers.shape, "step": step} for step, integers in rounded],
        "data": encode(integers for _, integers in rounded),
    }


def _round_layers(network: PlainNetwork, images: NDArray[np.uint8]) -> Iterator[tuple[float, Integers]]:
    """Step and integers of each kernel and each bias."""
    takes_pixels = False
    for layer, kernel, bias in zip(network.layers, network.kernels, network.biases, strict=True):
        if takes_pixels and layer.kind == "dense":
            step = _choose_step(kernel, PIXEL_STEPS)
            yield step, _round_with_feedback(kernel, step, images)
        elif kernel.size:
            step = _choose_step(kernel, N_STEPS[layer.kind])
            yield step, _round(kernel, step)
        if kernel.size:
            step = _choose_step(bias, MAX_INTEGER)
            yield step, _round(bias, step)
        takes_pixels = layer is network.layers[0] and layer.kind == "flatten"


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


def _describe_layer(layer: Layer) -> dict[str, Any]:
    """The options of a layer without those that have their defaults."""
    options: dict[str, Any] = msgspec.to_builtins(layer)
    return options


def _choose_step(array: NDArray[np.float32], n_steps: int) -> float:
    """A standard deviation of the array, divided by `n_steps`; its text in JSON is short."""
    step = max(float(array.std()) / n_steps, 1.001 * float(np.abs(array).max()) / MAX_INTEGER)
    return float(f"{step:.4g}") or 1.0  # 1: the array is 0


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
    """The damped mean of x x^T over images x, their mirror images and shifted copies, shape (n_pixels, n_pixels)."""
    padded = np.pad(images / 255, ((0, 0), (1, 1), (1, 1)))
    rows, columns = images.shape[1:]
    places = ((1, 1), (0, 1), (2, 1), (1, 0), (1, 2))
    views = [padded[:, top : top + rows, left : left + columns] for top, left in places]
    pixels = np.concatenate([*views, views[0][:, :, ::-1]]).reshape(-1, rows * columns)
    correlation = pixels.T @ pixels / len(pixels)
    damping = DAMPING * float(np.mean(np.diag(correlation))) or 1.0  # 1: all images are black
    result: Floats = correlation + damping * np.eye(rows * columns)
    return result
