"""Tells GitHub Actions about a run: its summary on the page of the workflow, and an annotation for each missed gate."""

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from job.evaluation.gate_result import GateResult
from job.log import log
from job.results.file_names import CI, SUMMARY

VARIABLE = "GITHUB_STEP_SUMMARY"
MOST_ANNOTATIONS = 10  # of each kind in a step, by GitHub


def append_step_summary(folder: Path) -> None:
    """Append `ci/summary.md` in the output folder to the file that GITHUB_STEP_SUMMARY names, if it is set.

    If that file is missing or cannot be written, a warning says so.
    """
    name = os.environ.get(VARIABLE)
    if not name:
        return
    try:
        _append(name, (folder / CI / SUMMARY).read_bytes())
    except OSError as error:
        log.warning("%s: %s cannot be written (%s); see %s/%s", VARIABLE, name, error.strerror, CI, SUMMARY)


def _append(name: str, text: bytes) -> None:
    """Append to a regular file that exists; the runner creates it."""
    descriptor = os.open(name, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        os.write(descriptor, b"\n" + text if status.st_size else text)
    finally:
        os.close(descriptor)


def print_annotations(gates: Sequence[GateResult]) -> None:
    """Print a workflow command for each missed gate, at most ten, if this is GitHub Actions.

    If stdout is closed or full, a warning says so.
    """
    lines = list_annotations(gates) if os.environ.get("GITHUB_ACTIONS") == "true" else []
    if lines:
        try:
            print("\n".join(lines), flush=True)
        except OSError as error:
            log.warning("stdout cannot be written (%s), so the annotations of missed gates are lost", error.strerror)


def list_annotations(gates: Sequence[GateResult]) -> list[str]:
    """The workflow commands, errors first; if there are more than ten, the last one says how many."""
    missed = sorted((each for each in gates if each.is_error or each.is_warning), key=lambda each: not each.is_error)
    lines = [
        f"::{_name_severity(each)} title={escape_property(each.label)}::{escape_data(each.sentence)}" for each in missed
    ]
    if len(lines) > MOST_ANNOTATIONS:
        n_more = len(lines) - MOST_ANNOTATIONS + 1
        severity = _name_severity(missed[MOST_ANNOTATIONS - 1])
        lines[MOST_ANNOTATIONS - 1 :] = [f"::{severity} title=More gates missed::{n_more} more gates are missed"]
    return lines


def _name_severity(result: GateResult) -> str:
    return "error" if result.is_error else "warning"


def escape_data(text: str) -> str:
    """Escape the message of a workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escape_property(text: str) -> str:
    """Escape a property of a workflow command."""
    return escape_data(text).replace(":", "%3A").replace(",", "%2C")
