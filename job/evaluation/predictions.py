"""Represents the predictions that are evaluated: with a probability of each class, or of labels only."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, ClassVar, Self

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

Labels = NDArray[np.integer]
Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
"""A confusion matrix, shape (n_classes, n_classes); rows are true classes, columns predicted ones."""

MIN_PROBABILITY = np.finfo(np.float64).eps  # scikit-learn's
MAX_LOSS = 36.05  # -log(MIN_PROBABILITY), rounded up
Loss = Annotated[float, Meta(ge=0, le=MAX_LOSS)]
"""The mean of `cross_entropy` over test images."""


@dataclass(frozen=True)
class SeedPredictions:
    """What networks of further seeds predicted: as much as a comparison of recipes needs.

    Attributes:
        seeds: Their seeds.
        y_pred: Most probable classes, shape (n, n_seeds).
        p_true: Probabilities of the true classes, shape (n, n_seeds).
    """

    seeds: tuple[int, ...]
    y_pred: NDArray[np.uint8]
    p_true: NDArray[np.float32]

    def take(self, rows: NDArray[np.intp]) -> Self:
        """The predictions for the images of some rows, in their order."""
        return replace(self, y_pred=self.y_pred[rows], p_true=self.p_true[rows])


@dataclass(frozen=True)
class Predictions:
    """What a classifier predicted for each test image.

    Attributes:
        y_true: True class numbers, shape (n,).
        probabilities: Predicted probabilities, shape (n, n_classes); rows sum to 1.
        y_reference: Classes that a reference model predicted for the same images, shape (n,), or None.
        p_reference: Probabilities that the reference model predicted, shape (n, n_classes); None without a reference,
            and in results of version 0.5.0.
        other_seeds: Predictions of the other seeds of this run; None for a single run, and in results of version 0.5.0.
        reference_other_seeds: The same of the reference.
        names: A unique name of each image, such as its path, n of them; None if they are unknown.
    """

    y_true: Labels
    probabilities: NDArray[np.float32]
    y_reference: Labels | None = None
    p_reference: NDArray[np.float32] | None = None
    other_seeds: SeedPredictions | None = None
    reference_other_seeds: SeedPredictions | None = None
    names: Sequence[str] | None = None

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return int(self.probabilities.shape[1])

    @cached_property
    def y_pred(self) -> Labels:
        """Most probable classes, the first among equals, shape (n,)."""
        y_pred: Labels = self.probabilities.argmax(axis=1)
        return y_pred

    @cached_property
    def confidence(self) -> NDArray[np.float32]:
        """Probabilities of the predicted classes, shape (n,)."""
        return self.probabilities[np.arange(len(self.y_pred)), self.y_pred]

    @cached_property
    def p_true(self) -> NDArray[np.float32]:
        """Probabilities of the true classes, shape (n,)."""
        return self.probabilities[np.arange(len(self.y_true)), self.y_true]

    @cached_property
    def losses(self) -> Floats:
        """Categorical cross-entropy of each image in nats, shape (n,)."""
        return cross_entropy(self.p_true)

    @cached_property
    def brier_scores(self) -> Floats:
        """Squared distance of each image's probabilities from its true class, in [0, 2], shape (n,).

        This is the sum over the classes (Brier 1950, Monthly Weather Review 78:1).
        """
        rows = np.ascontiguousarray(self.probabilities, np.float64)  # the order of summation depends on the layout
        squares: Floats = np.einsum("ij,ij->i", rows, rows)
        return squares + 1 - 2 * self.p_true.astype(np.float64)

    def is_among(self, k: int) -> NDArray[np.bool_]:
        """Whether the true class of each image is among the `k` most probable, the first among equals, shape (n,)."""
        p_true = self.p_true[:, np.newaxis]
        is_before = np.arange(self.probabilities.shape[1]) < self.y_true[:, np.newaxis]
        n_ahead = ((self.probabilities > p_true) | ((self.probabilities == p_true) & is_before)).sum(axis=1)
        is_among: NDArray[np.bool_] = n_ahead < k
        return is_among

    def with_reference(self, reference: "AnyPredictions") -> Self:
        """These predictions with those of a reference model for the same images."""
        return replace(
            self,
            y_reference=reference.y_pred,
            p_reference=reference.probabilities,
            reference_other_seeds=reference.other_seeds,
        )

    def take(self, rows: NDArray[np.intp]) -> "Predictions":
        """The predictions for the images of some rows, in their order, without those of a reference."""
        others = self.other_seeds.take(rows) if self.other_seeds else None
        names = _take_names(self.names, rows)
        return Predictions(self.y_true[rows], self.probabilities[rows], other_seeds=others, names=names)

    @property
    def reference(self) -> "Predictions | None":
        """The predictions of the reference model, if all of its probabilities are known."""
        if self.p_reference is None:
            return None
        return Predictions(self.y_true, self.p_reference, other_seeds=self.reference_other_seeds)

    @property
    def accuracy(self) -> float:
        """Fraction of the images predicted correctly."""
        return float(self.is_correct.mean())

    @property
    def loss(self) -> float:
        """Mean cross-entropy in nats."""
        return float(self.losses.mean())

    @cached_property
    def is_correct(self) -> NDArray[np.bool_]:
        """Whether each image was predicted correctly, shape (n,)."""
        is_correct: NDArray[np.bool_] = self.y_pred == self.y_true
        return is_correct


@dataclass(frozen=True)
class LabelPredictions:
    """What a classifier predicted for each test image, if only the predicted classes are known.

    Attributes:
        y_true: True class numbers, shape (n,).
        y_pred: Predicted class numbers, shape (n,).
        n_classes: Number of classes.
        y_reference: Classes that a reference model predicted for the same images, shape (n,), or None.
        names: A unique name of each image, such as its path, n of them; None if they are unknown.
    """

    y_true: Labels
    y_pred: Labels
    n_classes: int
    y_reference: Labels | None = None
    names: Sequence[str] | None = None

    probabilities: ClassVar[None] = None
    p_reference: ClassVar[None] = None
    reference: ClassVar[None] = None
    other_seeds: ClassVar[None] = None
    reference_other_seeds: ClassVar[None] = None

    def with_reference(self, reference: "AnyPredictions") -> Self:
        """These predictions with the classes that a reference model predicted for the same images."""
        return replace(self, y_reference=reference.y_pred)

    def take(self, rows: NDArray[np.intp]) -> "LabelPredictions":
        """The predictions for the images of some rows, in their order, without those of a reference."""
        names = _take_names(self.names, rows)
        return LabelPredictions(self.y_true[rows], self.y_pred[rows], self.n_classes, names=names)

    @property
    def accuracy(self) -> float:
        """Fraction of the images predicted correctly."""
        return float(self.is_correct.mean())

    @cached_property
    def is_correct(self) -> NDArray[np.bool_]:
        """Whether each image was predicted correctly, shape (n,)."""
        is_correct: NDArray[np.bool_] = self.y_pred == self.y_true
        return is_correct


AnyPredictions = Predictions | LabelPredictions
"""Predictions whose probabilities may be unknown."""


def _take_names(names: Sequence[str] | None, rows: NDArray[np.intp]) -> list[str] | None:
    return None if names is None else [names[row] for row in rows.tolist()]


def cross_entropy(p_true: NDArray[np.floating]) -> Floats:
    """Categorical cross-entropy in nats from the probability of each true class; its mean is scikit-learn's log loss.

    Probabilities are clipped to [2.2e-16, 1 - 2.2e-16], so that one confident mistake cannot make the mean infinite.
    Both arrays have shape (n,).
    """
    return -np.log(np.clip(p_true.astype(np.float64), MIN_PROBABILITY, 1 - MIN_PROBABILITY))
