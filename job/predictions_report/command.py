"""Runs the command `report`: reads files of predictions, and writes the results and the report."""

from dataclasses import replace
from pathlib import Path

from job.config.prediction_files import PredictionFiles
from job.config.run_config import Config, Layout
from job.log import Stopwatch
from job.predictions.assemble import assemble_predictions
from job.predictions.class_arrays import find_class_names
from job.predictions.class_names import are_numbers, read_class_names
from job.predictions.images import find_array, open_images
from job.predictions.tables import Table, read_table
from job.predictions_report.build import Source, build_run
from job.report.ci.finished import Finished, Scores
from job.report.ci.publish import require_separate, write_and_publish
from job.results import file_names
from job.results.history import prepare_history
from job.results.output_folder import preparation
from job.results.output_folder.atomic_write import stage_files
from job.results.provenance import DataSource
from job.results.run import Run
from job.system import isolation

OUTDATED = (*file_names.OUTDATED, file_names.MODEL, file_names.NETWORK, file_names.SAMPLES)
"""What a training may have left in the folder, and does not belong to these predictions."""


def report_into(config: Config, files: PredictionFiles) -> Finished:
    """Evaluate predictions in files, write the report, append to the history, and tell other services.

    Raises:
        JobError: If a file is not usable or would be replaced, the reference has another test set, the run cannot have
            the metric of a gate, or the folder cannot be written.
    """
    for option in ("predictions", "labels", "images", "classes"):
        if file := getattr(files, option):
            require_separate(f"--{option}", file, config.output, "--output")
    return write_and_publish(config, lambda folder: _report_into(config, files, folder))


def _report_into(config: Config, files: PredictionFiles, folder: Path) -> Scores:
    isolation.import_matplotlib()
    history = prepare_history(Path(config.history)) if config.history else None
    stopwatch = Stopwatch()
    with stopwatch.stage("predictions") as stage:
        source = read_files(config, files)
        stage.summary = _describe(source)
    run = build_run(replace(source, history=history), stopwatch)
    write_run(run, folder, config.layout)
    return Scores.from_run(run)


def read_files(config: Config, files: PredictionFiles) -> Source:
    """Read the files of predictions, labels, class names and images.

    Raises:
        DataError: If a file is not usable, or they do not fit together.
        PackageError: If a file needs a package that is not installed.
    """
    path = Path(files.predictions)
    table = read_table(path)
    sha256 = {path.name: table.sha256}
    labels: Table | None = None
    class_names: list[str] | None
    images = find_array(table) if files.images is None else None
    if files.labels is not None:
        labels = read_table(Path(files.labels))
        _add_hash(sha256, "--labels", files.labels, labels.sha256)
    if files.images is not None:
        images, digest = open_images(Path(files.images))
        _add_hash(sha256, "--images", files.images, digest)
    if files.classes is not None:
        class_names = read_class_names(Path(files.classes))
    else:
        class_names = find_class_names(table) or (find_class_names(labels) if labels else None)
    n_images = None if images is None else images.n
    return Source(
        assembled=assemble_predictions(
            table,
            labels,
            class_names,
            names_source=files.classes or "its array of class names",
            logits=files.logits,
            n_images=n_images,
        ),
        images=images,
        data=DataSource(
            name=path.name, is_fashion_mnist=False, source="predictions", folder=str(path.parent), sha256=sha256
        ),
        command=files.command(config),
        name=config.name or "",
        reference=config.reference,
        has_names=class_names is not None,
        gates=config.gates(),
    )


def _add_hash(sha256: dict[str, str], option: str, file: str, digest: str) -> None:
    """Add the hash of a file by its name, with the option if another file has the same name."""
    name = Path(file).name
    sha256[name if sha256.get(name, digest) == digest else f"{option} {name}"] = digest


def write_run(run: Run, folder: Path, layout: Layout) -> None:
    """Write the results and the report of a run into an output folder: all files or none.

    Raises:
        OutputError: If the folder cannot be written, or something of another user or program is in the way.
    """
    from job.report.page import write_report

    names = (file_names.METRICS, file_names.PREDICTIONS, file_names.SAMPLES, *file_names.REPORT_FILES[layout])
    with Stopwatch().stage("report") as stage:
        preparation.prepare_output_folder(folder, names, file_names.REPORT_FOLDERS[layout], outdated=OUTDATED)
        with stage_files(folder, outdated=OUTDATED) as staging:
            run.write_results(staging)
            write_report(run, staging, layout)
            stage.summary = file_names.describe_report(staging)


def _describe(source: Source) -> str:
    predictions, has_names = source.assembled.predictions, not are_numbers(source.assembled.class_names)
    kind = "predicted classes without probabilities" if predictions.probabilities is None else "probabilities"
    text = f"{kind} of {len(predictions.y_true):,} images, {predictions.n_classes} classes"
    is_inferred = source.assembled.parts.scores is None and not source.has_names and source.reference is None
    return f"{text} in natural order (for another one: --classes FILE)" if is_inferred and has_names else text
