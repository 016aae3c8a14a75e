import os
import platform
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from support import REPOSITORY

from job.training import resources
from job.training.resources import MIB, Resources, count_of

RESOURCES = Resources(
    uid=12345, gid=0, processor="A processor", n_processors=1, memory_limit_bytes=1024 * MIB, n_gpus=0
)


def test_describes_all_in_a_line() -> None:
    """User, threads, processors, memory, GPUs."""
    assert RESOURCES.describe(2) == (
        "user 12345:0, 2 threads on 1 processor (A processor), memory limit 1,024 MiB, no GPU"
    )
    assert replace(RESOURCES, memory_limit_bytes=None, n_gpus=2).describe(1).endswith("no memory limit, 2 GPUs")


def test_a_memory_limit_too_low_for_a_run_is_told() -> None:
    """One line with the limit, what a run with such a model takes, and the option that helps."""
    assert replace(RESOURCES, memory_limit_bytes=400 * MIB).shortage("mlp") == (
        "the memory limit is 400 MiB, but a run takes about 700 MiB and may be killed (status 137); "
        "give it more (docker run --memory 1g …)"
    )
    assert RESOURCES.shortage("mlp") == ""
    assert RESOURCES.shortage("cnn") == (
        "the memory limit is 1,024 MiB, but a run takes about 1,200 MiB and may be killed (status 137); "
        "give it more (docker run --memory 2g …)"
    )
    assert replace(RESOURCES, memory_limit_bytes=None).shortage("cnn") == ""


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("memory.max", "1073741824\n", 1024 * MIB),
        ("memory.max", "max\n", None),
        ("memory/memory.limit_in_bytes", "1073741824\n", 1024 * MIB),
        ("memory/memory.limit_in_bytes", "9223372036854771712\n", None),
        ("nothing", "", None),
    ],
)
def test_reads_both_versions_of_cgroups(tmp_path: Path, name: str, content: str, expected: int | None) -> None:
    """Version 2 says `max` for no limit, version 1 a number beyond every machine."""
    (tmp_path / "memory").mkdir()
    (tmp_path / name).write_text(content)
    assert resources.memory_limit_bytes(tmp_path) == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu.max": "250000 100000"}, 3),
        ({"cpu.max": "9900000 100000"}, 4),
        ({"cpu.max": "max 100000"}, 4),
        ({"cpu/cpu.cfs_quota_us": "150000", "cpu/cpu.cfs_period_us": "100000"}, 2),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 4),
        ({}, 4),
    ],
)
def test_counts_the_processors_that_the_quota_allows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], expected: int
) -> None:
    """Of four in the affinity mask: half a processor makes one, two and a half make three, no quota makes four."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 5}, raising=False)
    (tmp_path / "cpu").mkdir()
    for name, content in files.items():
        (tmp_path / name).write_text(f"{content}\n")
    assert resources.n_processors(tmp_path) == expected


def test_finds_what_this_process_may_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its user, at least a processor with a name, and the device files of two GPUs."""
    for name in ("nvidia0", "nvidia1", "nvidiactl", "null"):
        (tmp_path / name).touch()
    monkeypatch.setattr(resources, "DEVICES", tmp_path)
    found = resources.find()
    assert (found.uid, found.gid, found.n_gpus) == (os.geteuid(), os.getegid(), 2)
    assert found.n_processors >= 1
    assert found.processor


def test_counts_in_words() -> None:
    """None, one, many."""
    assert [count_of(n, "GPU") for n in (0, 1, 2)] == ["no GPU", "1 GPU", "2 GPUs"]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no such settings")
def test_kept_memory_is_not_taken_anew() -> None:
    """64 MiB that were freed are there again with a hundredth of the page faults, at most, that new ones have."""
    anew = page_faults(keep=False)
    assert anew > 1000
    assert page_faults(keep=True) * 100 <= anew


def page_faults(*, keep: bool) -> int:
    """Of taking 64 MiB again, in small pages, by a process that freed as much."""
    script = f"""
import ctypes, resource
from job.training import resources
ctypes.CDLL(None).prctl(41, 1, 0, 0, 0)  # no huge pages
if {keep}:
    resources.keep_memory()
bytes_ = b"x" * 2**26
del bytes_
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
bytes_ = b"x" * 2**26
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
    command = [sys.executable, "-c", script]
    return int(subprocess.run(command, check=True, capture_output=True, text=True, cwd=REPOSITORY).stdout)
