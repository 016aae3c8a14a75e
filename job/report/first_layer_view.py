"""Arranges what the network has learnt: the mean image of each class, and the weights of the first layer."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from job.report.images import Pictures, Sheet
from job.results.run import Run

MAX_MEANS = 20  # mean images; with more, the page would become too large
N_COLUMNS = 8  # of the sheet of weights
CLIPPED = 0.99  # quantile of the weights' magnitudes from which on all have the strongest colour


@dataclass(frozen=True, kw_only=True)
class LearntView:
    """Pictures of what a network has learnt.

    Attributes:
        means: Names of at most 20 classes, each with the address of its mean image.
        weights: The weights of all units.
        n_units: Number of these units.
        is_dense: Whether each unit has a weight for every pixel; otherwise it is the kernel of a convolution.
        kernel: Height and width of the weights of a unit.
    """

    means: list[tuple[str, str]]
    weights: Sheet
    n_units: int
    is_dense: bool
    kernel: tuple[int, int]


def view_learnt(run: Run, pictures: Pictures) -> LearntView | None:
    """Add the pictures of what the network has learnt; None if the files of the run do not have it."""
    if run.learnt is None:
        return None
    means, weights = run.learnt.class_means, run.learnt.first_layer
    shown = zip(run.evaluation.class_names[:MAX_MEANS], means, strict=False)
    height, width = weights.shape[1:]
    return LearntView(
        means=[(name, pictures.add_picture(mean, f"mean-{label}")) for label, (name, mean) in enumerate(shown)],
        weights=pictures.add_weights(arrange(scale_weights(weights)), "first-layer"),
        n_units=len(weights),
        is_dense=weights.shape[1:] == means.shape[1:],
        kernel=(height, width),
    )


def scale_weights(weights: NDArray[np.float16]) -> NDArray[np.float64]:
    """Scale weights to [-1, 1]; the largest one in a hundred by magnitude are clipped, so that others are visible."""
    exact = weights.astype(np.float64)
    limit = np.quantile(np.abs(exact), CLIPPED) or 1
    scaled: NDArray[np.float64] = np.clip(exact / limit, -1, 1)
    return scaled


def arrange(images: NDArray[np.float64]) -> NDArray[np.float64]:
    """Arrange images, shape (n, height, width), in rows of 8; zeros fill the last row."""
    n_rows = -(-len(images) // N_COLUMNS)
    filled = np.zeros((n_rows * N_COLUMNS, *images.shape[1:]))
    filled[: len(images)] = images
    return filled.reshape(n_rows, N_COLUMNS, *images.shape[1:])
