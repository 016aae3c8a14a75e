"""What can go wrong, each with its exit status.

The numbers are those of BSD's `sysexits.h` where it has one for the case.
"""

from typing import ClassVar


class JobError(Exception):
    """An error the user can mend. Its message is one line: what is wrong, where, and what to do."""

    exit_status: ClassVar[int]


class UsageError(JobError):
    """The command line asks for something that does not exist or makes no sense."""

    exit_status = 64


class DataError(JobError):
    """A file that is read is missing, damaged or not what it should be."""

    exit_status = 65


class DeviceError(JobError):
    """The device asked for is not there."""

    exit_status = 69


class PackageError(JobError):
    """A package that an option needs is not installed."""

    exit_status = 69


class OutputError(JobError):
    """The output folder, or stdout in its place, cannot be written."""

    exit_status = 73


class DivergenceError(JobError):
    """Training left the finite numbers."""

    exit_status = 79


BUG = 70

EXIT_STATUSES = {
    0: "the report is written",
    UsageError.exit_status: "usage: an unknown option or a value out of range",
    DataError.exit_status: "data: a file that is read is missing, damaged or not what it should be",
    DeviceError.exit_status: "device or package: none of the kind asked for, or not installed",
    BUG: "a bug in the job itself, with a traceback",
    OutputError.exit_status: "output: the folder or the stream cannot be written",
    DivergenceError.exit_status: "training diverged: the loss is no longer a finite number",
    130: "stopped by SIGINT (Ctrl-C)",
    143: "stopped by SIGTERM (docker stop)",
}
"""What each exit status means, in the words of `--help`."""
