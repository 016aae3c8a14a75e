"""Builds the networks."""

import math
from typing import Any

import keras

from job.config.run_config import Config
from job.data.dataset import IMAGE_SHAPE
from job.training import optimizers

DIRECTIONS = ((-1, 0), (1, 0), (0, -1), (0, 1))
"""Shifts of `flip-shift` in pixels: down, right."""

BATCH_NORM_MOMENTUM = 0.9  # Keras's 0.99 averages over too many of the few thousand steps


def build_network(n_classes: int, recipe: Config, seed: int, n_steps: int = 1) -> keras.Model:
    """Build the network of a recipe, compiled with its optimizer and categorical cross-entropy.

    It takes pixels in [0, 1], shape (n, 28, 28), and returns probabilities, shape (n, n_classes). With 10 classes the
    MLP has 109,386 parameters. The schedule of the learning rate takes `n_steps` steps.

    Sets the seed of Python, NumPy and TensorFlow, which determines the initial parameters and dropout.
    """
    keras.utils.set_random_seed(seed)
    images = keras.Input(IMAGE_SHAPE)
    features = {"mlp": _build_mlp, "cnn": _build_cnn}[recipe.model](images)
    if recipe.dropout:
        features = keras.layers.Dropout(recipe.dropout)(features)
    probabilities = keras.layers.Dense(n_classes, activation="softmax", name=optimizers.LAST_LAYER)(features)
    network = keras.Model(images, probabilities, name=recipe.model)
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing)
    network.compile(optimizers.build_optimizer(recipe, n_steps), loss=loss, metrics=["accuracy"])
    return network


def describe_network(network: keras.Model) -> str:
    """Describe a network in one line, such as `MLP 784-128-64-10, 109,386 parameters`."""
    inputs = [math.prod(IMAGE_SHAPE)] if network.name == "mlp" else []
    widths = [layer.output.shape[-1] for layer in network.layers if hasattr(layer, "kernel")]
    return f"{network.name.upper()} {'-'.join(map(str, [*inputs, *widths]))}, {network.count_params():,} parameters"


def with_test_time_augmentation(network: keras.Model, recipe: Config) -> keras.Model:
    """Return the model that predicts after training: the network, or the mean of its predictions for several views.

    The model omits an optimizer that this package defines, so that Keras can load the saved model without the package.
    """
    plain = keras.Model(network.input, network.output, name=network.name)  # without the optimizer
    if recipe.test_time == "none":
        return plain if recipe.optimizer == "muon" else network
    images = keras.Input(IMAGE_SHAPE)
    probabilities = _predict_with_mirror_image(plain, images)
    if recipe.test_time == "flip-shift":
        shifted = [_predict_with_mirror_image(plain, _shift(images, down, right)) for down, right in DIRECTIONS]
        probabilities = keras.layers.Average()([probabilities, keras.layers.Average()(shifted)])
    return keras.Model(images, probabilities, name=f"{network.name}_of_several_views")


def _build_mlp(images: keras.KerasTensor) -> keras.KerasTensor:
    """Apply two hidden layers to all pixels."""
    features = keras.layers.Flatten()(images)
    for units in (128, 64):
        features = keras.layers.Dense(units, activation="relu")(features)
    return features


def _build_cnn(images: keras.KerasTensor) -> keras.KerasTensor:
    """Apply a stem that halves the image to 14 x 14 pixels, then four convolutions that end at 3 x 3.

    A stem at full size with few channels improved the accuracy more than wider layers after it. Processors are fastest
    on small images with many channels, so most of the computation is there, and the first normalization comes after
    the pooling. docs/recipes.md has the measurements.
    """
    features = keras.ops.expand_dims(images, -1)
    features = keras.layers.ReLU()(_create_convolution(16, use_bias=True)(features))
    features = keras.layers.ReLU()(_create_convolution(32, kernel_size=2, strides=2, use_bias=True)(features))
    features = _normalize(_pool(_create_convolution(48, padding="valid")(features)))
    features = _pool(_normalize(_create_convolution(80)(features)))
    features = _normalize(_create_convolution(112)(features))
    features = _normalize(_create_convolution(112)(features))
    return keras.layers.GlobalAveragePooling2D()(features)


def _create_convolution(channels: int, **options: Any) -> keras.layers.Conv2D:  # noqa: ANN401 - Keras's options
    """Create a 3 x 3 convolution that keeps the image's size, unless options say otherwise."""
    defaults = {"kernel_size": 3, "padding": "same", "use_bias": False, "kernel_initializer": "he_normal"}
    return keras.layers.Conv2D(channels, **defaults | options)


def _normalize(features: keras.KerasTensor) -> keras.KerasTensor:
    return keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM)(features))


def _pool(features: keras.KerasTensor) -> keras.KerasTensor:
    """Take the maximum of each 2 x 2 square; in XLA the gradient is at least 5 times as fast as MaxPooling2D's."""
    _, height, width, channels = features.shape
    squares = keras.ops.reshape(features, (-1, height // 2, 2, width // 2, 2, channels))
    return keras.ops.max(squares, axis=(2, 4))


def _predict_with_mirror_image(network: keras.Model, images: keras.KerasTensor) -> keras.KerasTensor:
    """Average the predictions for the images and for their mirror images."""
    return keras.layers.Average()([network(images), network(keras.ops.flip(images, axis=-1))])


def _shift(images: keras.KerasTensor, down: int, right: int) -> keras.KerasTensor:
    """Shift images by at most one pixel; the uncovered edge becomes black."""
    padded = keras.layers.ZeroPadding2D(1)(keras.ops.expand_dims(images, -1))
    cropped = keras.layers.Cropping2D(((1 - down, 1 + down), (1 - right, 1 + right)))
    return keras.ops.squeeze(cropped(padded), -1)
