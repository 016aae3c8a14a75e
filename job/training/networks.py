"""The networks that can be trained."""

import math
from typing import Any

import keras

from job.config.run_config import Config
from job.data.dataset import IMAGE_SHAPE
from job.training import optimizers

HIDDEN_UNITS = (128, 64)
STEM_CHANNELS, POOLED_CHANNELS, DEEP_CHANNELS = (16, 32), (48, 80), (112, 112)
DIRECTIONS = ((-1, 0), (1, 0), (0, -1), (0, 1))
"""Down and right, in pixels: how `flip-shift` moves an image."""

BATCH_NORM_MOMENTUM = 0.9  # Keras's 0.99 would still remember the first of a few thousand steps


def build(n_classes: int, recipe: Config, seed: int, n_steps: int = 1) -> keras.Model:
    """The network of a recipe, compiled with its optimizer and categorical cross-entropy.

    It takes pixels in [0, 1], shape (n, 28, 28), and gives probabilities, shape (n, n_classes). With 10 classes the
    MLP has 109,386 weights.

    The seed is set for Python, NumPy and TensorFlow: the initial weights and the dropout follow it.

    Args:
        n_classes: at least 2.
        recipe: of the run.
        seed: of the initial weights and of dropout.
        n_steps: of the whole training, for schedules that go by steps.
    """
    keras.utils.set_random_seed(seed)
    images = keras.Input(IMAGE_SHAPE)
    features = {"mlp": _mlp, "cnn": _cnn}[recipe.model](images)
    if recipe.dropout:
        features = keras.layers.Dropout(recipe.dropout)(features)
    probabilities = keras.layers.Dense(n_classes, activation="softmax", name=optimizers.LAST_LAYER)(features)
    model = keras.Model(images, probabilities, name=recipe.model)
    loss: str | keras.losses.Loss = "categorical_crossentropy"
    if recipe.label_smoothing:
        loss = keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing)
    model.compile(optimizers.make(recipe, n_steps), loss=loss, metrics=["accuracy"])
    return model


def _mlp(images: keras.KerasTensor) -> keras.KerasTensor:
    """The baseline's: two hidden layers on all pixels."""
    features = keras.layers.Flatten()(images)
    for units in HIDDEN_UNITS:
        features = keras.layers.Dense(units, activation="relu")(features)
    return features


def _cnn(images: keras.KerasTensor) -> keras.KerasTensor:
    """A stem that sees each pixel and halves the image to 14 x 14, then four convolutions, down to 3 x 3.

    The stem's few channels at 28 x 28 were worth more than wider layers behind it. Most else is done on small images
    with many channels, where a processor is quickest; for the same reason the first normalisation comes after the
    pooling (docs/recipes.md has the figures).
    """
    fine, coarse = STEM_CHANNELS
    features = keras.ops.expand_dims(images, -1)
    features = keras.layers.ReLU()(_convolution(fine, use_bias=True)(features))
    features = keras.layers.ReLU()(_convolution(coarse, kernel_size=2, strides=2, use_bias=True)(features))
    first, second = POOLED_CHANNELS
    features = _normalised(_pooled(_convolution(first, padding="valid")(features)))
    features = _pooled(_normalised(_convolution(second)(features)))
    for channels in DEEP_CHANNELS:
        features = _normalised(_convolution(channels)(features))
    return keras.layers.GlobalAveragePooling2D()(features)


def _convolution(channels: int, **options: Any) -> keras.layers.Conv2D:  # noqa: ANN401 - whatever Keras takes
    """Of 3 x 3 pixels that keeps the image's size, unless told otherwise."""
    usual = {"kernel_size": 3, "padding": "same", "use_bias": False, "kernel_initializer": "he_normal"}
    return keras.layers.Conv2D(channels, **usual | options)


def _normalised(features: keras.KerasTensor) -> keras.KerasTensor:
    return keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM)(features))


def _pooled(features: keras.KerasTensor) -> keras.KerasTensor:
    """The maximum of each square of 2 x 2, whose gradient takes XLA at most a fifth of the time of Keras's own."""
    _, height, width, channels = features.shape
    squares = keras.ops.reshape(features, (-1, height // 2, 2, width // 2, 2, channels))
    return keras.ops.max(squares, axis=(2, 4))


def describe(model: keras.Model) -> str:
    """The network in one line, such as `MLP 784-128-64-10, 109,386 weights`."""
    inputs = [math.prod(IMAGE_SHAPE)] if model.name == "mlp" else []
    widths = [layer.output.shape[-1] for layer in model.layers if hasattr(layer, "kernel")]
    return f"{model.name.upper()} {'-'.join(map(str, [*inputs, *widths]))}, {model.count_params():,} weights"


def judge(network: keras.Model, recipe: Config) -> keras.Model:
    """What answers once `network` is trained: itself, or the mean of its answers to several views of an image.

    Keras loads it, once saved, without this package: an optimizer of ours is left out.
    """
    plain = keras.Model(network.input, network.output, name=network.name)  # without what trained it
    if recipe.test_time == "none":
        return plain if recipe.optimizer == "muon" else network
    images = keras.Input(IMAGE_SHAPE)
    answer = _to_both_sides(plain, images)
    if recipe.test_time == "flip-shift":
        moved = [_to_both_sides(plain, _moved(images, down, right)) for down, right in DIRECTIONS]
        answer = keras.layers.Average()([answer, keras.layers.Average()(moved)])
    return keras.Model(images, answer, name=f"{network.name}_of_several_views")


def _to_both_sides(network: keras.Model, images: keras.KerasTensor) -> keras.KerasTensor:
    """The mean of its answers to images and to their mirror images."""
    return keras.layers.Average()([network(images), network(keras.ops.flip(images, axis=-1))])


def _moved(images: keras.KerasTensor, down: int, right: int) -> keras.KerasTensor:
    """Images moved by at most a pixel; black comes in at the other side."""
    framed = keras.layers.ZeroPadding2D(1)(keras.ops.expand_dims(images, -1))
    cut = keras.layers.Cropping2D(((1 - down, 1 + down), (1 - right, 1 + right)))
    return keras.ops.squeeze(cut(framed), -1)
