"""What a history knows of a run: its headline metrics, its test set and its errors."""

import base64
import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from job.evaluation.intervals import Amount, Fraction, Interval, Positive
from job.evaluation.predictions import AnyPredictions, Labels

MAX_NAME = 300
Name = Annotated[str, Meta(max_length=MAX_NAME)]
Errors = Annotated[str, Meta(max_length=2**24)]


@dataclass(frozen=True, kw_only=True)
class TrendPoint:
    """The headline metrics of a run.

    Attributes:
        started: Start of the run, UTC, ISO 8601.
        revision: Git revision of the code; empty if unknown.
        name: Name of the run; empty if it has none.
        configuration: Hash of the settings that decide what is trained; empty if this job did not train it.
        accuracy: Accuracy of the network that the report describes.
        loss: Mean cross-entropy in nats; None without probabilities, as is the calibration error `ece`.
        training_s: Wall time of the training in seconds; None if this job did not train it.
        total_s: Wall time until the evaluation in seconds; None if unknown.
    """

    started: str
    revision: Name
    name: Name
    configuration: Name
    n_test: Positive
    accuracy: Fraction
    accuracy_interval: Interval
    macro_f1: Fraction
    macro_f1_interval: Interval | None
    loss: Amount | None
    loss_interval: Interval | None
    ece: Fraction | None
    training_s: Amount | None
    total_s: Amount | None


@dataclass(frozen=True, kw_only=True)
class HistoryEntry(TrendPoint):
    """A run in a history.

    Attributes:
        test_set: SHA-256 of the true classes and the names of the classes and images, see `hash_test_set`.
        errors: The errors of each network as text, see `encode_errors`; the first one is that of the report.
    """

    test_set: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    errors: Annotated[Sequence[Errors], Meta(min_length=1, max_length=100)]

    def decode(self) -> list[NDArray[np.bool_]]:
        """Whether each network is wrong on each image, shape (n_test,) each; raises a ValueError if it is damaged."""
        return [decode_errors(text, self.n_test) for text in self.errors]

    @property
    def tested_on(self) -> tuple[str, int]:
        """Test set and number of its images; in a line that was edited, they may contradict each other."""
        return self.test_set, self.n_test

    @property
    def point(self) -> TrendPoint:
        """The entry without the errors."""
        return TrendPoint(**{name: getattr(self, name) for name in TrendPoint.__dataclass_fields__})


def hash_test_set(y_true: Labels, class_names: Sequence[str], image_names: Sequence[str] | None = None) -> str:
    """SHA-256 of the true classes, shape (n,), in their order, and the names of the classes and of the images."""
    names, labels = "\0".join(class_names).encode(), y_true.astype("<u2").tobytes()
    images = b"" if image_names is None else b"\0\0" + "\0".join(image_names).encode()
    return hashlib.sha256(names + b"\0\0" + labels + images).hexdigest()


def encode_errors(is_wrong: NDArray[np.bool_]) -> str:
    """A bit for each image, 1 for an error, compressed with zlib and encoded in base 64."""
    return base64.b64encode(zlib.compress(np.packbits(is_wrong).tobytes(), 9)).decode()


def decode_errors(text: str, n: int) -> NDArray[np.bool_]:
    """The reverse of `encode_errors`, for n images.

    Raises:
        ValueError: If the text is damaged, or is of another number of images.
    """
    n_bytes = (n + 7) // 8
    try:
        content = zlib.decompressobj().decompress(base64.b64decode(text, validate=True), n_bytes + 1)
    except (ValueError, zlib.error) as error:
        raise ValueError(f"the errors are damaged ({error})") from error
    if len(content) != n_bytes:
        raise ValueError(f"the errors are not those of {n} images")
    return np.unpackbits(np.frombuffer(content, np.uint8), count=n).astype(np.bool_)


def list_errors(predictions: AnyPredictions) -> list[str]:
    """The encoded errors of each network of a run, that of the report first."""
    columns = [predictions.y_pred, *(predictions.other_seeds.y_pred.T if predictions.other_seeds else ())]
    return [encode_errors(column != predictions.y_true) for column in columns]
