"""The folder of a sweep: its plan, its lock and its finished runs."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec

from job import __version__
from job.config.run_config import OPTIONS
from job.config.sweep_config import SweepRequest
from job.errors import DataError, JobError, OutputError, UsageError
from job.results.file_names import CHECKSUMS, METRICS
from job.results.metrics_json import read_record
from job.results.output_folder.os_errors import as_output_error
from job.sweep.plan import Plan, PlannedRun
from job.system.regular_file import read_regular

PLAN, RUNS, LOGS = "plan.json", "runs", "logs"
STUDY, TRIALS = "search.log", "trials.csv"  # of a search
SCHEMA_VERSION = 1
MAX_BYTES = 2**24

Content = Mapping[str, Any]
"""The content of plan.json: what is to run, and nothing about this machine but the threads."""


@dataclass(frozen=True)
class FinishedRun:
    """A finished run: its accuracy on the test images, and its wall time in seconds."""

    accuracy: float
    wall_time_s: float


@contextmanager
def lock_sweep(folder: Path, *, shared: bool = False) -> Iterator[None]:
    """Create the folder, and keep other sweeps out of it; several processes may share it for one run each.

    Raises:
        OutputError: If the folder cannot be written, or another sweep runs there.
    """
    with as_output_error(folder):
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise OutputError(
                f"--output {folder}: another sweep runs in this folder; wait for it, or name another folder"
            ) from error
        except OSError:
            os.close(descriptor)
            raise
    os.set_inheritable(descriptor, shared)  # by the run that replaces this process
    try:
        yield
    finally:
        os.close(descriptor)


def describe_content(request: SweepRequest, plan: Plan, sha256: Mapping[str, str]) -> Content:
    """The content of plan.json; `sha256` is by file of the data set."""
    same = {name: each.value for name, each in request.base.items()}
    same |= {name: values[0] for name, values in request.values().items() if name not in plan.parameters}
    parameters = {OPTIONS[name].key: list(values) for name, values in plan.parameters.items()}
    return {
        "schema_version": SCHEMA_VERSION,
        "version": __version__,
        "parameters": parameters,
        "settings": {OPTIONS[name].key: value for name, value in sorted(same.items())},
        "seeds": write_seeds(request.seeds),
        "runs": len(plan.runs),
        "threads": request.config.threads,
        "data": dict(sha256),
    }


def write_seeds(seeds: Sequence[int]) -> str:
    """Seeds as text, such as `0-9,20`."""
    groups = [[seed for _, seed in group] for _, group in groupby(enumerate(seeds), lambda pair: pair[1] - pair[0])]
    return ",".join(str(group[0]) if len(group) == 1 else f"{group[0]}-{group[-1]}" for group in groups)


def read_plan(folder: Path) -> Content | None:
    """The content of plan.json; None if there is none.

    Raises:
        DataError: If it is damaged.
    """
    try:
        content = json.loads(read_regular(folder / PLAN, MAX_BYTES))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DataError(f"{folder / PLAN}: cannot be read ({error}); start over with --fresh") from error
    return content if isinstance(content, dict) else {}


def write_plan(folder: Path, content: Content) -> None:
    """Write plan.json, or check that the one in the folder is of the same plan.

    Raises:
        UsageError: If it is of another plan.
    """
    if (earlier := read_plan(folder)) is not None:
        if difference := find_difference(earlier, content):
            raise UsageError(
                f"--output {folder}: {PLAN} is of another sweep: {difference}; repeat the command that began it, name "
                "another folder, or start over with --fresh"
            )
        return
    with as_output_error(folder):
        for name in (RUNS, LOGS):
            (folder / name).mkdir(exist_ok=True)
        part = folder / f".{PLAN}-{os.getpid()}"
        part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        part.replace(folder / PLAN)


def find_difference(earlier: Content, content: Content) -> str:
    """The first difference between two plans in words; empty if they are the same."""
    content = json.loads(json.dumps(content))  # tuples become lists
    for key in (*content, *(earlier.keys() - content.keys())):
        before, now = earlier.get(key), content.get(key)
        if before == now:
            continue
        if key == "data":
            return "it has another data set"
        if isinstance(before, dict) and isinstance(now, dict):
            name = next(name for name in (*now, *before) if before.get(name) != now.get(name))
            label = name if key in {"parameters", "settings"} else f"{key} {name}"
            return f"{label} is {_show(before.get(name))} there and {_show(now.get(name))} now"
        return f"{key.replace('_', ' ')} is {_show(before)} there and {_show(now)} now"
    return ""


def _show(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return "not set" if value is None else text[:80]


def remove_sweep(folder: Path) -> None:
    """Remove the runs, logs and trials of the earlier sweep in the folder, and its plan last."""
    if not (folder / PLAN).exists():
        return
    with as_output_error(folder):
        for name in (RUNS, LOGS):
            with suppress(FileNotFoundError):
                shutil.rmtree(folder / name)
        for name in (STUDY, TRIALS):
            (folder / name).unlink(missing_ok=True)
        (folder / PLAN).unlink()


def read_finished(folder: Path, run: PlannedRun) -> FinishedRun | None:
    """What a run reached; None if it is not finished there, or its folder has another one."""
    path = folder / RUNS / run.name
    if not (path / CHECKSUMS).exists():  # a run writes it last
        return None
    try:
        record = read_record(path)
        accuracy = msgspec.json.decode(read_regular(path / METRICS, MAX_BYTES), type=_Stored).evaluation.accuracy
    except (JobError, OSError, msgspec.MsgspecError):
        return None
    if record.training is None or record.training.config.settings() != run.config.settings():
        return None
    return FinishedRun(accuracy, record.provenance.timings_s["total"])


class _StoredEvaluation(msgspec.Struct):
    accuracy: float


class _Stored(msgspec.Struct):
    evaluation: _StoredEvaluation
