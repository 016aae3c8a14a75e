"""Kills a writer before each of its file operations in turn, and names what the next job makes of the folder.

`python kill_points.py SCENARIO EARLIER FOLDER` copies the output folder EARLIER to FOLDER again and again. The last
line of its output is a JSON list with an entry for each moment: the operation that did not take place, what the folder
is after the next job has looked at it, and what it is if that job was killed, too, at any moment (`{}` without the
argument `--again`). The folder is "old", "new" or, with its files, something else.
"""

import functools
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from job.__main__ import main
from job.errors import DataError
from job.results.output_folder.atomic_write import stage_files
from job.results.output_folder.manifest import read_unchanged
from job.results.output_folder.preparation import prepare_output_folder

OPERATIONS = {"open", "os.rename", "os.link", "os.symlink", "os.mkdir", "os.remove", "os.rmdir", "os.truncate"}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT

Work = Callable[[Path], object]


def write(folder: Path, text: str, *names: str) -> None:
    """A run that writes `text` into every file; folders end in a slash."""
    with stage_files(folder, outdated=["exports"]) as staging:
        for name in ("metrics.json", "predictions.csv", *names):
            path = staging / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


def write_unlinked(folder: Path, *words: str) -> None:
    """The same on a file system without hard links."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError

    os.link = refuse
    write(folder, *words)


EXPORTS = ("exports/saved_model/variables/index", "exports/model.onnx")
IMAGES = ("report-images/1.png", "report-images/2.png")
SCENARIOS: dict[str, Work] = {
    "exports": lambda folder: write(folder, "new", *EXPORTS, *IMAGES[:1]),
    "other exports, no links": lambda folder: write_unlinked(folder, "new", EXPORTS[0], "index.html"),
    "no exports": lambda folder: write(folder, "new", "index.html"),
    "render": lambda folder: main(["render", "-q", "--output", str(folder)]),
}


def list_files(folder: Path) -> dict[str, str]:
    """The content of every file, and "folder" for every folder, by path."""
    return {
        str(path.relative_to(folder)): "folder" if path.is_dir() else path.read_bytes().decode(errors="replace")
        for path in sorted(folder.rglob("*"))
    }


def do_nothing(*_: object) -> None:
    pass


def heal(folder: Path) -> None:
    """What every job does first."""
    prepare_output_folder(folder, ["metrics.json", "index.html"], ["exports", "report-images"])


def run_killed(work: Work, folder: Path, moment: int) -> str:
    """Run `work` in a fork that dies before its operation number `moment`; returns its name, "" if there is none."""
    reader, writer = os.pipe()
    if not (child := os.fork()):
        n = 0

        def kill(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal n
            if event not in OPERATIONS or not is_change(event, arguments, folder):
                return
            if n == moment:
                os.write(writer, f"{event} {arguments[0]}".replace(str(folder), "").encode())
                os.kill(os.getpid(), signal.SIGKILL)
            n += 1

        sys.addaudithook(kill)
        with suppress(BaseException):
            work(folder)
            os._exit(0)
        os._exit(1)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        operation = pipe.read()
    _, status = os.waitpid(child, 0)
    assert status == (signal.SIGKILL if operation else 0), (moment, operation, status)
    return operation


def is_change(event: str, arguments: tuple[Any, ...], folder: Path) -> bool:
    """Whether the operation changes something in the folder; `shutil.rmtree` names it relative to a descriptor."""
    if event == "open" and not arguments[2] & WRITING:
        return False
    path = str(arguments[0])
    return path.startswith(str(folder)) or (event in {"os.remove", "os.rmdir"} and not path.startswith("/"))


def copy(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, symlinks=True)


def try_every_moment(work: Work, earlier: Path, folder: Path, *, again: bool) -> list[tuple[str, str, dict[str, str]]]:
    copy(earlier, folder)
    old = list_files(folder)
    work(folder)
    new = list_files(folder)
    name = functools.partial(name_state, old, new)
    moments: list[tuple[str, str, dict[str, str]]] = []
    killed = folder.parent / "killed"
    while True:
        copy(earlier, folder)
        operation = run_killed(work, folder, len(moments))
        if not operation:
            assert list_files(folder) == new
            return moments
        copy(folder, killed)
        require_no_accepted_mixture(folder)
        heal(folder)
        state = name(folder)
        inner: dict[str, str] = {}
        while again:
            copy(killed, folder)
            step = run_killed(heal, folder, len(inner))
            if not step:
                break
            heal(folder)
            inner[f"{len(inner)} {step}"] = name(folder)
        moments.append((operation, state, inner))


def name_state(old: dict[str, str], new: dict[str, str], folder: Path) -> str:
    files = list_files(folder)
    return "old" if files == old else "new" if files == new else f"{sorted(files.items())}"


def require_no_accepted_mixture(folder: Path) -> None:
    """A reader that cannot heal the folder refuses it, or finds files of one run."""
    names = ("metrics.json", "predictions.csv")
    with suppress(DataError):
        read_unchanged(folder, names, list)
        texts = [(folder / name).read_text() for name in names]
        assert texts[0] == texts[1] or "{" in texts[0], texts


if __name__ == "__main__":
    vars(os)["fsync"] = do_nothing  # takes most of the time, and a kill loses no data
    scenario, earlier, folder, *options = sys.argv[1:]
    print(json.dumps(try_every_moment(SCENARIOS[scenario], Path(earlier), Path(folder), again="--again" in options)))
