"""Marks the folders that the job replaces as a whole with a file of checksums, and recognises them by this file."""

import hashlib
import stat
from pathlib import Path

from job.results.file_names import CHECKSUMS


def write_checksums(folder: Path) -> None:
    """Write the SHA-256 of every file in `folder` into a file that `sha256sum --check` reads."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n" for path in files
    ]
    (folder / CHECKSUMS).write_text("".join(lines), encoding="utf-8")


def is_owned(path: Path) -> bool:
    """Whether `path` is a folder, not a link to one, with a regular file of checksums."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode) and stat.S_ISREG((path / CHECKSUMS).lstat().st_mode)
    except OSError:  # it does not exist, or this user may not look into it
        return False
