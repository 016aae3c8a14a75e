"""Calibrates the probabilities of a trained network with one temperature T, fitted on the validation images.

Temperature scaling divides the logits by T (Guo et al. 2017, arXiv 1706.04599, section 4.2). The logarithms of the
probabilities are logits, so it also calibrates the average of several views: pool, then calibrate (Rahaman and Thiery
2021, arXiv 2007.08792). It changes no predicted class.
"""

import keras
import numpy as np
from numpy.typing import NDArray

from job.config.run_config import MAX_TEMPERATURE, MIN_TEMPERATURE, Config
from job.data.dataset import Dataset
from job.log import log
from job.training.inference import predict_probabilities
from job.training.optimizers import LAST_LAYER

N_HALVINGS = 50  # of the range of the temperature: to the last digit of a float64
MIN_PROBABILITY = np.finfo(np.float32).tiny


def calibrate_model(model: keras.Model, dataset: Dataset, config: Config) -> tuple[keras.Model, float | None]:
    """Fit a temperature for a model and apply it; a model that has none stays as it is.

    The test images play no part in it.
    """
    n_train = dataset.n_train(config.validation_split)
    images, y_true = dataset.train_images[n_train:], dataset.train_labels[n_train:]
    temperature = fit_temperature(predict_probabilities(model, images), y_true)
    if temperature is None:
        log.warning(
            "no temperature fits best, because the model is correct on all %s validation images; its probabilities "
            "stay as they are",
            f"{len(images):,}",
        )
        return model, None
    if temperature in (MIN_TEMPERATURE, MAX_TEMPERATURE):
        log.warning(
            "the best temperature is outside the range from %g to %g; the job takes the nearest one in it",
            *(MIN_TEMPERATURE, MAX_TEMPERATURE),
        )
    return apply_temperature(model, temperature, config), temperature


def fit_temperature(probabilities: NDArray[np.float32], y_true: NDArray[np.integer]) -> float | None:
    """Find the temperature of the lowest cross-entropy, within the allowed range.

    The cross-entropy is convex in 1/T, so its slope changes its sign at most once. Bisection finds that place without
    SciPy, whose import would take longer than the fit.

    Args:
        probabilities: Probabilities of the validation images, shape (n, n_classes).
        y_true: True class numbers, shape (n,).

    Returns:
        The temperature, or None if every image is classified correctly: then the cross-entropy falls until T is 0.
    """
    logits = np.log(np.maximum(probabilities, MIN_PROBABILITY), dtype=np.float64)
    margins = logits - logits[np.arange(len(y_true)), y_true][:, np.newaxis]  # of each class over the true one
    if (logits.argmax(axis=1) == y_true).all():
        return None
    lower, upper = 1 / MAX_TEMPERATURE, 1 / MIN_TEMPERATURE
    if _slope(lower, margins) >= 0:
        return MAX_TEMPERATURE
    if _slope(upper, margins) <= 0:
        return MIN_TEMPERATURE
    for _ in range(N_HALVINGS):
        middle = (lower + upper) / 2
        lower, upper = (lower, middle) if _slope(middle, margins) > 0 else (middle, upper)
    return 2 / (lower + upper)


def _slope(inverse_temperature: float, margins: NDArray[np.float64]) -> float:
    """Derivative of the mean cross-entropy with respect to 1/T: the mean margin under the softmax."""
    scaled = inverse_temperature * margins
    weights = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return float(np.mean((weights * margins).sum(axis=1) / weights.sum(axis=1)))


def apply_temperature(model: keras.Model, temperature: float, recipe: Config) -> keras.Model:
    """Return the model whose probabilities are calibrated; Keras can save, load and export it without this package.

    For a single view, this changes the last layer of the model in place: softmax((Wx + b) / T). For several views, it
    adds operations after their average.
    """
    if recipe.test_time == "none":
        layer = model.get_layer(LAST_LAYER)
        layer.set_weights([values / np.float32(temperature) for values in layer.get_weights()])
        return model
    logits = keras.ops.log(model.output) / temperature
    return keras.Model(model.input, keras.ops.softmax(logits), name=model.name)
