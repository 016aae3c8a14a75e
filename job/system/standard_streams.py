"""Standard streams that still work if they are closed, non-blocking or broken."""

import io
import os
import select
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

STDOUT, STDERR = 1, 2


class WaitingFile(io.FileIO):
    """Waits for its reader even if another program made the pipe non-blocking."""

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write some of the data; return how many bytes."""
        while (n_bytes := super().write(data)) is None:  # the pipe is full
            select.select([], [self], [])
        return n_bytes


class ForgivingFile(WaitingFile):
    """Discards what cannot be written, because a log that nobody can read must not stop the job."""

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write or discard some of the data; return how many bytes."""
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


def open_streams() -> None:
    """Replace stdout and stderr. Writing to stdout can raise an OSError; writing to stderr never does.

    Streams that the caller closed are first opened on the null device. Otherwise the next file that the job opens would
    get their descriptor.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)  # read-only, so that writing to it still fails
    stdout = as_text(WaitingFile(STDOUT, "w", closefd=False))
    stderr = as_text(ForgivingFile(STDERR, "w", closefd=False))
    for name, stream in (("stdout", stdout), ("stderr", stderr)):
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def as_text(file: io.FileIO) -> io.TextIOWrapper:
    """Write text to the file, line by line."""
    return io.TextIOWrapper(io.BufferedWriter(file), encoding="utf-8", errors="backslashreplace", line_buffering=True)
