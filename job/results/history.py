"""Reads and extends a history: a file with a line of JSON for each run, to which jobs append at the same time."""

import errno
import fcntl
import hashlib
import json
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from job.config.run_name import name_run
from job.errors import DataError, OutputError
from job.evaluation.evaluate import Evaluation
from job.evaluation.history_entry import MAX_NAME, HistoryEntry, hash_test_set, list_errors
from job.evaluation.predictions import AnyPredictions
from job.log import log
from job.results.metrics_json import check_moment, check_texts
from job.results.provenance import Provenance
from job.results.schema import Training
from job.system.regular_file import open_regular

VERSION = 1
"""Version of the line format."""

MAX_BYTES = 2**28  # 256 MiB: about 150,000 runs on 10,000 images
LOCK_TIMEOUT_S = 60.0
"""How long to wait for another job, which needs the lock for milliseconds."""

SHORT_HASH = 12


def describe_entry(
    evaluation: Evaluation, predictions: AnyPredictions, training: Training | None, provenance: Provenance
) -> HistoryEntry:
    """The entry of a run; the arguments are attributes of `Run`.

    Name and revision are cut off after 300 characters, so that the line can be read again.
    """
    config = training.config if training else None
    settings = json.dumps(config.settings(), sort_keys=True) if config else ""
    return HistoryEntry(
        started=provenance.started,
        revision=provenance.environment.revision[:MAX_NAME],
        name=(name_run(config) if config else provenance.name)[:MAX_NAME],
        configuration=hashlib.sha256(settings.encode()).hexdigest()[:SHORT_HASH] if settings else "",
        n_test=evaluation.n_test,
        accuracy=evaluation.accuracy,
        accuracy_interval=evaluation.accuracy_interval,
        macro_f1=evaluation.macro.f1,
        macro_f1_interval=evaluation.macro.f1_interval,
        loss=evaluation.loss,
        loss_interval=evaluation.loss_interval,
        ece=evaluation.calibration.ece if evaluation.calibration else None,
        training_s=provenance.timings_s.get("training"),
        total_s=provenance.timings_s.get("total"),
        test_set=hash_test_set(predictions.y_true, evaluation.class_names, predictions.names),
        errors=list_errors(predictions),
    )


def prepare_history(path: Path) -> list[HistoryEntry]:
    """Read the entries, and check that another one can be appended.

    Raises:
        OutputError: If the file cannot be read or written, or is no regular file.
        DataError: If it has lines, but none is an entry, so that it is another file, or it is too large.
    """
    with _as_output_error(path):
        target = Path(os.path.realpath(path))
        try:
            target.lstat()
        except FileNotFoundError:
            existing = next(each for each in target.parents if each.exists())
            if not os.access(existing, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
                raise PermissionError(errno.EACCES, f"user {os.geteuid()} cannot create a file in {existing}") from None
            return []
        os.close(_open(target))
        with open_regular(target, MAX_BYTES) as file, _lock(file.fileno(), fcntl.LOCK_SH):
            lines = file.read().split(b"\n")
    return _read_lines(path, lines)


def append_entry(path: Path, entry: HistoryEntry) -> None:
    """Append an entry as one line, with a single write under a lock; the folder is created if needed.

    A line that is cut off stays as it is, and the new one begins after it.

    Raises:
        OutputError: If the file cannot be written; it is then as it was before.
    """
    content = {"version": VERSION, **msgspec.to_builtins(entry)}
    line = json.dumps(content, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    with _as_output_error(path):
        target = Path(os.path.realpath(path))  # of a link into a folder that does not exist yet
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor = _open(target, os.O_CREAT)
        try:
            with _lock(descriptor, fcntl.LOCK_EX):
                _append(descriptor, line)
        finally:
            os.close(descriptor)


def _append(descriptor: int, line: bytes) -> None:
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        line = b"\n" + line
    if os.write(descriptor, line) < len(line):
        os.ftruncate(descriptor, size)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.fsync(descriptor)


def _open(path: Path, flags: int = 0) -> int:
    """Open a regular file for reading and appending; opening never waits."""
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NONBLOCK | os.O_NOCTTY | flags, 0o666)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, "Not a regular file")


@contextmanager
def _lock(descriptor: int, kind: int) -> Iterator[None]:
    """Hold a lock on an open file; raises an OSError if the file system has none, or another job holds it too long."""
    deadline = time.monotonic() + LOCK_TIMEOUT_S
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise OSError(errno.EAGAIN, "another program has locked it for a minute") from None
            time.sleep(0.005)
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


@contextmanager
def _as_output_error(path: Path) -> Iterator[None]:
    """Turn an OSError of the block into an OutputError: one line that names the file, the cause and the remedy."""
    try:
        yield
    except OSError as error:
        reason = (
            "is a folder" if isinstance(error, IsADirectoryError) else f"cannot be read and written ({error.strerror})"
        )
        raise OutputError(
            f"--history {path}: {reason}; name a file that you can write, or leave the option out"
        ) from error


def _read_lines(path: Path, lines: list[bytes]) -> list[HistoryEntry]:
    entries, problems = [], {}
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                entries.append(_read_line(line))
            except (msgspec.MsgspecError, ValueError, RecursionError) as error:
                problems[number] = " ".join(str(error).split())[:200]
    if not problems:
        return entries
    number, problem = next(iter(problems.items()))
    if not entries:
        raise DataError(
            f"--history {path}: has no line of a run (line {number}: {problem}); name the history, or a new file"
        )
    others = f", and {len(problems) - 1:,} more lines" if len(problems) > 1 else ""
    log.warning("%s: line %d is not the complete line of a run and is skipped (%s)%s", path, number, problem, others)
    return entries


def _read_line(line: bytes) -> HistoryEntry:
    """The entry in a line; raises a ValueError or a MsgspecError if it is damaged, or of a newer release."""
    if not line.lstrip().startswith(b"{"):
        raise ValueError("it is no JSON object")
    version = msgspec.json.decode(line, type=_Versioned).version
    if version != VERSION:
        raise ValueError(f"has the format {version!r}, this job reads {VERSION}")
    entry = msgspec.json.decode(line, type=HistoryEntry)
    check_texts(msgspec.to_builtins(entry))
    check_moment(entry.started)
    if int(entry.decode()[0].sum()) != round((1 - entry.accuracy) * entry.n_test):
        raise ValueError("the errors contradict the accuracy")
    return entry


class _Versioned(msgspec.Struct):
    version: Any = None
