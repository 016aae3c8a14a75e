"""Writes files into the output folder: all of them or none."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from job import signals
from job.errors import OutputError
from job.results.output_folder import owned_folders
from job.results.output_folder.os_errors import as_output_error
from job.results.output_folder.preparation import require_replaceable

UNFINISHED = ".unfinished-"


@contextmanager
def stage_files(folder: Path, done: str = "the new report is in place", outdated: Iterable[str] = ()) -> Iterator[Path]:
    """Yield an empty folder to write files into; when the block succeeds, move them all into `folder`.

    If the block fails, or a signal ends the process, `folder` does not change. The empty folder is inside `folder`,
    because that may be a mount, and files can be renamed only within one file system. Each folder that the block writes
    gets a file of checksums, and replaces the earlier folder of that name as a whole. The job's own folders named in
    `outdated` are removed unless the block writes new ones. After that, the message about a signal says `done`.

    Raises:
        OutputError: If the files cannot be written or moved, or another job is writing into `folder`.
    """
    with as_output_error(folder), _lock(folder), signals.on_exit(lambda: _remove_leftovers(folder)):
        _remove_leftovers(folder)
        staging = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder))
        new = staging / "new"
        new.mkdir()
        yield new
        for path in new.iterdir():
            if path.is_dir():
                owned_folders.write_checksums(path)
        with signals.deferred():
            _replace(folder, staging, outdated)
            signals.set_exit_note(done)


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Keep other jobs from writing into `folder`; the system releases the lock when the process ends."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        problem = "another job is writing there; wait for it or name another folder"
        raise OutputError(f"--output {folder}: {problem}") from error
    finally:
        os.close(descriptor)


def _remove_leftovers(folder: Path) -> None:
    """Remove the unfinished files of this job or of a killed one, and restore the files that it had moved."""
    for leftover in folder.glob(f"{UNFINISHED}*"):
        for earlier in leftover.glob("old/*"):
            if not os.path.lexists(folder / earlier.name):
                earlier.rename(folder / earlier.name)
        shutil.rmtree(leftover, ignore_errors=True)


def _replace(folder: Path, staging: Path, outdated: Iterable[str]) -> None:
    """Move the new files and folders into `folder`, and outdated folders out of it; undo all of it on an error."""
    new, old = staging / "new", staging / "old"
    folders = sorted(path.name for path in new.iterdir() if path.is_dir())
    files = sorted(path.name for path in new.iterdir() if not path.is_dir())
    require_replaceable(folder, files, folders)  # again: they may have changed during training
    removed = [name for name in outdated if name not in folders and owned_folders.is_owned(folder / name)]
    old.mkdir()
    moved: list[str] = []
    try:
        for name in (*folders, *files, *removed):
            if os.path.lexists(folder / name):
                _keep(folder / name, old / name)
        for name in (*folders, *files):
            (new / name).replace(folder / name)
            moved.append(name)
        old.rename(staging / "gone")  # so that nothing is moved back
    except OSError:
        _undo(folder, old, moved)
        raise


def _keep(path: Path, kept: Path) -> None:
    """Keep a file by a hard link, so that its name never disappears; move what cannot be linked, such as a folder."""
    try:
        os.link(path, kept, follow_symlinks=False)
    except OSError:
        path.rename(kept)


def _undo(folder: Path, old: Path, moved: list[str]) -> None:
    """Restore the earlier files; if some cannot be restored, keep all of them in a new folder."""
    stuck = []
    for name in {*moved, *(path.name for path in old.iterdir())}:
        try:
            _restore(folder / name, old / name, is_new=name in moved)
        except OSError:
            stuck.append(name)
    if stuck:
        rescued = old.rename(Path(tempfile.mkdtemp(prefix="earlier-", dir=folder)) / "report")
        raise OutputError(
            f"--output {folder}: {', '.join(sorted(stuck))} could be neither replaced nor restored; "
            f"the earlier files are in {rescued}"
        )


def _restore(path: Path, kept: Path, *, is_new: bool) -> None:
    """Put the kept file or folder back; without one, remove the new one."""
    if is_new and path.is_dir():
        shutil.rmtree(path)
    if not os.path.lexists(kept):
        path.unlink(missing_ok=True)
    elif is_new or not os.path.lexists(path):
        kept.replace(path)
