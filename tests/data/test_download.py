import os
import shutil
import time
from pathlib import Path

import pytest
from support import write_dataset

from job.data import download, sources
from job.data.fashion_mnist import FILES
from job.errors import DataError


def copy_installed(work: Path) -> Path:
    source = sources.find_installed()
    assert source
    return Path(shutil.copytree(source.folder, work / "copy"))


def fail(_: Path) -> Path:
    raise DataError("no network")


def test_fills_the_folder_with_the_first_method_that_works(tmp_path: Path) -> None:
    """The folder has the four files, and the temporary folder is gone."""
    source = download.fill_folder(tmp_path / "data", (fail, copy_installed))
    assert source.folder == tmp_path / "data"
    assert {path.name for path in source.folder.iterdir()} == set(FILES.values())
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_the_error_has_the_reason_of_each_method(tmp_path: Path) -> None:
    """It says what to do by hand; files of another data set are a failure too, and nothing is left."""
    with pytest.raises(DataError, match=r"no network; .*is not the file of Fashion-MNIST.*by hand"):
        download.fill_folder(tmp_path / "data", (fail, lambda work: write_dataset(work / "other")))
    assert list(tmp_path.iterdir()) == []


def test_a_system_without_apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next method runs."""
    monkeypatch.setenv("PATH", str(tmp_path))
    source = download.fill_folder(tmp_path / "data", (download.download_debian_package, copy_installed))
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
    """KERAS_HOME points there, so that an incomplete download never stays in Keras's cache."""
    monkeypatch.setenv("KERAS_HOME", "/nowhere")
    monkeypatch.setattr(download, "KERAS_SCRIPT", "import os; os.mkdir(os.environ['KERAS_HOME'] + '/datasets')")
    assert download.download_with_keras(tmp_path) == tmp_path / "datasets" / "fashion-mnist"
    assert (tmp_path / "datasets").is_dir()


def test_keras_downloads_if_nothing_is_installed(empty_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job lets Keras download, and then reads Keras's cache."""
    cache = empty_machine / "keras" / "datasets" / "fashion-mnist"
    cache.mkdir(parents=True)
    monkeypatch.setattr(download, "_run", lambda *_: str(write_dataset(cache)))
    assert download.find_or_download(None).folder == cache


@pytest.mark.usefixtures("empty_machine")
def test_a_failed_download(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """The error is one line with Keras's reason and what to do; neither Keras nor TensorFlow prints anything."""
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # where nothing listens
    reason = r"Keras cannot download it \(python\S*: Exception: URL fetch failure on https.*\); run `make data`"
    with pytest.raises(DataError, match=reason) as caught:
        download.find_or_download(None)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")
