"""Logs a finished run to MLflow (`--log mlflow`), in a process of its own.

`python -m job.report.ci.mlflow_log` tries whether MLflow can be used, and with a folder it logs the run in this folder.
The last line on stderr is the reason of a failure. In a process of its own, MLflow and TensorFlow cannot disturb
each other, and what MLflow prints is not mixed with the result.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from job.errors import OutputError, PackageError
from job.report.ci.mlflow_values import find_run_name, list_metrics, list_params, list_tags
from job.results.file_names import CHECKSUMS, METRICS
from job.results.output_folder.manifest import read_manifest
from job.system import isolation
from job.system.child_process import build_environment, child_process, kill_group
from job.system.packages import write_install

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "fashion-job"
"""Name of the experiment, unless MLFLOW_EXPERIMENT_NAME has another one."""

DEFAULTS = {
    "MLFLOW_ALLOW_FILE_STORE": "true",  # MLFLOW_TRACKING_URI may be a folder
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # with MLflow's own number, a server that does not answer takes minutes
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}
"""Variables of MLflow that apply unless the user sets them."""

MAX_PARAMS, MAX_METRICS = 100, 1000
"""The most in one request to a server of MLflow."""

MAX_REASON = 300  # characters
PASSWORD = re.compile(r"//\S*@")


def require_mlflow() -> None:
    """Check before training that MLflow is installed, and that the server or store that it would use answers.

    Raises:
        PackageError: If it is not installed.
        OutputError: If it does not answer.
    """
    if not util.find_spec("mlflow"):
        raise PackageError(f"--log mlflow: MLflow is not installed; run {write_install('mlflow')}, or leave out --log")
    _run([], "start the server, or correct MLFLOW_TRACKING_URI")


def log_to_mlflow(folder: Path) -> None:
    """Log parameters, metrics and all files of the run in `folder`.

    Raises:
        OutputError: If that fails; the files stay.
    """
    _run([str(folder.absolute())], "the report is written; `render --log mlflow` tries again")


def _run(words: Sequence[str], remedy: str) -> None:
    streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    command = (sys.executable, "-m", "job.report.ci.mlflow_log", *words)
    environment = build_environment({**DEFAULTS, **os.environ})
    with child_process(command, kill=kill_group, process_group=0, env=environment, **streams) as process:
        _, errors = process.communicate()
    if process.returncode:
        lines = errors.decode(errors="replace").split("\n")
        reason = next((line for line in reversed(lines) if line.strip()), f"exit status {process.returncode}")
        raise OutputError(f"--log mlflow: {reason}; {remedy}")


def main(words: Sequence[str]) -> int:
    """Try MLflow, or log the run in the folder that `words` names; returns the exit status."""
    try:
        if words:
            _log(Path(words[0]))
        else:
            _connect().get_experiment_by_name(_name_experiment())
    except Exception as error:  # noqa: BLE001 - MLflow raises those of all its libraries
        print(_describe(error), file=sys.stderr)
        return 1
    return 0


def _connect() -> "MlflowClient":
    import mlflow

    return mlflow.MlflowClient()


def _name_experiment() -> str:
    return os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT


def _describe(error: Exception) -> str:
    """The reason in one line, with the address of the server or store, but without a password in it."""
    address = os.environ.get("MLFLOW_TRACKING_URI", "")
    with suppress(Exception):  # the address may be why it failed
        import mlflow

        address = mlflow.get_tracking_uri()
    cause: BaseException = error
    while following := cause.__cause__ or cause.__context__:
        cause = following
    words = isinstance(cause, OSError) and cause.strerror  # such as "Connection refused"
    reason = words or " ".join(str(error).split()) or type(error).__name__
    text = f"{address or 'MLflow'} cannot be used ({reason[:MAX_REASON]}{'…' * (len(reason) > MAX_REASON)})"
    return PASSWORD.sub("//", text)


def _log(folder: Path) -> None:
    content = json.loads((folder / METRICS).read_text(encoding="utf-8"))
    client, name = _connect(), _name_experiment()
    experiment = client.get_experiment_by_name(name)
    experiment_id = experiment.experiment_id if experiment else client.create_experiment(name)
    started_ms = round(1000 * datetime.fromisoformat(content["provenance"]["started"]).timestamp())
    run = client.create_run(experiment_id, started_ms, list_tags(content), find_run_name(content))
    with _ended(client, run.info.run_id):
        _log_values(client, run.info.run_id, content)
        for name in sorted({path.split("/")[0] for path in read_manifest(folder)} | {CHECKSUMS}):
            if (folder / name).is_dir():
                client.log_artifacts(run.info.run_id, str(folder / name), name)
            else:
                client.log_artifact(run.info.run_id, str(folder / name))


@contextmanager
def _ended(client: "MlflowClient", run_id: str) -> Iterator[None]:
    """End a run when the block does, as failed if the block fails."""
    try:
        yield
    except Exception:
        with suppress(Exception):  # the reason is that of the block
            client.set_terminated(run_id, "FAILED")
        raise
    client.set_terminated(run_id)


def _log_values(client: "MlflowClient", run_id: str, content: dict[str, Any]) -> None:
    from mlflow.entities import Metric, Param

    now_ms = round(1000 * time.time())
    params = [Param(*each) for each in list_params(content).items()]
    metrics = [Metric(name, value, now_ms, step) for name, value, step in list_metrics(content)]
    for start in range(0, len(params), MAX_PARAMS):
        client.log_batch(run_id, params=params[start : start + MAX_PARAMS])
    for start in range(0, len(metrics), MAX_METRICS):
        client.log_batch(run_id, metrics[start : start + MAX_METRICS])


if __name__ == "__main__":
    isolation.isolate()
    sys.exit(main(sys.argv[1:]))
