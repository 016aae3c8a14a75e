import os
from contextlib import suppress
from pathlib import Path

import pytest
from gated_runs import MISSED, PASSED, WARNING, make_gated_run

from job.config.gate import Gate
from job.evaluation.gate_result import GateResult
from job.report.ci.files import write_ci_files
from job.report.ci.github import append_step_summary, list_annotations, print_annotations
from job.results.run import Run

MANY = [Gate("accuracy", "under", 0.99 + number / 10_000) for number in range(12)]


@pytest.fixture(scope="module")
def run() -> Run:
    return make_gated_run()


@pytest.fixture
def folder(run: Run, tmp_path: Path) -> Path:
    """An output folder."""
    (tmp_path / "output").mkdir()
    write_ci_files(run, tmp_path / "output")
    return tmp_path / "output"


def gates(*wanted: Gate) -> list[GateResult]:
    return list(make_gated_run(wanted).gates)


def test_the_summary_is_appended(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What other steps wrote stays, and the title begins a line; a second report follows the first."""
    file, text = tmp_path / "summary.md", (folder / "ci" / "summary.md").read_text(encoding="utf-8")
    file.touch()
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(file))
    append_step_summary(folder)
    assert file.read_text(encoding="utf-8") == text
    file.write_text("no line break")
    append_step_summary(folder)
    append_step_summary(folder)
    assert file.read_text(encoding="utf-8") == f"no line break\n{text}\n{text}"


def test_elsewhere_nothing_is_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither where the variable is not set nor where it is empty."""
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    append_step_summary(folder)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "")
    append_step_summary(folder)
    assert caplog.messages == []


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe", "read-only"])
def test_a_file_that_cannot_be_written_is_one_warning(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    """The run goes on, also if nobody reads a pipe; the summary is in the output folder."""
    path = tmp_path / "summary.md"
    reasons = {
        "missing": "No such file or directory",
        "folder": "Is a directory",
        "pipe": "No such device or address",
        "read-only": "Read-only file system",
    }
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "read-only":
        path = Path("/proc/sys/kernel/ostype")  # nobody can write it, not even root
        reasons[kind] = "Permission denied"
    monkeypatch.setattr("job.log.log.propagate", True)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    append_step_summary(folder)
    expected = f"GITHUB_STEP_SUMMARY: {path} cannot be written ({reasons[kind]}); see ci/summary.md"
    assert caplog.messages == [expected]
    assert kind != "missing" or not path.exists()


def test_each_missed_gate_is_an_annotation() -> None:
    """Errors first, with the label as title and the sentence as message; what passed has none."""
    warned, missed = gates(WARNING, PASSED, MISSED)[0], gates(MISSED)[0]
    assert list_annotations(gates(WARNING, PASSED, MISSED)) == [
        f"::error title=recall.Shirt ≥ 0.99::{missed.sentence}".replace("95%", "95%25"),
        f"::warning title=ece ≤ 0.001::{warned.sentence}",
    ]


def test_there_are_at_most_ten() -> None:
    """The last one says how many more there are."""
    lines = list_annotations(gates(*MANY))
    assert len(lines) == 10
    assert lines[-1] == "::error title=More gates missed::3 more gates are missed"
    assert not any("More gates" in line for line in list_annotations(gates(*MANY[:10])))


def test_commands_are_escaped() -> None:
    """A name cannot end a property or a line, or be read as an escape."""
    name = "a:b,c%0Ad"
    run = make_gated_run([Gate(f"recall.{name}", "under", 1.0)], class_names=[name, *map(str, range(9))])
    (line,) = list_annotations(run.gates)
    assert line.startswith("::error title=recall.a%3Ab%2Cc%250Ad ≥ 1::missed: recall.a:b,c%250Ad is 0.")
    assert "\n" not in line


@pytest.mark.parametrize(("value", "n_lines"), [("true", 1), ("false", 0), ("", 0)])
def test_annotations_are_for_github_only(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], value: str, n_lines: int
) -> None:
    """They are on stdout, where a runner reads them."""
    monkeypatch.setenv("GITHUB_ACTIONS", value)
    print_annotations([result for result in run.gates if result.is_error])
    assert len(capsys.readouterr().out.splitlines()) == n_lines


@pytest.mark.parametrize("target", ["closed", "/dev/full"])
def test_annotations_that_cannot_be_printed_are_one_warning(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, target: str
) -> None:
    """The run goes on."""
    reader, writer = os.pipe()
    os.close(reader)
    stream = Path("/dev/full").open("w") if target != "closed" else os.fdopen(writer, "w")  # noqa: SIM115
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setattr("job.log.log.propagate", True)
    monkeypatch.setattr("sys.stdout", stream)
    print_annotations(run.gates)
    monkeypatch.undo()
    reason = "Broken pipe" if target == "closed" else "No space left on device"
    assert caplog.messages == [f"stdout cannot be written ({reason}), so the annotations of missed gates are lost"]
    with suppress(OSError):
        stream.close()
