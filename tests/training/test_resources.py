import os
import platform
from dataclasses import replace
from pathlib import Path

import pytest

from job.errors import ResourceError
from job.system import limits, processors
from job.training import resources
from job.training.resources import MIB, Resources

RESOURCES = Resources(processor="A processor", n_processors=1, memory_limit_bytes=1024 * MIB, n_gpus=0)


def test_describes_the_resources_in_one_line() -> None:
    """The line has user, threads, processors, memory and GPUs."""
    assert RESOURCES.describe(2) == (
        f"user {os.geteuid()}:{os.getegid()}, 2 threads on 1 processor (A processor), memory limit 1,024 MiB, no GPU"
    )
    assert replace(RESOURCES, memory_limit_bytes=None, n_gpus=2).describe(1).endswith("no memory limit, 2 GPUs")


def test_warns_about_a_low_memory_limit() -> None:
    """The warning has the limit, the memory that a run with this model needs, and the option that raises the limit."""
    assert replace(RESOURCES, memory_limit_bytes=400 * MIB).memory_warning("mlp") == (
        "the memory limit is 400 MiB, but a run needs about 700 MiB and may be killed (status 137); "
        "raise the limit (docker run --memory 1g …)"
    )
    assert RESOURCES.memory_warning("mlp") == ""
    assert RESOURCES.memory_warning("cnn") == (
        "the memory limit is 1,024 MiB, but a run needs about 1,200 MiB and may be killed (status 137); "
        "raise the limit (docker run --memory 2g …)"
    )
    assert replace(RESOURCES, memory_limit_bytes=None).memory_warning("cnn") == ""


def test_refuses_what_is_too_little_for_any_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line names the limit; TensorFlow or the kernel would kill the process without a message."""
    replace(RESOURCES, memory_limit_bytes=None).require(1)
    RESOURCES.require(1)
    with pytest.raises(
        ResourceError, match=r"limit is 64 MiB, but a run needs about 700 MiB; .*docker run --memory 1g"
    ):
        replace(RESOURCES, memory_limit_bytes=64 * MIB).require(1)
    needed: list[int] = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    monkeypatch.setattr(limits, "require_threads", needed.append)
    monkeypatch.setattr(limits, "require_address_space", needed.append)
    RESOURCES.require(3)
    assert needed == [1900 * MIB + 37 * 8 * MIB, 37]
    monkeypatch.setattr(resources, "SELF", tmp_path / "exe")
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    with pytest.raises(ResourceError, match=r"TensorFlow needs .*, which is missing; mount /proc"):
        RESOURCES.require(1)


def test_a_machine_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    """The processor has the name of its architecture."""
    monkeypatch.setattr(resources, "read_text", lambda _: "")
    detected = resources.detect_resources()
    assert detected.processor
    assert detected.memory_limit_bytes is None


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("memory.max", "1073741824\n", 1024 * MIB),
        ("memory.max", "max\n", None),
        ("memory/memory.limit_in_bytes", "1073741824\n", 1024 * MIB),
        ("memory/memory.limit_in_bytes", "9223372036854771712\n", None),
        ("memory.max", "", None),
        ("memory.max", "max 100000\n", None),
        ("memory.max", "-5\n", None),
        ("memory.max", "0\n", None),
        ("memory.max", "9" * 5000, None),
        ("memory.max", "garbage \xff", None),
        ("nothing", "", None),
    ],
)
def test_reads_both_versions_of_cgroups(tmp_path: Path, name: str, content: str, expected: int | None) -> None:
    """No limit is `max` in version 2 and a huge number in version 1; from an odd file, no limit is known."""
    (tmp_path / "memory").mkdir()
    (tmp_path / name).write_text(content, encoding="latin-1")
    assert resources.read_memory_limit(tmp_path) == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu.max": "250000 100000"}, 3),
        ({"cpu.max": "9900000 100000"}, 4),
        ({"cpu.max": "max 100000"}, 4),
        ({"cpu/cpu.cfs_quota_us": "150000", "cpu/cpu.cfs_period_us": "100000"}, 2),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 4),
        ({"cpu.max": "50000 0"}, 4),
        ({"cpu.max": "50000 -100000"}, 4),
        ({"cpu.max": "9" * 400 + " 9"}, 4),
        ({"cpu.max": "\xff"}, 4),
        ({}, 4),
    ],
)
def test_counts_the_processors_in_the_quota(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], expected: int
) -> None:
    """With four processors in the affinity mask, 0.5 count as one, 2.5 as three, no quota or an odd one as four."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 5}, raising=False)
    (tmp_path / "cpu").mkdir()
    for name, content in files.items():
        (tmp_path / name).write_text(f"{content}\n", encoding="latin-1")
    assert processors.count_processors(tmp_path) == expected


def test_detects_what_this_process_may_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It detects a named processor, and the device files of two GPUs."""
    for name in ("nvidia0", "nvidia1", "nvidiactl", "null"):
        (tmp_path / name).touch()
    monkeypatch.setattr(resources, "DEVICES", tmp_path)
    detected = resources.detect_resources()
    assert detected.n_gpus == 2
    assert detected.n_processors >= 1
    assert detected.processor
