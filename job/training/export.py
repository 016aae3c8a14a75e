"""Exports a trained network in formats that other programs read."""

import errno
import os
import warnings
import zipfile
from collections.abc import Sequence
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING

from job.config.export_formats import FORMATS
from job.data.dataset import IMAGE_SHAPE
from job.errors import PackageError
from job.system.packages import write_install
from job.training.import_tensorflow import import_tensorflow

if TYPE_CHECKING:
    import keras

INPUT = "images"
"""The name of the input of an exported model, in formats that name inputs."""

SIZE_BYTES = 5_000_000  # upper estimate of the size of one exported model
SYSTEM_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS, errno.EIO)


def require_packages(formats: Sequence[str]) -> None:
    """Check that the packages that write these formats are installed.

    Raises:
        PackageError: If one is missing.
    """
    missing = [package for package in ("onnx", "tf2onnx") if not util.find_spec(package)]
    if "onnx" in formats and missing:
        are = "is" if len(missing) == 1 else "are"
        raise PackageError(
            f"--export onnx: {' and '.join(missing)} {are} not installed; install requirements-export.txt "
            f"(make export, or {write_install('onnx')}; for an image: docker build --build-arg EXPORT=yes), or leave "
            "out that format"
        )


class _UndatedEntry(zipfile.ZipInfo):
    """An entry of a zip file with the first date of that format, which has none before 1980."""

    def __init__(self, filename: str = "NoName", date_time: object = None) -> None:  # noqa: ARG002 - ignored
        super().__init__(filename)


def save_network(network: "keras.Model", path: Path) -> None:
    """Save a trained network in Keras's format, a zip file, whatever the clock shows."""
    original, zipfile.ZipInfo = zipfile.ZipInfo, _UndatedEntry  # type: ignore[misc]
    try:
        network.save(path)
    finally:
        zipfile.ZipInfo = original  # type: ignore[misc]


def export_saved_network(path: Path, folder: Path, formats: Sequence[str]) -> None:
    """Load a network from a file in Keras's format, in a process without TensorFlow so far, and export it.

    Raises:
        OSError: If a file cannot be written.
    """
    import_tensorflow()
    import keras

    export_network(keras.models.load_model(path, compile=False), folder, formats)


def export_network(network: "keras.Model", folder: Path, formats: Sequence[str]) -> None:
    """Export a trained network into `folder`, which must exist.

    An exported model takes float32 pixels in [0, 1], shape (n, 28, 28) for any n, and returns probabilities, shape
    (n, n_classes). It has no optimizer state and no replicas, because no format supports them. It calls every layer
    with `training=False`; otherwise dropout could be active in the exported model.

    Raises:
        OSError: If a file cannot be written.
    """
    import keras
    import tensorflow as tf

    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    images = keras.Input(IMAGE_SHAPE, name=INPUT)
    exported = keras.Model(images, copy(images, training=False))
    signature = [keras.InputSpec(shape=(None, *IMAGE_SHAPE), dtype="float32", name=INPUT)]
    try:
        with warnings.catch_warnings(action="ignore"):  # Keras, tf2onnx and NumPy deprecate parts of each other
            for name in formats:
                exported.export(str(folder / FORMATS[name]), format=name, verbose=False, input_signature=signature)
    except tf.errors.OpError as error:  # its message may contain an error of the system
        for number in SYSTEM_ERRORS:
            if os.strerror(number) in str(error):
                raise OSError(number, os.strerror(number)) from error
        raise
