"""Writes into the output folder all or nothing."""

import fcntl
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from job import signals
from job.config import export_formats
from job.errors import OutputError
from job.results.file_names import AUGMENTED
from job.results.output_folder import os_errors, ownership

UNFINISHED = ".unfinished-"


def prepare(folder: Path, files: Iterable[str], owned: Iterable[str] = ()) -> None:
    """Make the folder and show that these can be written there, before anything slow begins.

    Args:
        folder: of the report.
        files: their names.
        owned: the names of folders of pictures, each of which will be replaced as a whole, and of exported models:
            what is there under these names must be the job's own.

    Raises:
        OutputError: if they cannot.
    """
    demand_temporary_folder()
    with os_errors.explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"\0")
        os.close(os.open(folder, os.O_RDONLY))  # as the lock will
    for name in files:
        if (folder / name).is_dir():
            raise OutputError(f"--output {folder}: {name} is a folder there; move it or name another output folder")
    for name in owned:
        _demand_own(folder, name)
    for name in (*files, *owned):
        if _is_protected(folder, folder / name):
            raise OutputError(
                f"--output {folder}: {name} belongs to another user, and the folder lets only its owner replace it "
                "(sticky bit); remove it or name another folder"
            )


def _demand_own(folder: Path, name: str) -> None:
    """Show that what is there under the name of a folder of pictures, or of an exported model, is of an earlier run.

    Raises:
        OutputError: if it is not.
    """
    if name in export_formats.PATHS:
        if changed := ownership.foreign(folder, name):
            raise OutputError(
                f"--output {folder}: {changed} is in the way of the exported models, and is not as an earlier run "
                "wrote it; move it or name another output folder"
            )
        return
    path = folder / name
    found = path.iterdir() if path.is_dir() else [path] if os.path.lexists(path) else []
    if foreign := next((one for one in found if not re.fullmatch(rf"([0-9]+|{AUGMENTED})\.png", one.name)), None):
        raise OutputError(
            f"--output {folder}: {foreign} is in the way of the report's pictures, and no report made it; move it "
            "or name another output folder"
        )


def _is_protected(folder: Path, file: Path) -> bool:
    """Whether the folder's sticky bit keeps this user from replacing the file."""
    if not os.path.lexists(file) or not folder.stat().st_mode & stat.S_ISVTX:
        return False
    return os.geteuid() not in {0, folder.stat().st_uid, file.lstat().st_uid}


def demand_temporary_folder() -> None:
    """Show that there is one: libraries want it.

    Raises:
        OutputError: if there is none.
    """
    try:
        tempfile.gettempdir()
    except FileNotFoundError as error:
        raise OutputError(
            "no temporary folder can be written; name one in TMPDIR, or mount one (docker run --tmpfs /tmp …)"
        ) from error


def demand_space(folder: Path, n_bytes: int) -> None:
    """Show that the folder's file system has room.

    Raises:
        OutputError: if fewer than `n_bytes` bytes are free.
    """
    free = shutil.disk_usage(folder).free
    if free < n_bytes:
        raise OutputError(
            f"--output {folder}: the results need about {n_bytes / 1e6:.1f} MB, but only "
            f"{free // 100_000 / 10:.1f} MB are free; make room or name another folder"
        )


@contextmanager
def staged(
    folder: Path, done: str = "the new report is there", outdated: Callable[[Path], Iterable[str]] = lambda _: ()
) -> Iterator[Path]:
    """Give the block an empty folder to write files into; when it succeeds, move them all into `folder`.

    If it fails, or a signal ends the process, `folder` is as it was before. The empty folder lies inside `folder`,
    which may be a mount of its own: files are renamed only within one file system.

    Args:
        folder: where the files go.
        done: the state that a signal is answered with from then on.
        outdated: says what in `folder` goes, if nothing new takes its place.

    Raises:
        OutputError: if the files cannot be written or moved, or another job is writing there.
    """
    with os_errors.explained(folder), _locked(folder), signals.on_exit(lambda: _sweep(folder)):
        _sweep(folder)
        staging = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder))
        new = staging / "new"
        new.mkdir()
        yield new
        with signals.deferred():
            _replace(folder, new, staging, outdated(folder))
            signals.set_exit_note(done)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other jobs from writing into the folder; the lock goes with the process, however that ends."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise OutputError(f"--output {folder}: another job is writing there; wait for it or name another") from error
    finally:
        os.close(descriptor)


def _sweep(folder: Path) -> None:
    """Remove what this job, or one that was killed outright, has left unfinished; what it had moved away comes back."""
    for leftover in folder.glob(f"{UNFINISHED}*"):
        for old in leftover.glob("old/*"):
            if not os.path.lexists(folder / old.name):
                old.rename(folder / old.name)
        shutil.rmtree(leftover, ignore_errors=True)


def _replace(folder: Path, new: Path, staging: Path, outdated: Iterable[str]) -> None:
    """Move the files of `new` into `folder`, and what is outdated away; if one cannot be moved, undo the others."""
    old = staging / "old"
    old.mkdir()
    names = sorted(path.name for path in new.iterdir())
    there = [name for name in sorted({*names, *outdated}) if os.path.lexists(folder / name)]
    for name in there:
        if name in export_formats.PATHS or (new / name).is_dir():
            _demand_own(folder, name)  # once more: a run takes its time
    kept: list[str] = []
    moved: list[str] = []
    try:
        for name in there:
            if (new / name).is_file():
                _keep(folder / name, old / name)
            else:
                (folder / name).rename(old / name)
            kept.append(name)
        for name in names:
            (new / name).replace(folder / name)
            moved.append(name)
        old.rename(staging / "gone")  # from where nothing comes back
    except OSError:
        _undo(folder, old, kept, moved)
        raise


def _undo(folder: Path, old: Path, kept: list[str], moved: list[str]) -> None:
    """Put the kept files back and remove the others that were moved; where that fails, leave the kept ones beside."""
    stuck = []
    for name in {*kept, *moved}:
        try:
            if name in moved and (name not in kept or (folder / name).is_dir()):
                _remove(folder / name)
            if name in kept and (name in moved or not os.path.lexists(folder / name)):
                (old / name).replace(folder / name)
        except OSError:
            stuck.append(name)
    if stuck:
        rescued = old.rename(Path(tempfile.mkdtemp(prefix="earlier-", dir=folder)) / "report")
        raise OutputError(
            f"--output {folder}: {', '.join(sorted(stuck))} could be neither replaced nor put back; "
            f"the earlier files are in {rescued}"
        )


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _keep(path: Path, copy: Path) -> None:
    """Give a file a second name, or a copy where the file system has or allows no second names.

    A file of another user that may not even be read is moved away: that takes no right but the folder's.
    """
    try:
        os.link(path, copy, follow_symlinks=False)
    except OSError:
        try:
            shutil.copy2(path, copy, follow_symlinks=False)
        except PermissionError:
            path.rename(copy)
