"""The networks that can be trained."""

import keras

from job.data import IMAGE_SHAPE

HIDDEN_UNITS = (128, 64)


def build(n_classes: int, learning_rate: float, seed: int) -> keras.Model:
    """The baseline, a multi-layer perceptron, compiled with Adam and categorical cross-entropy.

    It takes pixels in [0, 1], shape (n, 28, 28), and gives probabilities, shape (n, n_classes). With 10 classes it has
    109,386 weights.

    The seed is set for Python, NumPy and TensorFlow: initial weights and order of the batches follow it.
    """
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input(IMAGE_SHAPE),
            keras.layers.Flatten(),
            *(keras.layers.Dense(units, activation="relu") for units in HIDDEN_UNITS),
            keras.layers.Dense(n_classes, activation="softmax"),
        ],
        name="mlp",
    )
    model.compile(keras.optimizers.Adam(learning_rate), loss="categorical_crossentropy", metrics=["accuracy"])
    return model


def describe(model: keras.Model) -> str:
    """The network in one line, such as `MLP 784-128-64-10, 109,386 weights`."""
    flatten, *dense = model.layers
    widths = [flatten.output.shape[-1], *(layer.units for layer in dense)]
    return f"{model.name.upper()} {'-'.join(map(str, widths))}, {model.count_params():,} weights"
