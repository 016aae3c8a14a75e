"""Evaluates a run and writes its report in a second process.

The second process imports pandas, scikit-learn, SciPy and matplotlib while the first one imports TensorFlow; one
process would run these imports one after another. This saves 11 % of the wall time of a baseline run (median of 8 pairs
on two cores). The process reads one line of JSON, the arguments of `ReportWorker.evaluate`, and prints the scores as
another line.
"""

import importlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self, TextIO

import msgspec

from job.config.run_config import Layout
from job.errors import ResourceError
from job.results.file_names import CARD, EXPORTS
from job.system import isolation, limits
from job.system.child_process import build_environment, child_process, end
from job.system.packages import require_packages

if TYPE_CHECKING:
    from job.report.ci.finished import Scores
    from job.results.schema import RunRecord

PACKAGES = ("pandas", "scipy", "sklearn", "matplotlib", "seaborn", "jinja2", "prometheus_client")
SYSTEM_ERROR = 128
"""Exit status of the second process if it cannot write a file, plus the system's error number.

The statuses below are free for others: Python exits with 120 if it cannot flush its streams at the end.
"""


class ReportWorker:
    """Controls the second process; as a context manager, it ends the process.

    The process also ends if its parent does.
    """

    def __init__(self) -> None:
        require_packages(PACKAGES)  # now, not after the training
        self._exits = ExitStack()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed on exit; a pipe could fill up and block
        self._exits.enter_context(self._errors)
        process = child_process(
            (sys.executable, "-m", "job.report.worker"),
            env=build_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            encoding="utf-8",
        )
        self._process = self._exits.enter_context(process)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(BrokenPipeError):  # it has a request that the process did not read
            self._exits.close()

    def stop(self) -> None:
        """Kill the process and wait for its end; a signal handler may call this."""
        end(self._process)

    def evaluate(self, folder: Path, layout: Layout, record: "RunRecord", *, export: bool = False) -> "Scores":
        """Wait for the evaluation of a run; the process writes metrics.json and the report afterwards.

        The folder has predictions.csv and samples.npz; the record describes the run before its evaluation. With
        `export`, the process also writes the card of the exported models.

        Raises:
            OSError: If a file cannot be read or written.
            ResourceError: If a limit of the system stopped the process, or the system killed it.
            RuntimeError: If the process failed for another reason, which is a bug.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        request = json.dumps(msgspec.to_builtins((str(folder.absolute()), layout, record, export)))
        with suppress(BrokenPipeError):  # `finish` raises the reason
            print(request, file=stdin, flush=True)
        line = stdout.readline() if stdout else ""
        if not line:
            self.finish()
        from job.report.ci.finished import Scores

        return msgspec.json.decode(line, type=Scores)

    def finish(self) -> None:
        """Wait until the metrics and the report are written; raises the same errors as `evaluate`."""
        status = self._process.wait()
        if status == 0:
            return
        if status < 0:
            raise ResourceError(
                f"the report process was killed (signal {-status}), usually because memory ran out; give it more"
            )
        if status > SYSTEM_ERROR:
            raise OSError(status - SYSTEM_ERROR, os.strerror(status - SYSTEM_ERROR))
        self._errors.seek(0)
        text = self._errors.read().decode(errors="replace")
        if status == ResourceError.exit_status:
            raise ResourceError(text.splitlines()[-1])
        raise RuntimeError(f"the report process failed on results that were just written:\n{text}")


def main() -> None:
    """Serve one request from stdin; the second process runs this."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    reply = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # so that nothing else gets between the replies
    for name in ("pandas", "scipy.stats", "sklearn.metrics", "prometheus_client"):
        importlib.import_module(name)  # now, because it takes long

    isolation.import_matplotlib()
    from job.report import page_charts

    page_charts.warm_up()
    if request := sys.stdin.readline():  # nothing if the parent ended
        try:
            _serve(request, reply)
        except OSError as error:
            if error.errno is None:  # Jinja's, about a missing template
                raise
            sys.exit(SYSTEM_ERROR + error.errno)


def _end_with_parent() -> None:
    """End this process at once when its parent ends: nobody holds the other end of stdin any more."""
    parent = select.poll()
    parent.register(0, 0)  # no event but the end
    parent.poll()
    os._exit(0)


def _serve(request: str, reply: TextIO) -> None:
    from job.report.ci.finished import Scores
    from job.report.model_card import render_model_card
    from job.report.page import write_report
    from job.results.run import Run
    from job.results.schema import RunRecord

    path, layout, record, export = json.loads(request)
    folder = Path(path)
    run = Run.from_files(folder, msgspec.convert(record, RunRecord))
    print(json.dumps(msgspec.to_builtins(Scores.from_run(run))), file=reply, flush=True)
    run.write_metrics(folder)
    write_report(run, folder, layout, try_it=not (run.training and run.training.config.no_try_it))
    if export:
        (folder / EXPORTS).mkdir(exist_ok=True)
        (folder / EXPORTS / CARD).write_text(render_model_card(run), encoding="utf-8")


if __name__ == "__main__":
    isolation.isolate()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to both processes; the parent handles it
    try:
        with limits.explained():
            main()
    except ResourceError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_status)
