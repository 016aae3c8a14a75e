"""Has the report written by a process of its own, while this one trains.

That process imports its libraries while TensorFlow is imported here: two imports in one process would take turns.
"""

import json
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Self

from job.layout import Layout

ROOT = Path(__file__).parents[1]


class Reporter:
    """A process that imports what a report takes and is then ready to write one.

    To be used as a context manager. It ends with the process that began it, however that ends.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "job.page"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def write(self, folder: Path, layout: Layout) -> Future[None]:
        """Begin to write the report on the results in `folder` into it.

        Its result raises a RuntimeError if that fails, which is a bug: the results were written a moment ago.
        """
        return ThreadPoolExecutor(1).submit(self._write, json.dumps([str(folder.absolute()), layout]))

    def _write(self, request: str) -> None:
        _, complaint = self._process.communicate(request)
        if self._process.returncode:
            raise RuntimeError(f"no report on the results just written:\n{complaint}")
