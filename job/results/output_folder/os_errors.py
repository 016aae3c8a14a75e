"""Turns errors of the system into one line: why the job cannot write the output folder, and what to do."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from job.errors import OutputError
from job.system import temporary_folder

NO_FOLDER = "this path, or one above it, is a file; remove it or name another folder"
NO_SPACE = "no space is left; free some space or name another folder"
NO_LOCKS = "its file system has no locks (flock), like some network file systems; name a folder on another one"
REMEDIES: dict[int | None, str] = {
    errno.EEXIST: NO_FOLDER,
    errno.ENOTDIR: NO_FOLDER,
    errno.ENOENT: "the folder cannot be created there, or was deleted during the run; name another one, or start again",
    errno.EROFS: "the file system is read-only; mount a folder there or name another (training also takes --output -)",
    errno.ENOSPC: NO_SPACE,
    errno.EDQUOT: NO_SPACE,
    errno.EAGAIN: "another job is writing there; wait for it or name another folder",
    errno.ENOLCK: NO_LOCKS,
    errno.ENOSYS: NO_LOCKS,
    errno.EOPNOTSUPP: NO_LOCKS,
}
CONTAINER_MARKS = ("/.dockerenv", "/run/.containerenv")  # Docker, Podman


@contextmanager
def as_output_error(folder: Path) -> Iterator[None]:
    """Turn an OSError of the block into an OutputError: one line that names the folder, the cause and the remedy.

    An error of the temporary folder stays as it is: whoever set that folder reports it.
    """
    try:
        yield
    except OSError as error:
        if temporary_folder.is_to_blame(error, folder):
            raise
        raise OutputError(f"--output {folder}: {_remedy(folder, error)}") from error


def _remedy(folder: Path, error: OSError) -> str:
    if error.errno in {errno.EACCES, errno.EPERM}:
        return f"user {os.geteuid()} cannot read and write there; {_permission_remedy(folder)}"
    return REMEDIES.get(error.errno, f"cannot be written ({error.strerror or error}); name another folder")


def _permission_remedy(folder: Path) -> str:
    """Name the owner of the folder, or of the nearest existing one above it, and what to do."""
    folder = folder.absolute()
    existing = next(path for path in (folder, *folder.parents) if os.path.exists(path))  # noqa: PTH110 - never raises
    owner = existing.stat()
    belongs = f"{existing} belongs to user {owner.st_uid}"
    if existing != folder or not any(Path(mark).exists() for mark in CONTAINER_MARKS):
        return f"{belongs}: name another folder, or change the owner of this one"
    if owner.st_uid == os.geteuid():
        return f"{existing} is yours, but its mode forbids writing (chmod u+rwx) or SELinux does (docker run -v …:z)"
    if owner.st_uid == 0:
        return (
            f"{belongs} (Docker creates a missing folder as root): run chown to make it yours, then "
            'docker run --user "$(id -u):$(id -g)" …'
        )
    user = f"{owner.st_uid}:{owner.st_gid}"
    return f'{belongs}: docker run --user "$(id -u):$(id -g)" … if that is you, --user {user} … otherwise'
