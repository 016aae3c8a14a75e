"""Sends the output folder to stdout as a tar archive (`--output -`), for where no folder can be mounted."""

import fcntl
import os
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from job import signals
from job.errors import OutputError, UsageError
from job.results.output_folder import atomic_write

NAME = "report"
"""The folder in the archive."""

STDOUT, STDERR = 1, 2


@contextmanager
def streamed() -> Iterator[Path]:
    """Give the block an empty folder; when it succeeds, send what is in it to stdout, as the folder `report`.

    Inside the block, whatever is written to stdout goes to stderr.

    Raises:
        UsageError: if stdout is a terminal.
        OutputError: if stdout is closed, or breaks before the end of the archive.
    """
    if os.isatty(STDOUT):
        raise UsageError(
            "--output - writes a tar archive to stdout, but that is a terminal; "
            "pipe it (… | tar x), and docker run without -t"
        )
    if fcntl.fcntl(STDOUT, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
        raise OutputError("--output -: stdout is closed; pipe it: … | tar x")
    atomic_write.demand_temporary_folder()
    try:
        folder = Path(tempfile.mkdtemp(prefix="fashion-job-"))
    except OSError as error:
        raise OutputError(f"--output -: no temporary folder can be made ({error}); make room there") from error
    with signals.on_exit(lambda: shutil.rmtree(folder, ignore_errors=True)):
        sys.stdout.flush()
        stdout = os.dup(STDOUT)
        os.dup2(STDERR, STDOUT)
        try:
            yield folder
            sys.stdout.flush()
            _send(folder, stdout)
        except OutputError as error:  # which speaks of the folder as if it had been asked for
            raise OutputError(
                str(error).replace(f"--output {folder}", f"--output -: temporary folder {folder}")
            ) from error
        finally:
            sys.stdout.flush()
            os.dup2(stdout, STDOUT)
            os.close(stdout)


def _send(folder: Path, descriptor: int) -> None:
    signals.set_exit_note("the archive is cut off")
    try:
        with (
            os.fdopen(descriptor, "wb", closefd=False) as file,
            tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT) as archive,
        ):
            for path in sorted(folder.iterdir()):
                archive.add(path, f"{NAME}/{path.name}", filter=_of_nobody)
    except OSError as error:
        raise OutputError(f"--output -: stdout broke before the end of the archive ({error.strerror})") from error
    signals.set_exit_note("the archive is complete")


def _of_nobody(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Leave out who wrote the file: it is to belong to whoever unpacks it."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member
