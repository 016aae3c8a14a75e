import shutil
import subprocess
from pathlib import Path

import pytest
from support import write_dataset

from job.data import download, sources
from job.data.fashion_mnist import FILES
from job.errors import DataError


def installed() -> Path:
    found = sources.find_installed()
    assert found
    return found.folder


def from_copy(work: Path) -> Path:
    return Path(shutil.copytree(installed(), work / "copy"))


def refuse(_: Path) -> Path:
    raise DataError("no network")


def test_fills_the_folder_by_the_first_way_that_works(tmp_path: Path) -> None:
    """The four files, and nothing left of the work."""
    found = download.fill(tmp_path / "data", (refuse, from_copy))
    assert found.folder == tmp_path / "data"
    assert {path.name for path in found.folder.iterdir()} == set(FILES.values())
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_says_what_each_way_said(tmp_path: Path) -> None:
    """And what to do by hand; files of another data set count as a failure, and nothing is left."""
    with pytest.raises(DataError, match=r"no network; .*this is not Fashion-MNIST's.*by hand"):
        download.fill(tmp_path / "data", (refuse, lambda work: write_dataset(work / "other")))
    assert list(tmp_path.iterdir()) == []


def test_a_system_without_apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next way is tried."""
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(DataError, match="not a Debian system"):
        download.from_debian(tmp_path)


def test_old_package_lists_are_renewed_in_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """apt cannot find the package: lists of our own are fetched, which wants no root, and the download tried again."""
    calls: list[tuple[str, ...]] = []

    def run(_: Path, *command: str) -> None:
        calls.append(command)
        if len(calls) == 1:
            raise subprocess.CalledProcessError(100, "apt-get")
        if command[-1] == download.PACKAGE:
            (tmp_path / f"{download.PACKAGE}_1_all.deb").touch()

    monkeypatch.setattr(shutil, "which", lambda name: name)
    monkeypatch.setattr(download, "_run", run)
    assert download.from_debian(tmp_path) == tmp_path / "usr/share/datasets/fashion-mnist"
    assert [command[0] for command in calls] == ["apt-get", "apt-get", "apt-get", "dpkg-deb"]
    assert f"Dir::State::lists={tmp_path}/lists" in calls[1]
    assert calls[1][-1] == "update"


def test_a_failed_command_tells_its_last_words(tmp_path: Path) -> None:
    """Not only its status."""
    with pytest.raises(subprocess.CalledProcessError, match=r"sh .*no such thing"):
        download._run(tmp_path, "sh", "-c", "echo no such thing >&2; exit 3")


def test_keras_downloads_into_a_place_of_our_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """KERAS_HOME leads there, so that an unfinished download never lies in Keras's cache."""
    import keras

    monkeypatch.setenv("KERAS_HOME", "/nowhere")
    monkeypatch.setattr(sources, "DEBIAN", tmp_path / "none")
    monkeypatch.setattr(sources, "LOCAL", tmp_path / "none")
    target = tmp_path / "datasets" / "fashion-mnist"
    target.mkdir(parents=True)
    monkeypatch.setattr(keras.datasets.fashion_mnist, "load_data", lambda: write_dataset(target))
    assert download.from_keras(tmp_path) == target
