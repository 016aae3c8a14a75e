"""Runs the stages of a run in order, as functions that other code can call.

`train_and_evaluate` needs no output folder, signal handler or log. `train_into` and `render` are the two commands of
the job. TensorFlow is imported by the functions that need it.
"""

import os
from dataclasses import replace
from pathlib import Path

from job.config.export_formats import FORMATS
from job.config.gate import Gate
from job.config.gate_options import check_gate_options, list_gates
from job.config.run_config import STREAM, Config
from job.data.dataset import Dataset
from job.evaluation.history_entry import hash_test_set
from job.evaluation.trend import select_earlier
from job.log import Stopwatch, log, log_stage
from job.report.ci.finished import Finished, Scores
from job.report.ci.publish import write_and_publish
from job.report.worker import ReportWorker
from job.results import file_names
from job.results.gate_check import RunParts, check_gates
from job.results.history import prepare_history
from job.results.metrics_json import as_data_error
from job.results.network_npz import write_network
from job.results.output_folder import preparation
from job.results.output_folder.atomic_write import stage_files
from job.results.output_folder.manifest import is_owned, read_manifest
from job.results.predictions_csv import write_predictions
from job.results.run import Run
from job.results.samples_npz import write_samples
from job.system import isolation, signals
from job.system.packages import TRAINING_PACKAGES, require_packages
from job.trained_run import TrainedRun, train


def train_and_evaluate(config: Config) -> Run:
    """Train and evaluate a model without an output folder.

    A single seed trains in this process. TensorFlow accepts device and threads only before its first operation, so
    later runs in this process use those of the first one. On a CPU, each of several seeds has a process of its own.
    The settings `output`, `layout`, `export` and `history` have no effect.

    Raises:
        JobError: If the data set, the device or the reference run is missing or unsuitable, or training diverges.
    """
    trained = train(config)
    run = Run.from_predictions(trained.record, trained.predictions, trained.images, trained.augmented, trained.learnt)
    return replace(run, network=trained.plain)


def train_into(config: Config) -> Finished:
    """Train, evaluate, write the report into the output folder, append to the history, and tell other services."""
    return write_and_publish(config, lambda folder: _train_into(config, folder))


def render(config: Config) -> Finished:
    """Rebuild the report from the files of an earlier run; gates of the settings replace those of the run."""
    return write_and_publish(config, lambda folder: _render_into(config, folder))


def _render_into(config: Config, folder: Path) -> Scores:
    isolation.import_matplotlib()
    from job.report.page import write_report

    with Stopwatch().stage("report") as stage:
        with as_data_error(folder / file_names.METRICS):
            os.scandir(folder).close()  # the next line would create a folder that is missing
        outdated = (file_names.TRY_IT_PAGE,)
        preparation.prepare_output_folder(folder, file_names.REPORT_FILES[config.layout], outdated=outdated)
        with stage_files(folder, outdated=outdated) as staging:
            run = Run.read(folder)  # under the lock, after an interrupted job was undone
            if gates := _read_gates(config, run):
                run = run.with_gates(gates)
                run.write_metrics(staging)
            write_report(run, staging, config.layout, try_it=not config.no_try_it)
            stage.summary = file_names.describe_report(staging)
    return replace(Scores.from_run(run), entry=None)  # it is in the history already


def _read_gates(config: Config, run: Run) -> list[Gate]:
    """The gates of the settings; raises a UsageError if the run lacks their metrics."""
    training, comparison = run.training, run.comparison
    gates = list_gates(config, "history" if run.trend and not comparison else "reference")
    remedy = "this run has none; train with --reference DIR or --history FILE"
    check_gate_options(config, {}, has_other=comparison is not None or run.trend is not None, remedy=remedy)
    parts = RunParts(
        reference=comparison is not None,
        training=training is not None,
        seeds=training is not None and training.seed_variation is not None,
        calibration=run.temperature_scaling is not None,
        probabilities=run.predictions.probabilities is not None,
        reference_probabilities=comparison is not None and comparison.loss is not None,
    )
    check_gates(gates, run.evaluation.class_names, parts)
    return gates


def _train_into(config: Config, folder: Path) -> Scores:
    """Train, evaluate and write the report into a folder."""
    from job.training import export

    require_packages(TRAINING_PACKAGES)
    export.require_packages(config.export)
    files = (*file_names.RESULT_FILES, *file_names.REPORT_FILES[config.layout])
    folders, exports = file_names.REPORT_FOLDERS[config.layout], file_names.EXPORTS
    if config.export:
        folders = (*folders, exports)
    preparation.prepare_output_folder(folder, files, folders, outdated=file_names.OUTDATED)
    if os.path.lexists(folder / exports) and not is_owned(folder, exports, read_manifest(folder)):
        log.warning(
            "%s was changed since a run wrote it, so the job keeps it; it is not of the new model", folder / exports
        )
    log_stage("output", str(folder.absolute()))
    entries = prepare_history(Path(config.history)) if config.history else []

    def require_free_space(dataset: Dataset) -> None:
        n_probabilities = dataset.n_classes * (2 if config.reference else 1)
        n_seeds = config.runs * (2 if config.reference else 1)  # a reference with more seeds is rare
        n_bytes_predictions = len(dataset.test_images) * (24 + 14 * n_probabilities + 18 * n_seeds)
        n_bytes_predictions += sum(len(name.encode()) + 3 for name in dataset.test_names or ())  # with quotes
        n_bytes_others = 4_000_000 + len(config.export) * export.SIZE_BYTES  # upper estimates
        preparation.require_free_space(folder, n_bytes_predictions + n_bytes_others)

    stopwatch = Stopwatch()
    done = "nothing was sent" if config.output == STREAM else "the new report is in place"
    with ReportWorker() as worker:
        trained = train(config, stopwatch, require_free_space)
        if config.history:
            predictions = trained.predictions
            test_set = hash_test_set(predictions.y_true, trained.record.class_names, predictions.names)
            record = replace(trained.record, earlier=select_earlier(entries, test_set, len(predictions.y_true)))
            trained = replace(trained, record=record)
        staged = stage_files(folder, done, outdated=file_names.OUTDATED)
        with staged as staging, signals.on_exit(worker.stop):  # before the staged files are removed
            return _write_run(trained, config, staging, stopwatch, worker)


def _write_run(
    trained: TrainedRun, config: Config, staging: Path, stopwatch: Stopwatch, worker: ReportWorker
) -> Scores:
    """Write the files of a run; meanwhile, the worker evaluates the predictions and writes the report."""
    with stopwatch.stage("evaluation") as stage:
        write_predictions(staging, trained.predictions)
        write_samples(staging, trained.images, trained.augmented, trained.learnt)
        write_network(staging, trained.plain)
        scores = worker.evaluate(staging, config.layout, trained.record, export=bool(config.export))
        stage.summary = f"loss {trained.predictions.loss:.4f}, accuracy {scores.accuracy:.4f} (n = {scores.n_test:,})"
    with stopwatch.stage("report") as stage:
        trained.model.save(staging / file_names.MODEL)
        if config.export:
            (staging / file_names.EXPORTS).mkdir(exist_ok=True)
            trained.model.export(staging / file_names.EXPORTS, config.export)
        worker.finish()
        exported = [f"{file_names.EXPORTS}/{FORMATS[name]}" for name in config.export]
        stage.summary = ", ".join((file_names.describe_report(staging), *exported))
    return scores
