"""The command line: reads the options, runs a command, and turns errors into one line and an exit status."""

from job.system import isolation, limits, signals

if __name__ == "__main__":
    signals.install()  # before the slow imports
    isolation.isolate()

import os
import sys
import traceback
from collections.abc import Sequence

from job.config import cli
from job.config.run_config import STREAM
from job.errors import BUG, JobError, OutputError, PackageError
from job.log import configure_log, log_stage
from job.system.standard_streams import open_streams

MISSING_PACKAGE = (
    "this Python lacks the package {}; start the job with `make run`, which installs all packages, or use its Docker "
    "image"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job; returns the exit status.

    Args:
        argv: Arguments of the command line; those of the process if None.
    """
    try:
        command = cli.parse(sys.argv[1:] if argv is None else argv)
        configure_log(command.log_level)
        if command.sources:
            log_stage("settings", f"from {', '.join(command.sources)}")
        with limits.explained():
            limits.require_files()
            result = _run(command)
        if command.config.output == STREAM:
            print(result, file=sys.stderr)  # stdout has the archive
        else:
            _print_result(result, "" if command.serve else ", but the report is in place")
    except JobError as error:
        print(f"fashion-job: error: {error}", file=sys.stderr)
        return error.exit_status
    except Exception as error:  # noqa: BLE001 - any other exception is our bug
        if isinstance(error, ModuleNotFoundError) and error.name and "." not in error.name and error.name != "job":
            print(f"fashion-job: error: {MISSING_PACKAGE.format(error.name)}", file=sys.stderr)
            return PackageError.exit_status
        traceback.print_exc()
        print("fashion-job: error: this is a bug in the job; please report it with the above", file=sys.stderr)
        return BUG
    return 0


def _run(command: cli.Command) -> str:
    """Run a command; returns the result in one line. Here, because --help and usage errors do not load NumPy."""
    if command.serve:
        from job.serving.server import serve

        return serve(command.serve)
    if command.sweep:
        if command.sweep.search:
            from job.sweep.search import run_search

            return run_search(command.sweep)
        from job.sweep.sweep import run_sweep

        return run_sweep(command.sweep)
    from job.system.temporary_folder import private_temporary_folder

    with private_temporary_folder():
        if command.files:
            from job.predictions_report.command import report_into

            return report_into(command.config, command.files)
        from job import pipeline

        return {"train": pipeline.train_into, "render": pipeline.render}[command.name](command.config)


def _print_result(result: str, consolation: str) -> None:
    try:
        cli.print_to_stdout(f"{result}\n")
    except OutputError as error:
        raise OutputError(f"{error}{consolation}: {result}") from error


if __name__ == "__main__":
    open_streams()
    status = main()
    os._exit(status)  # skips TensorFlow's teardown, which is slow and cannot handle signals
