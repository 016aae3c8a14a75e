"""Chooses the test images that the report shows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from job.evaluation.metrics import Labels, confusion_matrix

N_SHOWN = 9
N_CONFIDENT_MISTAKES = 12
N_PER_CELL = 6
MAX_CELLS = 100  # all of 10 classes


@dataclass(frozen=True)
class Cell:
    """Images of one cell of the confusion matrix, most confident first: at most 6 of them."""

    true: int
    predicted: int
    indices: list[int]


@dataclass(frozen=True)
class Samples:
    """Indices of test images; each list is shorter than it says where there are no more.

    The confidence in an image is the probability of the class that was predicted. Of equally confident images the one
    of the lower index comes first.

    Attributes:
        right: 9 drawn at random from the images predicted correctly, in class order.
        wrong: 9 drawn at random from the others, in class order.
        confident_mistakes: the 12 images with the highest confidence that were not predicted correctly, highest first.
        least_certain: the 9 images of lowest confidence, lowest first.
        cells: the cells of the confusion matrix that hold images, at most 100: the mistakes, largest count first, then
            the diagonal, both else in label order.
    """

    right: list[int]
    wrong: list[int]
    confident_mistakes: list[int]
    least_certain: list[int]
    cells: list[Cell]

    def indices(self) -> list[int]:
        """All of them, each once, ascending."""
        of_cells = (index for cell in self.cells for index in cell.indices)
        return sorted({*self.right, *self.wrong, *self.confident_mistakes, *self.least_certain, *of_cells})


def choose(y_true: Labels, y_pred: Labels, confidence: NDArray[np.floating], n_classes: int, seed: int) -> Samples:
    """Choose the images to show; the same arguments give the same images.

    Args:
        y_true: class numbers, shape (n,).
        y_pred: class numbers, shape (n,).
        confidence: the probability of the class predicted, shape (n,).
        n_classes: how many classes there are.
        seed: of the images drawn at random.
    """
    random = np.random.default_rng(seed)

    def draw(candidates: NDArray[np.intp]) -> list[int]:
        chosen = random.choice(candidates, min(N_SHOWN, len(candidates)), replace=False)
        return sorted(chosen.tolist(), key=lambda index: (y_true[index], index))

    hits = y_true == y_pred
    ranked = np.argsort(-confidence, kind="stable")
    return Samples(
        right=draw(np.flatnonzero(hits)),
        wrong=draw(np.flatnonzero(~hits)),
        confident_mistakes=ranked[~hits[ranked]][:N_CONFIDENT_MISTAKES].tolist(),
        least_certain=np.argsort(confidence, kind="stable")[:N_SHOWN].tolist(),
        cells=_cells(y_true, y_pred, ranked, n_classes),
    )


def _cells(y_true: Labels, y_pred: Labels, ranked: NDArray[np.intp], n_classes: int) -> list[Cell]:
    """The cells to show; `ranked` are the indices of all images, most confident first."""
    counts = confusion_matrix(y_true, y_pred, n_classes).ravel()
    true, predicted = np.divmod(np.arange(len(counts)), n_classes)
    diagonal = true == predicted
    order = np.lexsort((np.where(diagonal, 0, -counts), diagonal))  # stable: else in label order
    shown = order[counts[order] > 0][:MAX_CELLS]
    cell_of = (y_true.astype(np.int32) * n_classes + y_pred)[ranked]
    grouped = ranked[np.argsort(cell_of, kind="stable")]
    ends = np.cumsum(counts)
    return [
        Cell(
            true=int(true[cell]),
            predicted=int(predicted[cell]),
            indices=grouped[ends[cell] - counts[cell] : ends[cell]][:N_PER_CELL].tolist(),
        )
        for cell in shown
    ]
