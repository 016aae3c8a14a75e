import errno
import os
import resource
import threading

import pytest

from job.errors import OutputError, ResourceError
from job.system import limits


def raise_chain(cause: BaseException, error: Exception) -> None:
    try:
        raise cause
    except type(cause) as caught:
        raise error from caught


PROCESSES = ("processes and threads", "raise it (ulimit -u, docker run --pids-limit)")
MEMORY = ("memory", "raise it (ulimit -v, docker run --memory)")
TENSORS = ("memory", "raise it (ulimit -v, docker run --memory), or lower --batch-size")


class ResourceExhaustedError(Exception):
    """TensorFlow's error has this name."""


@pytest.mark.parametrize(
    ("error", "limit", "reason"),
    [
        (
            OSError(errno.EMFILE, "Too many open files"),
            ("open files", "raise it (ulimit -n, docker run --ulimit nofile=1024:1024)"),
            "Too many open files",
        ),
        (OSError(errno.EFBIG, "File too large"), ("the size of a file", "raise it (ulimit -f)"), "File too large"),
        (BlockingIOError(errno.EAGAIN, "Try again"), PROCESSES, "Try again"),
        (RuntimeError("can't start new thread"), PROCESSES, "can't start new thread"),
        (ImportError("\nlib.so: failed to map segment\nAdvice"), MEMORY, "lib.so: failed to map segment"),
        (
            ResourceExhaustedError("Graph execution error:\n\nOut of memory for 7 GiB.\n Hint"),
            TENSORS,
            "Out of memory for 7 GiB.",
        ),
        (MemoryError(), MEMORY, "MemoryError"),
    ],
)
def test_an_error_from_a_limit_names_the_limit(error: Exception, limit: tuple[str, str], reason: str) -> None:
    """The error itself may come from the limit, or one that led to it."""
    line = f"the limit on {limit[0]} is too low ({reason}); {limit[1]}"
    with pytest.raises(ResourceError) as caught, limits.explained():
        raise error
    assert str(caught.value) == line
    if not isinstance(error, BlockingIOError):
        with pytest.raises(ResourceError) as caught, limits.explained():
            raise_chain(error, OutputError("cannot be written"))
        assert str(caught.value) == line


@pytest.mark.parametrize(
    "error", [ValueError("memory"), OSError(errno.EIO, "broken"), RuntimeError("a bug"), OSError()]
)
def test_other_errors_are_not_explained(error: Exception) -> None:
    """They arrive as they are."""
    with pytest.raises(type(error)) as caught, limits.explained():
        raise error
    assert caught.value is error


def test_a_lock_is_no_limit() -> None:
    """A lock that another job holds has the same error number as a process that cannot start."""
    with pytest.raises(OutputError, match="another job"), limits.explained():
        raise_chain(BlockingIOError(errno.EAGAIN, "Try again"), OutputError("another job is writing there"))


def test_a_named_limit_stays() -> None:
    """The first error with the number is not replaced by a general one."""
    with pytest.raises(ResourceError, match="needs 29 threads"), limits.explained():
        raise_chain(RuntimeError("can't start new thread"), ResourceError("it needs 29 threads"))


def test_too_few_files() -> None:
    """The descriptors that were opened are closed again."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    limits.require_files()
    next_descriptor = os.dup(0)
    os.close(next_descriptor)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (next_descriptor + limits.N_FILES - 1, before[1]))
        with pytest.raises(ResourceError, match="the limit on open files is too low"):
            limits.require_files()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    limits.require_files()


def test_too_few_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line says how many a run needs and how many can start; those end again."""
    n_before, start = threading.active_count(), threading.Thread.start

    def start_at_most_three(thread: threading.Thread) -> None:
        if threading.active_count() >= n_before + 3:
            raise RuntimeError("can't start new thread")
        start(thread)

    limits.require_threads(3)
    monkeypatch.setattr(threading.Thread, "start", start_at_most_three)
    with pytest.raises(ResourceError, match="a run needs at least 4 threads, but only 3 can start"):
        limits.require_threads(4)
    assert threading.active_count() == n_before


def test_too_little_address_space(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line has both numbers; infinity is enough."""
    limits.require_address_space(2**62)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (2**30, 2**30))
    limits.require_address_space(2**30)
    with pytest.raises(ResourceError, match=r"it is 1,024 MiB, but a run needs at least 2,048 MiB.*ulimit -v"):
        limits.require_address_space(2**31)
