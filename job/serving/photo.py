"""Prepares a photo as the makers of Fashion-MNIST prepared theirs (arXiv 1708.07747, section 2).

Pixels are skipped rather than averaged, as they did, and all steps are written out: the report's page does the same.
"""

import numpy as np
from numpy.typing import NDArray

from job.results.network_npz import SIDE, WHITE

UInt8 = NDArray[np.uint8]
Floats = NDArray[np.float64]

TOLERANCE = 12
"""How much a channel of the background may differ from the corner: 5 % of white."""
LIGHT = 128
"""A corner that is lighter than this belongs to a light background."""
LUMA = np.array([0.2126, 0.7152, 0.0722])
"""Weights of red, green and blue (Rec. 709)."""
N_ROWS = 256  # of a large photo at a time, which saves memory


def prepare_photo(photo: UInt8) -> UInt8:
    """Turn a photo of an article on an even background into what the network expects.

    Args:
        photo: Shape (height, width, 3).

    Returns:
        Grey pixels on black, shape (28, 28).
    """
    small = _subsample(_trim(photo)).astype(np.float64)
    sharp = np.clip(_sharpen(small), 0, WHITE)
    background: Floats = photo[0, 0].astype(np.float64)
    grey = _centre(sharp, background) @ LUMA
    if background @ LUMA >= LIGHT:
        grey = WHITE - grey
    pixels: UInt8 = np.floor(grey + 0.5).astype(np.uint8)
    return pixels


def _trim(photo: UInt8) -> UInt8:
    """Cut off the edges that look like the first corner; an even photo stays whole."""
    height, width, _ = photo.shape
    is_row_used, is_column_used = np.zeros(height, bool), np.zeros(width, bool)
    corner = photo[0, 0]
    for start in range(0, height, N_ROWS):
        part = photo[start : start + N_ROWS]
        is_article = (np.maximum(part, corner) - np.minimum(part, corner) > TOLERANCE).any(axis=2)
        is_row_used[start : start + N_ROWS] = is_article.any(axis=1)
        is_column_used |= is_article.any(axis=0)
    rows, columns = np.flatnonzero(is_row_used), np.flatnonzero(is_column_used)
    if not len(rows):
        return photo
    return photo[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _subsample(photo: UInt8) -> UInt8:
    """Skip rows and columns until the longest edge has 28 pixels."""
    height, width, _ = photo.shape
    longest = max(height, width)
    rows, columns = (_choose(size, max(1, (2 * size * SIDE + longest) // (2 * longest))) for size in (height, width))
    return photo[rows][:, columns]


def _choose(size: int, n: int) -> NDArray[np.int64]:
    """The middle one of each of `n` equal parts of `size` rows or columns."""
    return (2 * np.arange(n) + 1) * size // (2 * n)


def _sharpen(image: Floats) -> Floats:
    """Sharpen with a Gaussian of radius and standard deviation 1, as ImageMagick does; the edge is repeated."""
    offsets = [(row, column) for row in range(3) for column in range(3)]
    weights = np.array([-np.exp(-((row - 1) ** 2 + (column - 1) ** 2) / 2) for row, column in offsets])
    weights[len(weights) // 2] = -2 * weights.sum()
    weights /= weights.sum()
    padded = np.pad(image, ((1, 1), (1, 1), (0, 0)), mode="edge")
    height, width, _ = image.shape
    parts = (padded[row : row + height, column : column + width] for row, column in offsets)
    result: Floats = sum(weight * part for weight, part in zip(weights, parts, strict=True))
    return result


def _centre(image: Floats, background: Floats) -> Floats:
    """Put an image in the middle of a square of the background."""
    canvas = np.broadcast_to(background, (SIDE, SIDE, 3)).copy()
    height, width, _ = image.shape
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    canvas[top : top + height, left : left + width] = image
    return canvas
