"""Has the report rendered by a process of its own, while this one trains.

That process imports its libraries while TensorFlow is imported here: two imports in one process would take turns.
"""

import subprocess
import sys
from pathlib import Path
from typing import Self

ROOT = Path(__file__).parents[1]


class Reporter:
    """A process that imports what a report takes and is then ready to render one.

    To be used as a context manager. It ends with the process that began it, however that ends.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "job.page"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def page(self, folder: Path) -> str:
        """The report on the results in `folder` as HTML.

        Raises:
            RuntimeError: if it gives none, which is a bug: the results were written a moment ago.
        """
        text, complaint = self._process.communicate(str(folder.absolute()))
        if self._process.returncode:
            raise RuntimeError(f"no report on the results just written:\n{complaint}")
        return text
