"""Too few processes, files, memory; a clock, a `git` and a second process that fail."""

import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hostile_world import RENDER, TRAIN, Case, World, check_outcome, run_case
from support import REPOSITORY

from job.system.limits import N_FILES

if TYPE_CHECKING:
    import subprocess

DONE = r"accuracy \d"
MIB = 2**20


def limit(number: int, value: int) -> Callable[[World], None]:
    """Limits a resource of the job."""

    def prepare(world: World) -> None:
        world.options["preexec_fn"] = lambda: resource.setrlimit(number, (value, value))

    return prepare


def set_clock_to_1970(world: World) -> None:
    """Python runs a module `sitecustomize` when it starts."""
    code = "import time\nlocaltime = time.localtime\ntime.localtime = lambda *_: localtime(100_000)\n"
    (world.root / "sitecustomize.py").write_text(code)
    world.environment["PYTHONPATH"] = os.pathsep.join((str(world.root), str(REPOSITORY)))


def install_a_git_that_hangs(world: World) -> None:
    folder = world.root / "bin"
    folder.mkdir()
    (folder / "git").write_text("#!/bin/sh\nexec sleep 1000\n")
    (folder / "git").chmod(0o755)
    world.environment["PATH"] = os.pathsep.join((str(folder), os.environ["PATH"]))


def check_that_no_revision_is_known(world: World) -> None:
    environment = json.loads((world.report / "metrics.json").read_text())["provenance"]["environment"]
    assert environment["revision"] == ""


def kill_the_report_process(process: "subprocess.Popen[str]", _: World) -> None:
    """Kills it as soon as it exists."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while process.poll() is None:
        for child in children.read_text().split():
            if b"job.report.worker" in Path(f"/proc/{child}/cmdline").read_bytes():
                os.kill(int(child), signal.SIGKILL)
                return
        time.sleep(0.01)


FILES = "error: the limit on open files is too low .*ulimit -n"

CASES = (
    Case(what="8 open files", status=69, line=FILES, prepare=limit(resource.RLIMIT_NOFILE, 8)),
    Case(
        what="10 open files, render", status=69, line=FILES, arguments=RENDER, prepare=limit(resource.RLIMIT_NOFILE, 10)
    ),
    Case(
        what="1,500 MiB of address space",
        status=69,
        line="error: the limit on address space is too low .*ulimit -v",
        prepare=limit(resource.RLIMIT_AS, 1500 * MIB),
    ),
    Case(
        what="300 MiB of address space, render",
        status=69,
        line="error: the limit on address space is too low .it is 300 MiB, but a run needs at least 800 MiB.; raise",
        arguments=RENDER,
        prepare=limit(resource.RLIMIT_AS, 300 * MIB),
    ),
)

SLOW_CASES = (
    Case(
        what="as many open files as a run needs",
        status=0,
        line=DONE,
        arguments=(*TRAIN, "--layout", "folder"),
        prepare=limit(resource.RLIMIT_NOFILE, 3 + N_FILES),
    ),
    Case(what="a clock before 1980", status=0, line=DONE, prepare=set_clock_to_1970),
    Case(
        what="a git that hangs",
        status=0,
        line=DONE,
        prepare=install_a_git_that_hangs,
        check=check_that_no_revision_is_known,
    ),
    Case(what="a killed report process", status=69, line="report process was killed", during=kill_the_report_process),
    Case(
        what="files of at most 1,000 bytes",
        status=69,
        line="error: the limit on the size of a file is too low .*ulimit -f",
        prepare=limit(resource.RLIMIT_FSIZE, 1000),
    ),
)


@pytest.mark.skipif(sys.platform != "linux", reason="limits and /proc of Linux")
@pytest.mark.parametrize(
    "case", [*CASES, *(pytest.param(case, marks=pytest.mark.hostile) for case in SLOW_CASES)], ids=str
)
def test_the_job_ends_as_documented(case: Case, world: World) -> None:
    """Status and line are the documented ones, an earlier report survives a failure, and nothing is left."""
    check_outcome(case, run_case(case, world))
    case.check(world)
