"""Checks that the job can write the output folder, before training."""

import os
import re
import shutil
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from job.errors import OutputError
from job.results.file_names import CHECKSUMS, SWEEP_NUMBERS, SWEEP_PLAN, SWEEP_RUNS
from job.results.output_folder import unfinished
from job.results.output_folder.manifest import is_owned, read_manifest, require_replaceable
from job.results.output_folder.os_errors import as_output_error


def prepare_output_folder(
    folder: Path, files: Iterable[str], folders: Iterable[str] = (), outdated: Iterable[str] = ()
) -> None:
    """Create the output folder, and check that a run can write its results there.

    The run writes or replaces `files`, writes or replaces `folders` as a whole, and removes `outdated` files and
    folders of the job; all are names. What a killed job left is undone first.

    Raises:
        OutputError: If the folder cannot be written, is that of a sweep, or something of another user or program is in
            the way.
    """
    with as_output_error(folder):
        _require_no_sweep(folder)
        folder.mkdir(parents=True, exist_ok=True)
        owner = unfinished.probe_folder(folder)
        with suppress(BlockingIOError), unfinished.lock_folder(folder):  # a job that writes there now is done by then
            unfinished.finish(folder, owner)
    files, folders, digests = tuple(files), tuple(folders), read_manifest(folder)
    require_replaceable(folder, files, folders, digests)
    for name in (*files, CHECKSUMS, *folders, *(name for name in outdated if is_owned(folder, name, digests))):
        if _is_protected(folder / name):
            raise OutputError(
                f"--output {folder}: {name} belongs to another user, and only its owner can replace it there "
                "(sticky bit); ask its owner to remove it, or name another folder"
            )
        if _is_immutable(folder / name):
            raise OutputError(
                f"--output {folder}: {name} is immutable there, or mounted read-only; run `chattr -i` on it, or name "
                "another folder"
            )


def _require_no_sweep(folder: Path) -> None:
    """Raise an OutputError if the report would replace the page of a sweep."""
    has_plan = (folder / SWEEP_PLAN).is_file() and (folder / SWEEP_RUNS).is_dir()
    if has_plan or _has_sweep_numbers(folder / SWEEP_NUMBERS):
        raise OutputError(
            f"--output {folder}: is the folder of a sweep, whose page the report would replace; name another folder"
        )


def _has_sweep_numbers(path: Path) -> bool:
    """Whether a sweep wrote this file: its first keys are in the first bytes."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return re.match(rb'\{\s*"schema_version":\s*[0-9]+,\s*"version":', file.read(100)) is not None


def require_free_space(folder: Path, n_bytes: int) -> None:
    """Raise an OutputError if the file system of the output folder has less than `n_bytes` bytes free."""
    with as_output_error(folder):
        free = shutil.disk_usage(folder).free
    if free < n_bytes:
        raise OutputError(
            f"--output {folder}: the results need about {n_bytes / 1e6:.1f} MB, but only "
            f"{free // 100_000 / 10:.1f} MB are free; free some space or name another folder"
        )


def _is_protected(path: Path) -> bool:
    """Whether the sticky bit of the folder keeps this user from replacing the file."""
    parent = path.parent.stat()
    is_sticky = os.path.lexists(path) and parent.st_mode & stat.S_ISVTX
    return bool(is_sticky) and os.geteuid() not in {0, parent.st_uid, path.lstat().st_uid}


def _is_immutable(path: Path) -> bool:
    """Whether not even this user, who owns the file and whose mode allows it, can write it."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return False
    may_write = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and status.st_mode & stat.S_IWUSR
    return bool(may_write) and not os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)
