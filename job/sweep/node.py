"""Runs one training on a node of a cluster, in a process of its own, and returns its folder as an archive."""

import errno
import fcntl
import hashlib
import os
import shutil
import socket
import stat
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import job
from job.config.options import PREFIX
from job.data import sources
from job.errors import OutputError, PackageError
from job.execution.launcher import Launcher
from job.execution.local_executor import LocalExecutor
from job.results.provenance import find_revision
from job.sweep.archive import pack_files, unpack_files

MAX_LOG_BYTES = 2**20
RUN = "run"
"""The output folder on the node."""

COMMAND = f"{PREFIX}COMMAND"


@dataclass(frozen=True, kw_only=True)
class NodeTask:
    """One run, as a node needs to know it.

    Attributes:
        version: Version of the program that drives the sweep.
        revision: Its Git revision; empty if unknown.
        command: Command of the run in the plan, which its record shows.
        words: Arguments of the job, without data set and output folder.
        dataset: Name of the folder of the data set, which is also the name of the data set.
        sha256: SHA-256 of its files by name.
    """

    version: str
    revision: str
    command: str
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


@dataclass(frozen=True)
class _NodeRun:
    """The only run of an executor."""

    name: str = RUN


def run_task(task: NodeTask, fetch_dataset: Callable[[], bytes]) -> NodeResult:
    """Run a training; `fetch_dataset` returns the archive of the data set, if the node lacks it."""
    host = socket.gethostname()
    if difference := _find_difference(task):
        return NodeResult(
            PackageError.exit_status, f"node {host} has {difference} drives the sweep; install that there"
        )
    try:
        return _run(task, fetch_dataset)
    except OSError as error:
        return NodeResult(OutputError.exit_status, f"node {host}: {error}; free some space there, or set TMPDIR")


def _run(task: NodeTask, fetch_dataset: Callable[[], bytes]) -> NodeResult:
    cache = open_cache()
    data = find_dataset(task.dataset, task.sha256, fetch_dataset, cache)
    with make_folder(cache) as folder:
        words = [sys.executable, *task.words, "--data", str(data), "--output", RUN]
        with Launcher(folder=folder, variables={COMMAND: task.command}) as launcher:
            executor: LocalExecutor[_NodeRun] = LocalExecutor(1, folder, lambda _: words, launcher)
            executor.start(_NodeRun())
            (outcome,) = executor.wait()
        with (folder / f"{RUN}.txt").open("rb") as file:
            printed = file.read(MAX_LOG_BYTES)
        archive = b"" if outcome.status else pack_files((folder / RUN).iterdir())
        return NodeResult(outcome.status or 0, outcome.error, printed, archive)


def _find_difference(task: NodeTask) -> str:
    """How the program of this node differs from that of the sweep; empty if it does not, as far as that is known."""
    if task.version != job.__version__:
        return f"fashion-job {job.__version__}, but {task.version}"
    own = find_revision() if task.revision else ""
    return f"revision {own} of fashion-job, but {task.revision}" if own and own != task.revision else ""


def open_cache(root: Path | None = None) -> Path:
    """The folder of this user in the temporary folder of the node.

    Raises:
        OSError: If it cannot be created, or somebody else may write to it.
    """
    cache = (root or Path(tempfile.gettempdir())) / f"fashion-job-{os.geteuid()}"
    cache.mkdir(mode=0o700, exist_ok=True)
    status = cache.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise PermissionError(errno.EACCES, "is a link, or another user may write to it", str(cache))
    return cache


@contextmanager
def make_folder(cache: Path) -> Iterator[Path]:
    """An empty folder for a run; removes those that killed workers left in the cache.

    Raises:
        OSError: If it cannot be created.
    """
    runs = cache / "runs"
    runs.mkdir(exist_ok=True)
    with _lock(cache / "lock"):
        for earlier in runs.iterdir():
            with suppress(OSError), _lock(earlier, fcntl.LOCK_EX | fcntl.LOCK_NB):  # one that runs has the lock
                shutil.rmtree(earlier, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(dir=runs))
        own = ExitStack()
        own.enter_context(_lock(folder))
    with own:
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _lock(path: Path, mode: int = fcntl.LOCK_EX) -> Iterator[None]:
    """Lock a folder, or a file that is created if it does not exist."""
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, mode)
        yield
    finally:
        os.close(descriptor)


def find_dataset(name: str, sha256: Mapping[str, str], fetch: Callable[[], bytes], cache: Path) -> Path:
    """The folder with files of these hashes: an installed one, or one that is fetched once and kept in `cache`.

    Raises:
        OSError: If the cache cannot be written.
    """
    installed = sources.find_installed()
    if installed and hash_files(installed.folder, sha256) == sha256:
        return installed.folder
    digest = hashlib.sha256("".join(sha256[each] for each in sorted(sha256)).encode()).hexdigest()
    folder = cache / "data" / digest[:16] / name
    with _lock(cache / "lock"):  # one run of the node fetches it
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
