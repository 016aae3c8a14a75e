"""Checks that the job can write the output folder, before training."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

from job.errors import OutputError
from job.results.file_names import CHECKSUMS
from job.results.output_folder.os_errors import as_output_error
from job.results.output_folder.owned_folders import is_owned


def prepare_output_folder(folder: Path, files: Iterable[str], folders: Iterable[str] = ()) -> None:
    """Create the output folder, and check that a run can write its results there.

    The run writes or replaces `files`, and writes, replaces or removes `folders` as a whole; both are names.

    Raises:
        OutputError: If the folder cannot be written, or something of another user or program is in the way.
    """
    with as_output_error(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"\0")
        os.close(os.open(folder, os.O_RDONLY))  # as the lock does
    files, folders = tuple(files), tuple(folders)
    require_replaceable(folder, files, folders)
    for name in (*files, *folders):
        if _is_protected(folder / name):
            raise OutputError(
                f"--output {folder}: {name} belongs to another user, and only its owner can replace it there "
                "(sticky bit); remove it or name another folder"
            )


def require_free_space(folder: Path, n_bytes: int) -> None:
    """Raise an OutputError if the file system of the output folder has less than `n_bytes` bytes free."""
    free = shutil.disk_usage(folder).free
    if free < n_bytes:
        raise OutputError(
            f"--output {folder}: the results need about {n_bytes / 1e6:.1f} MB, but only "
            f"{free // 100_000 / 10:.1f} MB are free; free some space or name another folder"
        )


def require_replaceable(folder: Path, files: Iterable[str], folders: Iterable[str]) -> None:
    """Raise an OutputError if replacing these files and folders could delete what the job did not write."""
    for name in files:
        if (folder / name).is_dir():
            raise OutputError(f"--output {folder}: {name} is a folder there; move it or name another output folder")
    for name in folders:
        if os.path.lexists(folder / name) and not is_owned(folder / name):
            raise OutputError(
                f"--output {folder}: {name} is in the way, and is not as an earlier run wrote it (see its "
                f"{CHECKSUMS}); move {name} or name another output folder"
            )


def _is_protected(path: Path) -> bool:
    """Whether the sticky bit of the folder keeps this user from replacing the file."""
    parent = path.parent.stat()
    is_sticky = os.path.lexists(path) and parent.st_mode & stat.S_ISVTX
    return bool(is_sticky) and os.geteuid() not in {0, parent.st_uid, path.lstat().st_uid}
