"""The job: its stages in their order. No stage knows of a later one, and only this module sees them all."""

from job import signals

if __name__ == "__main__":
    signals.install()  # before the slow imports

import contextlib
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from job.config import cli
from job.config.run_config import STREAM, Config
from job.errors import BUG, JobError, OutputError, UsageError
from job.log import Stopwatch, configure_log, log, log_stage, open_streams, print_error

if TYPE_CHECKING:
    import keras

    from job.data.dataset import Dataset
    from job.data.sources import Source
    from job.evaluation.paired_comparison import Baseline
    from job.results import reference_run
    from job.results.schema import Evidence, Results
    from job.training.device import Device


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job; returns the exit status.

    Args:
        argv: the words of the command line, those of the process if None.
    """
    try:
        command = cli.parse(sys.argv[1:] if argv is None else argv)
        configure_log(command.log_level)
        result = {"train": train, "render": render}[command.name](command.config)
        _say(result, streamed=command.config.output == STREAM)
    except JobError as error:
        print_error(f"fashion-job: error: {error}")
        return error.exit_status
    except Exception:  # noqa: BLE001 - whatever it is, it is our bug
        print_error(
            traceback.format_exc() + "fashion-job: error: this is a bug in the job; please report it with the above"
        )
        return BUG
    return 0


def _say(result: str, *, streamed: bool) -> None:
    if streamed:
        print_error(result)
        return
    try:
        print(result, flush=True)
    except OSError as error:
        raise OutputError(f"stdout cannot be written ({error.strerror}), but the report is there: {result}") from error


def train(config: Config) -> str:
    """Train, judge and report; returns the result in one line."""
    from job.results import file_names
    from job.results.output_folder import tar_stream

    if config.output != STREAM:
        folder = Path(config.output)
        return _result(_train(config, folder), str(folder / file_names.PAGE))
    with tar_stream.streamed() as folder:
        outcome = _train(config, folder)
    return _result(outcome, f"{tar_stream.NAME}/{file_names.PAGE} in the archive")


def _train(config: Config, folder: Path) -> "Results":
    """Train, judge and report into `folder`."""
    from job.config import export_formats
    from job.data import download
    from job.report.worker import Reporter
    from job.results import file_names, reference_run, schema
    from job.results.output_folder import atomic_write, ownership
    from job.training import export, resources
    from job.training.device import configure_device
    from job.training.import_tensorflow import start_importing

    stopwatch = Stopwatch()
    export.check_packages(config.export)
    owned = (*file_names.FOLDERS[config.layout], *export_formats.paths(config.export), *ownership.listed(folder))
    atomic_write.prepare(folder, (*schema.FILES, *file_names.FILES[config.layout]), owned)
    source = download.find_or_download(config.data)
    available = resources.detect_resources()
    n_threads = config.threads or available.n_processors
    log_stage("system", f"{available.describe(n_threads)}, data from {source.folder}, report to {folder.absolute()}")
    if warning := available.memory_warning(config.model):
        log.warning(warning)
    with Reporter() as reporter:
        run = _read_earlier(config.baseline, stopwatch) if config.baseline is not None else None
        start_importing()  # which hides pandas meanwhile
        dataset = _load(config, folder, source, stopwatch)
        baseline = reference_run.match(run, dataset) if run else None
        with stopwatch.stage("tensorflow") as stage:
            used = configure_device(config.device, n_threads, available, config.replicas)
            stage.summary = str(used)
        network, evidence, outcome = _run(config, dataset, used, stopwatch, baseline)
        done = "nothing was sent" if config.output == STREAM else "the new report is there"
        report = stopwatch.stage("report")
        new = atomic_write.staged(folder, done, ownership.listed)
        with report as stage, new as staging, signals.on_exit(reporter.stop):
            schema.write(staging, outcome, dataset, evidence)
            written = reporter.write(staging, config.layout)
            network.save(staging / schema.MODEL)
            _export(network, outcome, staging)
            written.result()
            stage.summary = ", ".join((file_names.weigh(staging), *export_formats.paths(config.export)))
    return outcome


def _export(network: "keras.Model", outcome: "Results", staging: Path) -> None:
    """Write the network in the formats asked for, if any, with its card and the sums of all."""
    from job.config import export_formats
    from job.report import model_card
    from job.results import schema
    from job.results.output_folder import ownership
    from job.training import export

    if names := outcome.config.export:
        export.export_network(network, staging, names)
        model_card.write(staging, outcome)
        ownership.write(
            staging, (schema.MODEL, *(name for name in export_formats.paths(names) if name != export_formats.SUMS))
        )


def _load(config: Config, folder: Path, source: "Source", stopwatch: Stopwatch) -> "Dataset":
    """The data set, if it and the output folder suit the settings."""
    from job.data.dataset import MEMORY_SHARE, load_dataset
    from job.results import schema
    from job.results.output_folder import atomic_write
    from job.training import export, resources

    with stopwatch.stage("data") as stage:
        dataset = load_dataset(source, resources.available_memory_bytes() // MEMORY_SHARE)
        n_train = dataset.n_train(config.validation_split)
        if config.batch_size > n_train:
            raise UsageError(
                f"--batch-size is {config.batch_size}, but only {n_train:,} images are there to train with"
            )
        if n_train % config.replicas:
            raise UsageError(
                f"--replicas is {config.replicas}, which cannot share {n_train:,} training images equally; take a "
                "divisor of that number"
            )
        n_bytes = schema.size_bytes(len(dataset.test_images), dataset.n_classes)
        atomic_write.demand_space(folder, n_bytes + len(config.export) * export.SIZE_BYTES)
        stage.summary = str(dataset)
    return dataset


def _read_earlier(name: str, stopwatch: Stopwatch) -> "reference_run.Run":
    """The earlier run in the folder of that name."""
    from job.results import reference_run

    with stopwatch.stage("baseline") as stage:
        run = reference_run.read(name)
        stage.summary = str(run)
    return run


def _run(
    config: Config, dataset: "Dataset", used: "Device", stopwatch: Stopwatch, baseline: "Baseline | None"
) -> "tuple[keras.Model, Evidence, Results]":
    """The trained network, or that of the median run, and all that is known of it."""
    from job.evaluation import evaluate, paired_comparison, seed_variation
    from job.results import provenance, schema
    from job.training import augmentation, networks, train
    from job.training.inference import predict_probabilities

    n_train = dataset.n_train(config.validation_split)
    with stopwatch.stage("training") as stage:
        trained = train.train_networks(dataset, config, used.create_strategy())
        described = networks.describe_network(trained[0].network)
        n_times = sum(len(one.history["loss"]) for one in trained)
        stage.summary = f"{described}: {n_times} x {n_train:,} images"
    with stopwatch.stage("evaluation") as stage:
        judges = [networks.with_test_time_augmentation(one.network, config) for one in trained]
        answers = [predict_probabilities(network, dataset.test_images) for network in judges]
        trials = [
            seed_variation.Trial(
                one.seed, *evaluate.score(dataset.test_labels, answer), one.val_accuracy, one.wall_time_s
            )
            for one, answer in zip(trained, answers, strict=True)
        ]
        chosen = trials.index(seed_variation.median(trials))
        probabilities = answers[chosen]
        judgement = evaluate.judge(dataset.test_labels, probabilities, dataset.class_names, config.seed)
        compared = paired_comparison.compare(baseline, dataset.test_labels, probabilities) if baseline else None
        stage.summary = f"loss {judgement.loss:.4f}, accuracy {judgement.accuracy:.4f} (n = {len(probabilities):,})"
    outcome = schema.Results(
        **vars(judgement),
        started=stopwatch.began.isoformat(timespec="seconds"),
        command=config.command(),
        model=described,
        spread=seed_variation.spread(trials) if config.runs > 1 else None,
        comparison=compared,
        history=schema.History(**trained[chosen].history),
        config=config,
        environment=provenance.describe(used),
        data=schema.summarise(dataset, n_train),
        timings_s=stopwatch.timings_s(),
    )
    n_epochs = len(trained[chosen].history["loss"])
    augmented = augmentation.build_examples(
        config.augmentations(), dataset.train_images[:n_train], trained[chosen].seed, n_epochs
    )
    return judges[chosen], schema.Evidence(probabilities, augmented, baseline), outcome


def render(config: Config) -> str:
    """Make the report again from the files of an earlier run; returns the result in one line."""
    from job.report import build
    from job.results import file_names, run
    from job.results.output_folder import atomic_write

    folder = Path(config.output)
    with Stopwatch().stage("report") as stage:
        outcome = run.read_metrics(folder)
        atomic_write.prepare(folder, file_names.FILES[config.layout], file_names.FOLDERS[config.layout])
        with atomic_write.staged(folder) as staging:
            build.write(folder, staging, config.layout)
            stage.summary = file_names.weigh(staging)
    return _result(outcome, str(folder / file_names.PAGE))


def _result(outcome: "Results", report: str) -> str:
    return f"accuracy {outcome.accuracy:.4f} on {outcome.data.n_test:,} test images: {report}"


if __name__ == "__main__":
    open_streams()
    status = main()
    with contextlib.suppress(OSError):
        sys.stderr.flush()
    os._exit(status)  # TensorFlow's teardown is slow, and a signal in it would find no handler
