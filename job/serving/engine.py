"""Predicts for the handlers of all protocols."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from job.serving import forward_pass
from job.serving.metrics import Metrics
from job.serving.served_model import ServedModel

Floats = NDArray[np.float32]

NAME = "fashion-job"
"""The name of the model."""


class Engine:
    """A model with its metrics; threads may share it.

    Attributes:
        n_multiplications: Multiplications for one image.
        max_pixels: Largest number of pixels of an image file.
    """

    def __init__(self, model: ServedModel, metrics: Metrics, max_pixels: int) -> None:
        self.model = model
        self.max_pixels = max_pixels
        self.metrics = metrics
        self.n_multiplications = forward_pass.count_multiplications(model.network)

    def predict(self, images: Floats) -> Floats:
        """Predict the probability of each class for images with pixels in [0, 1], shape (n, 28, 28)."""
        with self.metrics.predict(len(images)):
            return forward_pass.predict(self.model.network, images)

    def name_classes(self, probabilities: Floats) -> Mapping[str, float]:
        """The probabilities of one image by the names of the classes."""
        return dict(zip(self.model.class_names, (round(each, 6) for each in probabilities.tolist()), strict=True))
