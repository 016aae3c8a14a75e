"""Writes into the output folder all or nothing."""

import errno
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from job import interruption
from job.errors import OutputError

UNFINISHED = ".unfinished-"
CONTAINER_MARKS = ("/.dockerenv", "/run/.containerenv")  # of Docker, and of Podman


def prepare(folder: Path, names: Iterable[str]) -> None:
    """Make the folder and show that files of these names can be written there, before anything slow begins.

    Raises:
        OutputError: if they cannot.
    """
    demand_temporary_folder()
    with _explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"\0")
        os.close(os.open(folder, os.O_RDONLY))  # as the lock will
    for name in names:
        if (folder / name).is_dir():
            raise OutputError(f"--output {folder}: {name} is a folder there; move it or name another output folder")
        if _is_protected(folder, folder / name):
            raise OutputError(
                f"--output {folder}: {name} belongs to another user, and the folder lets only its owner replace it "
                "(sticky bit); remove it or name another folder"
            )


def _is_protected(folder: Path, file: Path) -> bool:
    """Whether the folder's sticky bit keeps this user from replacing the file."""
    if not os.path.lexists(file) or not folder.stat().st_mode & stat.S_ISVTX:
        return False
    return os.geteuid() not in {0, folder.stat().st_uid, file.lstat().st_uid}


def demand_temporary_folder() -> None:
    """Show that there is one: libraries want it.

    Raises:
        OutputError: if there is none.
    """
    try:
        tempfile.gettempdir()
    except FileNotFoundError as error:
        raise OutputError(
            "no temporary folder can be written; name one in TMPDIR, or mount one (docker run --tmpfs /tmp …)"
        ) from error


def demand_space(folder: Path, n_bytes: int) -> None:
    """Show that the folder's file system has room.

    Raises:
        OutputError: if fewer than `n_bytes` bytes are free.
    """
    free = shutil.disk_usage(folder).free
    if free < n_bytes:
        raise OutputError(
            f"--output {folder}: the results need about {n_bytes / 1e6:.1f} MB, but only "
            f"{free // 100_000 / 10:.1f} MB are free; make room or name another folder"
        )


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """Give the block an empty folder to write files into; when it succeeds, move them all into `folder`.

    If it fails, or a signal ends the process, `folder` is as it was before. The empty folder lies inside `folder`,
    which may be a mount of its own: files are renamed only within one file system.

    Raises:
        OutputError: if the files cannot be written or moved, or another job is writing there.
    """
    with _explained(folder), _locked(folder), interruption.cleanup(lambda: _sweep(folder)):
        _sweep(folder)
        staging = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder))
        new = staging / "new"
        new.mkdir()
        yield new
        with interruption.deferred():
            _replace(folder, new, staging)
            interruption.tell("the new report is there")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other jobs from writing into the folder; the lock goes with the process, however that ends."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise OutputError(f"--output {folder}: another job is writing there; wait for it or name another") from error
    finally:
        os.close(descriptor)


def _sweep(folder: Path) -> None:
    """Remove what this job, or one that was killed outright, has left unfinished."""
    for leftover in folder.glob(f"{UNFINISHED}*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _replace(folder: Path, new: Path, staging: Path) -> None:
    """Move the files of `new` into `folder`; if one cannot be moved, undo the others."""
    old = staging / "old"
    old.mkdir()
    names = sorted(path.name for path in new.iterdir())
    kept: list[str] = []
    moved: list[str] = []
    try:
        for name in names:
            if os.path.lexists(folder / name):
                _keep(folder / name, old / name)
                kept.append(name)
        for name in names:
            (new / name).replace(folder / name)
            moved.append(name)
    except OSError:
        for name in kept:
            if name in moved or not os.path.lexists(folder / name):
                (old / name).replace(folder / name)
        for name in set(moved) - set(kept):
            (folder / name).unlink()
        raise


def _keep(path: Path, copy: Path) -> None:
    """Give a file a second name, or a copy where the file system has or allows no second names.

    A file of another user that may not even be read is moved away: that takes no right but the folder's.
    """
    try:
        os.link(path, copy, follow_symlinks=False)
    except OSError:
        try:
            shutil.copy2(path, copy, follow_symlinks=False)
        except PermissionError:
            path.rename(copy)


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Turn the system's refusal into one line that says what to do."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"--output {folder}: {_remedy(folder, error)}") from error


def _remedy(folder: Path, error: OSError) -> str:
    if error.errno in {errno.EEXIST, errno.ENOTDIR}:
        return "a file stands there or above it; remove it or name another folder"
    if error.errno in {errno.EACCES, errno.EPERM}:
        return f"user {os.geteuid()} may not read and write there; {_who_may(folder)}"
    if error.errno == errno.EROFS:
        return (
            "the file system is read-only; mount a folder there, or name another (training can also stream: --output -)"
        )
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "no space is left; make room or name another folder"
    return f"cannot be written ({error.strerror or error}); name another folder"


def _who_may(folder: Path) -> str:
    """Whose the folder is, or the one above it that is there, and what to do about it."""
    folder = folder.absolute()
    there = next(path for path in (folder, *folder.parents) if _is_seen(path))
    owner = there.stat()
    belongs = f"{there} belongs to user {owner.st_uid}"
    if there != folder or not any(Path(mark).exists() for mark in CONTAINER_MARKS):
        return f"{belongs}: name another folder, or change its owner"
    if owner.st_uid == 0:
        return (
            f"{belongs}, like any mounted folder that Docker had to make: chown it to you, then "
            'docker run --user "$(id -u):$(id -g)" …'
        )
    user = f"{owner.st_uid}:{owner.st_gid}"
    return f'{belongs}: docker run --user "$(id -u):$(id -g)" … if that is you, --user {user} if not'


def _is_seen(path: Path) -> bool:
    try:
        path.stat()
    except OSError:  # it is not there, or a folder above it is closed
        return False
    return True
