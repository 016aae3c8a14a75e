"""Opens the files that the job reads: regular files of bounded size, and nothing else."""

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

CHUNK = 2**16
"""Bytes to read at a time beyond the size of a file."""


def open_regular(path: Path, max_bytes: int) -> BufferedReader:
    """Open a regular file of at most `max_bytes` bytes for reading.

    Opening never waits, and the opened file itself is checked, so nobody can replace it between check and use.

    Raises:
        OSError: If it cannot be opened, is larger, or is something else, such as a folder, FIFO, socket or device. The
            reason is in its `strerror`.
    """
    flags = os.O_NONBLOCK | os.O_NOCTTY  # opening a FIFO would wait for a writer
    file = open(path, "rb", opener=lambda name, default: os.open(name, default | flags))  # noqa: SIM115 - the caller closes it; Path.open takes no flags
    status = os.fstat(file.fileno())
    if stat.S_ISREG(status.st_mode) and status.st_size <= max_bytes:
        return file
    file.close()
    if stat.S_ISREG(status.st_mode):
        raise _refusal(path, f"Larger than {max_bytes:,} bytes")
    raise _refusal(path, "Not a regular file")


def read_regular(path: Path, max_bytes: int) -> bytes:
    """Read a regular file of at most `max_bytes` bytes.

    Raises:
        OSError: As `open_regular`, and if the file turns out to be larger or cannot be read.
    """
    with open_regular(path, max_bytes) as file:
        content = file.read(os.fstat(file.fileno()).st_size) or b""
        while len(content) <= max_bytes and (chunk := file.read(CHUNK)):  # None if /proc has nothing to read yet
            content += chunk
    if len(content) > max_bytes:  # it has grown, or has no size, as in /proc
        raise _refusal(path, f"Larger than {max_bytes:,} bytes")
    return content


def _refusal(path: Path, reason: str) -> OSError:
    return OSError(errno.EINVAL, reason, str(path))
