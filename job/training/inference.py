"""Predicts class probabilities with a trained network."""

import keras
import numpy as np
from numpy.typing import NDArray

from job.data.dataset import scale_pixels
from job.errors import DivergenceError

BATCH_SIZE = 1000  # does not affect the results


def predict_probabilities(network: keras.Model, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Predict the probability of each class for images of shape (n, 28, 28); the network takes pixels in [0, 1].

    Returns:
        Rows that sum to 1, shape (n, n_classes), in the order of the images.

    Raises:
        DivergenceError: If a probability is NaN or infinite. Without validation no loss is computed after the last
            training step, so only the predictions show the divergence.
    """
    parts = (images[start : start + BATCH_SIZE] for start in range(0, len(images), BATCH_SIZE))
    probabilities = np.concatenate([np.asarray(network(scale_pixels(part), training=False)) for part in parts])
    if not np.isfinite(probabilities).all():
        raise DivergenceError(
            "predictions contain NaN or infinity: training diverged in its last step; lower --learning-rate"
        )
    return probabilities
