"""MLflow's own API reads back what the job logs; the store is a folder."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from gated_runs import make_gated_run

from job.errors import OutputError, PackageError
from job.report.ci import mlflow_log
from job.report.ci.files import write_ci_files
from job.report.ci.mlflow_values import list_metrics
from job.results.output_folder.manifest import read_manifest, write_manifest
from job.results.run import Run
from job.system.packages import write_install

READ_BACK = """
import json, mlflow

client = mlflow.MlflowClient()
experiments = [each.name for each in client.search_experiments()]
experiment = client.get_experiment_by_name("some experiment")
(run,) = client.search_runs([experiment.experiment_id])
identity = run.info.run_id
print(json.dumps({
    "experiments": experiments,
    "status": run.info.status,
    "name": run.info.run_name,
    "start": run.info.start_time,
    "metrics": run.data.metrics,
    "params": run.data.params,
    "tags": run.data.tags,
    "loss": [(each.step, each.value) for each in client.get_metric_history(identity, "epoch.loss")],
    "files": sorted(each.path for path in ("", "ci") for each in client.list_artifacts(identity, path)),
    "summary": mlflow.artifacts.load_text(f"runs:/{identity}/ci/summary.md"),
}))
"""


def read_back(environment: Mapping[str, str]) -> dict[str, Any]:
    """The only run of the experiment, as MLflow's API shows it; in a process of its own, because MLflow warns."""
    command = (sys.executable, "-W", "ignore", "-c", READ_BACK)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    content: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return content


@pytest.fixture(scope="module")
def run() -> Run:
    return make_gated_run()


@pytest.fixture
def folder(run: Run, tmp_path: Path) -> Path:
    """An output folder that also has a file of somebody else."""
    output = tmp_path / "output"
    run.write(output)
    write_ci_files(run, output)
    write_manifest(output, ["ci"], read_manifest(output))
    (output / "secret.txt").touch()
    return output


def test_mlflow_reads_the_run(run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parameters, metrics, curves, tags, and the files of the run, but no other."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", str(tmp_path / "mlruns"))
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "some experiment")
    mlflow_log.require_mlflow()
    mlflow_log.log_to_mlflow(folder)
    found = read_back({**mlflow_log.DEFAULTS, **os.environ})
    assert (found["status"], found["name"]) == ("FINISHED", "baseline with epochs 2, seed 0")
    assert found["start"] == 1770091506000
    expected = {name: value for name, value, _ in list_metrics(run.metrics())}  # the last value of a curve
    assert found["metrics"] == pytest.approx(expected)
    assert found["loss"] == [[1, 1.0], [2, 0.5]]
    assert found["params"]["epochs"] == "2"
    assert found["tags"]["fashion_job.gates"] == "missed"
    ci = [f"ci/{name}" for name in ("badge.json", "badge.svg", "junit.xml", "metrics.txt", "summary.md")]
    assert found["files"] == sorted(["SHA256SUMS", "ci", *ci, "metrics.json", "predictions.csv", "samples.npz"])
    assert found["summary"] == (folder / "ci" / "summary.md").read_text(encoding="utf-8")


def test_without_mlflow_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the status of a missing package."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(PackageError) as caught:
        mlflow_log.require_mlflow()
    assert str(caught.value) == (
        f"--log mlflow: MLflow is not installed; run {write_install('mlflow')}, or leave out --log"
    )


@pytest.mark.parametrize(
    ("password", "reason"),
    [("secret", "Connection refused"), ("se/cr@t", "Invalid url: {}/api/2.0/mlflow/experiments/get-by-name")],
)
def test_a_server_that_does_not_answer_is_one_line_before_training(
    password: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line has the address, the reason and a remedy, but no password."""
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:{password}@127.0.0.1:{port}")
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        with pytest.raises(OutputError) as caught:
            mlflow_log.require_mlflow()
    address = f"http://127.0.0.1:{port}"
    assert str(caught.value) == (
        f"--log mlflow: {address} cannot be used ({reason.format(address)}); start the server, or correct "
        "MLFLOW_TRACKING_URI"
    )


def test_a_log_that_fails_later_keeps_the_report(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is half logged is marked as failed in MLflow, and the error says how to try again."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", str(tmp_path / "mlruns"))
    (folder / "samples.npz").unlink()  # it is in the manifest
    with pytest.raises(OutputError) as caught:
        mlflow_log.log_to_mlflow(folder)
    assert str(caught.value).startswith(f"--log mlflow: {tmp_path}/mlruns cannot be used (")
    assert str(caught.value).endswith("; the report is written; `render --log mlflow` tries again")
    (meta,) = (tmp_path / "mlruns").glob("*/*/meta.yaml")
    assert "status: 4\n" in meta.read_text()  # FAILED
    assert (folder / "metrics.json").exists()
