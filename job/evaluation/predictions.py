"""The predictions that an evaluation starts from."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from job.evaluation.metrics import Labels


@dataclass(frozen=True)
class Predictions:
    """What a classifier predicted for each test image.

    Attributes:
        y_true: True class numbers, shape (n,).
        probabilities: Predicted probabilities, shape (n, n_classes); rows sum to 1.
        y_reference: Classes that a reference model predicted for the same images, shape (n,), or None.
    """

    y_true: Labels
    probabilities: NDArray[np.float32]
    y_reference: Labels | None = None

    @cached_property
    def y_pred(self) -> Labels:
        """Most probable classes, shape (n,)."""
        y_pred: Labels = self.probabilities.argmax(axis=1)
        return y_pred

    @cached_property
    def confidence(self) -> NDArray[np.float32]:
        """Probabilities of the predicted classes, shape (n,)."""
        confidence: NDArray[np.float32] = self.probabilities.max(axis=1)
        return confidence

    @cached_property
    def p_true(self) -> NDArray[np.float32]:
        """Probabilities of the true classes, shape (n,)."""
        return self.probabilities[np.arange(len(self.y_true)), self.y_true]

    @cached_property
    def is_correct(self) -> NDArray[np.bool_]:
        """Whether each image was predicted correctly, shape (n,)."""
        is_correct: NDArray[np.bool_] = self.y_pred == self.y_true
        return is_correct
