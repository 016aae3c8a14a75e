"""Streams the output folder to stdout as a tar archive (`--output -`), for containers without a mounted folder."""

import fcntl
import os
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import BufferedWriter
from pathlib import Path

from job.errors import OutputError, UsageError
from job.system import signals
from job.system.standard_streams import STDERR, STDOUT, WaitingFile

ARCHIVE_FOLDER = "report"
"""The folder in the archive that contains all files."""


@contextmanager
def stream_folder() -> Iterator[Path]:
    """Yield an empty folder to write into; when the block succeeds, send its content to stdout as a tar archive.

    Inside the block, everything written to stdout goes to stderr.

    Raises:
        UsageError: If stdout is a terminal.
        OutputError: If stdout is closed, or breaks before the end of the archive.
    """
    _require_pipe()
    folder = Path(tempfile.mkdtemp())  # inside the job's own temporary folder, which removes it
    with divert_stdout() as stdout:
        try:
            yield folder
            _send(folder, stdout)
        except OutputError as error:  # it names the folder as if the user had chosen it
            text = str(error).replace(f"--output {folder}", f"--output -: temporary folder {folder}")
            raise OutputError(text.replace("name another folder", "name another one in TMPDIR")) from error


def _require_pipe() -> None:
    if os.isatty(STDOUT):
        raise UsageError(
            "--output - writes a tar archive to stdout, but that is a terminal; "
            "pipe it (… | tar x), and use docker run without -t"
        )
    if fcntl.fcntl(STDOUT, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
        raise OutputError("--output -: stdout is closed; pipe it: … | tar x")


@contextmanager
def divert_stdout() -> Iterator[int]:
    """Redirect stdout to stderr, also for libraries written in C; yield a descriptor of the real stdout."""
    stdout = os.dup(STDOUT)
    os.dup2(STDERR, STDOUT)
    try:
        with redirect_stdout(sys.stderr):
            yield stdout
    finally:
        os.dup2(stdout, STDOUT)
        os.close(stdout)


def _send(folder: Path, descriptor: int) -> None:
    """Write the tar archive of the folder to the file descriptor."""
    signals.set_exit_note("the archive is cut off")
    try:
        pipe = BufferedWriter(WaitingFile(descriptor, "w", closefd=False))
        with pipe as file, tarfile.open(fileobj=file, mode="w|") as archive:
            for path in sorted(folder.iterdir()):
                archive.add(path, f"{ARCHIVE_FOLDER}/{path.name}", filter=_remove_owner)
    except OSError as error:
        raise OutputError(f"--output -: stdout broke before the end of the archive ({error.strerror})") from error
    signals.set_exit_note("the archive is complete")


def _remove_owner(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Remove the owner from the entry, so that the file belongs to the user who unpacks it."""
    return member.replace(uid=0, gid=0, uname="", gname="", deep=False)
