import keras
import numpy as np
import pytest

from job.config.run_config import Config
from job.data.dataset import scale_pixels
from job.errors import DivergenceError
from job.training import networks
from job.training.inference import BATCH_SIZE, predict_probabilities

pytestmark = pytest.mark.training


def test_predicts_every_image_once_and_in_order() -> None:
    """Each row is the network's own prediction for that image, if the last batch is smaller too."""
    network = networks.build_network(3, Config(), seed=0)
    images = np.random.default_rng(0).integers(0, 256, (BATCH_SIZE + 7, 28, 28), np.uint8)
    probabilities = predict_probabilities(network, images)
    assert probabilities.shape == (BATCH_SIZE + 7, 3)
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)
    for index in (0, BATCH_SIZE, BATCH_SIZE + 6):
        expected = network(scale_pixels(images[index : index + 1])).numpy()[0]
        assert probabilities[index] == pytest.approx(expected, abs=1e-5)


def test_nan_is_a_divergence() -> None:
    """The error says that training diverged in its last step."""
    network = networks.build_network(3, Config(), seed=0)
    network.set_weights([np.full_like(weights, np.nan) for weights in network.get_weights()])
    with pytest.raises(DivergenceError, match="predictions contain NaN or infinity: training diverged"):
        predict_probabilities(network, np.zeros((1, 28, 28), np.uint8))


def test_the_loss_is_that_of_keras() -> None:
    """Loss and accuracy of the predictions equal Keras's own evaluation of the same network."""
    network = networks.build_network(3, Config(), seed=0)
    random = np.random.default_rng(0)
    images, labels = random.integers(0, 256, (500, 28, 28), np.uint8), random.integers(0, 3, 500)
    loss, accuracy = network.evaluate(scale_pixels(images), keras.utils.to_categorical(labels, 3), verbose=0)
    probabilities = predict_probabilities(network, images).astype(np.float64)
    assert -np.log(probabilities[np.arange(500), labels]).mean() == pytest.approx(loss, rel=1e-5)
    assert (probabilities.argmax(axis=1) == labels).mean() == pytest.approx(accuracy)
