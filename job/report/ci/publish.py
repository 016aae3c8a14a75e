"""Publishes a finished run: in the output folder or an archive, in the history, and to GitHub Actions and MLflow."""

import os
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

from job.config.run_config import STREAM, Config
from job.errors import OutputError, UsageError
from job.evaluation.gate_result import GateResult
from job.log import Stopwatch
from job.report.ci.finished import Finished, Scores
from job.report.ci.github import append_step_summary, print_annotations
from job.report.ci.mlflow_log import log_to_mlflow, require_mlflow
from job.results.file_names import ALL_NAMES, PAGE
from job.results.gate_outcome import log_gates
from job.results.history import append_entry
from job.results.output_folder import tar_stream


def write_and_publish(config: Config, write: Callable[[Path], Scores]) -> Finished:
    """Write a report, and when it is complete, append it to the history, tell other services and log the gates.

    `write` gets the output folder, or the folder that becomes the archive on stdout.

    Raises:
        UsageError: If the history is a file of the output folder that the job writes.
        JobError: What `write` raises; or before it, that MLflow is asked for, but is not installed or does not answer.
        OutputError: If the archive cannot be sent, or if history or MLflow cannot be written after the report.
    """
    is_stream = config.output == STREAM
    if config.history:
        require_separate("--history", config.history, config.output, "file")
    if config.log == "mlflow":
        require_mlflow()
    with tar_stream.stream_folder() if is_stream else nullcontext(Path(config.output)) as folder:
        scores = write(folder)
    page = f"{tar_stream.ARCHIVE_FOLDER}/{PAGE} in the archive" if is_stream else str(folder / PAGE)
    finished = Finished(scores=scores, output=config.output, page=page)
    with tar_stream.divert_stdout() if is_stream else nullcontext():  # nothing may follow the archive
        problem = _append_to_history(config, finished)
        problem = publish_run(config, folder, scores.gates) or problem
    log_gates(finished.gates)
    if problem:
        raise problem
    return finished


def require_separate(option: str, file: str, output: str, remedy: str) -> None:
    """Check that the file of an option is not one that the job writes or removes in the output folder.

    Raises:
        UsageError: If it is; the message ends with what to name instead.
    """
    path, folder = Path(os.path.realpath(file)), Path(os.path.realpath(output))
    if output == STREAM or not path.is_relative_to(folder):
        return
    if path.relative_to(folder).parts[:1] in [(), *((name,) for name in ALL_NAMES)]:
        raise UsageError(f"{option} {file} is a file or folder that the job writes; name another {remedy}")


def _append_to_history(config: Config, finished: Finished) -> OutputError | None:
    """Append the run to the history, if there is one; returns why that failed."""
    if config.history and finished.scores.entry:
        try:
            append_entry(Path(config.history), finished.scores.entry)
        except OutputError as error:
            return OutputError(f"{error}, but the report is in place: {finished.text}")
    return None


def publish_run(config: Config, folder: Path, gates: Sequence[GateResult]) -> OutputError | None:
    """Tell GitHub Actions and MLflow about the run in an output folder, as far as they are there or asked for.

    Returns why MLflow failed, if it did, so that the caller can finish its work before it raises the error.
    """
    append_step_summary(folder)
    print_annotations(gates)
    if config.log == "mlflow":
        try:
            with Stopwatch().stage("mlflow") as stage:
                log_to_mlflow(folder)
                stage.summary = "logged"
        except OutputError as error:
            return error
    return None
