"""Builds the optimizer of a recipe, and its learning-rate schedule."""

import math
from typing import Any

import keras

from job.config.run_config import Config

NOT_DECAYED = ("bias", "gamma", "beta")
"""Variables without weight decay: the offsets and scales of a layer."""

LAST_LAYER = "probabilities"
"""The layer whose kernel Muon leaves to Adam, as its authors recommend."""

ADAM_SHARE = 0.25
"""Learning rate of the parameters that Muon leaves to Adam, as a fraction of Muon's."""


class Muon(keras.optimizers.Muon):  # type: ignore[misc] # Keras ships no types
    """Keras's Muon, extended to the kernels of convolutions, which become matrices with one column for each filter.

    The update of a kernel is approximately the orthogonal matrix nearest to its momentum, scaled so that a step changes
    a parameter by 0.2 times the learning rate (root mean square). Source: Jordan et al. 2024,
    https://kellerjordan.github.io/posts/muon; the scale is from arXiv 2502.16982. Adam trains the offsets, the scales
    and the kernel of the last layer, whatever `exclude_layers` and `exclude_embeddings` say.
    """

    def _should_use_adamw(self, variable: keras.Variable) -> bool:
        return len(variable.shape) < 2 or LAST_LAYER in variable.path  # noqa: PLR2004 - a matrix

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:  # noqa: ANN401 - a tensor
        """Approximate the nearest orthogonal matrix, in the shape of `x`."""
        matrix = keras.ops.reshape(x, (-1, x.shape[-1]))
        return keras.ops.reshape(super().zeropower_via_newtonschulz5(matrix, steps), x.shape)

    def lr_adjust(self, x: Any) -> Any:  # noqa: ANN401 - a tensor
        """Scale an orthogonal update to the same root mean square for kernels of any shape."""
        return x * self.rms_rate * math.sqrt(max(math.prod(x.shape[:-1]), x.shape[-1]))


def build_optimizer(recipe: Config, n_steps: int) -> keras.optimizers.Optimizer:
    """Build the optimizer of a recipe, for a training of `n_steps` steps."""
    rate = build_learning_rate(recipe, n_steps)
    average = {"use_ema": True, "ema_momentum": recipe.average} if recipe.average else {}
    if recipe.optimizer == "adam":
        return keras.optimizers.Adam(rate, **average)
    decay = recipe.weight_decay
    if recipe.optimizer == "sgd":
        optimizer = keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, weight_decay=decay or None, **average)
    elif recipe.optimizer == "muon":
        settings = {"weight_decay": decay, "adam_weight_decay": decay * ADAM_SHARE, "adam_lr_ratio": ADAM_SHARE}
        optimizer = Muon(rate, **settings, **average)
    else:
        optimizer = keras.optimizers.AdamW(rate, weight_decay=decay, **average)
    if decay:
        optimizer.exclude_from_weight_decay(var_names=list(NOT_DECAYED))
    return optimizer


def build_learning_rate(recipe: Config, n_steps: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Build the learning-rate schedule, or return the constant rate.

    After the warm-up, the `cosine` schedule falls from `learning_rate` to 0 at the last step.
    """
    n_warm_up = min(round(recipe.warm_up * n_steps), n_steps - 1)
    is_cosine = recipe.schedule == "cosine"
    if not is_cosine and not n_warm_up:
        return recipe.learning_rate
    alpha = 0.0 if is_cosine else 1.0  # 1: a cosine without amplitude, constant after the warm-up
    return keras.optimizers.schedules.CosineDecay(
        0.0, n_steps - n_warm_up, alpha, warmup_target=recipe.learning_rate, warmup_steps=n_warm_up
    )
