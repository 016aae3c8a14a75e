"""The formats that a trained model can be exported in, and the files that come with them."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Format:
    """A format of exported models.

    Attributes:
        path: the file or folder that holds the model.
        packages: what writes it, where that is more than TensorFlow and Keras.
    """

    path: str
    packages: tuple[str, ...] = ()


FORMATS = {
    "tf_saved_model": Format("saved_model"),
    "onnx": Format("model.onnx", ("onnx", "tf2onnx")),
    "litert": Format("model.tflite"),
}
"""By the names that Keras's `Model.export` has for them."""

CARD = "model-card.md"
SUMS = "exports.sha256"

PATHS = (*(one.path for one in FORMATS.values()), CARD, SUMS)
"""Whatever an export may write."""


def paths(names: Iterable[str]) -> tuple[str, ...]:
    """What an export in these formats writes: the models, their card and their sums; nothing for no format."""
    models = tuple(FORMATS[name].path for name in names)
    return (*models, CARD, SUMS) if models else ()
