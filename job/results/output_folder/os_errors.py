"""Says in one line why the system refuses to write into a folder, and what to do about it."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from job.errors import OutputError

CONTAINER_MARKS = ("/.dockerenv", "/run/.containerenv")  # of Docker, and of Podman


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turn the system's refusal inside the block into one line.

    Raises:
        OutputError: with that line.
    """
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
    if owner.st_uid == os.geteuid():
        return f"{there} is yours: its mode forbids it (chmod u+rwx), or SELinux does (docker run -v …:z)"
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
