import logging
import os
import shutil
import time
from pathlib import Path

import pytest
from support import write_dataset

from job.data import download, sources
from job.data.fashion_mnist import FILES
from job.data.sources import Source
from job.errors import DataError
from job.log import configure_log


def copy_installed(work: Path) -> Path:
    source = sources.find_installed()
    assert source
    return Path(shutil.copytree(source.folder, work / "copy"))


def fail(_: Path) -> Path:
    raise DataError("no network")


def test_fills_the_folder_with_the_first_method_that_works(tmp_path: Path) -> None:
    """The folder has the four files, and the temporary folder is gone."""
    source = download.fill_folder(Source(tmp_path / "data", "make data"), (fail, copy_installed))
    assert source.folder == tmp_path / "data"
    assert {path.name for path in source.folder.iterdir()} == set(FILES.values())
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_the_error_has_the_reason_of_each_method(tmp_path: Path) -> None:
    """It says what to do by hand; files of another data set are a failure too, and nothing is left."""
    with pytest.raises(DataError, match=r"no network; .*is not the file of Fashion-MNIST.*by hand"):
        download.fill_folder(Source(tmp_path / "data", "make data"), (fail, lambda work: write_dataset(work / "other")))
    assert list(tmp_path.iterdir()) == []


def test_a_system_without_apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next method runs."""
    monkeypatch.setenv("PATH", str(tmp_path))
    source = download.fill_folder(
        Source(tmp_path / "data", "make data"), (download.download_debian_package, copy_installed)
    )
    assert source.folder == tmp_path / "data"


def test_apt_needs_no_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Apt downloads package lists of its own, because only root may update those of the system."""
    calls: list[tuple[str, ...]] = []

    def run(*command: str, folder: Path) -> str:
        assert folder == tmp_path
        calls.append(command)
        return ""

    monkeypatch.setattr(download, "_run", run)
    assert download.download_debian_package(tmp_path) == tmp_path / "usr/share/datasets/fashion-mnist"
    assert [command[0] for command in calls] == ["apt-get", "apt-get", "sh"]
    assert [command[-1] for command in calls[:2]] == ["update", download.PACKAGE]
    assert all(f"--option=Dir::State={tmp_path}" in command for command in calls[:2])


def test_a_failed_command() -> None:
    """The error is the last line of stderr, or the exit status."""
    assert download._run("/bin/sh", "-c", "echo first >&2; echo no such thing >&2; exit 3") == "sh: no such thing"
    assert download._run("/bin/sh", "-c", "exit 3") == "sh: status 3"
    assert download._run("/bin/sh", "-c", "echo warning >&2") == ""


def test_a_command_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason is the time; the command and the process that it started are killed."""
    monkeypatch.setattr(download, "TIMEOUT_S", 0.5)
    script = f"sleep 60 & echo $! > {tmp_path}/child; wait"
    assert download._run("/bin/sh", "-c", script) == "sh: not finished after 0 minutes"
    with pytest.raises(ProcessLookupError):
        wait_for_end(int((tmp_path / "child").read_text()))


def wait_for_end(pid: int) -> None:
    for _ in range(50):
        os.kill(pid, 0)
        if Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":  # nobody waits for it
            raise ProcessLookupError
        time.sleep(0.1)


def test_a_command_that_speaks_no_utf_8() -> None:
    """The reason shows what can be read."""
    assert download._run("/bin/sh", "-c", r"printf 'd\351faut\n' >&2; exit 3") == "sh: d\N{REPLACEMENT CHARACTER}faut"


def test_a_command_that_asks_gets_no_answer() -> None:
    """It reads the end of its input."""
    assert download._run("/bin/sh", "-c", "read answer || { echo no answer >&2; exit 3; }") == "sh: no answer"


def test_keras_downloads_into_the_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An incomplete download never stays in Keras's cache, and Keras does not read the settings of the user."""
    (tmp_path / "keras.json").write_text("[1]")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    monkeypatch.setenv("KERAS_MAX_EPOCHS", "many")
    tmp_path /= "work"
    tmp_path.mkdir()
    monkeypatch.setattr(download, "KERAS_SCRIPT", "import keras, os; os.mkdir(os.environ['KERAS_HOME'] + '/datasets')")
    assert download.download_with_keras(tmp_path) == tmp_path / "datasets" / "fashion-mnist"
    assert (tmp_path / "datasets").is_dir()


@pytest.fixture
def downloading(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which no data set is installed, and Keras can download it."""
    files = sources.find_installed()
    assert files
    machine: Path = request.getfixturevalue("empty_machine")
    monkeypatch.setattr(
        download, "download_with_keras", lambda work: Path(shutil.copytree(files.folder, work / "copy"))
    )
    return machine


def test_keras_downloads_if_nothing_is_installed(downloading: Path) -> None:
    """The files are then in Keras's cache."""
    cache = downloading / "keras" / "datasets" / "fashion-mnist"
    assert download.find_or_download(None) == sources.find_installed() == Source(cache, "Keras's cache")


def test_keras_has_a_second_cache(downloading: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is for users without a home that they can write."""
    monkeypatch.setenv("KERAS_HOME", "/dev/null/keras")
    assert download.find_or_download(None).folder == downloading / "fallback" / "datasets" / "fashion-mnist"
    shutil.rmtree(downloading / "fallback")
    (downloading / "fallback").touch()
    with pytest.raises(DataError, match=r"^Fashion-MNIST is not installed, and /dev/null/keras\S* cannot be written"):
        download.find_or_download(None)


@pytest.mark.usefixtures("empty_machine")
def test_a_failed_download(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """The error is one line with Keras's reason and what to do; neither Keras nor TensorFlow prints anything."""
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # where nothing listens
    configure_log(logging.WARNING)  # without the line of the job itself
    reason = r"cannot be downloaded: python\S*: Exception: URL fetch failure on https.*, or name the folder"
    with pytest.raises(DataError, match=reason) as caught:
        download.find_or_download(None)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")
