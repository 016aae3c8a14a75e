"""Runs one training on a node of a cluster, in a process of its own, and returns its folder as an archive."""

import fcntl
import hashlib
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import job
from job.data import sources
from job.errors import OutputError, PackageError
from job.execution import worker
from job.execution.executor import describe_failure
from job.sweep.archive import pack_files, unpack_files

MAX_LOG_BYTES = 2**20
RUN = "run"
"""The output folder on the node."""


@dataclass(frozen=True)
class NodeTask:
    """One run, as a node needs to know it.

    Attributes:
        version: Version of the program that drives the sweep.
        words: Arguments of the job, without data set and output folder.
        dataset: Name of the folder of the data set, which is also the name of the data set.
        sha256: SHA-256 of its files by name.
    """

    version: str
    words: Sequence[str]
    dataset: str
    sha256: Mapping[str, str]


@dataclass(frozen=True)
class NodeResult:
    """What a node returns: exit status, error in one line, what the run printed, and its folder as an archive."""

    status: int
    error: str = ""
    log: bytes = b""
    archive: bytes = b""


def run_task(task: NodeTask, fetch_dataset: Callable[[], bytes]) -> NodeResult:
    """Run a training; `fetch_dataset` returns the archive of the data set, if the node lacks it."""
    host = socket.gethostname()
    if task.version != job.__version__:
        error = (
            f"node {host} has fashion-job {job.__version__}, but {task.version} drives the sweep; install that there"
        )
        return NodeResult(PackageError.exit_status, error)
    try:
        return _run(task, fetch_dataset)
    except OSError as error:
        return NodeResult(OutputError.exit_status, f"node {host}: {error}; free some space there, or set TMPDIR")


def _run(task: NodeTask, fetch_dataset: Callable[[], bytes]) -> NodeResult:
    data = find_dataset(task.dataset, task.sha256, fetch_dataset)
    with tempfile.TemporaryDirectory(prefix="fashion-job-sweep-") as name:
        folder = Path(name)
        log = folder / "log.txt"
        words = [sys.executable, *task.words, "--data", str(data), "--output", RUN]
        status = worker.finish(worker.start(worker.build_command(log, words), folder))
        with log.open("rb") as file:
            printed = file.read(MAX_LOG_BYTES)
        if status:
            return NodeResult(status, describe_failure(status, log), printed)
        return NodeResult(status, "", printed, pack_files((folder / RUN).iterdir()))


def find_dataset(name: str, sha256: Mapping[str, str], fetch: Callable[[], bytes], root: Path | None = None) -> Path:
    """The folder with files of these hashes: an installed one, or one that is fetched once and then kept.

    Raises:
        OSError: If the cache cannot be written.
    """
    installed = sources.find_installed()
    if installed and hash_files(installed.folder, sha256) == sha256:
        return installed.folder
    cache = (root or Path(tempfile.gettempdir())) / f"fashion-job-data-{os.geteuid()}"
    cache.mkdir(mode=0o700, exist_ok=True)
    digest = hashlib.sha256("".join(sha256[each] for each in sorted(sha256)).encode()).hexdigest()
    folder = cache / digest[:16] / name
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one run of the node fetches it
        if hash_files(folder, sha256) != sha256:
            unpack_files(fetch(), folder)
    return folder


def hash_files(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """The SHA-256 of those of these files that can be read, by name."""
    digests = {}
    for name in names:
        with suppress(OSError), (folder / name).open("rb") as file:
            digests[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests
