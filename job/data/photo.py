"""Prepares a photo as the makers of Fashion-MNIST prepared theirs (arXiv 1708.07747, section 2).

Once a picture is decoded, it computes the same pixels as `templates/report/picture.js`, which does this in the page.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

UInt8 = NDArray[np.uint8]
Box = tuple[slice, slice]
"""Rows and columns."""

SIDE = 28
"""Pixels of an edge of every image that a network gets."""
WHITE = 255
SINGLE_COLOUR = "the picture has a single colour"
"""The warning about an image that shows nothing."""
TOLERANCE = 0.05 * math.sqrt(3) * WHITE
"""How far the colour of an edge may be from that of its corner: 5 % of the distance between black and white."""
CENTRE, EDGE, CORNER = 1.6609, -0.1028, -0.0624
"""The kernel of ImageMagick's `-sharpen` with radius 1 and sigma 1."""
N_ROWS = 16
"""Rows that are compared at a time."""
DARK = 128
"""A background that is darker on average counts as dark."""
MIN_SUBJECT = 0.2
"""A subject with a smaller part of the longest edge of the photo counts as small."""


@dataclass(frozen=True)
class ReducedPhoto:
    """A photo that is reduced to what remains to be centred.

    Attributes:
        grey: Brightness, shape (height, width), of which the larger is 28.
        background: Mean brightness of the corners, from 0 (black) to 255.
        subject: Rows and columns of the photo without even edges; None if it has a single colour.
        longest: Longest edge of the photo in pixels.
    """

    grey: UInt8
    background: float
    subject: Box | None
    longest: int

    def centre(self, *, is_light: bool) -> UInt8:
        """Centre the photo on 28 x 28 black pixels, negated unless the article is lighter than its background."""
        grey = self.grey if is_light else WHITE - self.grey
        height, width = grey.shape
        top, left = (SIDE - height) // 2, (SIDE - width) // 2
        return np.pad(grey, ((top, SIDE - height - top), (left, SIDE - width - left)))


@dataclass(frozen=True)
class PreparedPhoto:
    """What the model sees of a photo.

    Attributes:
        pixels: Light on black, shape (28, 28).
        warnings: Reasons to doubt a prediction.
    """

    pixels: UInt8
    warnings: list[str]


def prepare_photo(photo: UInt8, *, is_light: bool = False, crops: bool = True) -> PreparedPhoto:
    """Turn a photo of an article on an even background into what the network expects.

    Args:
        photo: Red, green, blue and opacity, shape (height, width, 4).
        is_light: Whether the article is lighter than its background.
        crops: Whether to remove the edges around the article.
    """
    reduced = reduce_photo(put_on_paper(photo), crops=crops)
    return PreparedPhoto(reduced.centre(is_light=is_light), _find_warnings(reduced, is_light=is_light))


def reduce_photo(paper: UInt8, *, crops: bool = True) -> ReducedPhoto:
    """Crop, sample, sharpen and turn to grey a photo on paper, shape (height, width, 3)."""
    height, width, _ = paper.shape
    subject = _find_subject(paper)
    box = subject if crops and subject else (slice(0, height), slice(0, width))
    small = _sample(paper[box])
    is_reduced = max(_measure(box)) > SIDE
    grey = to_grey(_sharpen(small) if is_reduced else small)
    background = float(to_grey(paper[[0, 0, -1, -1], [0, -1, 0, -1]][np.newaxis]).mean())
    return ReducedPhoto(grey, background, subject, max(height, width))


def put_on_paper(photo: UInt8) -> UInt8:
    """Red, green and blue on white paper."""
    if photo[..., 3].min() == WHITE:
        return photo[..., :3]
    colour, opacity = photo[..., :3].astype(np.uint16), photo[..., 3:].astype(np.uint16)
    colour *= opacity  # at most 255 * 255, which 16 bits can hold, as they can the sum
    colour += WHITE * (WHITE - opacity) + WHITE // 2  # the last term rounds
    colour //= WHITE
    return colour.astype(np.uint8)


def _find_subject(paper: UInt8) -> Box | None:
    """The rows and columns without the edges whose colour is close to that of their corner, if something remains."""
    columns = paper.swapaxes(0, 1)
    top, left = _first(paper, paper[0, 0]), _first(columns, paper[0, 0])
    bottom = len(paper) - _first(paper[::-1], paper[-1, 0])
    right = len(columns) - _first(columns[::-1], paper[0, -1])
    return (slice(top, bottom), slice(left, right)) if bottom > top and right > left else None


def _first(paper: UInt8, colour: UInt8) -> int:
    """The index of the first row with a pixel that differs from a colour; the number of rows if there is none."""
    for start in range(0, len(paper), N_ROWS):  # most photos differ after a few rows
        difference = paper[start : start + N_ROWS] - colour.astype(np.int32)
        differs = np.einsum("ijk,ijk->ij", difference, difference) > TOLERANCE**2
        if differs.any():
            return start + int(differs.any(axis=1).argmax())
    return len(paper)


def _measure(box: Box) -> tuple[int, int]:
    """Height and width."""
    return box[0].stop - box[0].start, box[1].stop - box[1].start


def _sample(image: UInt8) -> UInt8:
    """Skip rows and columns until the longest edge has 28 pixels."""
    height, width, _ = image.shape
    longest = max(height, width)
    rows, columns = (_choose(size, max(1, math.floor(size * SIDE / longest + 0.5))) for size in (height, width))
    return image[rows][:, columns]


def _choose(size: int, n: int) -> NDArray[np.int64]:
    """The middle of each of `n` equal parts of `size` rows or columns."""
    return np.floor((np.arange(n) + 0.5) * size / n).astype(np.int64)


def _sharpen(image: UInt8) -> UInt8:
    """Sharpen; pixels beyond an edge are those of the edge."""
    height, width, _ = image.shape
    padded = np.pad(image.astype(np.int64), ((1, 1), (1, 1), (0, 0)), mode="edge")

    def add(*shifts: tuple[int, int]) -> NDArray[np.int64]:
        parts = [padded[row : row + height, column : column + width] for row, column in shifts]
        total: NDArray[np.int64] = np.asarray(parts).sum(axis=0)
        return total

    edges, corners = add((1, 0), (1, 2), (0, 1), (2, 1)), add((0, 0), (0, 2), (2, 0), (2, 2))
    return _round(np.clip(CENTRE * image + EDGE * edges + CORNER * corners, 0, WHITE))


def to_grey(image: UInt8) -> UInt8:
    """Brightness by Rec. 709."""
    red, green, blue = np.moveaxis(image.astype(np.float64), -1, 0)
    return _round(0.2126 * red + 0.7152 * green + 0.0722 * blue)


def _find_warnings(photo: ReducedPhoto, *, is_light: bool) -> list[str]:
    """The same as in the page."""
    if photo.subject is None:
        return [SINGLE_COLOUR]
    warnings = []
    if is_light and photo.background >= DARK:
        warnings.append("the background is light; send the picture without invert=true")
    if not is_light and photo.background < DARK:
        warnings.append(
            "the background is dark, but the model learned from a light one; send the picture with invert=true"
        )
    longest = max(_measure(photo.subject))
    if longest < SIDE:
        warnings.append(f"the subject has only {longest} pixels; its details are lost")
    elif longest < MIN_SUBJECT * photo.longest:
        warnings.append("the subject is small in its picture; get closer")
    return warnings


def _round(values: NDArray[np.float64]) -> UInt8:
    """Round halves up, as JavaScript does."""
    rounded: UInt8 = np.floor(values + 0.5).astype(np.uint8)
    return rounded
