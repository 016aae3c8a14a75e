"""The job's own temporary folder, so that libraries leave no files in the system's."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from job.errors import OutputError
from job.system import signals

FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def private_temporary_folder() -> Iterator[None]:
    """Direct the temporary files of this process and its children into a new folder; remove it after the block.

    Raises:
        OutputError: If no temporary folder can be written, or one becomes full.
    """
    try:
        parent = tempfile.gettempdir()
    except FileNotFoundError as error:
        remedy = "name one in TMPDIR, or mount one (docker run --tmpfs /tmp …)"
        raise OutputError(f"no temporary folder is writable; {remedy}") from error
    folder = Path(parent, f"fashion-job-{os.urandom(8).hex()}")  # known before it exists: a signal may arrive at once
    with signals.on_exit(lambda: shutil.rmtree(folder, ignore_errors=True)):
        try:
            folder.mkdir(mode=0o700)
            _use(str(folder))
            yield
        except OSError as error:
            if error.errno not in FULL:
                raise
            remedy = "free some space there, or name another one in TMPDIR"
            raise OutputError(f"the temporary folder {parent} is full; {remedy}") from error
        finally:
            _use(parent)


def is_to_blame(error: OSError, folder: Path) -> bool:
    """Whether the temporary folder is full, and not the output folder `folder`."""
    temporary = tempfile.gettempdir()
    if error.filename:
        path = Path(str(error.filename))
        return error.errno in FULL and path.is_relative_to(temporary) and not path.is_relative_to(folder)
    return error.errno == errno.ENOSPC and shutil.disk_usage(temporary).free < shutil.disk_usage(folder).free


def _use(folder: str) -> None:
    tempfile.tempdir = os.environ["TMPDIR"] = folder
