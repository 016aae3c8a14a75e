"""Runs the stages from the data set to the predictions.

TensorFlow is imported by the functions that need it.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from job.config.run_config import Config
from job.data import fashion_mnist
from job.data.dataset import MEMORY_SHARE, Dataset, load_dataset
from job.data.download import find_or_download
from job.errors import UsageError
from job.evaluation.paired_comparison import Reference
from job.evaluation.predictions import Predictions
from job.evaluation.sample_selection import select_shown_images
from job.evaluation.seed_collection import collect_seeds
from job.evaluation.seed_variation import SeedRun, choose_run, summarize_seed_runs
from job.log import Stopwatch, log, log_stage
from job.results.network_npz import PlainNetwork, build_network, find_distances
from job.results.provenance import DataSource, Provenance, describe_environment
from job.results.reference_run import match_reference, read_reference
from job.results.samples_npz import Images, Learnt
from job.results.schema import History, RunRecord, Training
from job.training.device import Device, configure_device
from job.training.resources import available_memory_bytes, detect_resources

if TYPE_CHECKING:
    import keras

    from job.training.train import TrainedNetwork


DISTANCE_QUANTILE = 0.99
"""Fraction of the test images within the distance limit; a picture that is farther away gets a warning."""


@dataclass(frozen=True)
class TrainedRun:
    """A trained network, with test-time augmentation, and the parts of its `Run` that need no evaluation."""

    network: "keras.Model"
    plain: PlainNetwork
    record: RunRecord
    predictions: Predictions
    images: Images
    augmented: NDArray[np.uint8]
    learnt: Learnt


def train(
    config: Config, stopwatch: Stopwatch | None = None, check_dataset: Callable[[Dataset], None] = lambda _: None
) -> TrainedRun:
    """Find and read the data set, train, and predict the test images.

    `stopwatch` has run since the start of the run. `check_dataset` is called before training; it may raise a JobError.
    """
    stopwatch = stopwatch or Stopwatch()
    source = find_or_download(config.data)
    resources = detect_resources()
    n_threads = config.threads or resources.n_processors
    log_stage("system", f"{resources.describe(n_threads)}, data from {source.folder}")
    resources.require(n_threads)
    if warning := resources.memory_warning(config.model):
        log.warning(warning)
    reference_run = match = None
    if config.reference:
        with stopwatch.stage("reference") as stage:
            reference_run = read_reference(config.reference)
            stage.summary = str(reference_run)
    with stopwatch.stage("data") as stage:
        dataset = load_dataset(source, available_memory_bytes() // MEMORY_SHARE)
        _check_settings(config, dataset)
        stage.summary = str(dataset)
    check_dataset(dataset)
    if reference_run:
        sha256 = {fashion_mnist.FILES[role]: dataset.sha256[role] for role in ("test_images", "test_labels")}
        reference = match_reference(reference_run, dataset.class_names, dataset.test_labels, sha256)
        match = reference, reference_run.predictions
    with stopwatch.stage("tensorflow") as stage:
        device = configure_device(config.device, n_threads, resources, config.replicas)
        stage.summary = str(device)
    return _train_and_predict(config, dataset, device, stopwatch, match)


def _check_settings(config: Config, dataset: Dataset) -> None:
    n_train = dataset.n_train(config.validation_split)
    if config.batch_size > n_train:
        raise UsageError(f"--batch-size is {config.batch_size}, but only {n_train:,} training images remain")
    if n_train % config.replicas:
        raise UsageError(
            f"--replicas is {config.replicas}, which does not divide the {n_train:,} training images equally; take a "
            "divisor of that number"
        )


def _train_and_predict(
    config: Config, dataset: Dataset, device: Device, stopwatch: Stopwatch, match: tuple[Reference, Predictions] | None
) -> TrainedRun:
    from job.training import networks

    reference, before = match or (None, None)
    trainings = _train_networks(config, dataset, device, stopwatch)
    chosen, _ = choose_run([training.val_loss for training in trainings])  # before any test image is predicted
    models = [networks.with_test_time_augmentation(training.network, config) for training in trainings]
    models, temperatures = _calibrate_models(models, config, dataset, stopwatch)
    with stopwatch.stage("prediction") as stage:
        seed_runs, predictions = _predict_test_images(models, trainings, chosen, dataset)
        if before:
            predictions = _add_reference(predictions, before)
        images = {index: dataset.test_images[index] for index in select_shown_images(predictions, config.seed)}
        stage.summary = f"{len(dataset.test_images):,} test images"
    trained = trainings[chosen]
    record = RunRecord(
        class_names=dataset.class_names,
        seed=config.seed,
        reference=reference,
        training=replace(
            _describe_training(config, dataset, trained),
            seed_variation=summarize_seed_runs(seed_runs) if config.runs > 1 else None,
            temperature=temperatures[chosen],
        ),
        provenance=_describe_provenance(config, dataset, device, stopwatch),
    )
    augmented, learnt = _collect_pictures(config, dataset, trained)
    plain = _simplify_network(trained.network, temperatures[chosen], learnt, dataset, config)
    return TrainedRun(models[chosen], plain, record, predictions, images, augmented, learnt)


def _train_networks(config: Config, dataset: Dataset, device: Device, stopwatch: Stopwatch) -> "list[TrainedNetwork]":
    from job.training import networks
    from job.training.train import train_networks

    with stopwatch.stage("training") as stage:
        trainings = train_networks(dataset, config, device.create_strategy())
        description = networks.describe_network(trainings[0].network)
        n_epochs = sum(len(training.history["loss"]) for training in trainings)
        stage.summary = f"{description}: {n_epochs} x {dataset.n_train(config.validation_split):,} images"
    return trainings


def _calibrate_models(
    models: "list[keras.Model]", config: Config, dataset: Dataset, stopwatch: Stopwatch
) -> "tuple[list[keras.Model], list[float | None]]":
    """Calibrate the models if the settings say so; returns them and their temperatures."""
    from job.training import temperature

    if config.calibrate == "none":
        return models, [None] * len(models)
    with stopwatch.stage("calibration") as stage:
        calibrated, temperatures = temperature.calibrate_models(models, dataset, config)
        stage.summary = temperature.describe_temperatures(temperatures)
    return calibrated, temperatures


def _predict_test_images(
    models: "list[keras.Model]", trainings: "list[TrainedNetwork]", chosen: int, dataset: Dataset
) -> tuple[list[SeedRun], Predictions]:
    from job.training import inference

    rows = (inference.predict_probabilities(model, dataset.test_images) for model in models)
    made = (Predictions(dataset.test_labels, probabilities) for probabilities in rows)
    return collect_seeds(trainings, made, chosen)


def _add_reference(predictions: Predictions, reference: Predictions) -> Predictions:
    return replace(
        predictions,
        y_reference=reference.y_pred,
        p_reference=reference.probabilities,
        reference_other_seeds=reference.other_seeds,
    )


def _describe_training(config: Config, dataset: Dataset, trained: "TrainedNetwork") -> Training:
    """Describe a training on its own; its temperature and the other seeds are unknown here."""
    from job.training import networks

    n_train = dataset.n_train(config.validation_split)
    return Training(
        config=config,
        network=networks.describe_network(trained.network),
        n_train=n_train,
        n_validation=len(dataset.train_images) - n_train,
        history=History(**trained.history),
        seed_variation=None,
        temperature=None,
    )


def _collect_pictures(config: Config, dataset: Dataset, trained: "TrainedNetwork") -> tuple[NDArray[np.uint8], Learnt]:
    """The augmented training images, and what the network has learnt."""
    from job.training import augmentation, first_layer

    n_train = dataset.n_train(config.validation_split)
    names, n_epochs = config.augmentations(), len(trained.history["loss"])
    augmented = augmentation.build_examples(names, dataset.train_images[:n_train], trained.seed, n_epochs)
    return augmented, Learnt(dataset.average_classes(n_train), first_layer.extract_first_layer(trained.network))


def _simplify_network(
    network: "keras.Model", temperature: float | None, learnt: Learnt, dataset: Dataset, config: Config
) -> PlainNetwork:
    """The network as plain arrays, and how far the test images are from the mean training images."""
    from job.training import plain_network

    means = plain_network.halve_images(learnt.class_means)
    distances = find_distances(dataset.test_images, means)
    layers = plain_network.extract_layers(network)
    # Without other views, the last layer contains the temperature.
    after = temperature if temperature and config.test_time != "none" else 1.0
    return build_network(layers, config.test_time, means, float(np.quantile(distances, DISTANCE_QUANTILE)), after)


def _describe_provenance(config: Config, dataset: Dataset, device: Device, stopwatch: Stopwatch) -> Provenance:
    from job.training.import_tensorflow import read_keras_settings

    machine = (device.kind, device.name, device.n_threads, device.n_replicas)
    return Provenance(
        started=stopwatch.began.isoformat(timespec="seconds"),
        command=os.environ.get("FASHION_JOB_COMMAND") or config.command(),
        environment=describe_environment(*machine, read_keras_settings()),
        data=DataSource(
            name=dataset.name,
            is_fashion_mnist=dataset.sha256 == fashion_mnist.SHA256,
            source=dataset.source.kind,
            folder=str(dataset.source.folder),
            sha256={fashion_mnist.FILES[role]: digest for role, digest in dataset.sha256.items()},
        ),
        timings_s=stopwatch.timings_s(),
    )
