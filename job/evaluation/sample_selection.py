"""Selects the test images that the report shows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from job.evaluation.predictions import AnyPredictions, LabelPredictions, Predictions

N_SHOWN = 9
N_CONFIDENT_MISTAKES = 12
N_PER_CELL = 6
N_CHANGED = 12
MAX_CELLS = 100  # every cell of 10 classes
SEED = 0
"""Seed of the order of images without probabilities."""


@dataclass(frozen=True)
class Cell:
    """At most 6 images of one cell of the confusion matrix, most confident first, or random without probabilities."""

    true: int
    predicted: int
    indices: list[int]


@dataclass(frozen=True)
class Samples:
    """Indices of test images; a list is shorter than stated if there are fewer such images.

    The confidence is the probability of the predicted class. Among equally confident images, the lower index comes
    first. Without probabilities, images are drawn at random.

    Attributes:
        right: 9 images drawn at random from those predicted correctly, in class order.
        wrong: 9 images drawn at random from those predicted incorrectly, in class order.
        confident_mistakes: The 12 incorrect predictions of highest confidence, highest first; empty without
            probabilities.
        least_certain: The 9 images of lowest confidence, lowest first; likewise.
        cells: At most 100 non-empty cells of the confusion matrix: first the errors, largest count first, then the
            diagonal; otherwise in label order.
    """

    right: list[int]
    wrong: list[int]
    confident_mistakes: list[int]
    least_certain: list[int]
    cells: list[Cell]

    def indices(self) -> list[int]:
        """Indices of all samples, each once, ascending."""
        cell_indices = (index for cell in self.cells for index in cell.indices)
        return sorted({*self.right, *self.wrong, *self.confident_mistakes, *self.least_certain, *cell_indices})


def select_shown_images(predictions: AnyPredictions, seed: int) -> list[int]:
    """Indices of all images that the report shows, each once, ascending."""
    fixed, broken = select_changed_images(predictions)
    return sorted({*select_samples(predictions, seed).indices(), *fixed, *broken})


def select_samples(predictions: AnyPredictions, seed: int) -> Samples:
    """Select the images to show; `seed` seeds the random samples."""
    random = np.random.default_rng(seed)

    def draw(candidates: NDArray[np.intp]) -> list[int]:
        drawn = random.choice(candidates, min(N_SHOWN, len(candidates)), replace=False)
        return sorted(drawn.tolist(), key=lambda index: (predictions.y_true[index], index))

    is_correct = predictions.is_correct
    ranked = _rank_by_confidence(predictions)
    confident_mistakes: list[int] = []
    least_certain: list[int] = []
    if isinstance(predictions, Predictions):
        confident_mistakes = ranked[~is_correct[ranked]][:N_CONFIDENT_MISTAKES].tolist()
        least_certain = np.argsort(predictions.confidence, kind="stable")[:N_SHOWN].tolist()
    return Samples(
        right=draw(np.flatnonzero(is_correct)),
        wrong=draw(np.flatnonzero(~is_correct)),
        confident_mistakes=confident_mistakes,
        least_certain=least_certain,
        cells=_select_cells(predictions, ranked),
    )


def select_changed_images(predictions: AnyPredictions) -> tuple[list[int], list[int]]:
    """Indices of at most 12 fixed and 12 broken images; empty without a reference.

    The most confident images come first. Without probabilities, images are drawn at random.

    A fixed image is one that only this model gets right, a broken one only the reference.
    """
    if predictions.y_reference is None:
        return [], []
    ranked = _rank_by_confidence(predictions)
    is_right, was_right = predictions.is_correct[ranked], (predictions.y_reference == predictions.y_true)[ranked]
    return ranked[is_right & ~was_right][:N_CHANGED].tolist(), ranked[was_right & ~is_right][:N_CHANGED].tolist()


def _rank_by_confidence(predictions: AnyPredictions) -> NDArray[np.intp]:
    """Indices of all images, most confident first; in random order without probabilities."""
    if isinstance(predictions, LabelPredictions):
        return np.random.default_rng(SEED).permutation(len(predictions.y_true))
    return np.argsort(-predictions.confidence, kind="stable")


def _select_cells(predictions: AnyPredictions, ranked: NDArray[np.intp]) -> list[Cell]:
    n_classes = predictions.n_classes
    cells = predictions.y_true[ranked].astype(np.int64) * n_classes + predictions.y_pred[ranked]
    counts = np.bincount(cells, minlength=n_classes**2)
    true, predicted = np.divmod(np.arange(len(counts)), n_classes)
    is_diagonal = true == predicted
    order = np.lexsort((np.where(is_diagonal, 0, -counts), is_diagonal))  # stable: otherwise in label order
    return [
        Cell(int(true[cell]), int(predicted[cell]), ranked[cells == cell][:N_PER_CELL].tolist())
        for cell in order[counts[order] > 0][:MAX_CELLS]
    ]
