"""What moves the weights: the optimizer of a recipe, and its learning rate from step to step."""

import keras

from job.recipes import Recipe

MOMENTUM = 0.9  # Nesterov's, of sgd
ALWAYS_SPARED = ("bias", "gamma", "beta")
"""What the weight decay spares: it would only pull down the offsets and scales of the layers."""


def make(recipe: Recipe, n_steps: int) -> keras.optimizers.Optimizer:
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
    else:
        optimizer = keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay, **average)
    if decay:
        optimizer.exclude_from_weight_decay(var_names=list(ALWAYS_SPARED))
    return optimizer


def learning_rate(recipe: Recipe, n_steps: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
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
