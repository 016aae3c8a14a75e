"""Writes the report on a folder of results; as a process, `python -m job.page`, on the folder that stdin names."""

import json
import signal
import sys
from pathlib import Path

from job import audit
from job.config.run_config import Layout
from job.errors import DataError
from job.report import page
from job.report.charts import figures
from job.report.worker import UNWRITABLE
from job.results import run
from job.results.schema import METRICS


def write(source: Path, target: Path, layout: Layout) -> None:
    """Write the report on the results in `source` into `target`.

    Raises:
        DataError: if a file is missing or damaged, or scikit-learn finds other figures in the predictions.
    """
    results = run.read_metrics(source)
    chosen, compared = results.pictured(), results.comparison is not None
    predictions = run.read_predictions(source, len(results.per_class), chosen, compared=compared)
    if differences := audit.differences(results, predictions):
        raise DataError(f"{source / METRICS}: {differences[0]}; the files are of different runs, train again")
    images = run.read_samples(source, chosen)
    augmented = run.read_augmented(source, results.config)
    for name, content in page.render(results, predictions, images, augmented, layout).items():
        path = target / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)


def _main() -> None:
    import pandas as pd  # noqa: F401 - now, while there is time: it is used only later
    import sklearn.metrics  # noqa: F401

    figures.warm_up()
    if request := sys.stdin.read():  # nothing, where the other process ended
        folder, layout = json.loads(request)
        try:
            write(Path(folder), Path(folder), layout)
        except OSError as error:
            print(error.errno, file=sys.stderr)
            sys.exit(UNWRITABLE)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal, which sends it to both
    _main()
