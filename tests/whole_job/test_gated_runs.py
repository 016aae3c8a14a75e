"""Gates and the history through main([...])."""

import json
import re
from pathlib import Path

import pytest
from support import ErrorOf, make_run, read_tree

from job import pipeline
from job.__main__ import main
from job.evaluation.gate_result import GateResult
from job.report.ci.finished import Scores
from job.results import history
from job.results.history import prepare_history
from job.results.run import Run


def test_a_missed_gate_ends_with_1_after_the_report_is_written(
    dataset_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Two runs share a history; the second is much worse. Rendering again gives the same page and status."""
    output, path = tmp_path / "report", tmp_path / "history.jsonl"
    words = ["--data", str(dataset_folder), "--output", str(output), "--history", str(path), "--fail-if-worse"]
    words += [
        "--fail-under",
        "accuracy=0.7",
        "--fail-under",
        "recall.class 3=0.01:interval",
        "--warn-over",
        "ece=0.001",
    ]
    assert main([*words, "--epochs", "4"]) == 0
    captured = capfd.readouterr()
    assert captured.out.startswith("accuracy ")
    gates = [line.split("gate ")[1].split()[0] for line in captured.err.splitlines() if "gate " in line]
    assert gates == ["passed:", "passed:", "passed:", "missed:"]
    assert "Trend" not in (output / "index.html").read_text()
    first = json.loads((output / "metrics.json").read_text())
    assert [gate["passed"] for gate in first["gates"]] == [True, True, True, False]

    assert main([*words, "--epochs", "1", "--learning-rate", "0.00001", "-q"]) == 1
    captured = capfd.readouterr()
    assert captured.out.startswith("accuracy 0.")
    warning, error = captured.err.splitlines()
    assert warning.startswith("fashion-job: warning: gate missed: ece is 0.")
    assert error.startswith("fashion-job: error: 3 gates missed, 1 warning (of 4 gates): accuracy is 0.")
    assert "accuracy minus that of the best of the last 49 runs is -0." in error
    second = json.loads((output / "metrics.json").read_text())
    assert second["evaluation"]["accuracy"] < 0.5 < first["evaluation"]["accuracy"]
    best = second["trend"]["best"]
    assert best["accuracy"] == first["evaluation"]["accuracy"]
    assert best["difference"] == pytest.approx(second["evaluation"]["accuracy"] - best["accuracy"])
    entries = prepare_history(path)
    assert [each.accuracy for each in entries] == [each["evaluation"]["accuracy"] for each in (first, second)]
    assert [each.total_s for each in entries] == [each["provenance"]["timings_s"]["total"] for each in (first, second)]

    page = (output / "index.html").read_bytes()
    path.unlink()
    assert main(["render", "--output", str(output), "-q"]) == 1
    assert (output / "index.html").read_bytes() == page
    assert json.loads((output / "metrics.json").read_text()) == second
    assert not path.exists()


def test_gates_that_nobody_can_meet_are_refused_before_training(
    error_of: ErrorOf, dataset_folder: Path, tmp_path: Path
) -> None:
    """An unknown metric at once, an unknown class when the data set is read; the output folder stays empty."""
    output = tmp_path / "report"
    for gate, problem in (
        ("acuracy=0.8", "--fail-under acuracy=0.8: unknown metric acuracy; did you mean accuracy?"),
        ("accuracy=80", "--fail-under accuracy=80: accuracy is between 0 and 1; write 0.8 for 80%"),
        ("recall.Shirt=0.8", "the gate recall.Shirt ≥ 0.8: unknown class Shirt; the classes are class 0, class 1, "),
        ("comparison.counts.difference=0", "comparison.counts.difference needs a reference: --reference DIR"),
    ):
        words = ["--data", dataset_folder, "--output", output, "--fail-under", gate, "-q"]
        assert problem in error_of(64, *words)
        assert not output.exists() or list(output.iterdir()) == []


BAD_HISTORIES = {
    ".": (None, 73, "is a folder; name a file that you can write, or leave the option out"),
    "history": (b"\x89PNG\xff", 65, "has no line of a run (line 1: "),
    "a/b": (None, 73, "cannot be read and written (Not a directory)"),
}
"""What is in the file, the status and the error, by the name of the history."""


@pytest.mark.parametrize("name", BAD_HISTORIES)
def test_a_bad_history_is_refused_before_training(
    error_of: ErrorOf, dataset_folder: Path, tmp_path: Path, name: str
) -> None:
    """A folder, another file and a path below a file; nothing is written."""
    content, status, problem = BAD_HISTORIES[name]
    path = tmp_path / name
    (tmp_path / "a").touch()
    if content:
        path.write_bytes(content)
    line = error_of(status, "--data", dataset_folder, "--output", tmp_path / "report", "--history", path)
    assert f"--history {path}: {problem}" in line
    assert list((tmp_path / "report").iterdir()) == []
    assert content is None or path.read_bytes() == content


def test_a_history_that_cannot_be_extended_after_training(
    error_of: ErrorOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says that the report is there."""

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    run = make_run()
    scores = Scores(
        accuracy=0.9,
        accuracy_interval=run.evaluation.accuracy_interval,
        loss=0.5,
        n_test=100,
        gates=[],
        entry=run.describe_entry(),
    )
    monkeypatch.setattr(pipeline, "_train_into", lambda *_: scores)
    monkeypatch.setattr(history, "_append", fail)
    path = tmp_path / "history.jsonl"
    line = error_of(73, "--output", tmp_path, "--history", path)
    assert f"--history {path}: cannot be read and written (No space left on device); name a file" in line
    assert f", but the report is in place: accuracy 0.9000 on 100 test images: {tmp_path / 'index.html'}" in line


def test_render_replaces_the_gates_of_a_run(
    written_run: Path, error_of: ErrorOf, capsys: pytest.CaptureFixture[str]
) -> None:
    """The new ones are in metrics.json and on the page; refused ones change nothing."""
    accuracy = Run.read(written_run).evaluation.accuracy
    words = ["render", "--output", str(written_run)]
    assert main([*words, "--fail-under", f"accuracy={accuracy}", "--fail-over", "recall.Shirt=0", "-q"]) == 1
    assert "1 gate missed (of 2 gates): recall.Shirt is 1.0000 (95% interval" in capsys.readouterr().err
    (first, second) = Run.read(written_run).gates
    assert (first.passed, second.passed) == (True, False)
    page = (written_run / "index.html").read_text(encoding="utf-8")
    assert "1 gate missed (of 2 gates): recall.Shirt" in re.sub("<[^>]+>", "", page)
    before = read_tree(written_run)
    assert "unknown metric recall.Skirt; did you mean recall.Shirt?" in error_of(
        64, *words, "--fail-under", "recall.Skirt=0"
    )
    assert "this run has none; train with --reference DIR" in error_of(64, *words, "--fail-if-worse")
    assert read_tree(written_run) == before
    assert main([*words, "--fail-under", "accuracy=0", "-q"]) == 0
    assert main([*words, "-q"]) == 0


def test_a_run_against_its_reference(compared_copy: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The comparison that the report shows decides, also when `render` sets the gate."""
    comparison = Run.read(compared_copy).comparison
    assert comparison is not None
    status = main(["render", "--output", str(compared_copy), "--fail-if-worse"])
    (result,) = Run.read(compared_copy).gates
    assert isinstance(result, GateResult)
    assert (result.value, result.gate.against) == (comparison.counts.difference, "reference")
    assert status == int(comparison.is_significant and comparison.counts.difference < 0)
    assert "accuracy minus that of the reference is" in capfd.readouterr().err
