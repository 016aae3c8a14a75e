"""Gates, history and what CI reads, of the command `report`."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import cmarkgfm
import numpy as np
import pytest
from junitparser import JUnitXml
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from report_tables import PREDICTIONS, N, labels_of, read_metrics, report, table_of
from support import ErrorOf, read_tree

from job.__main__ import main
from job.errors import DataError, OutputError, UsageError
from job.evaluation.predictions import Predictions
from job.report.ci import publish
from job.report.ci.mlflow_values import find_run_name, list_metrics
from job.results.history import prepare_history
from job.results.run import Run

N_BROKEN = 40


def make_worse() -> Predictions:
    """The same predictions, but wrong on 40 images on which they were right."""
    broken = np.flatnonzero(PREDICTIONS.is_correct)[:N_BROKEN]
    probabilities = PREDICTIONS.probabilities.copy()
    probabilities[broken] = np.roll(probabilities[broken], 1, axis=1)
    return replace(PREDICTIONS, probabilities=probabilities)


WORSE = make_worse()


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    path.write_text(table_of())
    return path


@pytest.fixture
def worse(tmp_path: Path) -> Path:
    path = tmp_path / "worse.csv"
    path.write_text(table_of(WORSE))
    return path


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """Predicted classes without probabilities."""
    path = tmp_path / "labels.csv"
    path.write_text(labels_of(WORSE))
    return path


def test_a_missed_gate(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The report is written, and the exit status is 1; `render` keeps the gates."""
    folder = tmp_path / "out"
    gates = ["--fail-under", "accuracy=0.99", "--warn-over", "ece=0.0001", "--fail-under", "recall.0=0.5"]
    report("--predictions", table, "--output", folder, "--summary", "json", *gates, status=1)
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    assert (result["accuracy"], result["n_test"], result["exit_status"]) == (PREDICTIONS.accuracy, N, 1)
    assert [gate["passed"] for gate in result["gates"]] == [False, True, False]
    warning, error = captured.err.splitlines()
    assert warning.startswith("fashion-job: warning: gate missed: ece is ")
    accuracy = f"accuracy is {PREDICTIONS.accuracy:.4f} (95% interval "
    assert error.startswith(f"fashion-job: error: 1 gate missed, 1 warning (of 3 gates): {accuracy}")
    assert [gate["passed"] for gate in read_metrics(folder)["gates"]] == [False, True, False]
    suite = ET.parse(folder / "ci" / "junit.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("3", "1")
    written = read_tree(folder)
    assert b'id="gates"' in written["index.html"]
    assert main(["render", "-q", "--output", str(folder)]) == 1
    assert read_tree(folder) == written


def test_the_settings_of_gates(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings file and the environment set them, too, and the command in metrics.json repeats them."""
    (tmp_path / "fashion-job.yaml").write_text("fail-under: {accuracy: 0.99}\n")
    monkeypatch.chdir(tmp_path)
    report("--predictions", table, status=1)
    monkeypatch.setenv("FASHION_JOB_FAIL_UNDER", "accuracy=0.5")
    report("--predictions", table)
    assert read_metrics(tmp_path / "report")["provenance"]["command"].endswith(" --fail-under accuracy=0.5")


def test_a_significant_loss_in_the_history(table: Path, worse: Path, tmp_path: Path) -> None:
    """Each report appends a line; the second one is worse, by McNemar's exact test of the same images."""
    path, words = tmp_path / "history.jsonl", ["--history", tmp_path / "history.jsonl", "--fail-if-worse"]
    report("--predictions", table, "--output", tmp_path / "a", "--name", "first", *words)
    report("--predictions", worse, "--output", tmp_path / "b", "--name", "second", *words, status=1)
    first, second = prepare_history(path)
    assert (first.name, first.accuracy, first.training_s) == ("first", PREDICTIONS.accuracy, None)
    assert (second.name, second.accuracy) == ("second", WORSE.accuracy)
    assert second.loss == pytest.approx(WORSE.loss)
    metrics = read_metrics(tmp_path / "b")
    best = metrics["trend"]["best"]
    assert (best["name"], best["difference"]) == ("first", pytest.approx(-N_BROKEN / N))
    assert best["p_adjusted"] == pytest.approx(2 / 2**N_BROKEN)  # every change is for the worse
    assert [point["name"] for point in metrics["trend"]["points"]] == ["first", "second"]
    (gate,) = metrics["gates"]
    assert (gate["gate"]["against"], gate["passed"]) == ("history", False)
    assert b'id="trend"' in read_tree(tmp_path / "b")["index.html"]
    report("--predictions", worse, "--output", tmp_path / "c", *words, "--tolerance", f"{(N_BROKEN + 1) / N}")
    assert len(prepare_history(path)) == 3
    path.unlink()
    assert main(["render", "-q", "--output", str(tmp_path / "b")]) == 1
    assert not path.exists()


def test_a_significant_loss_against_a_reference(table: Path, worse: Path, tmp_path: Path) -> None:
    """The reference goes before the history."""
    report("--predictions", table, "--output", tmp_path / "a")
    words = ["--history", tmp_path / "new.jsonl", "--reference", tmp_path / "a", "--warn-if-worse"]
    report("--predictions", worse, "--output", tmp_path / "b", *words)
    (gate,) = read_metrics(tmp_path / "b")["gates"]
    assert (gate["gate"]["against"], gate["passed"]) == ("reference", False)
    assert gate["value"] == pytest.approx(-N_BROKEN / N)


def test_predicted_classes_without_probabilities(
    table: Path, labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All files for CI and the history leave out what is unknown: no file has a NaN or a null."""
    path, folder = tmp_path / "history.jsonl", tmp_path / "out"
    report("--predictions", table, "--output", tmp_path / "a", "--history", path)
    words = ["--predictions", labels, "--history", path, "--reference", tmp_path / "a", "--summary", "json"]
    words += ["--fail-under", "accuracy=0.5", "--name", "only classes"]
    for name in ("b", "out"):
        capsys.readouterr()
        report(*words, "--output", tmp_path / name)
    assert json.loads(capsys.readouterr().out)["accuracy"] == WORSE.accuracy
    entry = prepare_history(path)[-1]
    assert (entry.name, entry.accuracy, entry.loss, entry.ece) == ("only classes", WORSE.accuracy, None, None)

    texts = {name: content.decode() for name, content in read_tree(folder / "ci").items()}
    assert not any(word in text.lower() for text in texts.values() for word in ("nan", "null", "none"))
    families = text_string_to_metric_families(texts["metrics.txt"])  # type: ignore[no-untyped-call]
    samples = [sample for family in families for sample in family.samples]
    values = {sample.name: sample.value for sample in samples}
    assert values["fashion_job_test_accuracy_ratio"] == WORSE.accuracy
    assert {sample.labels["name"] for sample in samples if sample.name == "fashion_job_run_info"} == {"only classes"}
    assert all(math.isfinite(value) for value in values.values())
    assert not any(word in name for name in values for word in ("loss", "brier", "auc", "calibration"))
    (suite,) = JUnitXml.fromstring(texts["junit.xml"])
    assert (suite.tests, suite.failures) == (1, 0)
    summary = cmarkgfm.github_flavored_markdown_to_html(texts["summary.md"])
    assert summary.count("<table>") == 4
    assert "Matthews correlation" in summary
    assert "Calibration" not in summary
    assert json.loads(texts["badge.json"])["message"] == f"{WORSE.accuracy:.1%}"
    assert ET.fromstring(texts["badge.svg"]).get("aria-label") == f"accuracy: {WORSE.accuracy:.1%}"

    page = (folder / "index.html").read_text(encoding="utf-8")
    for name, n in (("loss", 2), ("calibration error", 2), ("time", 3)):
        assert page.count(f'<td class="empty" data-label="{name}"><bdi>\N{EN DASH}</bdi></td>') == n
    metrics = read_metrics(folder)
    assert [point["loss"] is None for point in metrics["trend"]["points"]] == [False, True, True]
    logged = dict(each[:2] for each in list_metrics(metrics))
    assert logged["accuracy"] == WORSE.accuracy
    assert not {"loss", "ece", "roc_auc", "comparison.loss.difference"} & logged.keys()
    assert find_run_name(metrics) == "only classes"
    written = read_tree(folder)
    assert main(["render", "-q", "--output", str(folder)]) == 0
    assert read_tree(folder) == written


REFUSED: list[tuple[list[str], int, str]] = [
    (["--fail-under", "acuracy=0.8"], UsageError.exit_status, "unknown metric acuracy; did you mean accuracy?"),
    (
        ["--fail-over", "loss=1"],
        UsageError.exit_status,
        "the gate loss ≤ 1: loss needs probabilities, but the predictions are only",
    ),
    (["--fail-under", "recall.cat=0.5"], UsageError.exit_status, "unknown class cat; the classes are 0, 1, 2, 3"),
    (
        ["--fail-under", "training.config.epochs=3"],
        UsageError.exit_status,
        "training.config.epochs needs a model that this job",
    ),
    (["--fail-under", "comparison.counts.difference=0"], UsageError.exit_status, "needs a reference: --reference DIR"),
    (
        ["--fail-if-worse"],
        UsageError.exit_status,
        "--fail-if-worse needs another run to compare with: add --reference DIR or --hist",
    ),
    (["--tolerance", "0.1"], UsageError.exit_status, "--tolerance is only for --fail-if-worse and --warn-if-worse"),
    (["--fail-under", "best:accuracy=0.8"], UsageError.exit_status, "is only for sweeps; leave out best:"),
    (["--history", "."], OutputError.exit_status, "--history .: is a folder; name a file that you can write"),
    (["--history", __file__], DataError.exit_status, f"--history {__file__}: has no line of a run"),
]
"""Options, status and what the line says; the predictions are only classes."""


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case[0][-1].rpartition("/")[2])
def test_what_is_refused_before_anything_is_written(
    labels: Path, tmp_path: Path, error_of: ErrorOf, case: tuple[list[str], int, str]
) -> None:
    """One line, also where only the table says which classes and numbers there are."""
    words, status, problem = case
    new = [] if "--history" in words or "--fail-if-worse" in words else ["--history", tmp_path / "new.jsonl"]
    line = error_of(status, "report", "-q", "--predictions", labels, "--output", tmp_path / "out", *words, *new)
    assert problem in line
    assert [path.name for path in tmp_path.iterdir()] == ["labels.csv"]


def test_render_refuses_a_gate_on_probabilities(labels: Path, tmp_path: Path, error_of: ErrorOf) -> None:
    """As `report` does; the folder stays as it is."""
    report("--predictions", labels, "--output", tmp_path / "out")
    before = read_tree(tmp_path / "out")
    line = error_of(UsageError.exit_status, "render", "--output", tmp_path / "out", "--fail-over", "ece=0.1")
    assert "ece needs probabilities, but the predictions are only classes" in line
    assert read_tree(tmp_path / "out") == before


def log_into(calls: list[str]) -> Callable[[Path], None]:
    """What notes whether there is a report when it is to be logged, and fails."""

    def log(folder: Path) -> None:
        calls.append("log" if Run.read(folder).gates else "no report")
        raise OutputError("the server has gone")

    return log


def test_mlflow_is_checked_first_and_logged_last(
    table: Path, tmp_path: Path, error_of: ErrorOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If logging fails, the report and the history are in place."""
    calls: list[str] = []
    monkeypatch.setattr(publish, "require_mlflow", lambda: calls.append("require"))
    monkeypatch.setattr(publish, "log_to_mlflow", log_into(calls))
    words = ["--log", "mlflow", "--fail-under", "accuracy=0.99", "--history", tmp_path / "h", "--output"]
    line = error_of(OutputError.exit_status, "report", "--predictions", table, *words, tmp_path / "out")
    assert line == "fashion-job: error: the server has gone"
    assert calls == ["require", "log"]
    assert Run.read(tmp_path / "out").evaluation.accuracy == PREDICTIONS.accuracy
    assert len(prepare_history(tmp_path / "h")) == 1
    error_of(DataError.exit_status, "report", "--predictions", tmp_path / "none", *words, tmp_path / "out")
    assert calls == ["require", "log", "require"]
