"""Tells the services around a job about a finished run: GitHub Actions and MLflow."""

from collections.abc import Sequence
from pathlib import Path

from job.config.run_config import Config
from job.errors import OutputError
from job.evaluation.gates import GateResult
from job.log import Stopwatch
from job.report.ci.github import append_step_summary, print_annotations
from job.report.ci.mlflow_log import log_to_mlflow, require_mlflow


def prepare_services(config: Config) -> None:
    """Check before training what `publish_run` needs.

    Raises:
        JobError: If MLflow is asked for, but is not installed or does not answer.
    """
    if config.log == "mlflow":
        require_mlflow()


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
