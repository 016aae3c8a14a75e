from pathlib import Path

import pytest
from support import write_dataset

from job.data import sources
from job.data.fashion_mnist import FILES
from job.errors import DataError


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any data set."""
    monkeypatch.setattr(sources, "DEBIAN", tmp_path / "debian")
    monkeypatch.setattr(sources, "LOCAL", tmp_path / "data")
    monkeypatch.setattr(sources, "KERAS_FALLBACK", tmp_path / "fallback")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path


def test_the_order_of_the_places(nowhere: Path) -> None:
    """--data, Debian's package, data/, Keras's cache: the earlier wins."""
    assert sources.find_installed() is None
    keras = nowhere / "keras" / "datasets" / "fashion-mnist"
    keras.mkdir(parents=True)
    for folder in (keras, nowhere / "data", nowhere / "debian"):
        write_dataset(folder)
        found = sources.find_installed()
        assert found
        assert found.folder == folder
    other = write_dataset(nowhere / "other")
    assert sources.find(str(other)).folder == other


def test_a_place_that_lacks_a_file_is_passed_over(nowhere: Path) -> None:
    """An unfinished folder does not hide the next place."""
    write_dataset(nowhere / "data")
    write_dataset(nowhere / "debian")
    (nowhere / "debian" / FILES["test_labels"]).unlink()
    found = sources.find_installed()
    assert found
    assert found.folder == nowhere / "data"


def test_keras_downloads_what_is_nowhere(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job asks Keras, and then reads the files Keras left in its cache."""
    import keras

    cache = nowhere / "keras" / "datasets" / "fashion-mnist"
    cache.mkdir(parents=True)
    monkeypatch.setattr(keras.datasets.fashion_mnist, "load_data", lambda: write_dataset(cache))
    assert sources.find(None).folder == cache


def test_a_failed_download_says_what_to_do(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, whatever Keras raised."""
    import keras

    def fail() -> None:
        raise Exception("URL fetch failure\non https://example.org")  # noqa: TRY002 - Keras raises just that

    monkeypatch.setattr(keras.datasets.fashion_mnist, "load_data", fail)
    with pytest.raises(DataError, match=r"cannot download it .*failure on https.*run `make data`") as caught:
        sources.find(None)
    assert "\n" not in str(caught.value)
    assert nowhere.exists()


def test_a_missing_folder_and_a_missing_file(dataset_folder: Path) -> None:
    """What --data lacks is named."""
    with pytest.raises(DataError, match="there is no such folder"):
        sources.find(str(dataset_folder / "nothing"))
    (dataset_folder / FILES["train_labels"]).unlink()
    with pytest.raises(DataError, match=r"train-labels-idx1-ubyte\.gz is not there"):
        sources.find(str(dataset_folder))


def test_a_folder_that_is_closed(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """One line; among the places that are looked through, it is passed over."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    request.getfixturevalue("unprivileged")
    with pytest.raises(DataError, match=r"user \d+ may not look into it; open it \(chmod a\+rx\), or run as its owner"):
        sources.find(str(closed))
    assert sources._missing(closed) == list(sources.FILES.values())


def test_a_file_in_place_of_a_folder(tmp_path: Path) -> None:
    """It is not called missing."""
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="is not a folder"):
        sources.find(str(tmp_path / "file"))
