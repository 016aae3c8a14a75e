"""Runs the stages from the data set to the predictions.

TensorFlow is imported by the functions that need it.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from job.config.run_config import Config
from job.data import fashion_mnist
from job.data.dataset import MEMORY_SHARE, Dataset, load_dataset
from job.data.download import find_or_download
from job.errors import UsageError
from job.evaluation.paired_comparison import Reference
from job.evaluation.predictions import AnyPredictions, Predictions
from job.evaluation.sample_selection import select_shown_images
from job.evaluation.seed_collection import collect_seeds
from job.evaluation.seed_variation import SeedVariation, summarize_seed_runs
from job.execution.launcher import Launcher
from job.execution.local_executor import can_share_import, choose_threads
from job.log import Stopwatch, log, log_stage
from job.results.gate_check import RunParts, check_gates
from job.results.network_npz import PlainNetwork
from job.results.paired_images import pair_images, warn_of_order
from job.results.provenance import DataSource, Provenance, describe_environment
from job.results.reference_run import ReferenceRun, match_reference, read_reference
from job.results.samples_npz import Images, Learnt
from job.results.schema import RunRecord, Training
from job.seeds.processes import train_in_processes
from job.seeds.trained_seed import Model, SeedTraining, TrainedSeed, train_in_turn
from job.training.device import configure_device
from job.training.resources import Resources, available_memory_bytes, detect_resources

Collected = tuple[SeedVariation | None, Predictions, TrainedSeed]
"""The variation over the seeds, the predictions of the chosen seed with columns of the others, and the chosen seed."""


@dataclass(frozen=True)
class TrainedRun:
    """A trained network, with test-time augmentation, and the parts of its `Run` that need no evaluation."""

    model: Model
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

    On a CPU, each of several seeds trains in a process of its own, and this process does not import TensorFlow.

    `stopwatch` has run since the start of the run. `check_dataset` is called before training; it may raise a JobError.
    """
    stopwatch = stopwatch or Stopwatch()
    source = find_or_download(config.data)
    resources = detect_resources()
    n_threads = _choose_threads(config, resources)
    log_stage("system", f"{resources.describe(n_threads)}, data from {source.folder}")
    resources.require(n_threads)
    if warning := resources.memory_warning(config.model):
        log.warning(warning)
    is_in_processes = _is_in_processes(config, resources)
    with Launcher(preload=can_share_import(config.runs)) if is_in_processes else nullcontext() as launcher:
        reference_run = match = None
        if config.reference:
            with stopwatch.stage("reference") as stage:
                reference_run = read_reference(config.reference)
                stage.summary = str(reference_run)
        with stopwatch.stage("data") as stage:
            dataset = load_dataset(source, available_memory_bytes() // MEMORY_SHARE, config.split_seed or 0)
            _check_settings(config, dataset)
            stage.summary = str(dataset)
        gates = config.gates()
        check_gates(gates, dataset.class_names, _describe_parts(config, reference_run))
        check_dataset(dataset)
        if reference_run:
            match = _match_reference(reference_run, dataset)
        if launcher:
            with stopwatch.stage("training") as stage:
                seeds = train_in_processes(replace(config, threads=n_threads), dataset, launcher)
                with closing(seeds):  # which ends the processes after an error
                    collected = _collect(seeds, config)
                stage.summary = f"{config.runs} x {collected[-1].training.network}"
        else:
            with stopwatch.stage("tensorflow") as stage:
                device = configure_device(config.device, n_threads, resources, config.replicas)
                stage.summary = str(device)
            collected = _collect(train_in_turn(config, dataset, device, stopwatch), config)
    run = _describe_run(config, dataset, stopwatch, collected, match)
    return replace(run, record=replace(run.record, gates=gates))


def _match_reference(run: ReferenceRun, dataset: Dataset) -> tuple[Reference, AnyPredictions]:
    """The reference and its predictions, with the images in the order of the data set.

    A training on files with the same hashes has this order, whatever its images were named then.
    """
    sha256 = {fashion_mnist.FILES[role]: dataset.sha256[role] for role in ("test_images", "test_labels")}
    has_same_files = run.record.training is not None and sha256.items() <= run.record.provenance.data.sha256.items()
    paired = pair_images(run, None if has_same_files else dataset.test_names)
    reference = match_reference(paired, dataset.class_names, dataset.test_labels, sha256)
    if not has_same_files:
        warn_of_order(run, dataset.test_names, is_numbered=False)
    return reference, paired.predictions


def _describe_parts(config: Config, reference: ReferenceRun | None) -> RunParts:
    """What the run will have that gates may be about."""
    return RunParts(
        reference=reference is not None,
        training=True,
        seeds=config.runs > 1,
        calibration=config.calibrate != "none",
        reference_probabilities=reference is not None and reference.predictions.probabilities is not None,
    )


def _is_in_processes(config: Config, resources: Resources) -> bool:
    """Whether each seed trains in a process of its own; not on GPUs or replicas, because one training uses all."""
    has_gpu = config.device == "gpu" or (config.device == "auto" and resources.n_gpus > 0)
    return config.runs > 1 and config.replicas == 1 and not has_gpu


def _choose_threads(config: Config, resources: Resources) -> int:
    """The threads of each training: those of `--threads`, or its share of the processors."""
    if config.threads is not None:
        return config.threads
    return choose_threads(config.model, config.runs) if _is_in_processes(config, resources) else resources.n_processors


def _check_settings(config: Config, dataset: Dataset) -> None:
    n_train = dataset.n_train(config.validation_split)
    if config.batch_size > n_train:
        raise UsageError(f"--batch-size is {config.batch_size}, but only {n_train:,} training images remain")
    if n_train % config.replicas:
        raise UsageError(
            f"--replicas is {config.replicas}, which does not divide the {n_train:,} training images equally; take a "
            "divisor of that number"
        )


def _collect(seeds: Iterator[TrainedSeed], config: Config) -> Collected:
    seed_runs, predictions, chosen = collect_seeds(_log_seeds(seeds, config.runs) if config.runs > 1 else seeds)
    return summarize_seed_runs(seed_runs) if config.runs > 1 else None, predictions, chosen


def _log_seeds(seeds: Iterator[TrainedSeed], n_runs: int) -> Iterator[TrainedSeed]:
    """Log each seed, but not its accuracy on the test images, because it must not influence which one is reported."""
    for number, seed in enumerate(seeds, start=1):
        training = seed.training
        values = {"val_accuracy": training.val_accuracy, "temperature": training.temperature}
        texts = [f"{name} {value:.4f}" for name, value in values.items() if value is not None]
        texts = [f"seed {training.seed}", *texts]
        log_stage("training", f"run {number} of {n_runs}: {', '.join(texts)} ({training.wall_time_s:.1f} s)")
        yield seed


def _describe_run(
    config: Config,
    dataset: Dataset,
    stopwatch: Stopwatch,
    collected: Collected,
    match: tuple[Reference, AnyPredictions] | None,
) -> TrainedRun:
    variation, predictions, chosen = collected
    predictions = replace(predictions, names=dataset.test_names)
    reference, before = match or (None, None)
    if before:
        predictions = predictions.with_reference(before)
    n_train, training = dataset.n_train(config.validation_split), chosen.training
    record = RunRecord(
        class_names=dataset.class_names,
        seed=config.seed,
        reference=reference,
        training=Training(
            config=config,
            network=training.network,
            n_train=n_train,
            n_validation=len(dataset.train_images) - n_train,
            history=training.history,
            seed_variation=variation,
            temperature=training.temperature,
        ),
        provenance=_describe_provenance(config, dataset, training, stopwatch),
    )
    images = {index: dataset.test_images[index] for index in select_shown_images(predictions, config.seed)}
    return TrainedRun(chosen.model, chosen.plain, record, predictions, images, chosen.augmented, chosen.learnt)


def _describe_provenance(config: Config, dataset: Dataset, training: SeedTraining, stopwatch: Stopwatch) -> Provenance:
    device = training.device
    machine = (device.kind, device.name, device.n_threads, device.n_replicas)
    return Provenance(
        started=stopwatch.began.isoformat(timespec="seconds"),
        command=os.environ.get("FASHION_JOB_COMMAND") or config.command(),
        environment=describe_environment(*machine, training.keras),
        data=DataSource(
            name=dataset.name,
            is_fashion_mnist=dataset.sha256 == fashion_mnist.SHA256,
            source=dataset.source.kind,
            folder=str(dataset.source.folder),
            sha256={fashion_mnist.FILES[role]: digest for role, digest in dataset.sha256.items()},
        ),
        timings_s=stopwatch.timings_s(),
    )
