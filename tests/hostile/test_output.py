import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hostile_world import RENDER, TRAIN, Case, World, check_outcome, run_case

pytestmark = pytest.mark.hostile

DONE = r"accuracy \d"
NEW = (*TRAIN[:-1], "{root}/new")
REFERENCE = (*NEW, "--reference", "{report}")
DELETED = "--output .*/new: the folder cannot be created there, or was deleted during the run; name another"

NO_LOCKS = """
import errno, fcntl

def flock(*_):
    raise OSError(errno.ENOLCK, "No locks available")

fcntl.flock = flock
"""


def put(path: str, text: str = "mine") -> Callable[[World], object]:
    """Put a file of a person there."""

    def prepare(world: World) -> None:
        (world.root / path).parent.mkdir(parents=True, exist_ok=True)
        (world.root / path).write_text(text)

    return prepare


def put_links_and_folders(world: World) -> None:
    """Put files of a person where the job keeps unfinished ones."""
    for folder in ("target", "target/old", "report/.unfinished-mine", "report/.unfinished-fashion-job-mine"):
        put(f"{folder}/authorized_keys")(world)
    for name in (".unfinished-x", ".unfinished-fashion-job-x"):
        (world.report / name).symlink_to(world.root / "target")


def check_that_these_stay(world: World) -> None:
    files = [path for path in world.root.rglob("authorized_keys") if path.read_text() == "mine"]
    links = [path for path in world.report.iterdir() if path.is_symlink()]
    assert (len(files), len(links)) == (4, 2)


def delete_during_training(process: subprocess.Popen[str], world: World) -> None:
    """Delete the output folder when the job has checked it."""
    assert process.stderr
    while not process.stderr.readline().startswith("system"):
        assert process.poll() is None
    shutil.rmtree(world.root / "new")


def delete_while_writing(process: subprocess.Popen[str], world: World) -> None:
    """Delete the output folder when the predictions are there."""
    while not list(world.root.glob("new/.unfinished-*/new/predictions.csv")):
        assert process.poll() is None
        time.sleep(0.001)
    (world.root / "new").rename(world.root / "deleted")  # at once, unlike rmtree
    shutil.rmtree(world.root / "deleted")


def forbid_locks(world: World) -> None:
    """Simulate a file system without flock."""
    put("site/sitecustomize.py", NO_LOCKS)(world)
    world.environment["PYTHONPATH"] = f"{Path(__file__).parents[2]}:{world.root / 'site'}"


def append(name: str) -> Callable[[World], object]:
    """Edit a file of the run in a way that keeps it valid."""

    def prepare(world: World) -> None:
        with (world.report / name).open("a") as file:
            file.write("\n")

    return prepare


CASES = (
    Case(
        what="links and folders named .unfinished-*",
        status=0,
        line=DONE,
        arguments=RENDER,
        prepare=put_links_and_folders,
        check=check_that_these_stay,
    ),
    Case(
        what="own pictures in report-images",
        status=73,
        line="report-images exists, but no run wrote it, or it was changed since; move report-images or name another",
        arguments=(*RENDER, "--layout", "folder"),
        prepare=put("report/report-images/1.png"),
    ),
    Case(
        what="checksums of another program",
        status=73,
        line="new: SHA256SUMS exists, but no run wrote it, or it was changed since; move SHA256SUMS or name another",
        arguments=NEW,
        prepare=put("new/SHA256SUMS"),
    ),
    Case(
        what="no flock",
        status=73,
        line=r"its file system has no locks \(flock\), like some network file systems; name a folder on another one",
        prepare=forbid_locks,
    ),
    Case(
        what="an output folder deleted during training",
        status=73,
        line=DELETED,
        arguments=NEW,
        during=delete_during_training,
    ),
    Case(
        what="an output folder deleted while the results are written",
        status=73,
        line=DELETED,
        arguments=NEW,
        during=delete_while_writing,
    ),
    Case(
        what="an edited metrics.json",
        status=65,
        line="metrics.json: its SHA-256 is not the one in SHA256SUMS: it was edited by hand, or belongs to another run",
        arguments=RENDER,
        prepare=append("metrics.json"),
    ),
    Case(
        what="edited predictions of the reference",
        status=65,
        line="predictions.csv: its SHA-256 is not the one in SHA256SUMS: it was edited by hand",
        arguments=REFERENCE,
        prepare=append("predictions.csv"),
    ),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_job_ends_as_documented(case: Case, world: World) -> None:
    """Status and line are the documented ones, an earlier report survives a failure, and nothing is left."""
    check_outcome(case, run_case(case, world))
    case.check(world)
