"""Exports a trained network in formats that other programs read."""

import errno
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING

from job.config.export_formats import FORMATS
from job.data.dataset import IMAGE_SHAPE
from job.errors import PackageError

if TYPE_CHECKING:
    import keras

INPUT = "images"
"""The name of the exported models' input, where the format has names."""

SIZE_BYTES = 5_000_000  # of a format, rather more than less
REFUSALS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS, errno.EIO)


def demand_packages(names: Sequence[str]) -> None:
    """Show that what writes these formats is installed.

    Args:
        names: of the formats.

    Raises:
        PackageError: if it is not.
    """
    for name in names:
        if missing := [package for package in FORMATS[name].packages if not util.find_spec(package)]:
            are = "is" if len(missing) == 1 else "are"
            raise PackageError(
                f"--export {name}: {' and '.join(missing)} {are} not installed; install what requirements-export.txt "
                "locks (make export; in an image: docker build --build-arg EXPORT=yes), or leave that format out"
            )


def write(network: "keras.Model", folder: Path, names: Sequence[str]) -> None:
    """Export the network.

    What is exported takes float32 pixels in [0, 1], shape (n, 28, 28) for any n, and gives probabilities, shape
    (n, n_classes).

    Args:
        network: trained, on whatever device or devices.
        folder: where to.
        names: of the formats.

    Raises:
        OSError: if a file cannot be written.
    """
    import keras

    plain = _for_inference(network)
    signature = [keras.InputSpec(shape=(None, *IMAGE_SHAPE), dtype="float32", name=INPUT)]
    for name in names:
        path = folder / FORMATS[name].path
        with _refusals_as_usual(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what Keras, tf2onnx and NumPy have to tell each other
            plain.export(str(path), format=name, verbose=False, input_signature=signature)


def _for_inference(network: "keras.Model") -> "keras.Model":
    """A copy that only predicts.

    It has the weights alone, without the optimiser's, and not spread over replicas, which no format knows. No layer
    does what it does in training: those that augment images would, unless told, also in what is exported.
    """
    import keras

    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    images = keras.Input(IMAGE_SHAPE, name=INPUT)
    return keras.Model(images, copy(images, training=False))


@contextmanager
def _refusals_as_usual() -> Iterator[None]:
    """Turn TensorFlow's errors that the system's refusal of a file is behind into OSErrors."""
    import tensorflow as tf

    try:
        yield
    except tf.errors.OpError as error:
        number = next((one for one in REFUSALS if os.strerror(one) in str(error)), None)
        if number is None:
            raise
        raise OSError(number, os.strerror(number)) from error
