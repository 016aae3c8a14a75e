import math

import keras
import numpy as np
import pytest

from job.config.run_config import Config
from job.training import networks, optimizers

pytestmark = pytest.mark.training


def rate_at(recipe: Config, step: int, n_steps: int = 100) -> float:
    rate = optimizers.build_learning_rate(recipe, n_steps)
    return rate if isinstance(rate, float) else float(rate(step))


def test_a_constant_rate_is_a_number() -> None:
    """Without warm-up and schedule, the optimizer gets the number itself."""
    assert optimizers.build_learning_rate(Config(learning_rate=0.5), 100) == 0.5


def test_cosine_falls_to_zero() -> None:
    """The rate follows half a cosine wave, from the peak at the first step to 0 at the end."""
    recipe = Config(schedule="cosine", learning_rate=0.2)
    for step in (0, 25, 50, 75, 100):
        assert rate_at(recipe, step) == pytest.approx(0.1 * (1 + math.cos(math.pi * step / 100)), abs=1e-7)


@pytest.mark.parametrize(("schedule", "final_rate"), [("constant", 0.2), ("cosine", 0.0)])
def test_the_warm_up_is_linear(schedule: str, final_rate: float) -> None:
    """The rate rises from 0 to the peak in a fifth of the steps; then the schedule begins."""
    recipe = Config(schedule=schedule, learning_rate=0.2, warm_up=0.2)  # type: ignore[arg-type]
    assert [rate_at(recipe, step) for step in (0, 5, 10, 20)] == pytest.approx([0, 0.05, 0.1, 0.2])
    assert rate_at(recipe, 100) == pytest.approx(final_rate, abs=1e-7)


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_the_warm_up_leaves_a_step(schedule: str) -> None:
    """At least the last step has the full rate, however few steps there are."""
    recipe = Config(schedule=schedule, learning_rate=0.2, warm_up=0.9)  # type: ignore[arg-type]
    assert rate_at(recipe, 0, n_steps=1) == pytest.approx(0.2)


@pytest.mark.parametrize("name", ["adamw", "sgd", "muon"])
def test_only_kernels_decay(name: str) -> None:
    """A step with a gradient of 0 shrinks kernels by rate times decay, but not offsets and scales."""
    recipe = Config(model="cnn", optimizer=name, learning_rate=0.1, weight_decay=0.5)  # type: ignore[arg-type]
    network = networks.build_network(10, recipe, seed=0)
    network.optimizer.build(network.trainable_variables)
    for variable in network.trainable_variables:
        variable.assign(np.ones(variable.shape))
    network.optimizer.apply([np.zeros(v.shape, np.float32) for v in network.trainable_variables])
    for variable in network.trainable_variables:
        uses_adam = name == "muon" and variable.path.startswith("probabilities")
        expected = {"kernel": 1 - 0.1 * 0.5 * (0.25 if uses_adam else 1)}
        np.testing.assert_allclose(variable.numpy(), expected.get(variable.name, 1), rtol=1e-5)


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_muon_orthogonalizes_the_update_of_a_hidden_kernel(name: str) -> None:
    """The update matches the Newton-Schulz polynomial of NumPy's singular values; Adam updates the rest."""
    network = networks.build_network(10, Config(model=name, optimizer="muon", learning_rate=0.1), seed=0)  # type: ignore[arg-type]
    variables, random = network.trainable_variables, np.random.default_rng(0)
    network.optimizer.build(variables)
    before = [variable.numpy() for variable in variables]
    gradients = [random.normal(size=variable.shape).astype(np.float32) for variable in variables]
    network.optimizer.apply(gradients)
    n_orthogonal = 0
    for variable, old, gradient in zip(variables, before, gradients, strict=True):
        moved = (variable.numpy() - old).reshape(-1, old.shape[-1])
        if variable.name != "kernel" or variable.path.startswith("probabilities"):
            np.testing.assert_allclose(np.abs(moved), 0.1 * 0.25, rtol=0.1)  # epsilon holds back the smallest
            continue
        n_orthogonal += 1
        left, values, right = np.linalg.svd(gradient.reshape(moved.shape), full_matrices=False)
        values /= np.linalg.norm(values)
        for _ in range(5):
            values = 3.4445 * values - 4.775 * values**3 + 2.0315 * values**5
        assert values.min() > 0.6
        assert values.max() < 1.3
        scale = 0.1 * 0.2 * math.sqrt(max(moved.shape))
        np.testing.assert_allclose(moved, -scale * (left * values) @ right, atol=1e-4 * scale)
    assert n_orthogonal == len([layer for layer in network.layers if hasattr(layer, "kernel")]) - 1


def test_the_average_follows_the_weights() -> None:
    """The moving average begins at the first step, and Keras uses it at the end of training."""
    optimizer = optimizers.build_optimizer(Config(average=0.75), 10)
    weight = keras.Variable([1.0])
    optimizer.build([weight])
    for value in (2.0, 4.0):
        weight.assign([value])
        optimizer.apply([np.zeros(1, np.float32)])
    optimizer.finalize_variable_values([weight])
    assert weight.numpy().tolist() == [0.75 * 2 + 0.25 * 4]
