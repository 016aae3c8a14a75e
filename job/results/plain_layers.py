"""Describes the layers of a plain network: their kinds, their options, and the shapes that they return."""

from typing import Annotated, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

Kind = Literal["flatten", "dense", "convolution", "scale", "max_pool", "mean_pool"]
Activation = Literal["linear", "relu", "softmax"]
Small = Annotated[int, msgspec.Meta(ge=0, le=16)]
Size = Annotated[int, msgspec.Meta(ge=1, le=16)]
Floats = NDArray[np.float32]
Shape = tuple[int, ...]

WITH_PARAMETERS: tuple[Kind, ...] = ("dense", "convolution", "scale")
N_DIMENSIONS = 4
"""Dimensions of the kernel of a convolution: height, width, channels in, channels out."""


class Layer(msgspec.Struct, frozen=True, omit_defaults=True):
    """A layer without its parameters; the options that its kind does not have keep their defaults."""

    kind: Kind
    activation: Activation = "linear"
    stride: Size = 1
    padding: Small = 0
    size: Size = 1


def find_shape(layer: Layer, kernel: Floats, bias: Floats, shape: Shape) -> Shape:
    """Find the shape of what a layer returns for one image.

    Args:
        layer: The layer.
        kernel: Its kernel; empty if it has none.
        bias: Its bias; empty if it has none.
        shape: Shape of its input.

    Raises:
        ValueError: If they do not fit each other.
    """
    is_image = len(shape) > 1
    height, width, channels = shape if is_image else (1, 1, shape[0])
    n_outputs = kernel.shape[-1] if kernel.ndim else 0
    fits = bias.shape == (n_outputs,) or layer.kind not in WITH_PARAMETERS
    result: Shape = ()
    match layer.kind:
        case "flatten":
            result = (height * width * channels,)
        case "dense":
            fits &= not is_image and kernel.shape == (channels, n_outputs)
            result = (n_outputs,)
        case "convolution":
            fits &= is_image and kernel.ndim == N_DIMENSIONS and kernel.shape[2] == channels
            sides = (
                (side + 2 * layer.padding - size) // layer.stride + 1
                for side, size in zip(shape, kernel.shape[:2], strict=False)
            )
            result = (*sides, n_outputs)
        case "scale":
            fits &= kernel.shape == (channels,)
            result = shape
        case "max_pool":
            fits &= is_image and height % layer.size == width % layer.size == 0
            result = (height // layer.size, width // layer.size, channels)
        case "mean_pool":
            fits &= is_image
            result = (channels,)
    if not fits or min(result) < 1:
        raise ValueError(f"the parameters of a {layer.kind} layer do not fit its input of {shape}")
    return result
