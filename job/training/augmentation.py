"""Augments training images, differently in each epoch. Sampling parameters is separate from applying them."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from job.data.dataset import IMAGE_SHAPE

SIDE = IMAGE_SHAPE[0]
MAX_SHIFT = 2
"""Maximum shift in pixels in each direction; the uncovered edge becomes black."""

MAX_ERASED = 14
"""Maximum side of an erased rectangle in pixels."""

N_EXAMPLES, N_EXAMPLE_EPOCHS = 8, 5
"""Number of images that the report shows, and the maximum number of epochs shown for each."""

FLIP, DOWN, RIGHT, TOP, LEFT, HEIGHT, WIDTH = range(7)
"""Columns of the parameters of an image."""


class Augmentation:
    """Samples augmentation parameters for each epoch and applies them to batches.

    `flip` mirrors left and right: a random half of the images in the first epoch, and from then on each image in every
    other epoch, so that training sees both sides equally often (as in cifar10-airbench, arXiv 2404.00498). `shift`
    moves an image by up to 2 pixels in each direction. `erase` blackens a random rectangle in half of the images (a
    variant of Cutout, arXiv 1708.04552, which uses squares of one size). Without names, images do not change.
    """

    def __init__(self, names: Sequence[str], n_images: int, seed: int) -> None:
        self.names = frozenset(names)
        self._n_images = n_images
        self._random = np.random.default_rng((seed, 1))  # independent of the order of the batches
        self._flipped = self._random.integers(2, size=n_images, dtype=np.bool_)

    def sample_parameters(self) -> NDArray[np.int8]:
        """Sample the parameters of each image for the next epoch, shape (n_images, 7), columns FLIP to WIDTH."""
        parameters = np.zeros((self._n_images, WIDTH + 1), np.int8)
        if "flip" in self.names:
            parameters[:, FLIP] = self._flipped
            self._flipped = ~self._flipped
        if "shift" in self.names:
            parameters[:, DOWN : RIGHT + 1] = self._random.integers(-MAX_SHIFT, MAX_SHIFT + 1, (self._n_images, 2))
        if "erase" in self.names:
            sides = self._random.integers(1, MAX_ERASED + 1, (self._n_images, 2))
            parameters[:, TOP : LEFT + 1] = self._random.integers(0, SIDE, (self._n_images, 2)) - sides // 2
            parameters[:, HEIGHT:] = sides * self._random.integers(2, size=(self._n_images, 1))
        return parameters

    def apply(self, images: tf.Tensor, parameters: tf.Tensor) -> tf.Tensor:
        """Augment a batch.

        Args:
            images: Shape (n, height, width).
            parameters: The images' rows of `sample_parameters`, shape (n, 7).

        Returns:
            Augmented images of the same shape and type.
        """
        if "flip" in self.names:
            images = tf.where(parameters[:, FLIP, None, None] > 0, images[:, :, ::-1], images)
        if "shift" in self.names:
            images = _shift(images, parameters[:, DOWN], 1)
            images = _shift(images, parameters[:, RIGHT], 2)
        if "erase" in self.names:
            rows, columns = (tf.constant(np.arange(size, dtype=np.int8)) for size in images.shape[1:])
            in_rows = _mask_range(rows, parameters[:, TOP], parameters[:, HEIGHT])
            in_columns = _mask_range(columns, parameters[:, LEFT], parameters[:, WIDTH])
            images = tf.where(in_rows[:, :, None] & in_columns[:, None, :], tf.zeros((), images.dtype), images)
        return images


def build_examples(names: Sequence[str], images: NDArray[np.uint8], seed: int, n_epochs: int) -> NDArray[np.uint8]:
    """Augment the first images as in the first epochs of training, for the report.

    Args:
        names: Names of the augmentations.
        images: All training images, shape (n_images, 28, 28).
        seed: Seed of the training.
        n_epochs: Number of epochs trained; at most 5 are shown.

    Returns:
        For each image the original and its augmented versions, shape (n, 1 + epochs shown, 28, 28); empty without
        augmentation.
    """
    augmentation, first = Augmentation(names, len(images), seed), images[: N_EXAMPLES if names else 0]
    samples = [augmentation.sample_parameters()[: len(first)] for _ in range(min(n_epochs, N_EXAMPLE_EPOCHS))]
    return np.stack([first, *(np.asarray(augmentation.apply(first, parameters)) for parameters in samples)], axis=1)


def _shift(images: tf.Tensor, n_pixels: tf.Tensor, axis: int) -> tf.Tensor:
    """Shift each image by its number of pixels, by five selections, which XLA runs faster than a gather."""
    size = images.shape[axis]
    padded = tf.pad(images, [[MAX_SHIFT, MAX_SHIFT] if dimension == axis else [0, 0] for dimension in range(3)])
    shifted = images
    for shift in range(-MAX_SHIFT, MAX_SHIFT + 1):
        start = MAX_SHIFT - shift
        part = padded[:, start : start + size] if axis == 1 else padded[:, :, start : start + size]
        shifted = tf.where(n_pixels[:, None, None] == shift, part, shifted)
    return shifted


def _mask_range(positions: tf.Tensor, start: tf.Tensor, n: tf.Tensor) -> tf.Tensor:
    """Mark the `n` positions from `start` on, shape (n_images, n_positions)."""
    return (positions >= start[:, None]) & (positions < (start + n)[:, None])
