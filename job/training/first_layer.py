"""Extracts the weights of a network's first layer, as pictures for the report."""

import keras
import numpy as np
from numpy.typing import NDArray

from job.data.dataset import IMAGE_SHAPE

N_UNITS = 24


def extract_first_layer(network: keras.Model) -> NDArray[np.float16]:
    """Extract the weights of at most 24 units of the first layer: the largest ones, in order of size.

    The size of a unit is the norm of its incoming weights times the norm of its outgoing ones. The network computes the
    same if one of them is halved and the other doubled, because its units are ReLUs; so neither norm alone means much.

    Returns:
        Weights as a fraction of the largest one by magnitude, shape (n_units, height, width): of a dense layer one
        weight per pixel of an image, of a convolution its kernel.
    """
    first, second = [np.asarray(layer.kernel) for layer in network.layers if hasattr(layer, "kernel")][:2]
    incoming = first.reshape(-1, first.shape[-1])
    outgoing = np.moveaxis(second, -2, 0).reshape(second.shape[-2], -1)
    sizes = np.linalg.norm(incoming, axis=0) * np.linalg.norm(outgoing, axis=1)
    largest = np.argsort(-sizes, kind="stable")[:N_UNITS]
    shape = first.shape[:2] if first.ndim > 2 else IMAGE_SHAPE  # noqa: PLR2004 - a dense layer has a matrix
    weights = incoming[:, largest].T.reshape(-1, *shape)
    scale = max(float(np.abs(weights).max()), np.finfo(np.float32).tiny)
    return np.asarray(weights / scale, np.float16)
