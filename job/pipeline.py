"""Runs the stages of a run in order, as functions that other code can call.

`train_and_evaluate` needs no output folder, signal handler or log. `train_into` and `render` are the two commands of
the job. TensorFlow is imported by the functions that need it.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from job.config.export_formats import FORMATS
from job.config.run_config import STREAM, Config
from job.data import fashion_mnist
from job.data.dataset import MEMORY_SHARE, Dataset, load_dataset
from job.data.download import find_or_download
from job.errors import UsageError
from job.evaluation.paired_comparison import Reference
from job.evaluation.predictions import Labels, Predictions
from job.evaluation.sample_selection import select_shown_images
from job.evaluation.seed_variation import SeedRun, find_median_run, summarize_seed_runs
from job.log import Stopwatch, log, log_stage
from job.report.worker import ReportWorker, Scores
from job.results import file_names
from job.results.metrics_json import as_data_error
from job.results.network_npz import PlainNetwork, build_network, find_distances, write_network
from job.results.output_folder import preparation, tar_stream
from job.results.output_folder.atomic_write import stage_files
from job.results.output_folder.manifest import is_owned, read_manifest
from job.results.predictions_csv import write_predictions
from job.results.provenance import DataSource, Provenance, describe_environment
from job.results.reference_run import match_reference, read_reference
from job.results.run import Run
from job.results.samples_npz import Images, write_samples
from job.results.schema import History, RunRecord, Training
from job.system import isolation, signals
from job.training.device import Device, configure_device
from job.training.resources import available_memory_bytes, detect_resources

if TYPE_CHECKING:
    import keras

    from job.training.train import TrainedNetwork

COMMON = 0.99
"""Fraction of the test images that are like the data set; the page warns of an image that is farther away."""


@dataclass(frozen=True)
class TrainedRun:
    """A trained network, with test-time augmentation, and the parts of its `Run` that need no evaluation."""

    network: "keras.Model"
    plain: PlainNetwork
    record: RunRecord
    predictions: Predictions
    images: Images
    augmented: NDArray[np.uint8]


def train_and_evaluate(config: Config) -> Run:
    """Train and evaluate a model in this process, without writing a file.

    TensorFlow accepts device and threads only before its first operation, so later runs use those of the first one.
    The settings `output`, `layout` and `export` have no effect.

    Raises:
        JobError: If the data set, the device or the reference run is missing or unsuitable, or training diverges.
    """
    trained = train(config)
    return Run.from_predictions(trained.record, trained.predictions, trained.images, trained.augmented, trained.plain)


def train_into(config: Config) -> str:
    """Train, evaluate and write the report into the output folder; returns the result in one line."""
    if config.output != STREAM:
        return _train_into(config, Path(config.output), str(Path(config.output) / file_names.PAGE))
    with tar_stream.stream_folder() as folder:
        return _train_into(config, folder, f"{tar_stream.ARCHIVE_FOLDER}/{file_names.PAGE} in the archive")


def render(config: Config) -> str:
    """Rebuild the report from the files of an earlier run; returns the result in one line."""
    isolation.import_matplotlib()
    from job.report.page import write_report

    folder = Path(config.output)
    with Stopwatch().stage("report") as stage:
        with as_data_error(folder / file_names.METRICS):
            os.scandir(folder).close()  # the next line would create a folder that is missing
        preparation.prepare_output_folder(folder, file_names.REPORT_FILES[config.layout])
        with stage_files(folder) as staging:
            run = Run.read(folder)  # under the lock, after an interrupted job was undone
            write_report(run, staging, config.layout, try_it=not config.no_try_it)
            stage.summary = file_names.describe_report(staging)
    return _describe_result(run.evaluation.accuracy, run.evaluation.n_test, str(folder / file_names.PAGE))


def _train_into(config: Config, folder: Path, page: str) -> str:
    from job.training import export

    export.require_packages(config.export)
    files = (*file_names.RESULT_FILES, *file_names.REPORT_FILES[config.layout])
    folders, exports = file_names.REPORT_FOLDERS[config.layout], file_names.EXPORTS
    if config.export:
        folders = (*folders, exports)
    preparation.prepare_output_folder(folder, files, folders, outdated=[exports])
    if os.path.lexists(folder / exports) and not is_owned(folder, exports, read_manifest(folder)):
        log.warning(
            "%s was changed since a run wrote it, so the job keeps it; it is not of the new model", folder / exports
        )
    log_stage("output", str(folder.absolute()))

    def require_free_space(dataset: Dataset) -> None:
        n_bytes_predictions = len(dataset.test_images) * (24 + 14 * dataset.n_classes)
        n_bytes_others = 4_000_000 + len(config.export) * export.SIZE_BYTES  # upper estimates
        preparation.require_free_space(folder, n_bytes_predictions + n_bytes_others)

    stopwatch = Stopwatch()
    done = "nothing was sent" if config.output == STREAM else "the new report is in place"
    with ReportWorker() as worker:
        trained = train(config, stopwatch, require_free_space)
        staged = stage_files(folder, done, outdated=[exports])
        with staged as staging, signals.on_exit(worker.stop):  # before the staged files are removed
            scores = _write_run(trained, config, staging, stopwatch, worker)
    return _describe_result(scores["accuracy"], scores["n_test"], page)


def _write_run(
    trained: TrainedRun, config: Config, staging: Path, stopwatch: Stopwatch, worker: ReportWorker
) -> Scores:
    """Write the files of a run; meanwhile, the worker evaluates the predictions and writes the report."""
    from job.training import export

    with stopwatch.stage("evaluation") as stage:
        write_predictions(staging, trained.predictions)
        write_samples(staging, trained.images, trained.augmented)
        write_network(staging, trained.plain)
        scores = worker.evaluate(staging, config.layout, trained.record, export=bool(config.export))
        stage.summary = f"loss {scores['loss']:.4f}, accuracy {scores['accuracy']:.4f} (n = {scores['n_test']:,})"
    with stopwatch.stage("report") as stage:
        export.save_network(trained.network, staging / file_names.MODEL)
        if config.export:
            (staging / file_names.EXPORTS).mkdir(exist_ok=True)
            export.export_network(trained.network, staging / file_names.EXPORTS, config.export)
        worker.finish()
        exported = [f"{file_names.EXPORTS}/{FORMATS[name]}" for name in config.export]
        stage.summary = ", ".join((file_names.describe_report(staging), *exported))
    return scores


def _describe_result(accuracy: float, n_test: int, page: str) -> str:
    return f"accuracy {accuracy:.4f} on {n_test:,} test images: {page}"


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
        match = match_reference(reference_run, dataset.class_names, dataset.test_labels, sha256)
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
    config: Config, dataset: Dataset, device: Device, stopwatch: Stopwatch, match: tuple[Reference, Labels] | None
) -> TrainedRun:
    from job.training import augmentation, inference, networks
    from job.training.train import train_networks

    reference, y_reference = match or (None, None)
    n_train = dataset.n_train(config.validation_split)
    with stopwatch.stage("training") as stage:
        trainings = train_networks(dataset, config, device.create_strategy())
        description = networks.describe_network(trainings[0].network)
        n_epochs = sum(len(training.history["loss"]) for training in trainings)
        stage.summary = f"{description}: {n_epochs} x {n_train:,} images"
    with stopwatch.stage("prediction") as stage:
        models = [networks.with_test_time_augmentation(training.network, config) for training in trainings]
        probabilities = (inference.predict_probabilities(model, dataset.test_images) for model in models)
        predictions = [Predictions(dataset.test_labels, rows, y_reference) for rows in probabilities]
        seed_runs = [_summarize_seed(*pair) for pair in zip(trainings, predictions, strict=True)]
        chosen = seed_runs.index(find_median_run(seed_runs))
        images = {index: dataset.test_images[index] for index in select_shown_images(predictions[chosen], config.seed)}
        stage.summary = f"{len(dataset.test_images):,} test images"
    history = trainings[chosen].history
    training = Training(
        config=config,
        network=description,
        n_train=n_train,
        n_validation=len(dataset.train_images) - n_train,
        history=History(**history),
        seed_variation=summarize_seed_runs(seed_runs) if config.runs > 1 else None,
    )
    provenance = _describe_provenance(config, dataset, device, stopwatch)
    names, seed = config.augmentations(), trainings[chosen].seed
    augmented = augmentation.build_examples(names, dataset.train_images[:n_train], seed, len(history["loss"]))
    record = RunRecord(
        class_names=dataset.class_names,
        seed=config.seed,
        reference=reference,
        training=training,
        provenance=provenance,
    )
    plain = _simplify_network(trainings[chosen].network, dataset, config)
    return TrainedRun(models[chosen], plain, record, predictions[chosen], images, augmented)


def _simplify_network(network: "keras.Model", dataset: Dataset, config: Config) -> PlainNetwork:
    """The network as plain arrays, and how far the test images are from the mean training images."""
    from job.training import plain_network

    means = plain_network.average_images(dataset.train_images, dataset.train_labels, dataset.n_classes)
    distances = find_distances(dataset.test_images, means)
    layers = plain_network.extract_layers(network)
    return build_network(layers, config.test_time, means, float(np.quantile(distances, COMMON)))


def _summarize_seed(training: "TrainedNetwork", predictions: Predictions) -> SeedRun:
    return SeedRun(
        seed=training.seed,
        accuracy=predictions.accuracy,
        loss=predictions.loss,
        val_accuracy=training.val_accuracy,
        training_s=training.wall_time_s,
    )


def _describe_provenance(config: Config, dataset: Dataset, device: Device, stopwatch: Stopwatch) -> Provenance:
    from job.training.import_tensorflow import read_keras_settings

    machine = (device.kind, device.name, device.n_threads, device.n_replicas)
    return Provenance(
        started=stopwatch.began.isoformat(timespec="seconds"),
        command=config.command(),
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
