import numpy as np
import pytest

from job import model

pytestmark = pytest.mark.usefixtures("started")


def test_the_baseline_is_what_was_asked_for() -> None:
    """Flatten, 128 relu, 64 relu, 10 softmax: 109,386 weights, with Adam and categorical cross-entropy."""
    network = model.build(n_classes=10, learning_rate=0.001, seed=0)
    kinds = [type(layer).__name__ for layer in network.layers]
    assert kinds == ["Flatten", "Dense", "Dense", "Dense"]
    assert [layer.units for layer in network.layers[1:]] == [128, 64, 10]
    assert [layer.activation.__name__ for layer in network.layers[1:]] == ["relu", "relu", "softmax"]
    assert network.count_params() == 784 * 128 + 128 + 128 * 64 + 64 + 64 * 10 + 10
    assert type(network.optimizer).__name__ == "Adam"
    assert float(network.optimizer.learning_rate) == pytest.approx(0.001)
    assert network.loss == "categorical_crossentropy"
    assert model.describe(network) == "MLP 784-128-64-10, 109,386 weights"


def test_the_last_layer_follows_the_classes() -> None:
    """Two classes, two outputs."""
    assert model.build(n_classes=2, learning_rate=0.001, seed=0).output_shape == (None, 2)


def test_the_seed_gives_the_initial_weights() -> None:
    """The same seed the same weights, another seed others."""
    first, again, other = (model.build(10, 0.001, seed).get_weights()[0] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
