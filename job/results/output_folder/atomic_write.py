"""Writes files into the output folder: all of them or none, whatever stops the job."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from job.results.file_names import CHECKSUMS
from job.results.output_folder import unfinished
from job.results.output_folder.manifest import (
    Digests,
    is_owned,
    read_manifest,
    require_replaceable,
    write_manifest,
)
from job.results.output_folder.os_errors import as_output_error
from job.system import signals


@contextmanager
def stage_files(folder: Path, done: str = "the new report is in place", outdated: Iterable[str] = ()) -> Iterator[Path]:
    """Yield an empty folder to write files into; when the block succeeds, move them all into `folder`.

    If the block fails, or the process ends, `folder` does not change. The empty folder is inside `folder`, because that
    may be a mount, and files can be renamed only within one file system. A folder that the block writes replaces the
    earlier folder of that name as a whole. The job's own files and folders named in `outdated` are removed unless the
    block writes new ones. The manifest then lists all files of the job. A signal after the move prints `done`.

    Raises:
        OutputError: If the files cannot be written or moved, or another job is writing into `folder`.
    """
    with as_output_error(folder), unfinished.lock_folder(folder):
        owner = unfinished.probe_folder(folder)
        with signals.on_exit(lambda: unfinished.finish(folder, owner)):
            unfinished.finish(folder, owner)
            staging = unfinished.create_unfinished(folder)
            try:
                yield staging / "new"
            except Exception:
                (staging / "new").stat()  # if the folder was deleted, this is the cause
                raise
            with signals.deferred():
                _replace(folder, staging, tuple(outdated))
                signals.set_exit_note(done)


def _replace(folder: Path, staging: Path, outdated: Iterable[str]) -> None:
    """Move the new files and folders into `folder`, and outdated ones out of it, so that `finish` can undo it."""
    new, old = staging / "new", staging / "old"
    names = sorted(path.name for path in new.iterdir())
    folders = [name for name in names if (new / name).is_dir()]
    earlier = read_manifest(folder)
    require_replaceable(folder, {*names} - {*folders}, folders, earlier)  # again: the block may have taken long
    removed = [name for name in outdated if name not in names and is_owned(folder, name, earlier)]
    write_manifest(new, names, _without(earlier, {*names, *outdated}))
    (staging / unfinished.MARK).write_text("\n".join(names), encoding="utf-8")
    old.mkdir()
    unfinished.flush_all([*staging.rglob("*"), staging, folder])
    for name in (CHECKSUMS, *names):  # first the manifest, by which `finish` sees that this is the last job
        if os.path.lexists(folder / name):
            _keep(folder / name, old / name)
    for name in removed:
        (folder / name).rename(old / name)
    unfinished.flush(old)
    for name in names:
        (new / name).replace(folder / name)
    unfinished.flush(folder)
    (new / CHECKSUMS).replace(folder / CHECKSUMS)  # decides
    unfinished.flush(folder)


def _without(digests: Digests, names: set[str]) -> Digests:
    """The digests of files that are neither in `names` nor in a folder of `names`."""
    return {path: digest for path, digest in digests.items() if path.split("/")[0] not in names}


def _keep(path: Path, kept: Path) -> None:
    """Keep a file by a hard link, so that its name never disappears; move what cannot be linked, such as a folder."""
    try:
        os.link(path, kept, follow_symlinks=False)
    except OSError:
        path.rename(kept)
