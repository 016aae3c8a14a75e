from pathlib import Path

import pytest
from support import write_dataset

from job.data import download, sources
from job.data.fashion_mnist import FILES
from job.errors import DataError


def test_the_order_of_the_places(empty_machine: Path) -> None:
    """--data comes first, then Debian's package, data/ and Keras's cache."""
    assert sources.find_installed() is None
    keras = empty_machine / "keras" / "datasets" / "fashion-mnist"
    keras.mkdir(parents=True)
    for folder in (keras, empty_machine / "data", empty_machine / "debian"):
        write_dataset(folder)
        source = sources.find_installed()
        assert source
        assert source.folder == folder
    other = write_dataset(empty_machine / "other")
    assert download.find_or_download(str(other)).folder == other


def test_a_place_that_lacks_a_file_is_skipped(empty_machine: Path) -> None:
    """An incomplete folder does not hide the next place."""
    write_dataset(empty_machine / "data")
    write_dataset(empty_machine / "debian")
    (empty_machine / "debian" / FILES["test_labels"]).unlink()
    source = sources.find_installed()
    assert source
    assert source.folder == empty_machine / "data"


def test_a_missing_folder_and_a_missing_file(dataset_folder: Path) -> None:
    """The error names what is missing."""
    with pytest.raises(DataError, match="does not exist"):
        sources.check_folder(dataset_folder / "nothing")
    (dataset_folder / FILES["train_labels"]).unlink()
    with pytest.raises(DataError, match=r"train-labels-idx1-ubyte\.gz is missing"):
        sources.check_folder(dataset_folder)


def test_a_folder_without_permission(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """It is an error if the user named it; otherwise it is skipped."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    request.getfixturevalue("unprivileged")
    with pytest.raises(DataError, match=r"user \d+ has no permission to open it; grant it \(chmod a\+rx\)"):
        sources.check_folder(closed)
    assert sources._list_missing(closed) == list(FILES.values())


def test_a_file_in_place_of_a_folder(tmp_path: Path) -> None:
    """The error says that it is not a folder."""
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="is not a folder"):
        sources.check_folder(tmp_path / "file")
