"""Tells the exported models that the job wrote from whatever else may lie under their names.

Their sums lie beside them, in a file that `sha256sum --check` reads. Only what still has the sum it was written with
is the job's own, to be replaced or removed: a model of another program, or a card that somebody has gone on with, is
not.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from job.config.export_formats import PATHS, SUMS

LINE = re.compile(r"([0-9a-f]{64})  (.+)")


def write(folder: Path, names: Iterable[str]) -> None:
    """Write the sums of these files, and of all files in these folders, into the file of sums.

    Args:
        folder: which holds them.
        names: of files and folders in it.
    """
    found = sorted(path for name in names for path in _files(folder / name))
    lines = [f"{_sha256(path)}  {path.relative_to(folder).as_posix()}\n" for path in found]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def listed(folder: Path) -> list[str]:
    """The names in `folder` under which an earlier run exported something; none where it told no sums."""
    sums = _read(folder)
    if sums is None:
        return []
    tops = {SUMS, *(path.split("/")[0] for path in sums)}
    return [name for name in PATHS if name in tops and os.path.lexists(folder / name)]


def foreign(folder: Path, name: str) -> Path | None:
    """Something that is there under the name of an exported file or folder, but is not as a run wrote it; or None."""
    top = folder / name
    if not os.path.lexists(top):
        return None
    sums = _read(folder)
    if name == SUMS:
        return None if sums is not None else top
    try:
        found = sorted(_files(top)) or [top]
        return next((path for path in found if not _is_own(path, folder, sums or {})), None)
    except OSError:  # what may not be read is not known to be the job's
        return top


def _is_own(path: Path, folder: Path, sums: dict[str, str]) -> bool:
    known = sums.get(path.relative_to(folder).as_posix())
    return known is not None and path.is_file() and not path.is_symlink() and _sha256(path) == known


def _read(folder: Path) -> dict[str, str] | None:
    """The sums by path, or None where there is no such file, or it holds anything else."""
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    found = [LINE.fullmatch(line) for line in lines]
    return {match[2]: match[1] for match in found if match} if found and all(found) else None


def _files(top: Path) -> Iterator[Path]:
    """The file itself, or whatever is in the folder and no folder."""
    if top.is_symlink() or not top.is_dir():
        yield top
        return
    for folder, folders, files in os.walk(top, onerror=_raise):
        links = (name for name in folders if (Path(folder) / name).is_symlink())
        yield from (Path(folder) / name for name in (*files, *links))


def _raise(error: OSError) -> None:
    raise error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
