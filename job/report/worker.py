"""Has the report written by a process of its own, while this one trains.

That process imports its libraries while TensorFlow is imported here: two imports in one process would take turns.
"""

import json
import os
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Self

from job.config.run_config import Layout
from job.errors import OutputError

ROOT = Path(__file__).parents[2]
UNWRITABLE = 74
"""The exit status of that process where a file cannot be written; stderr then says the system's error number."""


class Reporter:
    """A process that imports what a report takes and is then ready to write one.

    To be used as a context manager. It ends with the process that began it, however that ends.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "job.report.build"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the process, if it has not ended yet."""
        self._process.kill()
        self._process.wait()
        for stream in filter(None, (self._process.stdin, self._process.stderr)):
            with suppress(OSError):  # of words that were on their way
                stream.close()

    def write(self, folder: Path, layout: Layout) -> Future[None]:
        """Begin to write the report on the results in `folder` into it.

        Its result raises an OSError if a file cannot be written, an OutputError if the system killed the process, and
        a RuntimeError for all else, which is a bug: the results were written a moment ago.
        """
        return ThreadPoolExecutor(1).submit(self._write, json.dumps([str(folder.absolute()), layout]))

    def _write(self, request: str) -> None:
        _, complaint = self._process.communicate(request)
        status = self._process.returncode
        if status == UNWRITABLE:
            raise OSError(int(complaint), os.strerror(int(complaint)))
        if status < 0:
            raise OutputError(
                f"the process that writes the report was killed (signal {-status}), for want of memory most of the "
                "time; give it more"
            )
        if status:
            raise RuntimeError(f"no report on the results just written:\n{complaint}")
