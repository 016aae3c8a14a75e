"""Evaluates a run and writes its report in a second process.

The second process imports pandas, scikit-learn, SciPy and matplotlib while the first one imports TensorFlow; within one
process the imports would take turns.
"""

import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypedDict

import msgspec

from job.config.run_config import Layout
from job.errors import OutputError
from job.results.file_names import EXPORTS

if TYPE_CHECKING:
    from job.results.schema import RunRecord

ROOT = Path(__file__).parents[2]
UNWRITABLE = 74
"""Exit status of the second process if it cannot write a file; it then prints the system's error number to stderr."""


class Request(TypedDict):
    """What the first process writes to stdin of the second one, as one line of JSON.

    Attributes:
        folder: Folder of predictions.csv and samples.npz; metrics and report are written into it.
        layout: Layout of the report.
        record: What is known of the run, as JSON of `RunRecord`.
        export: Whether to write the card of exported models.
    """

    folder: str
    layout: Layout
    record: object
    export: bool


class Scores(TypedDict):
    """What the second process writes to stdout, as one line of JSON, when it has evaluated the predictions."""

    accuracy: float
    loss: float
    n_test: int


class ReportWorker:
    """The second process, as its parent sees it; a context manager that ends the process.

    The process also ends if its parent does.

    Attributes:
        written: Done when the metrics and the report are written. Its exception is an OSError if a file cannot be
            written, an OutputError if the system killed the process, and a RuntimeError otherwise, which is a bug.
    """

    def __init__(self) -> None:
        self.written: Future[None] = Future()
        self._scores: Future[Scores] = Future()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `stop`; a pipe could fill up and block
        self._process = subprocess.Popen(
            [sys.executable, "-m", "job.report.worker"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            encoding="utf-8",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Kill the process if it is still running."""
        self._process.kill()
        self._process.wait()
        for pipe in filter(None, (self._process.stdin, self._process.stdout)):
            with suppress(OSError):  # data that the process did not read
                pipe.close()
        self._errors.close()

    def evaluate(self, folder: Path, layout: Layout, record: "RunRecord", *, export: bool = False) -> Future[Scores]:
        """Start to evaluate a run, and to write metrics.json and the report afterwards.

        Args:
            folder: Folder of predictions.csv and samples.npz.
            layout: Layout of the report.
            record: What is known of the run.
            export: Whether to write the card of exported models.

        Returns:
            The scores of the run; the same exceptions as `written`.
        """
        request = Request(
            folder=str(folder.absolute()), layout=layout, record=msgspec.to_builtins(record), export=export
        )
        threading.Thread(target=self._follow, args=(json.dumps(request),), daemon=True).start()
        return self._scores

    def _follow(self, request: str) -> None:
        """Send the request and complete both futures."""
        try:
            self._scores.set_result(self._exchange(request))
            self._finish()
            self.written.set_result(None)
        except Exception as error:  # noqa: BLE001 - whoever waits for a future raises it
            for future in (self._scores, self.written):
                if not future.done():
                    future.set_exception(error)

    def _exchange(self, request: str) -> Scores:
        stdin, stdout = self._process.stdin, self._process.stdout
        with suppress(BrokenPipeError):  # `_finish` raises the reason
            print(request, file=stdin, flush=True)
        line = stdout.readline() if stdout else ""
        if not line:
            self._finish()
        scores: Scores = json.loads(line)
        return scores

    def _finish(self) -> None:
        """Wait for the end of the process.

        Raises:
            OSError: If the process could not write a file.
            OutputError: If the system killed the process.
            RuntimeError: If the process failed for another reason.
        """
        status = self._process.wait()
        if status == 0:
            return
        if status < 0:
            raise OutputError(
                f"the report process was killed (signal {-status}), usually because memory ran out; give it more"
            )
        self._errors.seek(0)
        text = self._errors.read().decode(errors="replace")
        if status == UNWRITABLE:
            number = int(text.split()[-1])
            raise OSError(number, os.strerror(number))
        raise RuntimeError(f"the report process failed on results that were just written:\n{text}")


def main() -> None:
    """Serve one request from stdin; the second process runs this."""
    for name in ("pandas", "scipy.stats", "sklearn.metrics"):
        importlib.import_module(name)  # now, because it takes long

    from job.report import page_charts

    page_charts.warm_up()
    if line := sys.stdin.readline():  # nothing if the parent ended
        try:
            _serve(json.loads(line))
        except OSError as error:
            print(error.errno, file=sys.stderr)
            sys.exit(UNWRITABLE)


def _serve(request: Request) -> None:
    from job.report.build import build_report
    from job.results.run import Run
    from job.results.schema import RunRecord

    folder = Path(request["folder"])
    run = Run.from_files(folder, msgspec.convert(request["record"], RunRecord))
    evaluation = run.evaluation
    print(json.dumps(Scores(accuracy=evaluation.accuracy, loss=evaluation.loss, n_test=evaluation.n_test)), flush=True)
    run.write_metrics(folder)
    build_report(run, folder, request["layout"])
    if request["export"]:
        from job.report.model_card import write_model_card

        (folder / EXPORTS).mkdir(exist_ok=True)
        write_model_card(folder / EXPORTS, run)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to both processes; the parent handles it
    main()
