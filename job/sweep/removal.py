"""Removes an earlier sweep from its folder, but nothing that the job did not create."""

import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from job.errors import OutputError
from job.results.file_names import CARD, CHECKSUMS, EXPORTS, PAGE, REPORT_FILES, RESULT_FILES, SWEEP_NUMBERS, SWEEP_PLAN
from job.results.output_folder.manifest import read_manifest
from job.results.output_folder.os_errors import as_output_error
from job.results.output_folder.unfinished import UNFINISHED
from job.sweep.archive import UNPACKING
from job.sweep.folder import LOGS, RUNS, STUDY, TABLE, TRIALS

RUN = re.compile(r".+-seed[0-9]+")
"""Every name of a run."""

OF_EVERY_RUN = {CHECKSUMS, f"{EXPORTS}/{CARD}", *RESULT_FILES, *REPORT_FILES["folder"]}
"""Files that a run replaces, whoever wrote them."""


def require_removable(folder: Path) -> None:
    """Check that the job created all that `remove_sweep` would remove.

    Raises:
        OutputError: If it did not.
    """
    if not (folder / SWEEP_PLAN).exists():
        return
    with as_output_error(folder):
        for path in (*_find_foreign(folder / RUNS), *_find_foreign_logs(folder / LOGS)):
            raise OutputError(
                f"--output {folder}: --fresh would remove {path}, which no run wrote; move it, or name another folder"
            )


def _find_foreign(runs: Path) -> Iterator[Path]:
    """What no run wrote into the folder of the runs."""
    if _is_no_folder(runs):
        yield runs
        return
    for path in sorted(runs.glob("*")):
        if path.is_symlink() or not path.is_dir():
            yield path
        elif RUN.fullmatch(path.name) and not path.name.startswith(UNPACKING):
            own = {*OF_EVERY_RUN, *read_manifest(path)}
            names = (each.relative_to(path).as_posix() for each in _list_files(path))
            yield from (path / name for name in names if name not in own and not name.startswith(UNFINISHED))
        elif not path.name.startswith(UNPACKING):
            yield next(_list_files(path), path)


def _is_no_folder(path: Path) -> bool:
    return path.is_symlink() or (path.exists() and not path.is_dir())


def _list_files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_symlink() or not path.is_dir())


def _find_foreign_logs(logs: Path) -> Iterator[Path]:
    if _is_no_folder(logs):
        yield logs
        return
    for path in sorted(logs.glob("*")):
        is_log = path.suffix == ".txt" and RUN.fullmatch(path.stem)
        if not is_log or path.is_symlink() or not path.is_file():
            yield path


def remove_sweep(folder: Path) -> None:
    """Remove the earlier sweep in the folder: its page first, because it links to the runs, and its plan last."""
    if not (folder / SWEEP_PLAN).exists():
        return
    with as_output_error(folder):
        for name in (PAGE, SWEEP_NUMBERS, TABLE):
            (folder / name).unlink(missing_ok=True)
        for name in (RUNS, LOGS):
            with suppress(FileNotFoundError):
                shutil.rmtree(folder / name)
        for name in (STUDY, TRIALS):
            (folder / name).unlink(missing_ok=True)
        (folder / SWEEP_PLAN).unlink()
