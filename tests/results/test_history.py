import json
import logging
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support import REPOSITORY, calibration_of, edited, make_run

from job.config.settings import MAX_REVISION
from job.errors import DataError, JobError, OutputError
from job.evaluation.history_entry import HistoryEntry, decode_errors, hash_test_set
from job.log import log
from job.results import history
from job.results.history import append_entry, prepare_history

APPEND = """
import sys
from dataclasses import replace
from pathlib import Path
from job.results.history import append_entry, prepare_history
path, number = Path(sys.argv[1]), sys.argv[2]
(entry,) = prepare_history(Path(sys.argv[3]))
for index in range(200):
    append_entry(path, replace(entry, name=f"{number}-{index}" + "x" * (index % 90)))
"""


@pytest.fixture(scope="module")
def entry() -> HistoryEntry:
    """The entry of a run of three seeds."""
    return make_run(runs=3).describe_entry()


@pytest.fixture
def path(entry: HistoryEntry, tmp_path: Path) -> Path:
    """A history with two entries."""
    for _ in range(2):
        append_entry(tmp_path / "history.jsonl", entry)
    return tmp_path / "history.jsonl"


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    """What the job warns of."""
    monkeypatch.setattr(log, "propagate", True)
    caplog.set_level(logging.WARNING, "job")
    return caplog


def refuse(path: Path, kind: type[JobError]) -> str:
    with pytest.raises(kind) as error:
        prepare_history(path)
    return str(error.value)


def test_an_entry_has_the_headline_metrics_of_the_run(entry: HistoryEntry, path: Path) -> None:
    """A line of JSON each, which is read as it was written."""
    run = make_run(runs=3)
    evaluation = run.evaluation
    assert entry.accuracy == evaluation.accuracy
    assert (entry.macro_f1, entry.loss, entry.ece) == (
        evaluation.macro.f1,
        evaluation.loss,
        calibration_of(evaluation).ece,
    )
    assert (entry.training_s, entry.total_s, entry.n_test) == (2.5, 4.0, 100)
    assert entry.test_set == hash_test_set(run.predictions.y_true, evaluation.class_names)
    assert len(entry.errors) == 3
    assert decode_errors(entry.errors[0], 100).tolist() == (~run.predictions.is_correct).tolist()
    lines = path.read_text().splitlines()
    assert [json.loads(line)["version"] for line in lines] == [1, 1]
    assert prepare_history(path) == [entry, entry]


def test_the_configuration_is_what_decides_what_is_trained() -> None:
    """Other settings and another name do not change its hash; another epoch does."""
    hashes = [make_run(**each).describe_entry().configuration for each in ({}, {"name": "a"}, {"epochs": 3})]
    assert hashes[0] == hashes[1] != hashes[2]
    untrained = make_run(trained=False)
    untrained = replace(untrained, provenance=replace(untrained.provenance, name="some name"))
    entry = untrained.describe_entry()
    assert (entry.configuration, entry.name, entry.training_s) == ("", "some name", None)


def test_long_texts_are_cut_off_so_that_the_line_can_be_read(tmp_path: Path) -> None:
    """A revision from the environment is short enough as it is; others are from elsewhere."""
    run = make_run(trained=False)
    environment = replace(run.provenance.environment, revision="r" * 999)
    run = replace(run, provenance=replace(run.provenance, name="n" * 999, environment=environment))
    append_entry(tmp_path / "history.jsonl", run.describe_entry())
    (entry,) = prepare_history(tmp_path / "history.jsonl")
    assert (entry.name, entry.revision) == ("n" * 300, "r" * MAX_REVISION)


def test_concurrent_jobs_lose_no_line(path: Path, tmp_path: Path) -> None:
    """Eight processes append 200 lines each."""
    shared = tmp_path / "shared.jsonl"
    path.write_text(path.read_text().splitlines()[0] + "\n")
    words = [sys.executable, "-c", APPEND, str(shared)]
    processes = [subprocess.Popen([*words, str(number), str(path)], cwd=REPOSITORY) for number in range(8)]
    assert [process.wait() for process in processes] == [0] * 8
    names = [each.name.rstrip("x") for each in prepare_history(shared)]
    assert sorted(names) == sorted(f"{number}-{index}" for number in range(8) for index in range(200))
    for number in range(8):
        own = [name for name in names if name.startswith(f"{number}-")]
        assert own == [f"{number}-{index}" for index in range(200)]


@pytest.mark.parametrize("n_bytes", [1, 20, 300])
def test_a_cut_line_is_skipped_and_the_next_one_does_not_continue_it(
    path: Path, entry: HistoryEntry, warnings: pytest.LogCaptureFixture, n_bytes: int
) -> None:
    """What is there stays byte for byte."""
    content = path.read_bytes()[:-n_bytes]
    path.write_bytes(content)
    append_entry(path, entry)
    assert path.read_bytes().startswith(content + b"\n{")
    assert len(prepare_history(path)) == (3 if n_bytes == 1 else 2)  # without its line break, a line is complete
    messages = [record.getMessage() for record in warnings.records]
    assert len(messages) == (n_bytes > 1)
    assert all(f"{path}: line 2 is not the complete line of a run and is skipped (" in each for each in messages)


def test_several_bad_lines_are_one_warning(path: Path, warnings: pytest.LogCaptureFixture) -> None:
    """Garbage, a conflict of Git, a newer release, wrong errors, a control character; empty lines are none."""
    line = path.read_text().splitlines()[0]

    def edit(name: str, value: object) -> str:
        return edited(lambda content: content.update({name: value}))(line)

    bad = [
        "\0\xff",
        "<<<<<<< HEAD",
        "[]",
        edit("version", 2),
        edit("accuracy", 0.5),
        edit("accuracy", "high"),
        edit("errors", ["x"]),
        edit("name", "a\x1b[31m"),
        edit("started", "yesterday"),
    ]
    path.write_bytes("\n".join([line, "", *bad, line, ""]).encode("latin-1"))
    assert len(prepare_history(path)) == 2
    (message,) = [record.getMessage() for record in warnings.records]
    assert message.startswith(f"{path}: line 3 is not the complete line of a run and is skipped (")
    assert message.endswith(f", and {len(bad) - 1} more lines")


@pytest.mark.parametrize(
    "content", [b"\x89PNG\r\n\x1a\n\x00\xff", b"# a readme\n", b'{"schema_version": 5}', b"\n[1]\n"]
)
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    """A file without any line of a run is no history, and nothing is appended to it."""
    path = tmp_path / "other"
    path.write_bytes(content)
    assert f"--history {path}: has no line of a run (line " in refuse(path, DataError)
    assert "name the history, or a new file" in refuse(path, DataError)
    assert path.read_bytes() == content


def test_a_new_history_is_created_with_its_folder(tmp_path: Path, entry: HistoryEntry) -> None:
    """Only when the entry is appended; an empty file is a history, too."""
    path = tmp_path / "a" / "b" / "history.jsonl"
    assert prepare_history(path) == []
    assert list(tmp_path.iterdir()) == []
    append_entry(path, entry)
    assert prepare_history(path) == [entry]
    empty = tmp_path / "empty"
    empty.touch()
    assert prepare_history(empty) == []


def test_a_link_into_a_folder_that_does_not_exist(tmp_path: Path, entry: HistoryEntry) -> None:
    """The folder is created as for any other path, and the link stays; known before if that is not possible."""
    path, target = tmp_path / "link", tmp_path / "a" / "b" / "history.jsonl"
    path.symlink_to(target)
    assert prepare_history(path) == []
    append_entry(path, entry)
    assert prepare_history(path) == prepare_history(target) == [entry]
    assert path.is_symlink()
    (tmp_path / "file").write_text("x")
    (tmp_path / "below").symlink_to(tmp_path / "file" / "x")
    (tmp_path / "loop").symlink_to("loop")
    for name, reason in (("below", "Not a directory"), ("loop", "Too many levels of symbolic links")):
        problem = f"--history {tmp_path / name}: cannot be read and written ({reason})"
        assert refuse(tmp_path / name, OutputError).startswith(problem)


def test_what_is_no_file(tmp_path: Path, entry: HistoryEntry) -> None:
    """A folder, a FIFO, a device and a path below a file are refused at once."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "file").write_text("x")
    remedy = "name a file that you can write, or leave the option out"
    for name, reason in (
        (tmp_path, "is a folder"),
        (tmp_path / "fifo", "cannot be read and written (Not a regular file)"),
        (Path("/dev/null"), "cannot be read and written (Not a regular file)"),
        (tmp_path / "file" / "x", "cannot be read and written (Not a directory)"),
        (tmp_path / ("x" * 300), "cannot be read and written (File name too long)"),
    ):
        assert refuse(name, OutputError) == f"--history {name}: {reason}; {remedy}"
        with pytest.raises(OutputError, match=r"--history .*; name a file"):
            append_entry(name, entry)


def test_a_file_or_folder_that_cannot_be_written(path: Path, request: pytest.FixtureRequest) -> None:
    """Known before training: a read-only file, and a new file in a read-only folder."""
    path.chmod(0o444)
    path.parent.chmod(0o555)
    request.getfixturevalue("unprivileged")
    assert refuse(path, OutputError).startswith(f"--history {path}: cannot be read and written (Permission denied)")
    new = path.with_name("new")
    assert "cannot create a file in" in refuse(new, OutputError)
    assert not new.exists()


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    """It is refused at once."""
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(history.MAX_BYTES + 1)
    assert "Larger than 268,435,456 bytes" in refuse(path, OutputError)


def test_a_full_disk_leaves_the_file_as_it_was(
    path: Path, entry: HistoryEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line that is written in part is taken back."""
    before, write = path.read_bytes(), os.write

    def write_half(descriptor: int, content: bytes) -> int:
        return write(descriptor, content[: len(content) // 2])

    monkeypatch.setattr("os.write", write_half)
    with pytest.raises(OutputError, match="No space left on device"):
        append_entry(path, entry)
    assert path.read_bytes() == before


def test_a_lock_that_is_never_released(path: Path, entry: HistoryEntry, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job does not wait for ever, and appends nothing."""
    import fcntl

    monkeypatch.setattr(history, "LOCK_TIMEOUT_S", 0.05)
    before = path.read_bytes()
    with path.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        for call in (lambda: prepare_history(path), lambda: append_entry(path, entry)):
            with pytest.raises(OutputError, match="another program has locked it"):
                call()
    assert path.read_bytes() == before


def test_a_file_system_without_locks(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some network file systems have none."""

    def refuse_lock(*_: Any) -> None:  # noqa: ANN401
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", refuse_lock)
    assert "cannot be read and written (Function not implemented)" in refuse(path, OutputError)
