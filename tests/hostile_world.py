"""Runs the job in a hostile world: a case says what is odd there, and the outcome says what the job made of it."""

import hashlib
import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support import REPOSITORY

MARK = "HOSTILE_MARK"
"""The environment variable by which the runner recognizes the processes of a case."""

TIMEOUT_S = 120
TRAIN = ("--data", "{data}", "--epochs", "1", "--output", "{report}")
RENDER = ("render", "--output", "{report}")


@dataclass
class World:
    """The surroundings of one run of the job, all below `root`, its working directory; a case may change everything.

    Attributes:
        data: A small data set.
        report: The output folder of a finished run on it.
        tmp: The temporary folder of the job (TMPDIR), empty at first.
        home: The home of the user, empty at first.
        environment: Variables that the job gets besides PATH, PYTHONPATH, HOME and TMPDIR.
        options: Further arguments of `subprocess.Popen`, such as `preexec_fn`.
    """

    root: Path
    data: Path
    report: Path
    tmp: Path
    home: Path
    environment: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)


def do_nothing(*_: object) -> None:
    """What a case does if it says nothing else."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One line of the table.

    Attributes:
        what: What is odd, in a few words.
        status: Exit status that docs/files.md promises.
        line: Regular expression that the last line matches: on stderr, or on stdout if the status is 0.
        arguments: Arguments of the job; `{data}`, `{report}`, `{root}`, `{tmp}` and `{home}` are filled in.
        prepare: Changes the world before the run.
        during: Acts on the running process.
        check: Checks the world after the run, beyond what every case must fulfil.
    """

    what: str
    status: int
    line: str
    arguments: tuple[str, ...] = TRAIN
    prepare: Callable[[World], object] = do_nothing
    during: Callable[["subprocess.Popen[str]", World], object] = do_nothing
    check: Callable[[World], object] = do_nothing

    def __str__(self) -> str:
        return self.what


@dataclass(frozen=True)
class Outcome:
    """What the job made of a case.

    Attributes:
        status: Its exit status; None if it did not end.
        line: Its last line.
        n_errors: Number of error lines on stderr.
        is_untouched: Whether the earlier report is as before.
        left: Processes and files that are left.
        stderr: All of stderr.
    """

    status: int | None
    line: str
    n_errors: int
    is_untouched: bool
    left: tuple[str, ...]
    stderr: str


OUTCOMES: list[tuple[Case, Outcome]] = []
"""The table that `make hostile` prints."""


def run_case(case: Case, world: World) -> Outcome:
    """Run the job in the world of a case."""
    case.prepare(world)
    before, own, mark = hash_folder(world.report), _find_unfinished(world), uuid.uuid4().hex
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(REPOSITORY),
        "HOME": str(world.home),
        "TMPDIR": str(world.tmp),
        MARK: mark,
        **world.environment,
    }
    places = {name: str(path) for name, path in vars(world).items() if isinstance(path, Path)}
    command = [sys.executable, "-m", "job", *(argument.format(**places) for argument in case.arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL} | world.options
    process = subprocess.Popen(
        command, cwd=world.root, env=environment, encoding="utf-8", errors="backslashreplace", **pipes
    )
    case.during(process, world)
    try:
        stdout, stderr = process.communicate(timeout=TIMEOUT_S)
        status = process.returncode
    except subprocess.TimeoutExpired:
        process.kill()
        stdout, stderr = process.communicate()
        status = None
    lines = [*((stderr if status else stdout) or "").splitlines()] or [""]
    files = _find_unfinished(world) - own
    outcome = Outcome(
        status=status,
        line=lines[-1],
        n_errors=len(re.findall("^fashion-job: error: ", stderr or "", re.MULTILINE)),
        is_untouched=hash_folder(world.report) == before,
        left=(*_find_processes(mark), *(str(path.relative_to(world.root)) for path in sorted(files))),
        stderr=stderr or "",
    )
    OUTCOMES.append((case, outcome))
    return outcome


def check_outcome(case: Case, outcome: Outcome) -> None:
    """Check what every case must fulfil."""
    shown = f"{case.what}: status {outcome.status}\n{outcome.stderr}"
    assert outcome.status == case.status, shown
    assert re.search(case.line, outcome.line), shown
    assert "Traceback" not in outcome.stderr, shown
    assert outcome.left == (), shown
    is_error = 0 < case.status < 128
    assert outcome.n_errors == is_error, shown
    assert outcome.is_untouched or case.status == 0, shown


def format_table(outcomes: Sequence[tuple[Case, Outcome]]) -> list[str]:
    """The lines of the table: status, report, what is left, what is odd, last line; the columns are aligned."""
    rows = [("status", "report", "left", "what is odd", "last line")]
    for case, outcome in outcomes:
        report = "untouched" if outcome.is_untouched else "replaced"
        left = ", ".join(outcome.left) or "nothing"
        rows.append((str(outcome.status), report, left, case.what, outcome.line))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def hash_folder(folder: Path) -> dict[str, str]:
    """The content of every file, and the target of every link, by its path."""
    return {
        str(path.relative_to(folder)): str(path.readlink())
        if path.is_symlink()
        else hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def _find_unfinished(world: World) -> set[Path]:
    """Temporary files, and unfinished ones."""
    return {*world.tmp.iterdir(), *world.root.rglob(".unfinished-*")} if world.tmp.is_dir() else set()


def _find_processes(mark: str) -> list[str]:
    """The command lines of the processes of a case that still run a second after its end."""
    entry = f"{MARK}={mark}".encode()
    for _ in range(10):
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if entry in (folder / "environ").read_bytes().split(b"\0"):
                    found.append((folder / "cmdline").read_text().replace("\0", " ").strip())
            except OSError:  # it has ended, or belongs to another user
                continue
        if not found:
            break
        time.sleep(0.1)
    return found
