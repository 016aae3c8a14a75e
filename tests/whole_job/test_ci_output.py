"""What a job gives to CI services: files in ci/, the summary on GitHub, annotations, and the result as JSON."""

import json
import os
import shutil
from pathlib import Path

import pytest
from support import ErrorOf

from job.__main__ import main
from job.evaluation.intervals import wilson_interval
from job.execution.launcher import build_environment
from job.report.ci.files import RENDERERS
from job.results.output_folder.manifest import read_manifest
from job.system.packages import write_install


@pytest.fixture
def folder(finished_run: Path, tmp_path: Path) -> Path:
    """A copy of the output folder of a run."""
    return shutil.copytree(finished_run, tmp_path / "report")


def read_ci(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "ci").iterdir()}


def test_training_and_render_write_the_same_files(finished_run: Path, folder: Path) -> None:
    """They are in the manifest, and rendering again gives the same bytes."""
    assert main(["render", "--output", str(folder), "--quiet"]) == 0
    assert read_ci(folder) == read_ci(finished_run)
    assert {name for name in read_manifest(folder) if name.startswith("ci/")} == {f"ci/{name}" for name in RENDERERS}


def test_render_adds_them_to_the_results_of_an_earlier_release(finished_run: Path, folder: Path) -> None:
    """Such a run has no ci/."""
    shutil.rmtree(folder / "ci")
    assert main(["render", "--output", str(folder), "--quiet"]) == 0
    assert read_ci(folder) == read_ci(finished_run)


@pytest.mark.parametrize("command", [["render"], ["--epochs", "1"]], ids=["render", "train"])
def test_a_folder_of_somebody_else_is_kept(folder: Path, error_of: ErrorOf, command: list[str]) -> None:
    """A file that no run wrote keeps its folder from being replaced, before any work."""
    (folder / "ci" / "pipeline.yml").touch()
    before = read_ci(folder)
    message = error_of(73, *command, "--output", folder)
    assert "ci exists, but no run wrote it, or it was changed since" in message
    assert read_ci(folder) == before


def test_the_result_as_json_is_the_last_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the accuracy, its interval, n, gates, output folder, seconds and exit status."""
    gates = ["--fail-under", "accuracy=0.001", "--warn-under", "recall.class 1=1.0:interval"]
    assert main(["render", "--output", str(folder), "--summary", "json", "--quiet", *gates]) == 0
    content = json.loads(capsys.readouterr().out.splitlines()[-1])
    seconds = content.pop("seconds")
    assert 0 < seconds < 600
    stored = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))["evaluation"]
    n_correct = round(100 * content["accuracy"])
    interval = wilson_interval(n_correct, 100)
    assert content["accuracy_interval"] == {"lower": interval.lower, "upper": interval.upper}
    first, second = content.pop("gates")
    assert (first["gate"], first["severity"], first["passed"]) == ("accuracy ≥ 0.001", "error", True)
    assert (first["metric"], first["bound"], first["threshold"]) == ("accuracy", "under", 0.001)
    assert first["margin"] == pytest.approx(content["accuracy"] - 0.001)
    assert (second["gate"], second["severity"], second["passed"]) == (
        *("recall.class 1 ≥ 1 (95% interval)", "warning", False),
    )
    assert second["interval"] == stored["per_class"][1]["recall_interval"]
    assert content == {
        "accuracy": stored["accuracy"],
        "accuracy_interval": stored["accuracy_interval"],
        "n_test": 100,
        "output": str(folder),
        "exit_status": 0,
    }


def test_a_missed_gate_is_in_all_that_ci_reads(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Annotation, JSON, summary on GitHub, files and exit status."""
    (tmp_path / "summary.md").touch()
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    options = ["--summary", "json", "--fail-under", "accuracy=1.0:interval", "--quiet"]
    assert main(["render", "--output", str(folder), *options]) == 1
    annotation, result = capsys.readouterr().out.splitlines()
    assert annotation.startswith("::error title=accuracy ≥ 1 (95%25 interval)::missed: accuracy is ")
    assert json.loads(result)["exit_status"] == 1
    files = read_ci(folder)
    assert (tmp_path / "summary.md").read_bytes() == files["summary.md"]
    assert "❌ missed" in files["summary.md"].decode()
    assert 'failures="1"' in files["junit.xml"].decode()
    assert 'fashion_job_gate_passed{gate="accuracy ≥ 1 (95% interval)",severity="error"} 0.0' in (
        files["metrics.txt"].decode()
    )
    assert json.loads(files["badge.json"])["isError"] is True


def test_mlflow_that_is_missing_stops_the_job_before_training(
    tmp_path: Path, error_of: ErrorOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    message = error_of(69, "--log", "mlflow", "--output", tmp_path / "report")
    assert message.endswith(f"MLflow is not installed; run {write_install('mlflow')}, or leave out --log")
    assert not (tmp_path / "report").exists()


def test_the_runs_of_a_sweep_do_not_write_to_the_page_of_the_job() -> None:
    """GitHub limits the summary of a step to 1 MiB, whatever the number of runs."""
    environment = build_environment({**os.environ, "GITHUB_STEP_SUMMARY": "/tmp/summary.md", "CI": "true"})
    assert "GITHUB_STEP_SUMMARY" not in environment
    assert environment["CI"] == "true"
