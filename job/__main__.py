"""The command line: reads the options, runs a command, and turns errors into one line and an exit status."""

from job.system import isolation, limits, signals

if __name__ == "__main__":
    signals.install()  # before the slow imports
    isolation.isolate()

import os
import sys
import time
import traceback
from collections.abc import Sequence
from typing import NoReturn

from job.config import cli
from job.config.parsers import print_to_stdout
from job.config.run_config import STREAM
from job.errors import BUG, GateError, JobError, OutputError, PackageError
from job.log import configure_log, log_stage
from job.system.packages import describe_missing
from job.system.standard_streams import open_streams


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job; returns the exit status.

    Args:
        argv: Arguments of the command line; those of the process if None.
    """
    started = time.monotonic()
    try:
        command = cli.parse(sys.argv[1:] if argv is None else argv)
        configure_log(command.log_level)
        if command.sources:
            log_stage("settings", f"from {', '.join(command.sources)}")
        with limits.explained():
            limits.require_files()
            if not command.serve:  # which needs far less
                limits.require_address_space()
            result, problem = _run(command, started)
        if command.config.output == STREAM:
            print(result, file=sys.stderr)  # stdout has the archive
        else:
            _print_result(result, "" if command.serve else ", but the report is in place")
        _require_success(problem)
    except JobError as error:
        print(f"fashion-job: error: {error}", file=sys.stderr)
        return error.exit_status
    except Exception as error:  # noqa: BLE001 - any other exception is our bug
        if isinstance(error, ModuleNotFoundError) and error.name and "." not in error.name and error.name != "job":
            print(f"fashion-job: error: {describe_missing(error.name)}", file=sys.stderr)
            return PackageError.exit_status
        traceback.print_exc()
        print("fashion-job: error: this is a bug in the job; please report it with the above", file=sys.stderr)
        return BUG
    return 0


def _run(command: cli.Command, started: float) -> tuple[str, str]:
    """Run a command that `started` at this monotonic time.

    Returns the result in one line, and another line about missed gates and failed runs, which is empty without any.

    The imports are here, because --help and usage errors do not load NumPy.
    """
    if command.serve:
        from job.serving.server import serve

        return serve(command.serve), ""
    if command.sweep:
        if command.sweep.search:
            from job.sweep.search import run_search

            swept = run_search(command.sweep)
        else:
            from job.sweep.sweep import run_sweep

            swept = run_sweep(command.sweep)
        return swept.describe(command.sweep.config.summary, time.monotonic() - started), swept.problem
    from job.system.temporary_folder import private_temporary_folder

    with private_temporary_folder():
        if command.files:
            from job.predictions_report.command import report_into

            done = report_into(command.config, command.files)
        else:
            from job import pipeline

            done = {"train": pipeline.train_into, "render": pipeline.render}[command.name](command.config)
    from job.results.gate_outcome import describe_missed

    return done.describe(command.config.summary, time.monotonic() - started), describe_missed(done.gates)


def _print_result(result: str, consolation: str) -> None:
    try:
        print_to_stdout(f"{result}\n")
    except OutputError as error:
        raise OutputError(f"{error}{consolation}: {result}") from error


def _require_success(problem: str) -> None:
    if problem:
        raise GateError(problem)


def run() -> NoReturn:
    """Run the job as a program: with streams of its own, and without TensorFlow's slow teardown at the end."""
    open_streams()
    status = main()
    os._exit(status)  # that teardown cannot handle signals either


if __name__ == "__main__":
    run()
