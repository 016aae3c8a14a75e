"""The folder of a sweep: its lock and its finished runs."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from job.config.run_config import Config
from job.errors import JobError, OutputError
from job.results.file_names import METRICS, PAGE, PREDICTIONS
from job.results.metrics_json import MAX_BYTES
from job.results.output_folder.manifest import is_owned, read_manifest
from job.results.output_folder.os_errors import as_output_error
from job.results.schema import SCHEMA_VERSION
from job.sweep.plan import PlannedRun
from job.sweep.plan_file import PLAN
from job.system.regular_file import read_regular

RUNS, LOGS = "runs", "logs"
TABLE, NUMBERS = "sweep.csv", "sweep.json"
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


def make_folders(folder: Path) -> None:
    """Create the folders of the runs and of their logs."""
    with as_output_error(folder):
        for name in (RUNS, LOGS):
            (folder / name).mkdir(exist_ok=True)


def remove_sweep(folder: Path) -> None:
    """Remove the earlier sweep in the folder: its page first, because it links to the runs, and its plan last."""
    if not (folder / PLAN).exists():
        return
    with as_output_error(folder):
        for name in (PAGE, NUMBERS, TABLE):
            (folder / name).unlink(missing_ok=True)
        for name in (RUNS, LOGS):
            with suppress(FileNotFoundError):
                shutil.rmtree(folder / name)
        for name in (STUDY, TRIALS):
            (folder / name).unlink(missing_ok=True)
        (folder / PLAN).unlink()


def count_bytes(folder: Path) -> int:
    """The size of the files of the runs, in bytes."""
    return sum(path.lstat().st_size for path in (folder / RUNS).rglob("*") if path.is_file())


def read_finished(folder: Path, run: PlannedRun) -> RunResult | None:
    """What a run reached; None if it is not finished there, is damaged, or its folder has another one."""
    path = folder / RUNS / run.name
    digests = read_manifest(path)  # a run writes it last
    if METRICS not in digests:
        return None
    try:
        content = read_regular(path / METRICS, MAX_BYTES)
        if hashlib.sha256(content).hexdigest() != digests[METRICS] or not is_owned(path, PREDICTIONS, digests):
            return None
        stored = msgspec.json.decode(content, type=_StoredRun)
    except (JobError, OSError, msgspec.MsgspecError):
        return None
    if stored.schema_version != SCHEMA_VERSION or stored.training is None:
        return None
    if stored.training.config.settings() != run.config.settings():
        return None
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
