import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support import UInt8, write_dataset, write_idx

from job.data import idx, sources
from job.data.dataset import Dataset, load_dataset, scale_pixels
from job.data.fashion_mnist import FILES
from job.data.sources import Source
from job.errors import DataError


def load(folder: Path) -> Dataset:
    return load_dataset(Source(folder, "--data"))


def change(folder: Path, role: str, edit: Callable[[UInt8], UInt8]) -> None:
    """Rewrites one file with edited values."""
    path = folder / FILES[role]
    write_idx(path, edit(idx.read_idx(path, 3 if "images" in role else 1)[0].copy()))


def test_reads_the_users_data_set(dataset_folder: Path) -> None:
    """Its name is the folder's name, and its classes are numbered."""
    dataset = load(dataset_folder)
    assert dataset.name == "blocks"
    assert dataset.class_names[:2] == ("class 0", "class 1")
    assert dataset.train_images.shape == (300, 28, 28)
    assert dataset.test_labels.shape == (100,)


def test_the_description_says_the_name_once(dataset_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder follows if it is more than the name."""
    counts = "blocks, 300 training and 100 test images of 10 classes"
    assert str(load(dataset_folder)) == f"{counts}, from {dataset_folder}"
    monkeypatch.chdir(dataset_folder.parent)
    assert str(load(Path(dataset_folder.name))) == counts


def test_classes_txt_names_the_classes(dataset_folder: Path) -> None:
    """Names in any script, and hostile ones, stay unchanged."""
    names = ["<script>alert(1)</script>", "袋", "$x^2", *"abcdefg"]
    (dataset_folder / "classes.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    assert load(dataset_folder).class_names == tuple(names)


@pytest.mark.parametrize("n_classes", [2, 256])
def test_takes_2_to_256_classes(tmp_path: Path, n_classes: int) -> None:
    """The smallest and the largest number of classes are accepted."""
    assert load(write_dataset(tmp_path / "some", n_train=512, n_test=256, n_classes=n_classes)).n_classes == n_classes


def test_the_installed_data_set_is_fashion_mnist() -> None:
    """The installed files are recognized by their hashes."""
    source = sources.find_installed()
    assert source
    dataset = load_dataset(source)
    assert dataset.name == "Fashion-MNIST"
    assert dataset.class_names[9] == "Ankle boot"
    assert np.bincount(dataset.test_labels).tolist() == [1000] * 10
    assert np.bincount(dataset.train_labels).tolist() == [6000] * 10


def test_swapped_fashion_mnist_is_recognized(tmp_path: Path) -> None:
    """The hashes show that training and test files are swapped."""
    source = sources.find_installed()
    assert source
    for role, name in FILES.items():
        part, kind = role.split("_")
        other = {"train": "test", "test": "train"}[part]
        (tmp_path / name).symlink_to((source.folder / FILES[f"{other}_{kind}"]).resolve())
    with pytest.raises(DataError, match=r"train-images.*contains the test images of Fashion-MNIST; .* swapped"):
        load(tmp_path)


def test_an_installed_data_set_must_be_fashion_mnist(dataset_folder: Path) -> None:
    """Other files are an error unless the user named their folder."""
    with pytest.raises(DataError, match="is not the file of Fashion-MNIST"):
        load_dataset(Source(dataset_folder, "make data"))


@pytest.mark.parametrize(
    ("role", "edit", "words"),
    [
        ("train_labels", lambda labels: labels[:-1], r"300 images, but .* contains 299 labels"),
        ("test_images", lambda images: images[:, :27], "27 x 28 pixels"),
        ("test_labels", lambda labels: np.where(labels == 3, 10, labels), "label 10 of image 3 is out of range"),
        ("test_labels", lambda labels: np.where(labels == 3, 4, labels), r"class 3 \(class 3\) has no test image"),
        ("train_labels", lambda labels: np.where(labels == 3, 4, labels), r"class 3 \(class 3\) has no training image"),
        ("train_labels", lambda labels: labels * 0, "every label is 0"),
    ],
)
def test_files_that_do_not_match(dataset_folder: Path, role: str, edit: Callable[[UInt8], UInt8], words: str) -> None:
    """Each file is valid, but does not match the others."""
    change(dataset_folder, role, lambda values: edit(values).astype(np.uint8))
    with pytest.raises(DataError, match=words) as caught:
        load(dataset_folder)
    assert FILES[role].split("-")[0] in str(caught.value)


def test_an_empty_part(dataset_folder: Path) -> None:
    """A data set without test images is an error."""
    change(dataset_folder, "test_images", lambda images: images[:0])
    change(dataset_folder, "test_labels", lambda labels: labels[:0])
    with pytest.raises(DataError, match=r"t10k-images.* its header announces 0 x 28 x 28 values"):
        load(dataset_folder)


def test_more_test_than_training_images_look_swapped(tmp_path: Path) -> None:
    """The sizes are the only evidence in an unknown data set."""
    with pytest.raises(DataError, match="look swapped"):
        load(write_dataset(tmp_path / "swapped", n_train=100, n_test=300))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"one, two\n\n", "contains 1 class name; write 2 to 256, one per line"),
        (b"\n".join(b"%d" % n for n in range(257)), "contains 257 class names"),
        (b"a\nb\na\nc\nd\ne\nf\ng\nh\ni\n", "'a' is listed twice"),
        (b"a\n\nb\nc\nd\ne\nf\ng\nh\ni\n", "has an empty class name; name each class"),
        (b"caf\xe9\nb\n", "UTF-8"),
        (b"a\n" + b"b" * 201, "'bbbbbbbbbbbbbbbbbbbb'… has 201 characters; shorten it to at most 200"),
        (bytes(2**20 + 1), "cannot be read: Larger than 1,048,576 bytes"),
        (b"a\nb\x01\nc\nd\ne\nf\ng\nh\ni\nj\n", "has a control character"),
    ],
)
def test_a_bad_classes_txt(dataset_folder: Path, content: bytes, words: str) -> None:
    """The error says what is wrong with the file."""
    (dataset_folder / "classes.txt").write_bytes(content)
    with pytest.raises(DataError, match=words):
        load(dataset_folder)


def test_fewer_names_than_labels(dataset_folder: Path) -> None:
    """A label without a name is out of range."""
    (dataset_folder / "classes.txt").write_text("a\nb\nc\n")
    with pytest.raises(DataError, match="label 3 of image 3 is out of range; the labels of 3 classes are 0 to 2"):
        load(dataset_folder)


@pytest.mark.parametrize(("split", "n_train"), [(0.0, 300), (0.1, 270), (0.999, 0), (0.001, 299)])
def test_the_split_is_keras_rule(dataset_folder: Path, split: float, n_train: int) -> None:
    """floor(n (1 - split)) images remain for training, and neither part may be empty."""
    dataset = load(dataset_folder)
    if n_train:
        assert dataset.n_train(split) == n_train
    else:
        with pytest.raises(DataError, match="leaves none for training"):
            dataset.n_train(split)


def test_scales_to_0_1() -> None:
    """0 becomes 0 and 255 exactly 1, in float32."""
    scaled = scale_pixels(np.array([0, 51, 255], np.uint8))
    assert scaled.dtype == np.float32
    assert scaled.tolist() == [0, np.float32(0.2), 1]


def test_the_hash_ignores_the_gzip_header(dataset_folder: Path) -> None:
    """The same content with another gzip header has the same hash."""
    before = load(dataset_folder).sha256
    path = dataset_folder / FILES["train_images"]
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), compresslevel=1, mtime=12345))
    assert load(dataset_folder).sha256 == before


def test_mean_images_of_the_classes(dataset_folder: Path) -> None:
    """Rounded means over the first training images only; a class without an image among them is black."""
    dataset = load(dataset_folder)
    means = dataset.average_classes(25)
    assert means.shape == (10, 28, 28)
    assert means.dtype == np.uint8
    images = dataset.train_images[:25][dataset.train_labels[:25] == 3].astype(float)
    assert len(images) == 3
    assert means[3].tolist() == [[round(value) for value in row] for row in images.mean(axis=0).tolist()]
    assert not dataset.average_classes(5)[5:].any()
    assert dataset.average_classes(5)[4].tolist() == dataset.train_images[4].tolist()
