import logging
import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hostile_world import OUTCOMES, World, format_table
from support import CONTAINERS, ErrorOf, make_run, write_dataset

from job.__main__ import main
from job.config.export_formats import FORMATS
from job.data import sources
from job.errors import UsageError
from job.log import log
from job.system.processors import count_processors
from job.training.device import configure_device
from job.training.resources import detect_resources


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks every test that needs a trained run; all fixtures that train depend on `finished_run`."""
    for item in items:
        if "finished_run" in getattr(item, "fixturenames", ()):
            item.add_marker("training")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Names bytes by their length: a gzip header holds the time, and pytest-xdist needs the same names everywhere."""
    return f"{argname}-{len(val)}-bytes" if isinstance(val, bytes) else None


@pytest.fixture(scope="session")
def configured_device() -> None:
    """Configures TensorFlow as the job does, which TensorFlow accepts only before its first operation."""
    available = detect_resources()
    configure_device("auto", available.n_processors, available)


@pytest.fixture(autouse=True)
def _configured_for_training(request: pytest.FixtureRequest) -> None:
    """Configures TensorFlow before the first test of tests/training/, whichever that is."""
    if "training" in request.path.parts:
        request.getfixturevalue("configured_device")


@pytest.fixture(autouse=True)
def _unconfigured_log() -> Iterator[None]:
    """Takes back what the command line did to the job's log: pytest would record it twice if it propagates again."""
    yield
    log.handlers, log.propagate = [], True
    log.setLevel(logging.NOTSET)


@pytest.fixture
def dataset_folder(tmp_path: Path) -> Path:
    """The four files of a small data set of ten classes."""
    return write_dataset(tmp_path / "blocks")


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of a whole job on a few hundred images; tests must not change it."""
    folder = tmp_path_factory.mktemp("finished")
    data = write_dataset(folder / "blocks")
    assert main(["--data", str(data), "--epochs", "2", "--output", str(folder / "report"), "--quiet"]) == 0
    return folder / "report"


@pytest.fixture(scope="session")
def compared_run(finished_run: Path) -> Path:
    """The output folder of a job with another seed whose reference is `finished_run`; tests must not change it."""
    folder, data = finished_run.parent / "compared", finished_run.parent / "blocks"
    options = ["--epochs", "3", "--seed", "1", "--reference", str(finished_run), "--output", str(folder), "--quiet"]
    assert main(["--data", str(data), *options]) == 0
    return folder


@pytest.fixture(scope="session")
def repeated_run(finished_run: Path) -> Path:
    """The output folder of a job with another recipe and three seeds; tests must not change it.

    Its threads are those of the single runs in this process, so that these give the same results.
    """
    folder, data = finished_run.parent / "repeated", finished_run.parent / "blocks"
    recipe = ["--recipe", "mlp", "--epochs", "2", "--batch-size", "32", "--augment", "flip,shift,erase"]
    runs = ["--label-smoothing", "0.1", "--average", "0.9", "--runs", "3", "--seed", "4"]
    runs += ["--threads", str(count_processors())]
    assert main(["--data", str(data), *recipe, *runs, "--output", str(folder), "--quiet"]) == 0
    return folder


@pytest.fixture
def repeated_copy(repeated_run: Path, tmp_path: Path) -> Path:
    """A copy of `repeated_run` that a test may damage."""
    return Path(shutil.copytree(repeated_run, tmp_path / "repeated"))


@pytest.fixture
def compared_copy(compared_run: Path, tmp_path: Path) -> Path:
    """A copy of `compared_run` that a test may damage."""
    return Path(shutil.copytree(compared_run, tmp_path / "compared"))


@pytest.fixture(scope="session")
def exported_run(finished_run: Path) -> Path:
    """The output folder of a convolutional network exported in all formats; tests must not change it."""
    folder = finished_run.parent / "exported"
    words = [word for name in FORMATS for word in ("--export", name)]
    data = finished_run.parent / "blocks"
    recipe = ["--recipe", "cnn", "--epochs", "2", "--batch-size", "50"]
    assert main(["--data", str(data), *recipe, "--output", str(folder), "--quiet", *words]) == 0
    return folder


@pytest.fixture
def world(finished_run: Path, tmp_path: Path) -> World:
    """The surroundings of one run of the job, with nothing odd in them."""
    for name in ("tmp", "home"):
        (tmp_path / name).mkdir()
    data = shutil.copytree(finished_run.parent / "blocks", tmp_path / "blocks")
    report = shutil.copytree(finished_run, tmp_path / "report")
    return World(tmp_path, data, report, tmp_path / "tmp", tmp_path / "home")


@pytest.fixture
def run_copy(finished_run: Path, tmp_path: Path) -> Path:
    """A copy of `finished_run` that a test may damage."""
    return Path(shutil.copytree(finished_run, tmp_path / "copy"))


@pytest.fixture
def written_run(tmp_path: Path) -> Path:
    """The results of a synthetic run, which has neither a report nor a model; a test may damage them."""
    folder = tmp_path / "written"
    folder.mkdir()
    make_run().write(folder)
    return folder


@pytest.fixture
def empty_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Simulates a machine on which no data set is installed."""
    monkeypatch.setattr(sources, "DEBIAN", tmp_path / "debian")
    monkeypatch.setattr(sources, "LOCAL", tmp_path / "data")
    monkeypatch.setattr(sources, "KERAS_FALLBACK", tmp_path / "fallback")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path


@pytest.fixture
def unprivileged(tmp_path: Path) -> Iterator[None]:
    """Runs the test as an unprivileged user, because file permissions do not restrict root."""
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
def error_of(capsys: pytest.CaptureFixture[str]) -> ErrorOf:
    """Runs the job with arguments that must fail with a status, and returns its one line on stderr."""

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
    """Fails a skipped test on CI, where nothing that a test needs may be missing."""
    report = yield
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if CONTAINERS:
        terminalreporter.section("containers: exit status, wall time, docker run --rm …")
        for line in CONTAINERS:
            terminalreporter.write_line(line)
    if OUTCOMES:
        terminalreporter.section(f"{len(OUTCOMES)} hostile cases")
        for line in format_table(OUTCOMES):
            terminalreporter.write_line(line)
