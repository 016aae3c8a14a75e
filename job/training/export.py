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
"""The name of the input of an exported model, in formats that name inputs."""

PACKAGES = {"onnx": ("onnx", "tf2onnx")}
"""What a format needs in addition to TensorFlow and Keras."""

SIZE_BYTES = 5_000_000  # upper estimate of the size of one exported model
SYSTEM_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS, errno.EIO)


def require_packages(formats: Sequence[str]) -> None:
    """Check that the packages that write these formats are installed.

    Raises:
        PackageError: If one is missing.
    """
    for name in formats:
        if missing := [package for package in PACKAGES.get(name, ()) if not util.find_spec(package)]:
            are = "is" if len(missing) == 1 else "are"
            raise PackageError(
                f"--export {name}: {' and '.join(missing)} {are} not installed; install requirements-export.txt "
                "(make export; for an image: docker build --build-arg EXPORT=yes), or leave out that format"
            )


def export_network(network: "keras.Model", folder: Path, formats: Sequence[str]) -> None:
    """Export a trained network into `folder`, which must exist.

    An exported model takes float32 pixels in [0, 1], shape (n, 28, 28) for any n, and returns probabilities, shape
    (n, n_classes).

    Raises:
        OSError: If a file cannot be written.
    """
    import keras

    plain = _for_inference(network)
    signature = [keras.InputSpec(shape=(None, *IMAGE_SHAPE), dtype="float32", name=INPUT)]
    for name in formats:
        path = folder / FORMATS[name]
        with _as_os_error(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Keras, tf2onnx and NumPy deprecate parts of each other
            plain.export(str(path), format=name, verbose=False, input_signature=signature)


def _for_inference(network: "keras.Model") -> "keras.Model":
    """Copy the network for inference only.

    The copy has no optimizer state and no replicas, which no format supports. It calls every layer with
    `training=False`; otherwise layers that augment images would do so in the exported model, too.
    """
    import keras

    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    images = keras.Input(IMAGE_SHAPE, name=INPUT)
    return keras.Model(images, copy(images, training=False))


@contextmanager
def _as_os_error() -> Iterator[None]:
    """Turn a TensorFlow error that reports an error of the system into an OSError."""
    import tensorflow as tf

    try:
        yield
    except tf.errors.OpError as error:
        number = next((number for number in SYSTEM_ERRORS if os.strerror(number) in str(error)), None)
        if number is None:
            raise
        raise OSError(number, os.strerror(number)) from error
