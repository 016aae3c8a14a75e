"""Trains the baseline in one of several ways: `python -m bench.peers NAME` prints its measurement as a line of JSON.

Every peer trains the same network for the same number of epochs with the same batch size on the same 54,000 images,
shuffled. It validates after each epoch if its library does so. The training time is measured from the arrays in memory
to the trained parameters, and includes tracing and compilation.
"""

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from job.config.recipes import RecipeName
from job.config.run_config import Config
from job.data import download, idx
from job.data.dataset import Dataset, load_dataset, scale_pixels
from job.system.processors import count_processors
from job.training import resources

EPOCHS, BATCH_SIZE, N_TRAIN, N_CLASSES = 5, 32, 54_000, 10
UNITS = (784, 128, 64, N_CLASSES)
LEARNING_RATE = 0.001
Measurement = dict[str, Any]


def load_fashion_mnist() -> Dataset:
    """Read Fashion-MNIST from the place where the job finds it."""
    return load_dataset(download.find_or_download(None))


def fashion_job(options: argparse.Namespace) -> Measurement:
    """Train as the job does, and then measure the matrix multiplications of an epoch alone."""
    _configure_tensorflow(options.threads)
    import keras

    from job.training import networks
    from job.training.compiled_trainer import CompiledTrainer
    from job.training.inference import predict_probabilities

    dataset = _repeat_training_images(load_fashion_mnist(), options.factor)
    n_train = N_TRAIN * options.factor
    epochs_s: list[float] = []
    watch = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs=None: epochs_s.append(-time.perf_counter()),  # noqa: ARG005
        on_test_begin=lambda logs=None: epochs_s.append(epochs_s.pop() + time.perf_counter()),  # noqa: ARG005
    )
    network = networks.build_network(N_CLASSES, Config(), options.seed)
    begun = time.perf_counter()
    CompiledTrainer(network, dataset, n_train, options.batch_size, options.seed).train(EPOCHS, [watch])
    fit_s = time.perf_counter() - begun
    peak = _peak_mib()
    accuracy = _accuracy(dataset, predict_probabilities(network, dataset.test_images))
    measurement = {"fit_s": fit_s, "accuracy": accuracy, "epoch_s": float(np.median(epochs_s[1:])), "peak_mib": peak}
    if options.factor == 1 and options.batch_size == BATCH_SIZE:
        measurement["products_s"] = _time_matrix_products_s()
    return measurement


def train_recipe(options: argparse.Namespace, name: RecipeName) -> Measurement:
    """Train with a recipe of the job; record the validation accuracy over time, and the test accuracy at the end."""
    _configure_tensorflow(options.threads)
    import keras

    from job.training import networks, train
    from job.training.inference import predict_probabilities

    dataset = load_fashion_mnist()
    config = Config(recipe=name, seed=options.seed)
    curve: list[tuple[float, float]] = []
    begun = time.perf_counter()
    watch = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: curve.append((time.perf_counter() - begun, logs["val_accuracy"]))  # noqa: ARG005
    )
    network = networks.build_network(N_CLASSES, config, options.seed, train.count_steps(dataset, config))
    train.train_network(network, dataset, config, [watch])
    fit_s = time.perf_counter() - begun
    accuracy = _accuracy(
        dataset, predict_probabilities(networks.with_test_time_augmentation(network, config), dataset.test_images)
    )
    return {"fit_s": fit_s, "accuracy": accuracy, "n_parameters": network.count_params(), "curve": curve}


def keras_fit(options: argparse.Namespace, steps_per_execution: int = 1) -> Measurement:
    """Train with Keras's plain `fit`."""
    _configure_tensorflow(options.threads)
    import keras

    from job.training import networks
    from job.training.inference import predict_probabilities

    dataset = load_fashion_mnist()
    network = networks.build_network(N_CLASSES, Config(), options.seed)
    network.compile(network.optimizer, network.loss, metrics=["accuracy"], steps_per_execution=steps_per_execution)
    images, labels = scale_pixels(dataset.train_images), keras.utils.to_categorical(dataset.train_labels, N_CLASSES)
    begun = time.perf_counter()
    network.fit(images, labels, batch_size=BATCH_SIZE, epochs=EPOCHS, validation_split=0.1, verbose=0)
    fit_s = time.perf_counter() - begun
    return {"fit_s": fit_s, "accuracy": _accuracy(dataset, predict_probabilities(network, dataset.test_images))}


def keras_steps(options: argparse.Namespace) -> Measurement:
    """Train with `fit` and a quarter of the epoch's steps in each call."""
    return keras_fit(options, steps_per_execution=422)


def torch_eager(options: argparse.Namespace, *, fused: bool = False) -> Measurement:
    """Train with a plain PyTorch loop over tensors in memory; a DataLoader would be slower."""
    import torch

    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    dataset = load_fashion_mnist()
    images = torch.from_numpy(scale_pixels(dataset.train_images[:N_TRAIN]).reshape(-1, UNITS[0]))
    labels = torch.from_numpy(dataset.train_labels[:N_TRAIN].astype(np.int64))
    layers: list[torch.nn.Module] = []
    for n_in, n_out in pairwise(UNITS):
        layers += [torch.nn.Linear(n_in, n_out), torch.nn.ReLU()]
    network = torch.nn.Sequential(*layers[:-1])
    begun = time.perf_counter()
    optimizer = torch.optim.Adam(network.parameters(), LEARNING_RATE, fused=fused)
    for _ in range(EPOCHS):
        for indices in torch.randperm(N_TRAIN).split(BATCH_SIZE):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(network(images[indices]), labels[indices]).backward()
            optimizer.step()
    fit_s = time.perf_counter() - begun
    with torch.no_grad():
        logits = network(torch.from_numpy(scale_pixels(dataset.test_images).reshape(-1, UNITS[0]))).numpy()
    return {"fit_s": fit_s, "accuracy": _accuracy(dataset, logits)}


def torch_fused(options: argparse.Namespace) -> Measurement:
    """Train with PyTorch and its fused Adam."""
    return torch_eager(options, fused=True)


def jax_scan(options: argparse.Namespace) -> Measurement:
    """Train with JAX: `lax.scan` over the batches makes an epoch one compiled call."""
    import jax
    import jax.numpy as jnp
    from jax.example_libraries import optimizers

    dataset = load_fashion_mnist()
    images = jnp.asarray(dataset.train_images[:N_TRAIN].reshape(-1, UNITS[0]))
    labels = jnp.asarray(dataset.train_labels[:N_TRAIN])
    key = jax.random.key(options.seed)
    glorot = jax.nn.initializers.glorot_uniform()
    shapes = pairwise(UNITS)
    weights = [(glorot(jax.random.fold_in(key, i), s, jnp.float32), jnp.zeros(s[1])) for i, s in enumerate(shapes)]

    def logits(weights: Any, x: Any) -> Any:  # noqa: ANN401 - arrays of JAX
        for w, b in weights[:-1]:
            x = jax.nn.relu(x @ w + b)
        return x @ weights[-1][0] + weights[-1][1]

    def loss(weights: Any, indices: Any) -> Any:  # noqa: ANN401
        x = images[indices].astype(jnp.float32) / 255
        return -jnp.take_along_axis(jax.nn.log_softmax(logits(weights, x)), labels[indices][:, None], 1).mean()

    begun = time.perf_counter()
    initialise, update, parameters = optimizers.adam(LEARNING_RATE, eps=1e-7)

    def step(carry: Any, indices: Any) -> Any:  # noqa: ANN401
        i, state = carry
        return (i + 1, update(i, jax.grad(loss)(parameters(state), indices), state)), None

    @jax.jit  # type: ignore[untyped-decorator]
    def epoch(carry: Any, order: Any) -> Any:  # noqa: ANN401
        full = N_TRAIN // BATCH_SIZE * BATCH_SIZE
        carry, _ = jax.lax.scan(step, carry, order[:full].reshape(-1, BATCH_SIZE))
        return step(carry, order[full:])[0]

    carry = (0, initialise(weights))
    for number in range(EPOCHS):
        carry = epoch(carry, jax.random.permutation(jax.random.fold_in(key, 100 + number), N_TRAIN))
    jax.block_until_ready(carry)
    fit_s = time.perf_counter() - begun
    scores = logits(parameters(carry[1]), scale_pixels(dataset.test_images).reshape(-1, UNITS[0]))
    return {"fit_s": fit_s, "accuracy": _accuracy(dataset, np.asarray(scores))}


def sklearn_mlp(options: argparse.Namespace) -> Measurement:
    """Train with scikit-learn's MLPClassifier."""
    import warnings

    from sklearn.neural_network import MLPClassifier

    dataset = load_fashion_mnist()
    images = scale_pixels(dataset.train_images[:N_TRAIN]).reshape(-1, UNITS[0])
    classifier = MLPClassifier(
        UNITS[1:-1], alpha=0, batch_size=BATCH_SIZE, max_iter=EPOCHS, tol=0, random_state=options.seed
    )
    begun = time.perf_counter()
    with warnings.catch_warnings(action="ignore"):  # five epochs are too few to converge
        classifier.fit(images, dataset.train_labels[:N_TRAIN])
    fit_s = time.perf_counter() - begun
    scores = classifier.predict_proba(scale_pixels(dataset.test_images).reshape(-1, UNITS[0]))
    return {"fit_s": fit_s, "accuracy": _accuracy(dataset, scores)}


PEERS: dict[str, Callable[[argparse.Namespace], Measurement]] = {
    "fashion-job": fashion_job,
    "Keras, plain fit": keras_fit,
    "Keras, steps_per_execution=422": keras_steps,
    "PyTorch, eager": torch_eager,
    "PyTorch, fused Adam": torch_fused,
    "JAX, lax.scan": jax_scan,
    "scikit-learn, MLPClassifier": sklearn_mlp,
}

RECIPE_PEERS: dict[str, Callable[[argparse.Namespace], Measurement]] = {
    "recipe mlp": lambda options: train_recipe(options, "mlp"),
    "recipe cnn": lambda options: train_recipe(options, "cnn"),
}


def _configure_tensorflow(n_threads: int) -> None:
    from job.training.device import configure_device

    configure_device("cpu", n_threads, resources.detect_resources())


IN_OWN_ENVIRONMENT = ("PyTorch, eager", "PyTorch, fused Adam", "JAX, lax.scan")
"""Peers whose packages are installed in a separate environment."""


def _repeat_training_images(dataset: Dataset, factor: int) -> Dataset:
    """Repeat the training images `factor` times; the held-out ones stay at the end."""
    if factor == 1:
        return dataset
    order = np.concatenate([*[np.arange(N_TRAIN)] * factor, np.arange(N_TRAIN, len(dataset.train_images))])
    images = idx.allocate_aligned(len(order) * dataset.train_images[0].size).reshape(
        -1, *dataset.train_images.shape[1:]
    )
    np.take(dataset.train_images, order, axis=0, out=images, mode="clip")  # "raise" would copy through a buffer
    return replace(dataset, train_images=images, train_labels=dataset.train_labels[order])


def _accuracy(dataset: Dataset, scores: NDArray[Any]) -> float:
    return float((scores.argmax(axis=1) == dataset.test_labels).mean())


def _time_matrix_products_s() -> float:
    """Time the matrix multiplications of an epoch of full batches, compiled like the trainer's loop; median of five."""
    import tensorflow as tf

    def values(*shape: int) -> tf.Tensor:
        return tf.random.stateless_uniform(shape, (0, 1), -0.1, 0.1)

    batches = values(64, BATCH_SIZE, UNITS[0])  # about the size of the caches; an epoch reads 170 MB
    weights = [values(*shape) for shape in pairwise(UNITS)]

    def step(i: tf.Tensor, *_: tf.Tensor) -> tuple[tf.Tensor, ...]:
        x = batches[i % 64]
        hidden1 = x @ weights[0]
        hidden2 = hidden1 @ weights[1]
        delta3 = hidden2 @ weights[2]
        delta2 = tf.matmul(delta3, weights[2], transpose_b=True)
        delta1 = tf.matmul(delta2, weights[1], transpose_b=True)
        inputs, deltas = (x, hidden1, hidden2), (delta1, delta2, delta3)
        return (i + 1, *(tf.matmul(a, b, transpose_a=True) for a, b in zip(inputs, deltas, strict=True)))

    @tf.function(jit_compile=True)  # type: ignore[untyped-decorator]
    def multiply(n_steps: tf.Tensor) -> list[tf.Tensor]:
        start = [tf.constant(0), *(tf.zeros_like(weight) for weight in weights)]
        products: list[tf.Tensor] = tf.while_loop(lambda i, *_: i < n_steps, step, start)
        return products

    multiply(tf.constant(0))  # compiles
    times_s = []
    for _ in range(5):
        begun = time.perf_counter()
        multiply(tf.constant(N_TRAIN // BATCH_SIZE))[1].numpy()
        times_s.append(time.perf_counter() - begun)
    return float(np.median(times_s))


def _peak_mib() -> float:
    kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kib / 1024 / (1024 if sys.platform == "darwin" else 1)


def main() -> None:
    """Run one peer and print its measurement."""
    parser = argparse.ArgumentParser()
    parser.add_argument("peer", choices=PEERS | RECIPE_PEERS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=count_processors())
    parser.add_argument("--factor", type=int, default=1, help="number of copies of the training images")
    parser.add_argument("--batch-size", type=int, default=BATCH_SIZE)
    options = parser.parse_args()
    print(json.dumps((PEERS | RECIPE_PEERS)[options.peer](options)))


if __name__ == "__main__":
    main()
