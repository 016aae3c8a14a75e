"""Detects the processors, memory and GPUs that the system or the container lets this process use."""

import math
import os
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from job.config.recipes import ModelName
from job.errors import ResourceError
from job.system import limits
from job.system.processors import CGROUPS, count_allowed_processors, count_processors, read_text
from job.text import count_noun

MIB, GIB = 2**20, 2**30
NEEDED_BYTES: Mapping[ModelName, int] = {"mlp": 700 * MIB, "cnn": 1200 * MIB}
"""Peak memory of a run on Fashion-MNIST in the image, TensorFlow included, by model."""

MINIMUM_BYTES = 192 * MIB
"""With less memory, the kernel kills every run."""

THREAD_STACK_BYTES = 8 * MIB
DEVICES = Path("/dev")
SELF = Path("/proc/self/exe")


@dataclass(frozen=True)
class Resources:
    """Resources that this process may use.

    Attributes:
        processor: Name of the processor.
        n_processors: The smaller of the affinity mask and the cgroup's CPU quota, rounded up.
        memory_limit_bytes: The cgroup's memory limit, or None.
        n_gpus: Number of NVIDIA device files. TensorFlow may still be unable to use them.
    """

    processor: str
    n_processors: int
    memory_limit_bytes: int | None
    n_gpus: int

    def describe(self, n_threads: int) -> str:
        """Describe the resources, and the number of threads that use them, in one line."""
        limit = self.memory_limit_bytes
        memory = "no memory limit" if limit is None else f"memory limit {limit // MIB:,} MiB"
        threads = f"{count_noun(n_threads, 'thread')} on {count_noun(self.n_processors, 'processor')}"
        gpus = count_noun(self.n_gpus, "GPU")
        return f"user {os.geteuid()}:{os.getegid()}, {threads} ({self.processor}), {memory}, {gpus}"

    def require(self, n_threads: int) -> None:
        """Check the limits below which no run can train; TensorFlow or the kernel would kill it without a message.

        The numbers were measured with TensorFlow 2.21 and one replica, which computes with `n_threads` threads.

        Raises:
            ResourceError: If the system gives this process too little memory, address space or threads, or no /proc.
        """
        if self.memory_limit_bytes is not None and self.memory_limit_bytes < MINIMUM_BYTES:
            raise ResourceError(
                f"the memory limit is {self.memory_limit_bytes // MIB:,} MiB, but a run needs about "
                f"{NEEDED_BYTES['mlp'] // MIB:,} MiB; raise the limit (docker run --memory 1g …)"
            )
        if platform.system() == "Linux" and not SELF.exists():
            raise ResourceError(f"TensorFlow needs {SELF}, which is missing; mount /proc")
        n_allowed = count_allowed_processors()  # TensorFlow ignores the quota
        n = 18 + 3 * n_threads + 4 * n_allowed + min(n_allowed, 32)
        limits.require_address_space(1900 * MIB + n * THREAD_STACK_BYTES)
        limits.require_threads(n)

    def memory_warning(self, model: ModelName) -> str:
        """Return a warning if the memory limit is too low for a run with this model, otherwise an empty string."""
        needed = NEEDED_BYTES[model]
        if self.memory_limit_bytes is None or self.memory_limit_bytes >= needed:
            return ""
        return (
            f"the memory limit is {self.memory_limit_bytes // MIB:,} MiB, but a run needs about {needed // MIB:,} MiB "
            f"and may be killed (status 137); raise the limit (docker run --memory {math.ceil(needed / GIB)}g …)"
        )


def detect_resources() -> Resources:
    """Detect the resources that this process may use."""
    model_name = re.search(r"^model name\s*: (.*)", read_text(Path("/proc/cpuinfo")), re.MULTILINE)
    processor = model_name[1] if model_name else platform.processor() or platform.machine()
    n_gpus = len(list(DEVICES.glob("nvidia[0-9]*")))
    return Resources(processor, count_processors(), read_memory_limit(), n_gpus)


def read_memory_limit(cgroups: Path = CGROUPS) -> int | None:
    """Read the memory limit of this process's cgroup in bytes; None if it has no limit."""
    text = read_text(cgroups / "memory.max") or read_text(cgroups / "memory" / "memory.limit_in_bytes")
    if not re.fullmatch(r"\d{1,19}", text.strip()):
        return None  # "max", or there is no cgroup
    return int(text) if 0 < int(text) < _physical_memory_bytes() else None  # version 1: a huge number is no limit


def available_memory_bytes() -> int:
    """Return the cgroup's memory limit, or without a limit the machine's memory, in bytes."""
    return read_memory_limit() or _physical_memory_bytes()


def _physical_memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
