"""Packs the folder of a run into bytes, and unpacks it on another machine."""

import io
import shutil
import tarfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from job.results.output_folder.unfinished import flush_all

UNPACKING = ".unpacking-"
"""Begins the name of a folder that is not complete yet."""


def pack_files(paths: Iterable[Path]) -> bytes:
    """Files and folders as a tar archive; most of them are compressed already."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in sorted(paths):
            archive.add(path, path.name)
    return buffer.getvalue()


def unpack_files(content: bytes, folder: Path) -> None:
    """Put the files of an archive into `folder`, which appears at once, complete and stored on the disk.

    Raises:
        OSError: If it cannot be written.
    """
    part = folder.with_name(f"{UNPACKING}{folder.name}")
    for earlier in (part, folder):
        with suppress(FileNotFoundError):
            shutil.rmtree(earlier)
    part.mkdir(parents=True)
    try:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            archive.extractall(part, filter="data")
        flush_all([*part.rglob("*"), part])
        part.rename(folder)
        flush_all([folder.parent])
    finally:
        shutil.rmtree(part, ignore_errors=True)
