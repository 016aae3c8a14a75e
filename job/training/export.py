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
"""Name of the exported models' input, in formats that name inputs."""

SIZE_BYTES = 5_000_000  # of one format, a generous estimate
FILE_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS, errno.EIO)


def check_packages(names: Sequence[str]) -> None:
    """Check that the packages that write these formats are installed.

    Args:
        names: Names of formats.

    Raises:
        PackageError: If a package is missing.
    """
    for name in names:
        if missing := [package for package in FORMATS[name].packages if not util.find_spec(package)]:
            are = "is" if len(missing) == 1 else "are"
            raise PackageError(
                f"--export {name}: {' and '.join(missing)} {are} not installed; install what requirements-export.txt "
                "locks (make export; in an image: docker build --build-arg EXPORT=yes), or leave that format out"
            )


def export_network(network: "keras.Model", folder: Path, names: Sequence[str]) -> None:
    """Export a network.

    The exported models take float32 pixels in [0, 1], shape (n, 28, 28) for any n, and return probabilities, shape
    (n, n_classes).

    Args:
        network: Trained network, on any device or devices.
        folder: Destination.
        names: Names of formats.

    Raises:
        OSError: If a file cannot be written.
    """
    import keras

    inference_network = _copy_for_inference(network)
    signature = [keras.InputSpec(shape=(None, *IMAGE_SHAPE), dtype="float32", name=INPUT)]
    for name in names:
        path = folder / FORMATS[name].path
        with _file_errors_as_os_errors(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # internal to Keras, tf2onnx and NumPy
            inference_network.export(str(path), format=name, verbose=False, input_signature=signature)


def _copy_for_inference(network: "keras.Model") -> "keras.Model":
    """Copy the network for inference only.

    The copy has neither the optimizer's variables nor replicas, which no format supports. `training=False` disables
    layers such as augmentation, which would otherwise stay active in an exported model.
    """
    import keras

    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    images = keras.Input(IMAGE_SHAPE, name=INPUT)
    return keras.Model(images, copy(images, training=False))


@contextmanager
def _file_errors_as_os_errors() -> Iterator[None]:
    """Convert TensorFlow's errors about files that cannot be written into OSErrors."""
    import tensorflow as tf

    try:
        yield
    except tf.errors.OpError as error:
        number = next((number for number in FILE_ERRORS if os.strerror(number) in str(error)), None)
        if number is None:
            raise
        raise OSError(number, os.strerror(number)) from error
