import gzip
from pathlib import Path

import pytest
from support import write_dataset

from job.data import download, sources
from job.data.dataset import load_dataset
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


def test_names_of_idx_files(tmp_path: Path) -> None:
    """A gzipped file comes before a decompressed one, whose name may have a dot in place of a hyphen."""
    expected = "train-images-idx3-ubyte.gz"
    assert sources.find_idx_file(tmp_path, "train_images").name == expected
    for name in ("train-images.idx3-ubyte", "train-images-idx3-ubyte", "train-images.idx3-ubyte.gz", expected):
        (tmp_path / name).touch()
        assert sources.find_idx_file(tmp_path, "train_images").name == name


def test_decompressed_files_are_complete(dataset_folder: Path) -> None:
    """Programs extract them next to the gzipped ones, or in their place."""
    for path in list(dataset_folder.iterdir()):
        path.with_name(path.name.removesuffix(".gz").replace("-idx", ".idx")).write_bytes(
            gzip.decompress(path.read_bytes())
        )
        path.unlink()
    assert sources.check_folder(dataset_folder) == sources.Source(dataset_folder, "--data")
    assert load_dataset(sources.check_folder(dataset_folder)).train_images.shape == (300, 28, 28)


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_folder_that_is_one_level_too_deep(tmp_path: Path, part: str) -> None:
    """The error names the level."""
    (tmp_path / "pic" / part / "cat").mkdir(parents=True)
    with pytest.raises(DataError, match=rf"pic/{part}: has only the images of {part}/; name the folder above {part}/$"):
        sources.check_folder(tmp_path / "pic" / part)


def test_folders_of_classes_without_a_training_part(tmp_path: Path) -> None:
    """The error names them first, and where they belong; folders without images do not count."""
    for name in ("class10/a.png", "class2/b.JPG", "notes/c.txt", ".hidden/d.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    with pytest.raises(
        DataError, match=r": has folders with images \(class2/, class10/\), but no train/; move them into train/, and"
    ):
        sources.check_folder(tmp_path)


@pytest.mark.parametrize(
    ("names", "remedy"),
    [
        (["Train"], "rename Train to train"),
        (["TRAIN", "Test"], "rename TRAIN to train and Test to test"),
        (["Train", "Test", "test"], "rename Train to train"),
    ],
)
def test_parts_in_capital_letters(tmp_path: Path, names: list[str], remedy: str) -> None:
    """The error says what to rename, as far as it needs another name."""
    for name in names:
        (tmp_path / name / "cat").mkdir(parents=True)
    with pytest.raises(DataError, match=rf": has no folder train/; {remedy}$"):
        sources.check_folder(tmp_path)


def test_a_file_in_capital_letters_is_no_training_part(tmp_path: Path) -> None:
    """Only folders count."""
    (tmp_path / "Train").touch()
    with pytest.raises(DataError, match="put all four files into that folder, or images into train/CLASS/"):
        sources.check_folder(tmp_path)


def test_an_empty_folder(tmp_path: Path) -> None:
    """The error names both kinds of data sets."""
    with pytest.raises(
        DataError, match=r"are missing; put all four files into that folder, or images into train/CLASS/"
    ):
        sources.check_folder(tmp_path)


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
