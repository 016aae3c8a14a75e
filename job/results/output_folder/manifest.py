"""Lists the SHA-256 of every file of a run: what is the job's own, and what was edited."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from job.errors import DataError, OutputError
from job.results.file_names import CHECKSUMS, METRICS, PREDICTIONS
from job.results.metrics_json import Option, as_data_error
from job.system.regular_file import open_regular, read_regular

HEADER = "# Written by fashion-job, which replaces these files.\n"
MAX_MANIFEST_BYTES = 2**24
MAX_BYTES = 2**34  # of a file in it

REMEDIES: dict[Option, str] = {  # for a file that does not agree with the manifest
    "--output": "train again",
    "--reference": "render that folder, which undoes an interrupted run, or train again",
    "--collect": "render that folder, which undoes an interrupted run, or train again",
}

T = TypeVar("T")

Digests = Mapping[str, str]
"""SHA-256 of files, by path relative to the output folder."""


def write_manifest(folder: Path, names: Iterable[str], others: Digests) -> None:
    """List the files `names`, those in the folders `names`, and `others`, in a file that `sha256sum --check` reads."""
    paths = [path for name in names for path in ((folder / name), *_find_files(folder / name)) if path.is_file()]
    digests = {**others, **{path.relative_to(folder).as_posix(): _hash(path) for path in paths}}
    lines = (f"{digests[name]}  {name}\n" for name in sorted(digests))
    (folder / CHECKSUMS).write_text(HEADER + "".join(lines), encoding="utf-8")


def read_manifest(folder: Path) -> Digests:
    """Read the manifest that the job wrote into `folder`; it is empty if there is none."""
    try:
        return _read(folder)
    except OSError:  # it does not exist, or this user may not read it
        return {}


def read_unchanged(folder: Path, names: Iterable[str], read: Callable[[], T], option: Option = "--output") -> T:
    """Return what `read` makes of files of a run, which are in the output folder that `option` named.

    Raises:
        DataError: If one is missing, was edited, belongs to another run, or is replaced in the meantime.
    """
    with as_data_error(folder / CHECKSUMS, option):
        digests = _read(folder)
    _check_files(folder, names, digests, option)
    result = read()
    _check_files(folder, names, digests, option)
    return result


def is_owned(folder: Path, name: str, digests: Digests) -> bool:
    """Whether `name` in `folder` is a file, or a folder with exactly the files, of `digests`; a link is neither."""
    path = folder / name
    listed = {folder / each: digest for each, digest in digests.items() if each == name or each.startswith(f"{name}/")}
    found = {path} if path.is_file() else {*_find_files(path)}
    if not listed or path.is_symlink() or found != {*listed}:
        return False
    return all(_has_digest(path, digest) for path, digest in listed.items())


def require_replaceable(folder: Path, files: Iterable[str], folders: Iterable[str], digests: Digests) -> None:
    """Raise an OutputError if replacing these files and folders could delete what the job did not write."""
    for name in files:
        if (folder / name).is_dir():
            raise OutputError(f"--output {folder}: {name} is a folder there; move it or name another output folder")
    suspicious = [] if digests else [CHECKSUMS]
    if not digests and not os.path.lexists(folder / METRICS):
        suspicious += [name for name in files if name == PREDICTIONS]  # probably the user's own
    for name in (*folders, *suspicious):
        if os.path.lexists(folder / name) and not is_owned(folder, name, digests):
            raise OutputError(
                f"--output {folder}: {name} exists, but no run wrote it, or it was changed since; "
                f"move {name} or name another output folder"
            )


def _check_files(folder: Path, names: Iterable[str], digests: Digests, option: Option) -> None:
    for name in names:
        with as_data_error(folder / name, option):
            is_as_written = _hash(folder / name) == digests.get(name)
        if not is_as_written:
            problem = f"its SHA-256 is not the one in {CHECKSUMS}: it was edited by hand, or belongs to another run"
            raise DataError(f"{folder / name}: {problem}; {REMEDIES[option]}")


def _read(folder: Path) -> Digests:
    text = read_regular(folder / CHECKSUMS, MAX_MANIFEST_BYTES).decode(errors="replace")
    if not text.startswith(HEADER):
        return {}
    lines = (line.partition("  ") for line in text.removeprefix(HEADER).splitlines())
    return {name: digest for digest, _, name in lines}


def _find_files(folder: Path) -> Iterator[Path]:
    """Everything below `folder` that is not a folder, links included."""
    return (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())


def _has_digest(path: Path, digest: str) -> bool:
    try:
        return not path.is_symlink() and _hash(path) == digest
    except OSError:  # this user may not read it, or it is no file
        return False


def _hash(path: Path) -> str:
    with open_regular(path, MAX_BYTES) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
