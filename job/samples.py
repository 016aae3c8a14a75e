"""Chooses the test images that the report shows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from job.metrics import Labels

N_SHOWN = 9


@dataclass(frozen=True)
class Samples:
    """Indices of test images, each list in class order; shorter than 9 where there are no more.

    Attributes:
        right: drawn at random from the images predicted correctly.
        wrong: drawn at random from the others.
    """

    right: list[int]
    wrong: list[int]

    def indices(self) -> list[int]:
        """All of them, each once, ascending."""
        return sorted({*self.right, *self.wrong})


def choose(y_true: Labels, y_pred: Labels, seed: int) -> Samples:
    """Draw the images to show; the same labels, predictions and seed give the same images.

    Args:
        y_true: class numbers, shape (n,).
        y_pred: class numbers, shape (n,).
        seed: of the draw.
    """
    random = np.random.default_rng(seed)

    def draw(candidates: NDArray[np.intp]) -> list[int]:
        chosen = random.choice(candidates, min(N_SHOWN, len(candidates)), replace=False)
        return sorted(chosen.tolist(), key=lambda index: (y_true[index], index))

    hits = y_true == y_pred
    return Samples(right=draw(np.flatnonzero(hits)), wrong=draw(np.flatnonzero(~hits)))
