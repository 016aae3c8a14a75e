"""Runs the stages of a run in order, as functions that other code can call.

`train_and_evaluate` needs no output folder, signal handler or log. `train_into` and `render` are the two commands of
the job. TensorFlow is imported by the functions that need it.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
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
from job.evaluation.predictions import Predictions, SeedPredictions
from job.evaluation.sample_selection import select_shown_images
from job.evaluation.seed_variation import SeedRun, choose_run, summarize_seed_runs
from job.log import Stopwatch, log, log_stage
from job.report.worker import ReportWorker, Scores
from job.results import file_names
from job.results.metrics_json import as_data_error
from job.results.output_folder import preparation, tar_stream
from job.results.output_folder.atomic_write import stage_files
from job.results.output_folder.manifest import is_owned, read_manifest
from job.results.predictions_csv import write_predictions
from job.results.provenance import DataSource, Provenance, describe_environment
from job.results.reference_run import match_reference, read_reference
from job.results.run import Run
from job.results.samples_npz import Images, Learnt, write_samples
from job.results.schema import History, RunRecord, Training
from job.system import isolation, signals
from job.training.device import Device, configure_device
from job.training.resources import available_memory_bytes, detect_resources

if TYPE_CHECKING:
    import keras

    from job.training.train import TrainedNetwork


@dataclass(frozen=True)
class TrainedRun:
    """A trained network, with test-time augmentation, and the parts of its `Run` that need no evaluation."""

    network: "keras.Model"
    record: RunRecord
    predictions: Predictions
    images: Images
    augmented: NDArray[np.uint8]
    learnt: Learnt


def train_and_evaluate(config: Config) -> Run:
    """Train and evaluate a model in this process, without writing a file.

    TensorFlow accepts device and threads only before its first operation, so later runs use those of the first one.
    The settings `output`, `layout` and `export` have no effect.

    Raises:
        JobError: If the data set, the device or the reference run is missing or unsuitable, or training diverges.
    """
    trained = train(config)
    return Run.from_predictions(trained.record, trained.predictions, trained.images, trained.augmented, trained.learnt)


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
            write_report(run, staging, config.layout)
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
        n_probabilities = dataset.n_classes * (2 if config.reference else 1)
        n_seeds = config.runs * (2 if config.reference else 1)  # a reference with more seeds is rare
        n_bytes_predictions = len(dataset.test_images) * (24 + 14 * n_probabilities + 18 * n_seeds)
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
        write_samples(staging, trained.images, trained.augmented, trained.learnt)
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
    from job.training import augmentation, first_layer, inference, networks, temperature
    from job.training.train import train_networks

    reference, before = match or (None, None)
    n_train = dataset.n_train(config.validation_split)
    with stopwatch.stage("training") as stage:
        trainings = train_networks(dataset, config, device.create_strategy())
        description = networks.describe_network(trainings[0].network)
        n_epochs = sum(len(training.history["loss"]) for training in trainings)
        stage.summary = f"{description}: {n_epochs} x {n_train:,} images"
    models = [networks.with_test_time_augmentation(training.network, config) for training in trainings]
    temperatures: list[float | None] = [None] * len(models)
    if config.calibrate == "temperature":
        with stopwatch.stage("calibration") as stage:
            models, temperatures = temperature.calibrate_models(models, dataset, config)
            stage.summary = temperature.describe_temperatures(temperatures)
    with stopwatch.stage("prediction") as stage:
        chosen, _ = choose_run([training.val_loss for training in trainings])  # before any test image is predicted
        rows = (inference.predict_probabilities(model, dataset.test_images) for model in models)
        made = (Predictions(dataset.test_labels, probabilities) for probabilities in rows)
        seed_runs, predictions = _collect_seeds(trainings, made, chosen)
        if before:
            predictions = _add_reference(predictions, before)
        images = {index: dataset.test_images[index] for index in select_shown_images(predictions, config.seed)}
        stage.summary = f"{len(dataset.test_images):,} test images"
    history = trainings[chosen].history
    training = Training(
        config=config,
        network=description,
        n_train=n_train,
        n_validation=len(dataset.train_images) - n_train,
        history=History(**history),
        seed_variation=summarize_seed_runs(seed_runs) if config.runs > 1 else None,
        temperature=temperatures[chosen],
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
    learnt = Learnt(dataset.average_classes(n_train), first_layer.extract_first_layer(trainings[chosen].network))
    return TrainedRun(models[chosen], record, predictions, images, augmented, learnt)


def _collect_seeds(
    trainings: "list[TrainedNetwork]", predictions: Iterator[Predictions], chosen: int
) -> tuple[list[SeedRun], Predictions]:
    """The results of each seed, and the predictions of the chosen one with those columns of the others that are kept.

    Only one set of probabilities besides the chosen one is in memory at a time.
    """
    seed_runs, kept, others = [], None, []
    for index, (training, made) in enumerate(zip(trainings, predictions, strict=True)):
        seed_runs.append(_summarize_seed(training, made))
        if index == chosen:
            kept = made
        else:
            others.append((training.seed, made.y_pred.astype(np.uint8), made.p_true))
    if kept is None:
        raise ValueError(f"there is no training number {chosen}")
    if not others:
        return seed_runs, kept
    seeds, y_pred, p_true = zip(*others, strict=True)
    return seed_runs, replace(
        kept, other_seeds=SeedPredictions(seeds, np.stack(y_pred, axis=1), np.stack(p_true, axis=1))
    )


def _add_reference(predictions: Predictions, reference: Predictions) -> Predictions:
    return replace(
        predictions,
        y_reference=reference.y_pred,
        p_reference=reference.probabilities,
        reference_other_seeds=reference.other_seeds,
    )


def _summarize_seed(training: "TrainedNetwork", predictions: Predictions) -> SeedRun:
    return SeedRun(
        seed=training.seed,
        accuracy=predictions.accuracy,
        loss=predictions.loss,
        val_accuracy=training.val_accuracy,
        val_loss=training.val_loss,
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
