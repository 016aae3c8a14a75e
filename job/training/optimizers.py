"""What moves the weights: the optimizer of a recipe, and its learning rate from step to step."""

import math
from typing import Any

import keras

from job.config.run_config import Config

MOMENTUM = 0.9  # Nesterov's, of sgd
ALWAYS_SPARED = ("bias", "gamma", "beta")
"""What the weight decay spares: it would only pull down the offsets and scales of the layers."""

LAST_LAYER = "probabilities"
"""The layer whose kernel Muon leaves to Adam, as its authors advise."""

ADAM_SHARE = 0.25
"""What Muon leaves to Adam has this share of its learning rate."""


class Muon(keras.optimizers.Muon):  # type: ignore[misc] # Keras ships no types
    """Keras's Muon, which also takes the kernels of convolutions, as matrices of a column per filter.

    Of the momentum of a kernel it takes about the nearest matrix of orthonormal columns or rows, scaled so that a step
    changes a weight by 0.2 times the learning rate in quadratic mean (Jordan et al. 2024,
    https://kellerjordan.github.io/posts/muon; the scale is that of arXiv 2502.16982). Offsets, scales, and the kernel
    of the last layer are left to Adam, whatever `exclude_layers` and `exclude_embeddings` say.
    """

    def _should_use_adamw(self, variable: keras.Variable) -> bool:
        return len(variable.shape) < 2 or LAST_LAYER in variable.path  # noqa: PLR2004 - a matrix

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:  # noqa: ANN401 - a tensor
        """The nearest orthogonal matrix, about, in the shape of `x`."""
        matrix = keras.ops.reshape(x, (-1, x.shape[-1]))
        return keras.ops.reshape(super().zeropower_via_newtonschulz5(matrix, steps), x.shape)

    def lr_adjust(self, x: Any) -> Any:  # noqa: ANN401 - a tensor
        """An orthogonal update, scaled so that it changes a weight equally, in quadratic mean, whatever its shape."""
        return x * self.rms_rate * math.sqrt(max(math.prod(x.shape[:-1]), x.shape[-1]))


def make(recipe: Config, n_steps: int) -> keras.optimizers.Optimizer:
    """The optimizer of a recipe.

    Args:
        recipe: of the run.
        n_steps: of the whole training, for schedules that go by steps.
    """
    rate = learning_rate(recipe, n_steps)
    average = {"use_ema": True, "ema_momentum": recipe.average} if recipe.average else {}
    if recipe.optimizer == "adam":
        return keras.optimizers.Adam(rate, **average)
    decay = recipe.weight_decay or None
    if recipe.optimizer == "sgd":
        optimizer = keras.optimizers.SGD(rate, momentum=MOMENTUM, nesterov=True, weight_decay=decay, **average)
    elif recipe.optimizer == "muon":
        decays = {"weight_decay": recipe.weight_decay, "adam_weight_decay": recipe.weight_decay * ADAM_SHARE}
        optimizer = Muon(rate, adam_lr_ratio=ADAM_SHARE, **decays, **average)
    else:
        optimizer = keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay, **average)
    if decay:
        optimizer.exclude_from_weight_decay(var_names=list(ALWAYS_SPARED))
    return optimizer


def learning_rate(recipe: Config, n_steps: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """The rate itself, or Keras's schedule of it by steps.

    With `cosine` it rises to `learning_rate` in the share `warm_up` of the steps, then falls to 0 after the last one.
    """
    n_rising = min(round(recipe.warm_up * n_steps), n_steps - 1)
    if recipe.schedule == "cosine":
        floor = 0.0
    elif n_rising:
        floor = 1.0  # a wave that stays at its height: constant once it has risen
    else:
        return recipe.learning_rate
    rising = {"initial_learning_rate": 0.0, "warmup_target": recipe.learning_rate, "warmup_steps": n_rising}
    falling = {"initial_learning_rate": recipe.learning_rate}
    return keras.optimizers.schedules.CosineDecay(
        decay_steps=n_steps - n_rising, alpha=floor, **(rising if n_rising else falling)
    )
