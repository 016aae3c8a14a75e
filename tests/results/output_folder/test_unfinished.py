import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import kill_points
import pytest

from job.errors import OutputError
from job.results.file_names import CHECKSUMS
from job.results.output_folder import unfinished
from job.results.output_folder.atomic_write import stage_files
from job.results.output_folder.preparation import prepare_output_folder
from job.results.output_folder.unfinished import MARK, UNFINISHED, create_unfinished


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """The output folder of an earlier run, with a file of the user."""
    folder = tmp_path / "earlier"
    folder.mkdir()
    kill_points.write(folder, "old", "index.html", *kill_points.EXPORTS)
    (folder / "notes.txt").write_text("mine")
    return folder


def kill_while_moving(folder: Path, text: str, *names: str) -> Path:
    """Write the state of a job that was killed before its manifest moved; returns its folder of unfinished files."""
    replace = Path.replace

    def stop(self: Path, target: Path) -> Path:
        if self.parent.name == "new" and self.name == CHECKSUMS:
            raise KeyboardInterrupt
        return replace(self, target)

    with pytest.MonkeyPatch.context() as context, pytest.raises(KeyboardInterrupt):
        context.setattr(unfinished, "finish", lambda *_: None)
        context.setattr(Path, "replace", stop)
        kill_points.write(folder, text, *names)
    (killed,) = folder.glob(f"{UNFINISHED}*")
    return killed


def test_what_a_person_put_in_the_place_of_a_moved_folder_stays(earlier: Path) -> None:
    """The job says what is in the way; without it, the earlier files return."""
    before = kill_points.list_files(earlier)
    kill_while_moving(earlier, "new", *kill_points.EXPORTS)
    (earlier / "exports").rename(earlier / "theirs")
    (earlier / "exports").mkdir()
    (earlier / "exports" / "model.onnx").write_text("mine")
    with pytest.raises(OutputError, match="exports exists, but no run wrote it, or it was changed since; move exports"):
        kill_points.heal(earlier)
    assert (earlier / "exports" / "model.onnx").read_text() == "mine"
    (earlier / "exports").rename(earlier / "mine")
    kill_points.heal(earlier)
    files = kill_points.list_files(earlier)
    assert {name: text for name, text in files.items() if name.split("/")[0] not in {"mine", "theirs"}} == before


def test_a_later_run_is_not_undone(earlier: Path) -> None:
    """It could not finish what another user's job had left, and wrote a new report; that one stays."""
    killed = kill_while_moving(earlier, "new")
    hidden = killed.rename(earlier.parent / killed.name)
    kill_points.write(earlier, "newest", "index.html")
    after = kill_points.list_files(earlier)
    hidden.rename(killed)
    kill_points.heal(earlier)
    assert kill_points.list_files(earlier) == after


def test_folders_of_other_people_stay(tmp_path: Path) -> None:
    """Links, files, and folders without the job's mark are not touched, whatever their names."""
    target = tmp_path / "target"
    for path in (target / "old" / "secret", target / MARK, tmp_path / "out" / ".unfinished-mine" / "thesis"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    folder = tmp_path / "out"
    (folder / f"{UNFINISHED}link").symlink_to(target)
    (folder / f"{UNFINISHED}file").write_text("mine")
    (folder / f"{UNFINISHED}mine" / "old").mkdir(parents=True)
    before = kill_points.list_files(tmp_path)
    kill_points.heal(folder)
    with pytest.raises(ZeroDivisionError), stage_files(folder):
        raise ZeroDivisionError
    assert kill_points.list_files(tmp_path) == before


@pytest.mark.parametrize("name", ["new", "old", MARK, "thesis"])
def test_a_forged_folder_with_a_link(earlier: Path, name: str) -> None:
    """Nothing is moved through it: an output folder may come from an archive of somebody else."""
    killed = kill_while_moving(earlier, "new")
    target = earlier.parent / "target"
    target.mkdir()
    if (killed / name).exists():
        (killed / name).rename(target / name)
    else:
        (target / name).write_text("mine")
    (killed / name).symlink_to(target / name)
    before = kill_points.list_files(earlier.parent)
    kill_points.heal(earlier)
    assert kill_points.list_files(earlier.parent) == before


def test_a_forged_list_of_moved_files(earlier: Path) -> None:
    """No file outside the output folder is moved."""
    killed = kill_while_moving(earlier, "new")
    outside = earlier.parent / "outside"
    outside.write_text("mine")
    with (killed / MARK).open("a") as file:
        file.write(f"\n../outside\n{outside}\n..")
    with (killed / "new" / CHECKSUMS).open("a") as file:
        file.write(f"{'0' * 64}  ../outside\n{'0' * 64}  {outside}\n{'0' * 64}  ..\n")
    kill_points.heal(earlier)
    assert outside.read_text() == "mine"
    assert (earlier / "index.html").read_text() == "old"
    assert not killed.exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can create a folder of another user")
def test_unfinished_files_of_another_user_stay(tmp_path: Path) -> None:
    """The job cannot know what they are."""
    folder = create_unfinished(tmp_path)
    os.chown(folder, 4711, -1)
    kill_points.heal(tmp_path)
    assert (folder / MARK).exists()


def test_files_whose_owner_the_mount_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts is the owner of new files, which need not be the user of the process."""
    folder = create_unfinished(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    kill_points.heal(tmp_path)
    assert not folder.exists()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """It is refused before training."""

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(OutputError, match=r"its file system has no locks \(flock\), .*; name a folder on another one"):
        prepare_output_folder(tmp_path, [])


def test_a_job_that_writes_meanwhile(tmp_path: Path) -> None:
    """Its files are not touched, and it does not keep another job from starting to train."""
    with stage_files(tmp_path) as staging:
        (staging / "index.html").write_text("new")
        prepare_output_folder(tmp_path, ["index.html"])
    assert (tmp_path / "index.html").read_text() == "new"


@pytest.mark.parametrize("delete", [lambda folder: folder.rename(folder.with_name("away")), lambda _: None])
def test_a_folder_that_is_deleted_during_the_run(tmp_path: Path, delete: Callable[[Path], object]) -> None:
    """Whatever the block makes of it, the error names it."""
    folder = tmp_path / "out"
    folder.mkdir()
    with (
        pytest.raises(
            OutputError, match="the folder cannot be created there, or was deleted during the run; name another"
        ),
        stage_files(folder) as staging,
    ):
        delete(folder)
        if staging.exists():
            (staging.parent / "new").rename(tmp_path / "new")
        raise RuntimeError
