"""Names the limit of the system that stops a run: on processes, open files, memory or the size of a file."""

import errno
import os
import re
import resource
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from job.errors import JobError, ResourceError
from job.text import count_noun

Limit = tuple[str, str]
"""What is limited, and what to do."""

PROCESSES: Limit = ("processes and threads", "raise it (ulimit -u, docker run --pids-limit)")
FILES: Limit = ("open files", "raise it (ulimit -n, docker run --ulimit nofile=1024:1024)")
MEMORY: Limit = ("memory", "raise it (ulimit -v, docker run --memory)")
TENSORS: Limit = ("memory", "raise it (ulimit -v, docker run --memory), or lower --batch-size")
BY_ERROR_NUMBER = {
    errno.EAGAIN: PROCESSES,
    errno.EMFILE: FILES,
    errno.ENFILE: ("open files of the whole system", "raise it (sysctl fs.file-max)"),
    errno.ENOMEM: MEMORY,
    errno.EFBIG: ("the size of a file", "raise it (ulimit -f)"),
}
BY_TEXT = {  # of an ImportError or RuntimeError
    "can't start new thread": PROCESSES,
    "Too many open files": FILES,
    "failed to map segment": MEMORY,
    "annot allocate memory": MEMORY,
}
ADDRESS_SPACE_BYTES = 800 * 2**20
"""What a report of 10,000 predictions needs, without training; measured on two processors."""

N_FILES = 24
"""Number of files that a run opens at the same time, besides stdin, stdout and stderr."""


@contextmanager
def explained() -> Iterator[None]:
    """Turn an error of the block that comes from a limit of the system into a ResourceError that names the limit."""
    try:
        yield
    except ResourceError:
        raise
    except Exception as error:
        for cause in _trace_causes(error):
            is_lock_or_pipe = isinstance(cause, BlockingIOError) and isinstance(error, JobError)
            if not is_lock_or_pipe and (limit := _find_limit(cause)):
                raise _describe(limit, _summarize(cause)) from error
        raise


def require_files() -> None:
    """Raise a ResourceError unless this process can open as many files as a run needs.

    With fewer, Python could not even remove the unfinished files.
    """
    with explained(), ExitStack() as stack:
        for _ in range(N_FILES):
            stack.callback(os.close, os.dup(0))


def require_threads(n: int) -> None:
    """Raise a ResourceError unless this process can start `n` more threads; without them, TensorFlow aborts it."""
    end = threading.Event()
    started: list[threading.Thread] = []
    try:
        for _ in range(n):
            thread = threading.Thread(target=end.wait)
            thread.start()
            started.append(thread)
    except RuntimeError as error:
        reason = f"a run needs at least {count_noun(n, 'thread')}, but only {len(started)} can start"
        raise _describe(PROCESSES, reason) from error
    finally:
        end.set()
        for thread in started:
            thread.join()


def require_address_space(n_bytes: int = ADDRESS_SPACE_BYTES) -> None:
    """Raise a ResourceError if the limit on the address space is lower.

    With less, TensorFlow would abort the process, and an import may fail with any error.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY and limit < n_bytes:
        raise _describe(
            ("address space", "raise it (ulimit -v)"),
            f"it is {limit // 2**20:,} MiB, but a run needs at least {n_bytes // 2**20:,} MiB",
        )


def _trace_causes(error: BaseException | None) -> list[BaseException]:
    """The error and the errors that led to it, the first one first."""
    causes: list[BaseException] = []
    while error:
        causes.insert(0, error)
        error = error.__cause__ or error.__context__
    return causes


def _find_limit(error: BaseException) -> Limit | None:
    """The limit that one error comes from."""
    if isinstance(error, OSError):
        return BY_ERROR_NUMBER.get(error.errno or 0)
    if type(error).__name__ == "ResourceExhaustedError":  # TensorFlow's; importing it takes seconds
        return TENSORS
    if isinstance(error, MemoryError):
        return MEMORY
    if isinstance(error, (ImportError, RuntimeError)):
        return next((limit for text, limit in BY_TEXT.items() if text in str(error)), None)
    return None


def _summarize(error: BaseException) -> str:
    """The error in one line."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    if match := re.search(r"(Out of memory|OOM when) .*", text):  # in the middle of TensorFlow's text
        return match[0]
    return next(iter(text.strip().splitlines()), type(error).__name__)


def _describe(limit: Limit, reason: str) -> ResourceError:
    what, remedy = limit
    return ResourceError(f"the limit on {what} is too low ({reason}); {remedy}")
