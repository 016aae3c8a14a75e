"""Packs a network into little text for the page: rounded parameters, deflated, in base 94.

The class of an image must almost never change, nor its probabilities by 0.01. An MLP then takes about 7 bits a
parameter, a CNN about 9. A network that begins with a dense layer has most of its parameters there. Two things make
that layer small:

- The step of the grid of a unit depends on how much the probabilities depend on that unit.
- The inputs are pixels, of which neighbours are alike. When a row of the kernel has been rounded, the rows after it
  take over the error as well as the correlation of the pixels allows (GPTQ, arXiv 2210.17323).

The images in the report and their shifted copies are enough to estimate both.
"""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from job.results.network_npz import PlainNetwork

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

N_STEPS_PIXELS, N_STEPS_SMALL, N_STEPS_LARGE = 22, 512, 112
"""Steps of the grid in a standard deviation of a kernel: that of a dense layer on pixels, small ones, large ones."""
MAX_SMALL = 2**14
"""Parameters of a small kernel, whose precision costs little."""
MIN_TEMPERATURE = 0.5
"""A temperature below 1 enlarges the errors of the logits, so the steps shrink with it; not below this one."""
MAX_INTEGER = 2**15 - 1
MEAN_STEP = 1 / 128
"""Step of the grid of the mean images: with 1/32, 105 instead of 100 test images of 10,000 exceed the limit."""
DAMPING = 0.01
"""Added to the diagonal of the correlation of the pixels, as a fraction of its mean (that of GPTQ)."""
N_ROWS = 64
"""Rows that are rounded before the others take over their errors, all at once, which is faster."""
MAX_EXPONENT = 9
"""The step of a unit is the step of its kernel, times the square root of 2 to the power of 0 to 9."""

ALPHABET = " " + "".join(chr(code) for code in range(ord("!"), ord("~") + 1) if chr(code) != "<")
"""The printable characters of ASCII, without the only one that can end a script."""
BLOCK_BYTES, BLOCK_CHARACTERS = 9, 11
"""94^11 is just above 256^9, so a byte takes 1.22 characters; in base 64 it would take 1.33."""


@dataclass(frozen=True)
class RoundedArray:
    """An array as whole numbers.

    Attributes:
        integers: Values in units of `step`, or of the steps of the units, the last axis.
        exponents: For each unit, a digit: how often its step is `step` times the square root of 2. Empty: never.
    """

    integers: Integers
    step: float
    exponents: str = ""

    def describe(self) -> dict[str, Any]:
        """What JavaScript needs to know of it."""
        description = {"shape": self.integers.shape, "step": self.step}
        return description | ({"exponents": self.exponents} if self.exponents else {})


def pack_network(network: PlainNetwork, images: NDArray[np.uint8]) -> tuple[dict[str, Any], str]:
    """Describe a network by JSON-able values, and its arrays by a text.

    `images`, shape (n, 28, 28), are like those that it will see. In the description, `arrays` describes each array in
    the text: kernel and bias of the layers that have them, then the mean image of each class.
    """
    rounded = [*_round_layers(network, images), RoundedArray(_round(network.class_means, MEAN_STEP), MEAN_STEP)]
    description = {
        "views": network.views,
        "temperature": network.temperature,
        "limit": network.distance_limit,
        "layers": [msgspec.to_builtins(layer) for layer in network.layers],
        "arrays": [array.describe() for array in rounded],
    }
    return description, encode(array.integers for array in rounded)


def encode(arrays: Iterable[Integers]) -> str:
    """Text of arrays of integers in [-32768, 32767]; JavaScript's `decode` is the inverse.

    0, -1, 1, -2, … become 0, 1, 2, 3, …: first the low bytes of each array, unit by unit, then its high bytes.
    """
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_FILTERED)
    content = b""
    for array in arrays:
        codes = np.moveaxis(np.where(array < 0, -2 * array - 1, 2 * array), -1, 0).ravel()
        for plane in (codes & 255, codes >> 8):
            content += deflate.compress(plane.astype(np.uint8).tobytes()) + deflate.flush(zlib.Z_SYNC_FLUSH)
    return "".join(_encode_blocks(content + deflate.flush()))


def _encode_blocks(content: bytes) -> Iterator[str]:
    """Each 9 bytes as a number of 11 digits in base 94; zeros fill the last block, and the first byte counts them."""
    n_zeros = -(len(content) + 1) % BLOCK_BYTES
    content = bytes([n_zeros]) + content + bytes(n_zeros)
    for start in range(0, len(content), BLOCK_BYTES):
        number = int.from_bytes(content[start : start + BLOCK_BYTES])
        digits = []
        for _ in range(BLOCK_CHARACTERS):
            number, digit = divmod(number, len(ALPHABET))
            digits.append(ALPHABET[digit])
        yield "".join(reversed(digits))


def _round_layers(network: PlainNetwork, images: NDArray[np.uint8]) -> Iterator[RoundedArray]:
    """Kernel and bias of each layer that has them."""
    scale = 1 / min(max(network.temperature, MIN_TEMPERATURE), 1)
    takes_pixels = [layer.kind for layer in network.layers[:3]] == ["flatten", "dense", "dense"]
    if takes_pixels:
        pixels = _view_pixels(images)
        network, exponents = _sort_units(network, _choose_exponents(network, pixels[: len(images)]))
    for index, (kernel, bias) in enumerate(zip(network.kernels, network.biases, strict=True)):
        if not kernel.size:
            continue
        if takes_pixels and index == 1:
            step = _choose_step(kernel, N_STEPS_PIXELS * scale) / 2 ** (exponents.mean() / 2)
            steps = step * 2 ** (exponents / 2)
            yield RoundedArray(_round_with_feedback(kernel, steps, pixels), step, "".join(map(str, exponents)))
        else:
            step = _choose_step(kernel, scale * (N_STEPS_SMALL if kernel.size <= MAX_SMALL else N_STEPS_LARGE))
            yield RoundedArray(_round(kernel, step), step)
        step = _choose_step(bias, MAX_INTEGER)
        yield RoundedArray(_round(bias, step), step)


def _choose_step(array: NDArray[np.float32], n_steps: float) -> float:
    """A standard deviation of the array, divided by `n_steps`; the largest value must be at most MAX_INTEGER steps."""
    return max(float(array.std()) / n_steps, 1.001 * float(np.abs(array).max()) / MAX_INTEGER) or 1.0  # 1: all are 0


def _round(array: NDArray[np.float32], step: float) -> Integers:
    return np.rint(array.astype(np.float64) / step).astype(np.int64)


def _view_pixels(images: NDArray[np.uint8]) -> Floats:
    """The pixels of images, their mirror images and shifted copies, in [0, 1], shape (6 n, n_pixels)."""
    padded = np.pad(images / 255, ((0, 0), (1, 1), (1, 1)))
    rows, columns = images.shape[1:]
    places = ((1, 1), (0, 1), (2, 1), (1, 0), (1, 2))
    views = [padded[:, top : top + rows, left : left + columns] for top, left in places]
    return np.concatenate([*views, views[0][:, :, ::-1]]).reshape(-1, rows * columns)


def _choose_exponents(network: PlainNetwork, pixels: Floats) -> Integers:
    """The exponent of the step of each unit of the first dense layer: 0 where the probabilities depend on it most."""
    values, inputs = pixels, []
    for kernel, bias in zip(network.kernels[1:], network.biases[1:], strict=True):
        inputs.append(values > 0)
        values = values @ kernel + bias
        if len(inputs) < len(network.kernels) - 1:
            values = np.maximum(values, 0)
    values = np.exp(values - values.max(axis=1, keepdims=True))
    values /= values.sum(axis=1, keepdims=True)
    gradients = values[:, :, None] * (np.eye(values.shape[1]) - values[:, None])  # the derivative of the softmax
    for kernel, is_active in zip(network.kernels[:1:-1], inputs[:0:-1], strict=True):
        gradients = gradients @ kernel.T * is_active[:, None]
    squares = np.log2((gradients**2).sum(axis=1).mean(axis=0) + np.finfo(np.float64).tiny)
    exponents: Integers = np.minimum(np.rint(squares.max() - squares), MAX_EXPONENT).astype(np.int64)
    return exponents


def _sort_units(network: PlainNetwork, exponents: Integers) -> tuple[PlainNetwork, Integers]:
    """The same network with the units of the first dense layer in the order of their steps, which deflates better."""
    order = np.argsort(exponents, kind="stable")
    first, second, *others = network.kernels[1:]
    kernels = [network.kernels[0], first[:, order], second[order], *others]
    biases = [network.biases[0], network.biases[1][order], *network.biases[2:]]
    return replace(network, kernels=kernels, biases=biases), exponents[order]


def _round_with_feedback(kernel: NDArray[np.float32], steps: Floats, pixels: Floats) -> Integers:
    """Round a kernel, shape (n_pixels, n_units), row by row; later rows make up for the errors of earlier ones."""
    correlation = pixels.T @ pixels / len(pixels)
    correlation += np.eye(len(kernel)) * (DAMPING * float(np.mean(np.diag(correlation))) or 1.0)  # 1: all are black
    order = np.argsort(-np.diag(correlation), kind="stable")  # the pixels that matter most first
    factors = np.linalg.cholesky(np.linalg.inv(correlation[np.ix_(order, order)])).T
    remaining = kernel[order].astype(np.float64)
    integers, errors = np.empty(kernel.shape, np.int64), np.empty(kernel.shape)
    for start in range(0, len(order), N_ROWS):
        stop = min(start + N_ROWS, len(order))
        for row in range(start, stop):
            integers[row] = np.clip(np.rint(remaining[row] / steps), -MAX_INTEGER, MAX_INTEGER)
            errors[row] = (remaining[row] - integers[row] * steps) / factors[row, row]
            remaining[row + 1 : stop] -= np.outer(factors[row, row + 1 : stop], errors[row])
        remaining[stop:] -= factors[start:stop, stop:].T @ errors[start:stop]
    return integers[np.argsort(order)]
