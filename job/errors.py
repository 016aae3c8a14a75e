"""Defines the errors that the job reports, each with its exit status.

Where BSD's `sysexits.h` has a number for the case, the job uses it.
"""

from typing import ClassVar


class JobError(Exception):
    """An error that the user can fix. Its message is one line: what is wrong, where, and what to do."""

    exit_status: ClassVar[int]

    def __str__(self) -> str:
        """The message; what is not printable, such as a line break in the name of a file, is escaped as in Python."""
        letters = super().__str__()
        return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in letters)


class UsageError(JobError):
    """An option or setting is unknown, out of range, or contradicts another."""

    exit_status = 64


class DataError(JobError):
    """An input file is missing, damaged or of the wrong kind."""

    exit_status = 65


class PredictionsError(DataError, ValueError):
    """Predictions that this job did not make are not usable; from Python, this is also a ValueError."""


class DeviceError(JobError):
    """The requested device is not available."""

    exit_status = 69


class PackageError(JobError):
    """A required package is not installed."""

    exit_status = 69


class ResourceError(JobError):
    """A limit of the system is too low: on processes, files or memory."""

    exit_status = 69


class OutputError(JobError):
    """The output folder, stdout or MLflow cannot be written."""

    exit_status = 73


class DivergenceError(JobError):
    """Training diverged: a loss is not a number below `DIVERGED_LOSS`, or a prediction is not a finite number."""

    exit_status = 79


class GateError(JobError):
    """A gate was missed; the first one of a sweep is that every run finishes.

    The report is written, unless no run of a sweep has a result.
    """

    exit_status = 1


DIVERGED_LOSS = 1e12
"""No useful training comes near it."""

BUG = 70

EXIT_STATUSES = {
    0: "success: the report is written",
    GateError.exit_status: (
        "gate: a metric missed its bound, or a run of a sweep has no result; "
        "the report is written, unless no run has a result"
    ),
    UsageError.exit_status: "usage: an unknown option, or a value out of range",
    DataError.exit_status: "data: an input file is missing, damaged or of the wrong kind",
    DeviceError.exit_status: "resource: a device or package is missing, or a limit of the system is too low",
    BUG: "bug: an error in the job itself, with a traceback",
    OutputError.exit_status: "output: the output folder, stdout or MLflow cannot be written",
    DivergenceError.exit_status: "divergence: the loss is NaN, infinite or at least 1e12",
    129: "stopped by SIGHUP (the terminal was closed)",
    130: "stopped by SIGINT (Ctrl-C)",
    134: "aborted by TensorFlow, usually because a limit on threads or memory is too low",
    137: "killed by the kernel, usually because memory ran out",
    139: "crashed in a library written in C",
    143: "stopped by SIGTERM (docker stop)",
}
"""The meaning of each exit status, as in `--help`."""
