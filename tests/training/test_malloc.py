import platform
import subprocess
import sys

import pytest
from support import REPOSITORY


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no such settings")
def test_kept_memory_is_reused() -> None:
    """Allocating 64 MiB again causes less than a hundredth of the page faults if glibc kept the freed memory."""
    default = count_page_faults(keep=False)
    assert default > 1000
    assert count_page_faults(keep=True) * 100 <= default


def count_page_faults(*, keep: bool) -> int:
    """Counts the page faults of a process that frees 64 MiB and allocates them again."""
    script = f"""
import ctypes, resource
from job.training import malloc
ctypes.CDLL(None).prctl(41, 1, 0, 0, 0)  # no huge pages
if {keep}:
    malloc.keep_freed_memory()
block = b"x" * 2**26
del block
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
block = b"x" * 2**26
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
    command = [sys.executable, "-c", script]
    return int(subprocess.run(command, check=True, capture_output=True, text=True, cwd=REPOSITORY).stdout)
