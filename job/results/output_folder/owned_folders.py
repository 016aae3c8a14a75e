"""Marks the folders that the job replaces as a whole with a file of checksums, and recognizes them by it."""

import hashlib
from pathlib import Path

from job.results.file_names import CHECKSUMS

HEADER = "# Written by fashion-job, which replaces this folder as a whole.\n"


def write_checksums(folder: Path) -> None:
    """Write the SHA-256 of every file in `folder` into a file that `sha256sum --check` reads."""
    (folder / CHECKSUMS).write_text(_list_checksums(folder), encoding="utf-8")


def is_owned(path: Path) -> bool:
    """Whether `path` is a folder, not a link to one, with exactly the files that the job wrote into it."""
    try:
        return not path.is_symlink() and (path / CHECKSUMS).read_text(encoding="utf-8") == _list_checksums(path)
    except (OSError, ValueError):  # it does not exist, this user may not look into it, or it is not text
        return False


def _list_checksums(folder: Path) -> str:
    paths = sorted(path for path in folder.rglob("*") if not path.is_dir() and path != folder / CHECKSUMS)
    hashes = (hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)
    lines = (f"{digest}  {path.relative_to(folder).as_posix()}\n" for digest, path in zip(hashes, paths, strict=True))
    return HEADER + "".join(lines)
