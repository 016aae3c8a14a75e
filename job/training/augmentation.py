"""Changes training images anew in each epoch: what is drawn for an image is apart from its application to a batch."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from job.data.dataset import IMAGE_SHAPE

if TYPE_CHECKING:
    import tensorflow as tf

SIDE = IMAGE_SHAPE[0]
MAX_SHIFT = 2
"""Pixels, in each direction; the background, 0, comes in at the other side."""

MAX_ERASED = 14
"""The longest side of an erased rectangle in pixels."""

N_EXAMPLES, N_EXAMPLE_EPOCHS = 8, 5
"""How many images are kept to be shown, and as of how many epochs."""

FLIP, DOWN, RIGHT, TOP, LEFT, HEIGHT, WIDTH = range(7)
"""The columns of what is drawn for an image."""


class Augmentation:
    """Draws how each image is changed, epoch by epoch, and changes batches accordingly.

    `flip` mirrors left and right. Chance decides which images are mirrored in the first epoch; from then on each is
    mirrored in every other one, so that training sees both sides equally often (as cifar10-airbench has it, arXiv
    2404.00498). `shift` moves an image by up to 2 pixels in each direction. `erase` blackens a rectangle in half of
    the images, around a pixel of chance (as Cutout does, arXiv 1708.04552, whose squares have one size).

    Args:
        names: of what is done, of `recipes.AUGMENTATIONS`; none is a right answer.
        n_images: how many there are to train with.
        seed: of the draws.
    """

    def __init__(self, names: Sequence[str], n_images: int, seed: int) -> None:
        self.names = frozenset(names)
        self._n_images = n_images
        self._random = np.random.default_rng((seed, 1))  # apart from the order of the batches
        self._flipped = self._random.integers(2, size=n_images, dtype=np.bool_)

    def draw(self) -> NDArray[np.int8]:
        """What happens to each image in the next epoch, shape (n_images, 7): the columns are FLIP, DOWN and so on."""
        drawn = np.zeros((self._n_images, WIDTH + 1), np.int8)
        if "flip" in self.names:
            drawn[:, FLIP] = self._flipped
            self._flipped = ~self._flipped
        if "shift" in self.names:
            drawn[:, DOWN : RIGHT + 1] = self._random.integers(-MAX_SHIFT, MAX_SHIFT + 1, (self._n_images, 2))
        if "erase" in self.names:
            sides = self._random.integers(1, MAX_ERASED + 1, (self._n_images, 2))
            drawn[:, TOP : LEFT + 1] = self._random.integers(0, SIDE, (self._n_images, 2)) - sides // 2
            drawn[:, HEIGHT:] = sides * self._random.integers(2, size=(self._n_images, 1))
        return drawn

    def apply(self, images: "tf.Tensor", drawn: "tf.Tensor") -> "tf.Tensor":
        """Change a batch.

        Args:
            images: shape (n, height, width).
            drawn: their rows of what `draw` gave, shape (n, 7).

        Returns:
            The same shape and type.
        """
        import tensorflow as tf

        if "flip" in self.names:
            images = tf.where(drawn[:, FLIP, None, None] > 0, images[:, :, ::-1], images)
        if "shift" in self.names:
            images = _shifted(images, drawn[:, DOWN], 1)
            images = _shifted(images, drawn[:, RIGHT], 2)
        if "erase" in self.names:
            rows, columns = (tf.constant(np.arange(size, dtype=np.int8)) for size in images.shape[1:])
            in_rows = _within(rows, drawn[:, TOP], drawn[:, HEIGHT])
            in_columns = _within(columns, drawn[:, LEFT], drawn[:, WIDTH])
            images = tf.where(in_rows[:, :, None] & in_columns[:, None, :], tf.zeros((), images.dtype), images)
        return images


def examples(names: Sequence[str], images: NDArray[np.uint8], seed: int, n_epochs: int) -> NDArray[np.uint8]:
    """The first images and what training saw of each in its first epochs.

    Args:
        names: of what is done.
        images: all that train, shape (n_images, 28, 28).
        seed: of the run.
        n_epochs: that it trained for, of which at most 5 are shown.

    Returns:
        Shape (n, 1 + epochs shown, 28, 28), of each image itself first; empty where nothing is done.
    """
    n_epochs = min(n_epochs, N_EXAMPLE_EPOCHS)
    if not names:
        return np.empty((0, 1 + n_epochs, *images.shape[1:]), np.uint8)
    augmentation, first = Augmentation(names, len(images), seed), images[:N_EXAMPLES]
    epochs = [augmentation.apply(first, augmentation.draw()[:N_EXAMPLES]).numpy() for _ in range(n_epochs)]
    return np.stack([first, *epochs], axis=1)


def _shifted(images: "tf.Tensor", by: "tf.Tensor", axis: int) -> "tf.Tensor":
    """Each image moved by its number of pixels; XLA makes quicker work of five selections than of a gathering."""
    import tensorflow as tf

    size = images.shape[axis]
    padded = tf.pad(images, [[MAX_SHIFT, MAX_SHIFT] if each == axis else [0, 0] for each in range(3)])
    moved = images
    for pixels in range(-MAX_SHIFT, MAX_SHIFT + 1):
        start = MAX_SHIFT - pixels
        part = padded[:, start : start + size] if axis == 1 else padded[:, :, start : start + size]
        moved = tf.where(by[:, None, None] == pixels, part, moved)
    return moved


def _within(places: "tf.Tensor", first: "tf.Tensor", n: "tf.Tensor") -> "tf.Tensor":
    """Which places are among the `n` from `first` on, shape (images, places)."""
    return (places >= first[:, None]) & (places < (first + n)[:, None])
