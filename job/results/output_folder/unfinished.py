"""Keeps unfinished files in a folder inside the output folder, and finishes what a killed job left there.

That folder has `new/`, the files that a job writes, and `old/`, the files that it replaces. `old/` appears before the
first file moves, and the manifest leaves `new/` after the last one. That rename decides. If a job is killed
before it, the next job moves the old files back; if after it, the next job only removes this folder.
"""

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from job.errors import OutputError
from job.results.file_names import CHECKSUMS
from job.results.output_folder.manifest import read_manifest, require_replaceable
from job.system.regular_file import read_regular

UNFINISHED = ".unfinished-fashion-job-"
MARK = "fashion-job"
"""The file that the job writes first and removes last; while files move, it has their names, one per line."""

MAX_BYTES = 2**16  # of this file


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Keep other jobs from writing into `folder`; the system releases the lock when the process ends.

    Raises:
        BlockingIOError: If another job has the lock.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def probe_folder(folder: Path) -> int:
    """Write a temporary file into `folder`; returns the owner of new files, which a mount may set to another user."""
    with tempfile.TemporaryFile(dir=folder) as probe:
        probe.write(b"\0")
        return os.fstat(probe.fileno()).st_uid


def create_unfinished(folder: Path) -> Path:
    """Create the folder for the unfinished files of one job."""
    unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder))
    (unfinished / MARK).touch()
    (unfinished / "new").mkdir()
    return unfinished


def finish(folder: Path, owner: int) -> None:
    """Undo the moves of a job that was stopped before its manifest moved; remove its unfinished files.

    Only folders that the job created for this `owner` count. The caller holds the lock. It can be repeated after
    an interruption.
    """
    for unfinished in folder.glob(f"{UNFINISHED}*"):
        if not _is_own(unfinished, owner):
            continue
        if _is_undecided(folder, unfinished):
            try:
                _move_back(folder, unfinished)
            except OSError as error:
                problem = f"the earlier files cannot be restored ({error.strerror}); they are in {unfinished / 'old'}"
                raise OutputError(f"--output {folder}: {problem}, and the next run or render tries again") from error
        with suppress(OSError):
            _remove(unfinished)


def flush_all(paths: Iterable[Path]) -> None:
    """Make the disk store these files, and the names in these folders.

    A file system with a journal stores many files at once about as fast as one: 16 threads took 39 ms for 230 files on
    ext4, and one took 889 ms (medians of 5 runs). Signals must be deferred: a handler that needs threads could wait for
    the one that it interrupts.
    """
    paths = list(paths)
    try:
        with ThreadPoolExecutor(16) as threads:
            list(threads.map(flush, paths))
    except RuntimeError:  # the system has no threads left
        for path in paths:
            flush(path)


def flush(path: Path) -> None:
    """Make the disk store a file, or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        if not path.is_dir():  # some file systems cannot flush folders
            raise
    finally:
        os.close(descriptor)


def _is_own(path: Path, owner: int) -> bool:
    """Whether a folder is the job's; a link, or a folder with links to others, never is."""
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != owner:
        return False
    names = {"a link" if part.is_symlink() else part.name for part in path.iterdir()}
    return not names or MARK in names <= {MARK, "old", "new"}


def _is_undecided(folder: Path, unfinished: Path) -> bool:
    """Whether the moves of a job began, its manifest did not move, and no other job has finished since."""
    new, old = unfinished / "new", unfinished / "old"
    has_begun = old.exists() and (new / CHECKSUMS).exists()
    return has_begun and read_manifest(folder) in ({}, read_manifest(old))


def _move_back(folder: Path, unfinished: Path) -> None:
    new, old = unfinished / "new", unfinished / "old"
    digests, kept = read_manifest(new), [path.name for path in old.iterdir()]
    names = read_regular(unfinished / MARK, MAX_BYTES).decode().splitlines()
    moved = [name for name in names if "/" not in name and not os.path.lexists(new / name)]
    files = {name for name in (*moved, *kept) if name in digests or name == CHECKSUMS}
    require_replaceable(folder, files, {*moved, *kept} - files, digests)  # somebody may have put something there since
    for name in moved:
        with suppress(FileNotFoundError):
            (folder / name).replace(new / name)
    for name in kept:
        (old / name).replace(folder / name)
    flush(folder)


def _remove(unfinished: Path) -> None:
    """Remove the folder; if this is stopped at any moment, what is left is still recognized."""
    for name in ("old", "new"):
        if (unfinished / name).exists():
            shutil.rmtree(unfinished / name)
    (unfinished / MARK).unlink(missing_ok=True)
    unfinished.rmdir()
