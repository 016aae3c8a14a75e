import errno
import functools
import os
import re
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from support import REPOSITORY

from job.errors import OutputError
from job.results.file_names import CHECKSUMS
from job.results.output_folder.atomic_write import stage_files
from job.results.output_folder.manifest import read_manifest
from job.results.output_folder.unfinished import UNFINISHED, create_unfinished

WRITE_SLOWLY = """
import sys, time
from pathlib import Path
from job.system import signals
from job.results.output_folder.atomic_write import stage_files

signals.install()
with stage_files(Path(sys.argv[1])) as staging:
    (staging / "a").write_text("half")
    print("writing", flush=True)
    time.sleep(60)
"""


def write_files(folder: Path, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)


def contents(folder: Path) -> dict[str, str]:
    """The text of every file in the folder except checksums, by its path."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != CHECKSUMS]
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


def stage(folder: Path, texts: dict[str, str], outdated: Sequence[str] = ()) -> None:
    with stage_files(folder, outdated=outdated) as staging:
        write_files(staging, texts)


@contextmanager
def failing_move(name: str) -> Iterator[None]:
    """Makes the move of the new file of that name fail, and expects the error."""
    replace = Path.replace

    def refuse(self: Path, target: Path) -> Path:
        if self.parent.name == "new" and self.name == name:
            raise OSError(errno.EIO, "Input/output error")
        return replace(self, target)

    with pytest.MonkeyPatch.context() as context, pytest.raises(OutputError, match="Input/output error"):
        context.setattr(Path, "replace", refuse)
        yield


def test_moves_all_files_at_the_end(tmp_path: Path) -> None:
    """New files appear, files of the same name are replaced, other files stay, and nothing else is left."""
    write_files(tmp_path, {"a": "old", "other": "kept"})
    with stage_files(tmp_path) as staging:
        write_files(staging, {"a": "new", "b": "new"})
        assert (tmp_path / "a").read_text() == "old"
    assert contents(tmp_path) == {"a": "new", "b": "new", "other": "kept"}


def test_a_failure_in_the_block_changes_nothing(tmp_path: Path) -> None:
    """The error is raised, and the folder is as it was."""
    write_files(tmp_path, {"a": "old"})
    with pytest.raises(ZeroDivisionError), stage_files(tmp_path) as staging:
        write_files(staging, {"a": "new"})
        raise ZeroDivisionError
    assert contents(tmp_path) == {"a": "old"}


def test_a_failure_between_two_moves_is_undone(tmp_path: Path) -> None:
    """The second file cannot be moved, so the first is restored."""
    write_files(tmp_path, {"a": "old a", "b": "old b"})
    with failing_move("b"):
        stage(tmp_path, {"a": "new a", "b": "new b"})
    assert contents(tmp_path) == {"a": "old a", "b": "old b"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP])
def test_a_file_that_cannot_be_linked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """A file of another user, or a file system without hard links: the file is replaced, or restored."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)
    write_files(tmp_path, {"a": "theirs"})
    stage(tmp_path, {"a": "new"})
    assert contents(tmp_path) == {"a": "new"}
    with failing_move("b"):
        stage(tmp_path, {"a": "newer", "b": "new"})
    assert contents(tmp_path) == {"a": "new"}


def test_an_existing_file_never_disappears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At every move, the old or the new file has the name."""
    write_files(tmp_path, {"a": "old", "b": "old"})
    replace = Path.replace

    def check(self: Path, target: Path) -> Path:
        assert {"a", "b"} <= {path.name for path in tmp_path.iterdir()}
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", check)
    stage(tmp_path, {"a": "new", "b": "new"})
    assert contents(tmp_path) == {"a": "new", "b": "new"}


def test_no_space_left_while_writing(tmp_path: Path) -> None:
    """The earlier files stay, and one line names the cause."""
    write_files(tmp_path, {"a": "old"})
    with pytest.raises(OutputError, match="no space is left"), stage_files(tmp_path) as staging:
        write_files(staging, {"a": "half of the n"})
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert contents(tmp_path) == {"a": "old"}


def test_a_folder_with_the_name_of_a_file(tmp_path: Path) -> None:
    """A folder that was created during the block is not replaced: it may hold files of the user."""
    with pytest.raises(OutputError, match="a is a folder there"), stage_files(tmp_path) as staging:
        write_files(staging, {"a": "new"})
        write_files(tmp_path, {"a/mine": "mine"})
    assert contents(tmp_path) == {"a/mine": "mine"}


def test_two_jobs_in_one_folder(tmp_path: Path) -> None:
    """The second one fails, the first one succeeds."""
    with stage_files(tmp_path) as staging:
        write_files(staging, {"a": "first"})
        with pytest.raises(OutputError, match="another job is writing there"):
            stage(tmp_path, {"a": "second"})
    assert contents(tmp_path) == {"a": "first"}


def test_files_of_a_killed_job_are_removed(tmp_path: Path) -> None:
    """The next job removes them."""
    write_files(create_unfinished(tmp_path) / "new", {"half": "half"})
    stage(tmp_path, {"a": "new"})
    assert contents(tmp_path) == {"a": "new"}


def test_an_undo_that_fails_is_repeated(tmp_path: Path) -> None:
    """The second file cannot be moved, nor the first one restored: the message says where it is."""
    stage(tmp_path, {name: f"old {name}" for name in "abc"})
    before = contents(tmp_path)
    replace = Path.replace

    def refuse(path: Path, target: Path) -> Path:
        if target == tmp_path / "b" or path.parent.name == "old":
            raise OSError(errno.EIO, "Input/output error")
        return replace(path, target)

    words = "the earlier files cannot be restored .*; they are in (.*), and the next run or render tries again"
    with pytest.MonkeyPatch.context() as context, pytest.raises(OutputError, match=words) as caught:
        context.setattr(Path, "replace", refuse)
        stage(tmp_path, {name: f"new {name}" for name in "abc"})
    found = re.search(words, str(caught.value))
    assert found
    assert (Path(found[1]) / "a").read_text() == "old a"
    with pytest.raises(ZeroDivisionError), stage_files(tmp_path):
        raise ZeroDivisionError
    assert contents(tmp_path) == before


def test_the_disk_has_all_files_before_it_is_told_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a power cut at any moment, no name is that of an empty file, and the manifest is the last to change."""
    stage(tmp_path, {"a": "old", "images/1.png": "old"})
    steps: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def record_flush(descriptor: int) -> None:
        steps.append(f"flush {name_of(Path(f'/proc/self/fd/{descriptor}').readlink())}")
        fsync(descriptor)

    def record_move(self: Path, target: Path) -> Path:
        steps.append(f"move {target.name}")
        return replace(self, target)

    def name_of(path: Path) -> str:
        return re.sub(f"^{UNFINISHED}[^/]*", "staging", path.relative_to(tmp_path).as_posix())

    monkeypatch.setattr(os, "fsync", record_flush)
    monkeypatch.setattr(Path, "replace", record_move)
    stage(tmp_path, {"a": "new", "b": "new", "images/2.png": "new"})
    first = steps.index("move a")
    new = {f"staging/new/{name}" for name in ("a", "b", "images", "images/2.png", "SHA256SUMS")}
    others = {".", "staging", "staging/fashion-job", "staging/new", "staging/old"}
    assert set(steps[:first]) == {f"flush {name}" for name in new | others}
    assert steps[first - 1 :] == [
        "flush staging/old",
        *("move a", "move b", "move images", "flush ."),
        *("move SHA256SUMS", "flush ."),
    ]


def test_a_file_system_that_cannot_flush_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that cannot be flushed is no error; a file is."""
    fsync = os.fsync

    def refuse(descriptor: int, *, files: bool) -> None:
        if files or stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", functools.partial(refuse, files=False))
    stage(tmp_path, {"a": "new"})
    monkeypatch.setattr(os, "fsync", functools.partial(refuse, files=True))
    with pytest.raises(OutputError, match="Invalid argument"):
        stage(tmp_path, {"a": "newer"})
    assert contents(tmp_path) == {"a": "new"}


def test_a_system_that_has_no_threads_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files are flushed one after the other."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    stage(tmp_path, {"a": "new"})
    assert contents(tmp_path) == {"a": "new"}


def test_files_of_the_earlier_run_stay_listed(tmp_path: Path) -> None:
    """So that they can still be recognized; those of an outdated folder do not."""
    stage(tmp_path, {"a": "old", "b": "old", "images/1.png": "old", "exports/model": "old"})
    write_files(tmp_path, {"exports/mine": "mine"})
    stage(tmp_path, {"a": "new"}, outdated=["exports"])
    assert set(read_manifest(tmp_path)) == {"a", "b", "images/1.png"}
    assert contents(tmp_path)["exports/mine"] == "mine"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_no_unfinished_file(tmp_path: Path, number: signal.Signals) -> None:
    """A process that is stopped while it writes exits with 128 + the signal's number, and the old file stays."""
    write_files(tmp_path, {"a": "old"})
    command = (sys.executable, "-c", WRITE_SLOWLY, str(tmp_path))
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
    assert contents(tmp_path) == {"a": "old"}
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """No earlier file stays in it; if a later move fails, the earlier folder returns."""
    stage(tmp_path, {"images/1.png": "old", "images/2.png": "old", "z": "old"})
    before = contents(tmp_path)
    with failing_move("z"):
        stage(tmp_path, {"images/3.png": "new", "z": "new"})
    assert contents(tmp_path) == before
    stage(tmp_path, {"images/3.png": "new", "z": "new"})
    assert contents(tmp_path) == {"images/3.png": "new", "z": "new"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["SHA256SUMS", "images", "z"]


def test_a_folder_of_the_user_that_appeared_meanwhile_stays(tmp_path: Path) -> None:
    """So does every file of the earlier report."""
    write_files(tmp_path, {"a": "old"})
    with pytest.raises(OutputError, match="images exists, but no run wrote it"), stage_files(tmp_path) as staging:
        write_files(staging, {"a": "new", "images/1.png": "new"})
        write_files(tmp_path, {"images/holiday.png": "mine"})
    assert contents(tmp_path) == {"a": "old", "images/holiday.png": "mine"}


def test_an_outdated_folder_is_removed(tmp_path: Path) -> None:
    """It goes when the new files arrive; if one of these cannot be moved, it stays."""
    stage(tmp_path, {"exports/model.onnx": "old", "other": "old"})
    before = contents(tmp_path)
    with failing_move("z"):
        stage(tmp_path, {"z": "new"}, outdated=["exports"])
    assert contents(tmp_path) == before
    stage(tmp_path, {"z": "new"}, outdated=["exports"])
    assert contents(tmp_path) == {"other": "old", "z": "new"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["SHA256SUMS", "other", "z"]


def test_an_outdated_file_is_removed(tmp_path: Path) -> None:
    """Like a folder, and only if it is as the job wrote it."""
    stage(tmp_path, {"index.html": "old", "try-it.html": "old"})
    before = contents(tmp_path)
    with failing_move("z"):
        stage(tmp_path, {"z": "new"}, outdated=["try-it.html"])
    assert contents(tmp_path) == before
    stage(tmp_path, {"z": "new"}, outdated=["try-it.html"])
    assert contents(tmp_path) == {"index.html": "old", "z": "new"}
    stage(tmp_path, {"try-it.html": "newer"}, outdated=["try-it.html"])
    (tmp_path / "try-it.html").write_text("mine")
    stage(tmp_path, {"z": "newest"}, outdated=["try-it.html"])
    assert contents(tmp_path) == {"index.html": "old", "try-it.html": "mine", "z": "newest"}


def test_an_outdated_folder_of_the_user_stays(tmp_path: Path) -> None:
    """Without checksums, the job did not write it."""
    write_files(tmp_path, {"exports/model.onnx": "mine"})
    stage(tmp_path, {"z": "new"}, outdated=["exports"])
    assert contents(tmp_path) == {"exports/model.onnx": "mine", "z": "new"}
