"""The job: its stages in their order. No stage knows of a later one, and only this module sees them all."""

from job import interruption

if __name__ == "__main__":
    interruption.install()  # before the slow imports

import datetime
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from job import cli
from job.config import Config
from job.errors import BUG, DataError, JobError
from job.progress import Stopwatch, configure_log

if TYPE_CHECKING:
    from job.results import Results


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job; returns the exit status.

    Args:
        argv: the words of the command line, those of the process if None.
    """
    try:
        command = cli.parse(sys.argv[1:] if argv is None else argv)
        configure_log(command.log_level)
        print({"train": train, "render": render}[command.name](command.config), flush=True)
    except JobError as error:
        print(f"fashion-job: error: {error}", file=sys.stderr)
        return error.exit_status
    except Exception:  # noqa: BLE001 - whatever it is, it is our bug
        traceback.print_exc()
        print("fashion-job: error: this is a bug in the job; please report it with the lines above", file=sys.stderr)
        return BUG
    return 0


def train(config: Config) -> str:
    """Train, judge and report; returns the result in one line."""
    from job import data, device, environment, evaluation, output, results, sources

    started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    stopwatch = Stopwatch()
    folder = Path(config.output)
    output.prepare(folder)
    with stopwatch.stage("data") as stage:
        dataset = data.load(sources.find(config.data))
        n_train = dataset.n_train(config.validation_split)
        output.demand_space(folder, results.size_bytes(len(dataset.test_images), dataset.n_classes))
        stage.summary = str(dataset)
    with stopwatch.stage("tensorflow") as stage:
        used = device.start(config.device)
        stage.summary = str(used)

    from job import model, training  # they import TensorFlow, which talks unless device.start has hushed it

    with stopwatch.stage("training") as stage:
        network = model.build(dataset.n_classes, config.learning_rate, config.seed)
        history = training.train(network, dataset, config)
        stage.summary = f"{model.describe(network)}: {config.epochs} x {n_train:,} images"
    with stopwatch.stage("evaluation") as stage:
        probabilities = evaluation.predict(network, dataset.test_images)
        judgement = evaluation.judge(dataset.test_labels, probabilities, dataset.class_names, config.seed)
        stage.summary = f"loss {judgement.loss:.4f}, accuracy {judgement.accuracy:.4f} (n = {len(probabilities):,})"

    outcome = results.Results(
        **vars(judgement),
        started=started,
        command=config.command(),
        model=model.describe(network),
        history=results.History(**history),
        config=config,
        environment=environment.describe(used),
        data=results.summarise(dataset, n_train),
        timings_s=stopwatch.timings_s(),
    )
    with stopwatch.stage("report") as stage, output.staged(folder) as staging:
        network.save(staging / results.MODEL)
        results.write(staging, outcome, dataset, probabilities)
        stage.summary = _write_report(staging, staging)
    return _result(outcome, folder)


def render(config: Config) -> str:
    """Make the report again from the files of an earlier run; returns the result in one line."""
    from job import output, results

    folder = Path(config.output)
    with Stopwatch().stage("report") as stage, output.staged(folder) as staging:
        stage.summary = _write_report(folder, staging)
    return _result(results.read_metrics(folder), folder)


def _write_report(source: Path, target: Path) -> str:
    """Render the results in `source` into `target`; returns what was written, in words."""
    from job import audit, report, results

    outcome = results.read_metrics(source)
    predictions = results.read_predictions(source, len(outcome.per_class))
    if differences := audit.differences(outcome, predictions):
        raise DataError(f"{source / results.METRICS}: {differences[0]}; the files are of different runs, train again")
    page = report.render(outcome, predictions, results.read_samples(source, outcome.samples))
    (target / report.FILE).write_text(page, encoding="utf-8")
    return f"{report.FILE}, {(target / report.FILE).stat().st_size / 1000:.0f} kB"


def _result(outcome: "Results", folder: Path) -> str:
    return f"accuracy {outcome.accuracy:.4f} on {outcome.data.n_test:,} test images: {folder / 'index.html'}"


if __name__ == "__main__":
    raise SystemExit(main())
