"""Writes into the output folder all or nothing."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from job import interruption
from job.errors import OutputError


def prepare(folder: Path) -> None:
    """Make the folder and show that it can be written, before anything slow begins.

    Raises:
        OutputError: if it cannot.
    """
    with _explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"\0")


def demand_space(folder: Path, n_bytes: int) -> None:
    """Show that the folder's file system has room.

    Raises:
        OutputError: if fewer than `n_bytes` bytes are free.
    """
    free = shutil.disk_usage(folder).free
    if free < n_bytes:
        raise OutputError(
            f"--output {folder}: the results need about {n_bytes / 1e6:.1f} MB, but only {free / 1e6:.1f} MB are free; "
            "make room or name another folder"
        )


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """Give the block an empty folder to write files into; when it succeeds, move them all into `folder`.

    If it fails, or a signal ends the process, `folder` is as it was before. The empty folder lies inside `folder`,
    which may be a mount of its own: files are renamed only within one file system.

    Raises:
        OutputError: if the files cannot be written or moved.
    """
    with _explained(folder):
        staging = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=folder))
        with interruption.cleanup(lambda: shutil.rmtree(staging, ignore_errors=True)):
            new = staging / "new"
            new.mkdir()
            yield new
            with interruption.deferred():
                _replace(folder, new, staging)


def _replace(folder: Path, new: Path, staging: Path) -> None:
    """Move the files of `new` into `folder`; if one cannot be moved, put back what was there."""
    old = staging / "old"
    old.mkdir()
    kept: list[str] = []
    moved: list[str] = []
    try:
        for name in sorted(path.name for path in new.iterdir()):
            if os.path.lexists(folder / name):
                (folder / name).rename(old / name)
                kept.append(name)
            (new / name).rename(folder / name)
            moved.append(name)
    except OSError:
        for name in moved:
            (folder / name).unlink()
        for name in kept:
            (old / name).rename(folder / name)
        raise


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Turn the system's refusal into one line that says what to do."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"--output {folder}: {_remedy(error)}") from error


def _remedy(error: OSError) -> str:
    if error.errno in {errno.EEXIST, errno.ENOTDIR}:
        return "a file stands there or above it; remove it or name another folder"
    if error.errno in {errno.EACCES, errno.EPERM}:
        return f"user {os.geteuid()} may not write there; name another folder, or change its owner" + _in_container()
    if error.errno == errno.EROFS:
        return "the file system is read-only; name a folder that can be written"
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "no space is left; make room or name another folder"
    return f"cannot be written ({error.strerror or error}); name another folder"


def _in_container() -> str:
    return ' (docker run --user "$(id -u):$(id -g)" …)' if Path("/.dockerenv").exists() else ""
