"""What the system or the container lets this process use."""

import ctypes
import math
import os
import platform
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from job.config.recipes import ModelName

MIB, GIB = 2**20, 2**30
NEEDED_BYTES: Mapping[ModelName, int] = {"mlp": 700 * MIB, "cnn": 1200 * MIB}
"""What a run on Fashion-MNIST with the recipe of a model takes at its peak, TensorFlow included; from the image."""

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""Of glibc's `mallopt`: the free bytes at which the end of the heap goes back, how many blocks lie outside of it."""

CGROUPS = Path("/sys/fs/cgroup")
DEVICES = Path("/dev")


@dataclass(frozen=True)
class Resources:
    """What this process may use.

    Attributes:
        uid: the user it runs as.
        gid: that user's group.
        processor: the processor's name.
        n_processors: the smaller of the affinity mask and the cgroup's quota of processor time, rounded up.
        memory_limit_bytes: the cgroup's, or None.
        n_gpus: NVIDIA's device files; whether TensorFlow can use them is another question.
    """

    uid: int
    gid: int
    processor: str
    n_processors: int
    memory_limit_bytes: int | None
    n_gpus: int

    def describe(self, n_threads: int) -> str:
        """All of it in a line, and how many threads are made of it."""
        limit = self.memory_limit_bytes
        memory = "no memory limit" if limit is None else f"memory limit {limit // MIB:,} MiB"
        threads = f"{count_of(n_threads, 'thread')} on {count_of(self.n_processors, 'processor')} ({self.processor})"
        return f"user {self.uid}:{self.gid}, {threads}, {memory}, {self.gpus()}"

    def shortage(self, model: ModelName) -> str:
        """A warning if the memory limit is too low for a run with such a model; empty if it is not."""
        needed = NEEDED_BYTES[model]
        if self.memory_limit_bytes is None or self.memory_limit_bytes >= needed:
            return ""
        return (
            f"the memory limit is {self.memory_limit_bytes // MIB:,} MiB, but a run takes about {needed // MIB:,} MiB "
            f"and may be killed (status 137); give it more (docker run --memory {math.ceil(needed / GIB)}g …)"
        )

    def gpus(self) -> str:
        """The GPUs in words."""
        return count_of(self.n_gpus, "GPU")


def count_of(n: int, noun: str) -> str:
    """`no GPU`, `1 GPU`, `2 GPUs`."""
    return f"{n or 'no'} {noun}{'s' * (n > 1)}"


def find() -> Resources:
    """What this process may use."""
    return Resources(
        uid=os.geteuid(),
        gid=os.getegid(),
        processor=_processor(),
        n_processors=n_processors(),
        memory_limit_bytes=memory_limit_bytes(),
        n_gpus=len(list(DEVICES.glob("nvidia[0-9]*"))),
    )


def n_processors(cgroups: Path = CGROUPS) -> int:
    """The smaller of the affinity mask and the cgroup's quota of processor time, rounded up.

    Args:
        cgroups: where they are mounted; a container sees its own there.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _words(cgroups / "cpu.max")  # version 2: quota and period in one file
    if not quota:
        quota = _words(cgroups / "cpu" / "cpu.cfs_quota_us") + _words(cgroups / "cpu" / "cpu.cfs_period_us")
    try:
        quota_us, period_us = (int(word) for word in quota)
    except ValueError:  # the word "max", or no cgroup
        return allowed
    return min(allowed, math.ceil(quota_us / period_us)) if quota_us > 0 else allowed  # -1 is version 1's word for none


def memory_limit_bytes(cgroups: Path = CGROUPS) -> int | None:
    """The memory limit of this process's cgroup.

    Args:
        cgroups: where they are mounted; a container sees its own there.
    """
    limits = _words(cgroups / "memory.max") or _words(cgroups / "memory" / "memory.limit_in_bytes")
    if not limits or limits == ["max"]:
        return None
    limit = int(limits[0])
    return limit if limit < _physical_bytes() else None  # version 1 says a number beyond every machine for none


def memory_bytes() -> int:
    """The memory that this process may use: the cgroup's limit, else the machine's."""
    return memory_limit_bytes() or _physical_bytes()


def give_back_memory() -> None:
    """Return to the system what was freed here, which glibc keeps: tens of MiB after a compilation.

    Elsewhere than with glibc nothing happens.
    """
    with suppress(OSError, AttributeError, TypeError):  # TypeError: Windows names no library of the process
        ctypes.CDLL(None).malloc_trim(0)


def keep_memory() -> None:
    """Have glibc keep what is taken from now on and freed, for the next who asks: `give_back_memory` alone returns it.

    A step of a convolutional network takes and frees tens of MiB. Returned each time, and cleared by the system when
    they are taken again, they are a good part of its time (docs/recipes.md). Elsewhere than with glibc nothing happens.
    """
    with suppress(OSError, AttributeError, TypeError):
        library = ctypes.CDLL(None)
        library.mallopt(M_MMAP_MAX, 0)
        library.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def _words(path: Path) -> list[str]:
    """The words of a file; none if it is not there."""
    try:
        return path.read_text(encoding="ascii").split()
    except OSError:
        return []


def _physical_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _processor() -> str:
    """The processor's name, as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
