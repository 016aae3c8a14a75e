"""The folder of a sweep: its lock and its finished runs."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from job.config.run_config import Config
from job.errors import JobError, OutputError
from job.log import log
from job.results.file_names import CHECKSUMS, METRICS, PAGE, PREDICTIONS, SWEEP_NUMBERS, SWEEP_PLAN, SWEEP_RUNS
from job.results.metrics_json import MAX_BYTES
from job.results.output_folder.manifest import is_owned, read_manifest
from job.results.output_folder.os_errors import as_output_error
from job.results.schema import SCHEMA_VERSION
from job.sweep.plan import PlannedRun
from job.system.regular_file import read_regular

RUNS, LOGS = SWEEP_RUNS, "logs"
TABLE = "sweep.csv"
LOCK = ".lock"
STUDY, TRIALS = "search.log", "trials.csv"  # of a search


@dataclass(frozen=True)
class RunResult:
    """What a finished run reached: its accuracy on the test images, and its wall time in seconds."""

    accuracy: float
    wall_time_s: float


@contextmanager
def lock_sweep(folder: Path, *, shared: bool = False) -> Iterator[None]:
    """Create the folder, and keep other sweeps out of it; several processes may share it for one run each.

    The lock is on a file, because NFS would keep one on a folder local to each client.

    Raises:
        OutputError: If the folder cannot be written, is the output folder of a run, or another sweep runs there.
    """
    with as_output_error(folder):
        if (folder / METRICS).exists():
            raise OutputError(
                f"--output {folder}: is the output folder of a run, whose report the page would replace; name another"
            )
        if not shared and (folder / PAGE).exists() and not any(map(os.path.exists, _mark_sweep(folder))):
            log.warning("%s: the page of the sweep will replace it, although no sweep wrote it", folder / PAGE)
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
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


def _mark_sweep(folder: Path) -> tuple[Path, Path]:
    """The files of which a sweep has written at least one before its page."""
    return folder / SWEEP_PLAN, folder / SWEEP_NUMBERS


def make_folders(folder: Path) -> None:
    """Create the folders of the runs and of their logs."""
    with as_output_error(folder):
        for name in (RUNS, LOGS):
            (folder / name).mkdir(exist_ok=True)


def count_bytes(folder: Path) -> int:
    """The size of the files of the runs, in bytes."""
    return sum(path.lstat().st_size for path in (folder / RUNS).rglob("*") if path.is_file())


def read_finished(folder: Path, run: PlannedRun) -> RunResult | None:
    """What a run reached; None if it is not finished there, is damaged, or its folder has another one."""
    found = _inspect(folder / RUNS / run.name, run)
    return found if isinstance(found, RunResult) else None


def describe_damage(folder: Path, run: PlannedRun) -> str:
    """Why a run that has written its files does not count, such as `is damaged: …`; empty if it counts, or wrote none.

    The text continues a sentence that begins with the run.
    """
    path = folder / RUNS / run.name
    found = _inspect(path, run) if (path / CHECKSUMS).exists() or (path / METRICS).exists() else ""
    return found if isinstance(found, str) else ""


def find_damage(path: Path) -> str:
    """What is wrong with the files that the page reads from the output folder of a run; empty if nothing is."""
    digests = read_manifest(path)  # a run writes it last
    if METRICS not in digests:
        return f"is damaged: {CHECKSUMS} is missing, or does not list {METRICS}"
    for name in (METRICS, PREDICTIONS):
        if not is_owned(path, name, digests):
            return f"is damaged: {name} was changed, or is missing"
    return ""


def _inspect(path: Path, run: PlannedRun) -> RunResult | str:
    """What the run in a folder reached, or what is wrong with it."""
    if damage := find_damage(path):
        return damage
    try:
        stored = msgspec.json.decode(read_regular(path / METRICS, MAX_BYTES), type=_StoredRun)
    except (JobError, OSError, msgspec.MsgspecError) as error:
        return f"is damaged: {METRICS} cannot be read ({error})"
    if stored.schema_version != SCHEMA_VERSION or stored.training is None:
        return "has another run: another version of the job, or another program, wrote it"
    settings = stored.training.config.settings()
    if other := [name for name, value in run.config.settings().items() if settings[name] != value]:
        return f"has another run: {other[0].replace('_', ' ')} is {settings[other[0]]} there"
    return RunResult(stored.evaluation.accuracy, stored.provenance.timings_s["total"])


class _StoredEvaluation(msgspec.Struct):
    accuracy: float


class _StoredTraining(msgspec.Struct):
    config: Config


class _StoredProvenance(msgspec.Struct):
    timings_s: dict[str, float]


class _StoredRun(msgspec.Struct):
    schema_version: int
    evaluation: _StoredEvaluation
    training: _StoredTraining | None
    provenance: _StoredProvenance
