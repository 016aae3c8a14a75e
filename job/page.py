"""Renders the report on a folder of results; as a process, `python -m job.page`, on the folder that stdin names."""

import signal
import sys
from contextlib import suppress
from pathlib import Path

from job import audit, report, saved
from job.errors import DataError
from job.results import METRICS


def page(folder: Path) -> str:
    """The report on the results in `folder` as HTML.

    Raises:
        DataError: if a file is missing or damaged, or scikit-learn finds other figures in the predictions.
    """
    outcome = saved.read_metrics(folder)
    predictions = saved.read_predictions(folder, len(outcome.per_class), outcome.samples.indices())
    if differences := audit.differences(outcome, predictions):
        raise DataError(f"{folder / METRICS}: {differences[0]}; the files are of different runs, train again")
    return report.render(outcome, predictions, saved.read_samples(folder, outcome.samples))


def _main() -> None:
    import pandas as pd  # noqa: F401 - now, while there is time: it is used only later
    import sklearn.metrics  # noqa: F401

    if folder := sys.stdin.read():  # nothing, where the other process ended
        sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr] # it is a text file
        with suppress(BrokenPipeError):
            sys.stdout.write(page(Path(folder)))
            sys.stdout.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal, which sends it to both
    _main()
