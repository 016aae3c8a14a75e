import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hostile_world import RENDER, TRAIN, Case, World, check_outcome, run_case

from job.data.fashion_mnist import FILES
from job.results.file_names import METRICS, PAGE, PREDICTIONS

pytestmark = pytest.mark.hostile


def put(place: str, name: str, make: Callable[[Path], object]) -> Callable[[World], None]:
    """Put something else in the place of a file of the data set or of the report."""

    def prepare(world: World) -> None:
        path = getattr(world, place) / name
        path.unlink(missing_ok=True)
        make(path)

    return prepare


def make_too_large(path: Path) -> None:
    path.touch()
    os.truncate(path, 2**25 + 1)


def add_surplus(world: World) -> None:
    """Make the training images decompress to 64 MiB more than their header says, and damage the end."""
    path = world.data / FILES["train_images"]
    content = gzip.compress(gzip.decompress(path.read_bytes()) + bytes(2**26), compresslevel=1)
    path.write_bytes(content[:-100])


def move_data_to_odd_name(world: World) -> None:
    """Name the folder in bytes that are not UTF-8, and leave a link."""
    world.data.rename(world.root / os.fsdecode(b"\xff"))
    world.data.symlink_to(os.fsdecode(b"\xff"))


def check_useless_model(world: World) -> None:
    assert "<span>The model predicts <bdi>" in (world.report / PAGE).read_text(encoding="utf-8")


CASES = (
    Case(
        what="a FIFO as the class names",
        status=65,
        line=r"classes\.txt: cannot be read: Not a regular file",
        prepare=put("data", "classes.txt", os.mkfifo),
    ),
    Case(
        what="a FIFO as the predictions",
        status=65,
        line=r"predictions\.csv",
        arguments=RENDER,
        prepare=put("report", PREDICTIONS, os.mkfifo),
    ),
    Case(
        what="metrics of more than 32 MiB",
        status=65,
        line=r"metrics\.json: cannot be read \(Larger than 33,554,432 bytes\)",
        arguments=RENDER,
        prepare=put("report", METRICS, make_too_large),
    ),
    Case(
        what="an endless device as the metrics",
        status=65,
        line=r"metrics\.json",
        arguments=RENDER,
        prepare=put("report", METRICS, lambda path: path.symlink_to("/dev/zero")),
    ),
    Case(
        what="a reference whose metrics are a FIFO",
        status=65,
        line=r"metrics\.json.*--reference DIR",
        arguments=(*TRAIN, "--reference", "{root}"),
        prepare=lambda world: os.mkfifo(world.root / METRICS),
    ),
    Case(what="far more images than announced", status=65, line="but it contains more", prepare=add_surplus),
    Case(
        what="a data folder whose name is not UTF-8",
        status=65,
        line=r"blocks: the name \\udcff has a control character or is not UTF-8; rename the folder",
        prepare=move_data_to_odd_name,
    ),
    Case(
        what="a line break in FASHION_JOB_IMAGE",
        status=64,
        line=r"FASHION_JOB_IMAGE is 'a\\nb', but must be UTF-8 text",
        prepare=lambda world: world.environment.update(FASHION_JOB_IMAGE="a\nb"),
    ),
    Case(
        what="a forged error line in an option",
        status=64,
        line=r"^fashion-job: error: --data is 'a\\nfashion-job: error: b'",
        arguments=("--data", "a\nfashion-job: error: b"),
    ),
    Case(
        what="a finite loss that is far too high",
        status=79,
        line=r"infinite or at least 1e\+12 in epoch 1 with --learning-rate 1000; lower the learning rate",
        arguments=(*TRAIN, "--learning-rate", "1000", "--batch-size", "100"),
    ),
    Case(
        what="a useless model",
        status=0,
        line="accuracy 0.1000",
        arguments=(*TRAIN, "--learning-rate", "1"),
        check=check_useless_model,
    ),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_job_ends_as_documented(case: Case, world: World) -> None:
    """Status and line are the documented ones, an earlier report survives a failure, and nothing is left."""
    check_outcome(case, run_case(case, world))
    case.check(world)
