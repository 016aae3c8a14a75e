"""A sweep whose trainings are stubs, and what it left."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from support import REPOSITORY, make_run, write_dataset

from job.results.file_names import RESULT_FILES
from job.results.output_folder.manifest import write_manifest

SCRIPT = Path(__file__).with_name("stubbed_sweep.py")


@dataclass(frozen=True)
class Attempt:
    """One attempt of a run; `ended` is None if it was stopped or failed."""

    name: str
    pid: int
    began: float
    ended: float | None


@dataclass(frozen=True)
class StubbedSweep:
    """A folder with a data set, the files of the stub, and `sweep/`, the folder of the sweep."""

    folder: Path
    data: Path

    @property
    def output(self) -> Path:
        return self.folder / "sweep"

    def behave(self, behaviour: Mapping[str, Sequence[str]]) -> None:
        """Say what the attempts of runs do: succeed, sleep S, learn S an epoch, deaf S, kill, nothing or status N.

        With ` when FILE` they wait until the file is in the folder: `attempts/NAME.0` is there when NAME has begun.
        """
        (self.folder / "behaviour.json").write_text(json.dumps(behaviour))

    def start(self, *options: str) -> "subprocess.Popen[str]":
        data = [] if "--collect" in options else ["--data", str(self.data)]
        words = [sys.executable, str(SCRIPT), "sweep", *data, "--output", str(self.output), *options]
        environment = {**os.environ, "STUB_FOLDER": str(self.folder), "PYTHONPATH": str(REPOSITORY)}
        pipe = subprocess.PIPE
        return subprocess.Popen(words, cwd=self.folder, env=environment, stdout=pipe, stderr=pipe, text=True)

    def run(self, *options: str) -> "subprocess.CompletedProcess[str]":
        process = self.start(*options)
        stdout, stderr = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    def attempts(self) -> list[Attempt]:
        """The attempts so far, in the order in which they began."""
        attempts = []
        for path in (self.folder / "attempts").iterdir():
            words = path.read_text().split()
            if len(words) > 1:
                ended = float(words[2]) if len(words) > 2 else None
                attempts.append(Attempt(path.name.rsplit(".", 1)[0], int(words[0]), float(words[1]), ended))
        return sorted(attempts, key=lambda attempt: attempt.began)

    def names(self) -> list[str]:
        """The names of the runs that were attempted, one for each attempt."""
        return sorted(attempt.name for attempt in self.attempts())

    def finished(self) -> list[str]:
        """The names of the runs that are finished."""
        return sorted(path.parent.name for path in self.output.glob("runs/*/SHA256SUMS"))


def make_stubbed_sweep(folder: Path) -> StubbedSweep:
    """A sweep with stubs, all of which succeed."""
    template = folder / "template"
    template.mkdir()
    make_run(epochs=5).write(template)
    write_manifest(template, [name for name in RESULT_FILES if (template / name).exists()], {})
    (folder / "attempts").mkdir()
    stubbed = StubbedSweep(folder, write_dataset(folder / "blocks"))
    stubbed.behave({})
    return stubbed
