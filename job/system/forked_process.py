"""Makes a fork as independent of the process that it copies as a new process would be."""

import ctypes
import os
import signal
import sys
from collections.abc import Iterable

PR_SET_PDEATHSIG = 1  # in <sys/prctl.h>
SYSTEM = ctypes.CDLL(None)  # loaded before a fork, which should do as little as possible


def follow_parent(parent: int) -> None:
    """Let Linux kill this process when its parent ends, even if that is killed."""
    if sys.platform == "linux":
        SYSTEM.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before that call
            os.kill(os.getpid(), signal.SIGKILL)


def unfollow_parent() -> None:
    """Undo `follow_parent`."""
    if sys.platform == "linux":
        SYSTEM.prctl(PR_SET_PDEATHSIG, 0)


def restore_ignored() -> None:
    """Give a new program the default of the signals that Python ignores, as `subprocess.Popen` does."""
    for name in ("SIGPIPE", "SIGXFSZ"):
        signal.signal(getattr(signal, name), signal.SIG_DFL)


def separate_fork(handled: Iterable[signal.Signals], inherited: Iterable[int], output: int) -> None:
    """Give this fork a process group, and the signals and streams of a new process.

    Args:
        handled: Signals that its parent handles, and has blocked before the fork.
        inherited: Descriptors that only its parent needs.
        output: Descriptor of a file that becomes stdout and stderr.
    """
    os.setpgid(0, 0)
    signal.set_wakeup_fd(-1)
    for number in handled:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, handled)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    for descriptor in (nothing, output, *inherited):
        os.close(descriptor)
