"""The networks that can be trained."""

import math

import keras

from job import optimizer
from job.data import IMAGE_SHAPE
from job.recipes import Recipe

HIDDEN_UNITS = (128, 64)
STEM_CHANNELS, POOLED_CHANNELS, DEEP_CHANNELS = 32, 48, (80, 80, 80)
DIRECTIONS = ((-1, 0), (1, 0), (0, -1), (0, 1))
"""Down and right, in pixels: how `flip-shift` moves an image."""

BATCH_NORM_MOMENTUM = 0.9  # Keras's 0.99 would still remember the first of a few thousand steps


def build(n_classes: int, recipe: Recipe, seed: int, n_steps: int = 1) -> keras.Model:
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
    probabilities = keras.layers.Dense(n_classes, activation="softmax")(features)
    model = keras.Model(images, probabilities, name=recipe.model)
    loss: str | keras.losses.Loss = "categorical_crossentropy"
    if recipe.label_smoothing:
        loss = keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing)
    model.compile(optimizer.make(recipe, n_steps), loss=loss, metrics=["accuracy"])
    return model


def _mlp(images: keras.KerasTensor) -> keras.KerasTensor:
    """The baseline's: two hidden layers on all pixels."""
    features = keras.layers.Flatten()(images)
    for units in HIDDEN_UNITS:
        features = keras.layers.Dense(units, activation="relu")(features)
    return features


def _cnn(images: keras.KerasTensor) -> keras.KerasTensor:
    """A stem that halves the image, a convolution and a pooling that halve it again, then convolutions of 7 x 7 pixels.

    Most of the work is done at 7 x 7, where a processor is quickest at it: with 80 channels, 150 GFLOP/s on two cores,
    against 80 at 14 x 14 with 32. For the same reason normalisation comes after the pooling.
    """
    features = keras.ops.expand_dims(images, -1)
    stem = keras.layers.Conv2D(STEM_CHANNELS, 4, strides=2, padding="same", kernel_initializer="he_normal")
    features = keras.layers.ReLU()(stem(features))
    features = _normalised(_pooled(_convolution(POOLED_CHANNELS)(features)))
    for channels in DEEP_CHANNELS:
        features = _normalised(_convolution(channels)(features))
    return keras.layers.GlobalAveragePooling2D()(features)


def _convolution(channels: int) -> keras.layers.Conv2D:
    return keras.layers.Conv2D(channels, 3, padding="same", use_bias=False, kernel_initializer="he_normal")


def _normalised(features: keras.KerasTensor) -> keras.KerasTensor:
    return keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM)(features))


def _pooled(features: keras.KerasTensor) -> keras.KerasTensor:
    """The maximum of each square of 2 x 2; XLA takes five times as long for the gradient of Keras's own layer."""
    _, height, width, channels = features.shape
    squares = keras.ops.reshape(features, (-1, height // 2, 2, width // 2, 2, channels))
    return keras.ops.max(squares, axis=(2, 4))


def describe(model: keras.Model) -> str:
    """The network in one line, such as `MLP 784-128-64-10, 109,386 weights`."""
    inputs = [math.prod(IMAGE_SHAPE)] if model.name == "mlp" else []
    widths = [layer.output.shape[-1] for layer in model.layers if hasattr(layer, "kernel")]
    return f"{model.name.upper()} {'-'.join(map(str, [*inputs, *widths]))}, {model.count_params():,} weights"


def judge(network: keras.Model, recipe: Recipe) -> keras.Model:
    """What answers once `network` is trained: itself, or the mean of its answers to several views of an image."""
    if recipe.test_time == "none":
        return network
    plain = keras.Model(network.input, network.output, name=network.name)  # without what trained it
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
