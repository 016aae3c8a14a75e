import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from support import REPOSITORY

from job.errors import OutputError
from job.results.output_folder import atomic_write, ownership


def snapshot(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_moves_all_files_in_at_the_end(tmp_path: Path) -> None:
    """New files come, old ones of the same name are replaced, others stay, and nothing else is left."""
    (tmp_path / "a").write_text("old")
    (tmp_path / "other").write_text("kept")
    with atomic_write.staged(tmp_path) as staging:
        (staging / "a").write_text("new")
        (staging / "b").write_text("new")
        assert (tmp_path / "a").read_text() == "old"
    assert snapshot(tmp_path) == {"a": "new", "b": "new", "other": "kept"}


def test_a_failure_in_the_block_changes_nothing(tmp_path: Path) -> None:
    """The error goes on, the folder is as it was."""
    (tmp_path / "a").write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_write.staged(tmp_path) as staging:
        (staging / "a").write_text("new")
        raise ZeroDivisionError
    assert snapshot(tmp_path) == {"a": "old"}


def test_a_failure_between_two_moves_is_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file system refuses the second of two files: the first is put back."""
    (tmp_path / "a").write_text("old a")
    (tmp_path / "b").write_text("old b")
    replace = Path.replace

    def refuse(self: Path, target: Path) -> Path:
        if self.parent.name == "new" and self.name == "b":
            raise OSError(errno.EIO, "Input/output error")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OutputError, match="Input/output error"), atomic_write.staged(tmp_path) as staging:
        (staging / "a").write_text("new a")
        (staging / "b").write_text("new b")
    assert snapshot(tmp_path) == {"a": "old a", "b": "old b"}


def test_no_space_left_while_writing(tmp_path: Path) -> None:
    """What was there before is there afterwards, and one line says why."""
    (tmp_path / "a").write_text("old")
    with pytest.raises(OutputError, match="no space is left"), atomic_write.staged(tmp_path) as staging:
        (staging / "a").write_text("half of the n")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert snapshot(tmp_path) == {"a": "old"}


def test_too_little_space_is_found_before(tmp_path: Path) -> None:
    """No file system has an exabyte."""
    atomic_write.demand_space(tmp_path, 1000)
    with pytest.raises(OutputError, match=r"need about 1000000000000.0 MB, but only .* MB are free"):
        atomic_write.demand_space(tmp_path, 10**18)


def test_prepare_makes_the_folder_and_leaves_nothing_in_it(tmp_path: Path) -> None:
    """Parents included."""
    atomic_write.prepare(tmp_path / "a" / "b", ("x",))
    assert snapshot(tmp_path / "a" / "b") == {}


def test_a_file_in_the_way(tmp_path: Path) -> None:
    """In the folder's place, or in that of its parent."""
    (tmp_path / "report").write_text("mine")
    for folder in (tmp_path / "report", tmp_path / "report" / "below"):
        with pytest.raises(OutputError, match="a file stands there"):
            atomic_write.prepare(folder, ("x",))
    assert snapshot(tmp_path) == {"report": "mine"}


def test_a_folder_in_a_files_place(tmp_path: Path) -> None:
    """It is refused, not replaced: it may hold someone's files."""
    (tmp_path / "a").mkdir()
    with pytest.raises(OutputError, match="a is a folder there"):
        atomic_write.prepare(tmp_path, ("a",))
    with pytest.raises(OutputError, match="cannot be written"), atomic_write.staged(tmp_path) as staging:
        (staging / "a").write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").is_dir()


def test_two_jobs_in_one_folder(tmp_path: Path) -> None:
    """The second is told so; the first goes on."""
    with atomic_write.staged(tmp_path) as staging:
        (staging / "a").write_text("first")
        with pytest.raises(OutputError, match="another job is writing there"), atomic_write.staged(tmp_path):
            pass
    assert snapshot(tmp_path) == {"a": "first"}


def test_what_a_killed_job_left_goes(tmp_path: Path) -> None:
    """At the next writing."""
    (tmp_path / ".unfinished-abc").mkdir()
    (tmp_path / ".unfinished-abc" / "half").write_text("half")
    with atomic_write.staged(tmp_path) as staging:
        (staging / "a").write_text("new")
    assert snapshot(tmp_path) == {"a": "new"}


def test_a_file_system_without_second_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old file is copied instead of linked, and put back the same."""
    monkeypatch.setattr(os, "link", lambda *_, **__: (_ for _ in ()).throw(OSError(errno.EPERM, "no links")))
    test_a_failure_between_two_moves_is_undone(tmp_path, monkeypatch)


@pytest.mark.usefixtures("unprivileged")
def test_a_folder_of_someone_else(tmp_path: Path) -> None:
    """The line names the user who may not write, and what to do."""
    with pytest.raises(OutputError, match=r"user \d+ may not read and write there; "):
        atomic_write.prepare(Path("/usr"), ("x",))
    assert tmp_path.exists()


def test_a_folder_that_may_be_written_but_not_read(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """It is refused before training, since it cannot be locked."""
    folder = tmp_path / "blind"
    folder.mkdir()
    folder.chmod(0o333)
    request.getfixturevalue("unprivileged")
    with pytest.raises(OutputError, match="may not read and write there"):
        atomic_write.prepare(folder, ())


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make a file of someone else")
def test_a_file_of_someone_else_in_a_sticky_folder(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """It is refused before training: there, only its owner may replace it."""
    tmp_path.chmod(0o1777)
    (tmp_path / "a").write_text("theirs")
    request.getfixturevalue("unprivileged")
    with pytest.raises(OutputError, match="a belongs to another user, and the folder lets only its owner replace it"):
        atomic_write.prepare(tmp_path, ("a",))
    atomic_write.prepare(tmp_path, ("b",))


def test_a_folder_below_a_closed_one(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """The line names the folder that is closed, though what is in it cannot be seen."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    request.getfixturevalue("unprivileged")
    with pytest.raises(OutputError, match=r"user \d+ may not read and write there; "):
        atomic_write.prepare(closed / "a" / "b", ())


def test_a_file_of_someone_else_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that may be neither linked nor read, in a folder that may be written: it goes, or comes back."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "not yours")

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(shutil, "copy2", refuse)
    (tmp_path / "a").write_text("theirs")
    with atomic_write.staged(tmp_path) as staging:
        (staging / "a").write_text("new")
    assert snapshot(tmp_path) == {"a": "new"}
    test_a_failure_between_two_moves_is_undone(tmp_path, monkeypatch)


def test_an_undo_that_fails_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second file cannot be moved, nor the first put back: the earlier ones lie beside, and the line says where."""
    for name in "abc":
        (tmp_path / name).write_text(f"old {name}")
    whole = Path.replace

    def refuse(path: Path, target: Path) -> Path:
        if target == tmp_path / "b" or path.parent.name == "old":
            raise OSError(errno.EIO, "Input/output error")
        return whole(path, target)

    monkeypatch.setattr(Path, "replace", refuse)
    words = "a could be neither replaced nor put back; the earlier files are in "
    with pytest.raises(OutputError, match=words), atomic_write.staged(tmp_path) as staging:
        for name in "abc":
            (staging / name).write_text(f"new {name}")
    (rescued,) = tmp_path.glob("earlier-*/report")
    assert snapshot(rescued) == {name: f"old {name}" for name in "abc"}
    assert {name: (tmp_path / name).read_text() for name in "abc"} == {"a": "new a", "b": "old b", "c": "old c"}


def test_what_a_killed_job_had_moved_away_comes_back(tmp_path: Path) -> None:
    """At the next writing, where nothing has taken its place."""
    old = tmp_path / ".unfinished-abc" / "old"
    old.mkdir(parents=True)
    for name in "ab":
        (old / name).write_text("old")
    (tmp_path / "b").write_text("there")
    with pytest.raises(ZeroDivisionError), atomic_write.staged(tmp_path):
        raise ZeroDivisionError
    assert snapshot(tmp_path) == {"a": "old", "b": "there"}


def test_no_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line with the option that gives a container one."""
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", list)
    with pytest.raises(OutputError, match=r"no temporary folder can be written; .*docker run --tmpfs /tmp"):
        atomic_write.prepare(tmp_path, ())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_no_unfinished_file(tmp_path: Path, number: signal.Signals) -> None:
    """A process stopped while it writes: its status is 128 + the signal's, and the old file is there alone."""
    (tmp_path / "a").write_text("old")
    code = (
        "import sys, time; from pathlib import Path; from job import signals; from job.results.output_folder import atomic_write; signals.install()\n"
        "with atomic_write.staged(Path(sys.argv[1])) as staging:\n"
        "    (staging / 'a').write_text('half'); print('writing', flush=True); time.sleep(60)\n"
    )
    command = (sys.executable, "-c", code, str(tmp_path))
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline() == "writing\n"
        begun = time.monotonic()
        process.send_signal(number)
        assert process.wait(10) == 128 + number
        assert time.monotonic() - begun < 5
        assert process.stderr.read() == f"fashion-job: stopped by {number.name}; no file was changed\n"
    assert snapshot(tmp_path) == {"a": "old"}


def test_a_folder_of_pictures_is_replaced_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None of the earlier report's stay; a failure puts them back."""
    for name in ("1.png", "2.png"):
        (tmp_path / "images").mkdir(exist_ok=True)
        (tmp_path / "images" / name).write_text("old")
    (tmp_path / "z").write_text("old")

    def write() -> None:
        atomic_write.prepare(tmp_path, ("z",), ("images",))
        with atomic_write.staged(tmp_path) as staging:
            (staging / "images").mkdir()
            (staging / "images" / "3.png").write_text("new")
            (staging / "z").write_text("new")

    replace = Path.replace

    def refuse(self: Path, target: Path) -> Path:
        if self.parent.name == "new" and self.name == "z":
            raise OSError(errno.EIO, "Input/output error")
        return replace(self, target)

    with monkeypatch.context() as context:
        context.setattr(Path, "replace", refuse)
        with pytest.raises(OutputError, match="Input/output error"):
            write()
    assert snapshot(tmp_path / "images") == {"1.png": "old", "2.png": "old"}
    write()
    assert snapshot(tmp_path / "images") == {"3.png": "new"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images", "z"]


def test_pictures_of_others_are_not_replaced(tmp_path: Path) -> None:
    """A folder of that name with anything that no report made, or a file."""
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "holiday.png").write_text("mine")
    with pytest.raises(OutputError, match=r"holiday\.png is in the way of the report's pictures"):
        atomic_write.prepare(tmp_path, (), ("images",))
    assert snapshot(tmp_path / "images") == {"holiday.png": "mine"}
    shutil.rmtree(tmp_path / "images")
    (tmp_path / "images").write_text("mine")
    with pytest.raises(OutputError, match="images is in the way"):
        atomic_write.prepare(tmp_path, (), ("images",))


def test_pictures_of_others_that_came_meanwhile_are_not_replaced(tmp_path: Path) -> None:
    """Neither is anything else: the report that was there stays."""
    (tmp_path / "a").write_text("old")
    atomic_write.prepare(tmp_path, ("a",), ("images",))
    with pytest.raises(OutputError, match=r"holiday\.png is in the way"), atomic_write.staged(tmp_path) as staging:
        (staging / "a").write_text("new")
        (staging / "images").mkdir()
        (tmp_path / "images").mkdir()
        (tmp_path / "images" / "holiday.png").write_text("mine")
    assert (tmp_path / "a").read_text() == "old"
    assert snapshot(tmp_path / "images") == {"holiday.png": "mine"}


def test_what_is_outdated_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the files that come, or not at all: if one of those cannot be moved, it is back."""
    for name in ("model.onnx", "other"):
        (tmp_path / name).write_text("old")
    (tmp_path / "saved_model").mkdir()
    (tmp_path / "saved_model" / "a").write_text("old")
    ownership.write(tmp_path, ("model.onnx", "saved_model"))
    before = {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()}

    def write() -> None:
        with atomic_write.staged(tmp_path, outdated=ownership.listed) as staging:
            (staging / "z").write_text("new")

    replace = Path.replace

    def refuse(self: Path, target: Path) -> Path:
        if self.name == "z":
            raise OSError(errno.EIO, "Input/output error")
        return replace(self, target)

    with monkeypatch.context() as context:
        context.setattr(Path, "replace", refuse)
        with pytest.raises(OutputError, match="Input/output error"):
            write()
    assert {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()} == before
    write()
    assert snapshot(tmp_path) == {"other": "old", "z": "new"}


def test_an_export_that_was_changed_meanwhile_stays(tmp_path: Path) -> None:
    """While a run trained, somebody went on with the card; the run fails, and all is as it was."""
    (tmp_path / "model-card.md").write_text("old")
    (tmp_path / "model.onnx").write_text("old")
    ownership.write(tmp_path, ("model.onnx", "model-card.md"))
    words = "model-card.md is in the way of the exported models"
    for new in ("model-card.md", "index.html"):
        with (
            pytest.raises(OutputError, match=words),
            atomic_write.staged(tmp_path, outdated=ownership.listed) as staging,
        ):
            (tmp_path / "model-card.md").write_text("mine")
            (staging / new).write_text("new")
        assert snapshot(tmp_path) | {"exports.sha256": ""} == {
            "exports.sha256": "",
            "model-card.md": "mine",
            "model.onnx": "old",
        }
