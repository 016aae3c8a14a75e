"""Counts the processors that this process may use."""

import math
import os
import re
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")  # a container sees its own cgroup there


def count_processors(cgroups: Path = CGROUPS) -> int:
    """Count the processors in the affinity mask, or in the cgroup's CPU quota (rounded up) if that is lower."""
    allowed = count_allowed_processors()
    text = read_text(cgroups / "cpu.max")  # version 2 has quota and period in one file
    if not text:
        text = read_text(cgroups / "cpu" / "cpu.cfs_quota_us") + read_text(cgroups / "cpu" / "cpu.cfs_period_us")
    if not (match := re.fullmatch(r"(\d{1,18})\s+(\d{1,18})", text.strip())):
        return allowed  # the quota is "max" or in version 1 "-1", or there is no cgroup
    quota_us, period_us = map(int, match.groups())
    return min(allowed, math.ceil(quota_us / period_us)) if quota_us and period_us else allowed


def count_allowed_processors() -> int:
    """Count the processors in the affinity mask, whatever the quota."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def read_text(path: Path) -> str:
    """Read a file; the text of an unreadable file is empty."""
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
