import gzip
import json
import os
import shutil
import struct
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from job.__main__ import main
from job.config.export_formats import FORMATS
from job.data import sources
from job.errors import UsageError
from job.results import run
from job.results.schema import Results
from job.training import device, resources

REPOSITORY = Path(__file__).resolve().parent.parent

UInt8 = NDArray[np.uint8]

CONTAINERS: list[str] = []
"""A line of the table that `make image-test` ends with for each container that ran: status, wall time, what."""


def write_idx(path: Path, values: UInt8) -> None:
    header = bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape)
    path.write_bytes(gzip.compress(header + values.tobytes(), mtime=0))


def write_dataset(folder: Path, *, n_train: int = 300, n_test: int = 100, n_classes: int = 10) -> Path:
    """A data set that can be learned: each class is a bright block in a place of its own, under noise."""
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng(7)
    for part, n in (("train", n_train), ("test", n_test)):
        labels = (np.arange(n) % n_classes).astype(np.uint8)
        images = random.integers(0, 100, (n, 28, 28), np.uint8)
        for image, label in zip(images, labels, strict=True):
            row, column = divmod(int(label) % 49, 7)
            image[4 * row : 4 * row + 4, 4 * column : 4 * column + 4] += 120
        write_idx(folder / sources.FILES[f"{part}_images"], images)
        write_idx(folder / sources.FILES[f"{part}_labels"], labels)
    return folder


@pytest.fixture(scope="session")
def started() -> None:
    """TensorFlow with the device and threads that the job gives it, which it takes only before its first operation."""
    found = resources.find()
    device.start("auto", found.n_processors, found)


@pytest.fixture
def dataset_folder(tmp_path: Path) -> Path:
    """The four files of a small data set of ten classes."""
    return write_dataset(tmp_path / "blocks")


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of a whole job on a few hundred images; not to be changed."""
    folder = tmp_path_factory.mktemp("finished")
    data = write_dataset(folder / "blocks")
    assert main(["--data", str(data), "--epochs", "2", "--output", str(folder / "report"), "--quiet"]) == 0
    return folder / "report"


@pytest.fixture(scope="session")
def finished_results(finished_run: Path) -> Results:
    return run.read_metrics(finished_run)


@pytest.fixture(scope="session")
def compared_run(finished_run: Path) -> Path:
    """The output folder of a job on the same images with another seed, compared with that one; not to be changed."""
    folder, data = finished_run.parent / "compared", finished_run.parent / "blocks"
    options = ["--epochs", "3", "--seed", "1", "--reference", str(finished_run), "--output", str(folder), "--quiet"]
    assert main(["--data", str(data), *options]) == 0
    return folder


@pytest.fixture(scope="session")
def repeated_run(finished_run: Path) -> Path:
    """The output folder of a job on the same images by another recipe, with three seeds; not to be changed."""
    folder, data = finished_run.parent / "repeated", finished_run.parent / "blocks"
    recipe = ["--recipe", "mlp", "--epochs", "2", "--batch-size", "32", "--augment", "flip,shift,erase"]
    runs = ["--label-smoothing", "0.1", "--average", "0.9", "--runs", "3", "--seed", "4"]
    assert main(["--data", str(data), *recipe, *runs, "--output", str(folder), "--quiet"]) == 0
    return folder


@pytest.fixture
def repeated_copy(repeated_run: Path, tmp_path: Path) -> Path:
    """The same, to be damaged."""
    return Path(shutil.copytree(repeated_run, tmp_path / "repeated"))


@pytest.fixture
def compared_copy(compared_run: Path, tmp_path: Path) -> Path:
    """The same, to be damaged."""
    return Path(shutil.copytree(compared_run, tmp_path / "compared"))


@pytest.fixture(scope="session")
def exported_run(finished_run: Path) -> Path:
    """Of a convolutional network that judges mirror images too, in all formats; not to be changed."""
    folder = finished_run.parent / "exported"
    words = [word for name in FORMATS for word in ("--export", name)]
    data = finished_run.parent / "blocks"
    recipe = ["--recipe", "cnn", "--epochs", "2", "--batch-size", "50"]
    assert main(["--data", str(data), *recipe, "--output", str(folder), "--quiet", *words]) == 0
    return folder


@pytest.fixture
def run_copy(finished_run: Path, tmp_path: Path) -> Path:
    """A finished run that may be damaged."""
    return Path(shutil.copytree(finished_run, tmp_path / "copy"))


def edited(edit: Callable[[dict[str, Any]], object]) -> Callable[[str], str]:
    """What edits the JSON of a file's text."""

    def change(text: str) -> str:
        content = json.loads(text)
        edit(content)
        return json.dumps(content)

    return change


@pytest.fixture
def unprivileged(tmp_path: Path) -> Iterator[None]:
    """Lets the test run as a user whom file permissions hold back, which root is not."""
    if os.geteuid():
        yield
        return
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == 0 and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    os.seteuid(65534)
    yield
    os.seteuid(0)


@pytest.fixture
def error_of(
    started: None,  # noqa: ARG001
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., str]:
    """Runs the job with arguments that must fail with a status, and gives its one line on stderr.

    TensorFlow is there before: a job that fails in this process would leave its import under way in a thread.
    """

    def run(status: int, *arguments: object) -> str:
        capsys.readouterr()
        quiet = () if status == UsageError.exit_status else ("-q",)
        assert main([*(str(argument) for argument in arguments), *quiet]) == status
        captured = capsys.readouterr()
        (line,) = captured.err.splitlines()
        assert line.startswith("fashion-job: error: ")
        assert captured.out == ""
        return line

    return run


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """On CI a test that would be skipped fails: there, nothing it needs may be missing."""
    report = yield
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if CONTAINERS:
        terminalreporter.section("containers: exit status, wall time, docker run --rm …")
        for line in CONTAINERS:
            terminalreporter.write_line(line)
