import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import make_learnt

from job.errors import DataError
from job.results.file_names import SAMPLES
from job.results.samples_npz import Learnt, read_samples, write_samples

IMAGES = {index: np.full((28, 28), index, np.uint8) for index in (3, 7, 99)}
NO_AUGMENTED = np.zeros((0, 6, 28, 28), np.uint8)
AUGMENTED = np.arange(8 * 3 * 28 * 28, dtype=np.uint32).astype(np.uint8).reshape(8, 3, 28, 28)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three test images, and no augmented ones."""
    write_samples(tmp_path, IMAGES, NO_AUGMENTED)
    return tmp_path


def read_error(folder: Path, *, has_augmented: bool = False) -> str:
    """The message with which samples.npz is refused: one line that starts with the file."""
    with pytest.raises(DataError) as caught:
        read_samples(folder, list(IMAGES), 10, has_augmented=has_augmented)
    message = str(caught.value)
    assert message.startswith(f"{folder / SAMPLES}: ")
    assert "\n" not in message
    return message


def replace_arrays(folder: Path, **arrays: Any) -> None:  # noqa: ANN401 - of any type
    """Replace arrays of the file, or remove those that are None."""
    with np.load(folder / SAMPLES) as before:
        content = dict(before) | arrays
    np.savez(folder / SAMPLES, **{name: array for name, array in content.items() if array is not None})


def test_images_read_back(folder: Path) -> None:
    """Each has its index; there may be more than are needed."""
    images, augmented, learnt = read_samples(folder, [7], 10, has_augmented=False)
    assert {index: image.tolist() for index, image in images.items()} == {
        index: image.tolist() for index, image in IMAGES.items()
    }
    assert augmented.shape == (0, 6, 28, 28)
    assert learnt is None


def test_augmented_images_read_back(tmp_path: Path) -> None:
    """Eight images, each with its augmented versions of two epochs."""
    write_samples(tmp_path, IMAGES, AUGMENTED)
    assert read_samples(tmp_path, [], 10, has_augmented=True)[1].tolist() == AUGMENTED.tolist()


def test_what_was_learnt_reads_back(tmp_path: Path) -> None:
    """Exactly, whether the weights are images or kernels."""
    for learnt in (make_learnt(), Learnt(make_learnt().class_means, np.ones((16, 3, 3), np.float16))):
        write_samples(tmp_path, IMAGES, NO_AUGMENTED, learnt)
        actual = read_samples(tmp_path, [], 10, has_augmented=False)[2]
        assert actual
        assert actual.class_means.tobytes() == learnt.class_means.tobytes()
        assert actual.first_layer.tolist() == learnt.first_layer.tolist()


def test_images_of_another_size_read_back(tmp_path: Path) -> None:
    """All must have the same."""
    write_samples(tmp_path, {0: np.zeros((32, 16), np.uint8)}, np.zeros((0, 6, 32, 16), np.uint8))
    assert read_samples(tmp_path, [0], 10, has_augmented=False)[0][0].shape == (32, 16)


@pytest.mark.parametrize("colours", [(), (3,)])
def test_images_of_different_sizes_read_back(tmp_path: Path, colours: tuple[int, ...]) -> None:
    """They are padded in the file, grey or with colours."""
    images = {n: np.full((n, 9 - n, *colours), n, np.uint8) for n in (2, 5)}
    write_samples(tmp_path, images, np.zeros((0, 2, 0, 0), np.uint8))
    actual = read_samples(tmp_path, [2, 5], 10, has_augmented=False)[0]
    assert {n: image.tolist() for n, image in actual.items()} == {n: image.tolist() for n, image in images.items()}
    for size in ([[9, 1], [1, 1]], [[0, 1], [1, 1]], [[1, 1]]):
        replace_arrays(tmp_path, size=np.array(size))
        with pytest.raises(DataError, match=r"damaged \(`size` does not fit the images\); train again"):
            read_samples(tmp_path, [2, 5], 10, has_augmented=False)


def test_a_missing_file(tmp_path: Path) -> None:
    """The message names the option to change."""
    assert "not found; name the output folder of a finished run: --output DIR" in read_error(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"PK\x03\x04", b"text"])
def test_a_file_that_is_no_archive(tmp_path: Path, content: bytes) -> None:
    """One line says what it should be."""
    (tmp_path / SAMPLES).write_bytes(content)
    assert "damaged (not an archive of the arrays `index`, `image` and `augmented`); train again" in read_error(
        tmp_path
    )


def test_a_file_that_is_a_single_array(tmp_path: Path) -> None:
    """NumPy reads it, but it is no archive."""
    with (tmp_path / SAMPLES).open("wb") as file:
        np.save(file, np.zeros(3))
    assert "damaged (not an archive" in read_error(tmp_path)


@pytest.mark.parametrize("n_bytes", [100, 200, 400])
def test_a_truncated_file(folder: Path, n_bytes: int) -> None:
    """No byte of it can be trusted."""
    path = folder / SAMPLES
    path.write_bytes(path.read_bytes()[:n_bytes])
    assert "damaged (not an archive" in read_error(folder)


@pytest.mark.parametrize("name", ["index", "image", "augmented"])
def test_a_missing_array(folder: Path, name: str) -> None:
    """All three are needed."""
    replace_arrays(folder, **{name: None})
    assert "damaged (not an archive of the arrays" in read_error(folder)


@pytest.mark.parametrize("name", ["index", "image", "augmented"])
def test_a_pickle_is_not_loaded(folder: Path, tmp_path: Path, name: str) -> None:
    """Loading one can run any code."""

    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "trap"),)

    replace_arrays(folder, **{name: np.array([Trap()], object)})
    assert "damaged (not an archive" in read_error(folder)
    assert not (tmp_path / "trap").exists()


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 28, 28), np.uint8),
        np.zeros((3, 28), np.uint8),
        np.zeros((3, 28, 28, 1), np.uint8),
        np.zeros((3, 28, 28), np.float32),
        np.zeros((3, 0, 28), np.uint8),
    ],
    ids=lambda images: f"{images.dtype} {images.shape}",
)
def test_images_of_the_wrong_shape_or_type(folder: Path, images: Any) -> None:  # noqa: ANN401 - any array
    """An image is a rectangle of bytes, and each has an index."""
    replace_arrays(folder, image=images)
    assert "damaged (`image` is not a list of grey or RGB images, each with its `index`); train again" in read_error(
        folder
    )


@pytest.mark.parametrize(
    "index",
    [np.array(["3", "7", "99"]), np.array([3.0, 7.0, 99.0]), np.zeros(3, [("a", np.int64, 2)])],
    ids=lambda index: str(index.dtype),
)
def test_an_index_that_is_no_whole_number(folder: Path, index: Any) -> None:  # noqa: ANN401 - any array
    """Not all of them can be keys of a dictionary."""
    replace_arrays(folder, index=index)
    assert "not a list of grey or RGB images, each with its `index`" in read_error(folder)


def test_an_archive_that_decompresses_to_more_than_the_memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sizes in its directory decide, before anything is decompressed."""
    monkeypatch.setattr(np, "load", lambda *_, **__: pytest.fail("the arrays are read"))
    images = np.zeros((1, 2**13, 2**13), np.uint8)
    np.savez_compressed(folder / SAMPLES, index=np.array([3]), image=images, augmented=NO_AUGMENTED)
    assert "damaged (not an archive" in read_error(folder)


def test_what_is_no_file_or_too_large(tmp_path: Path) -> None:
    """A FIFO would make the job wait, and a huge file fill the memory."""
    os.mkfifo(tmp_path / SAMPLES)
    assert "cannot be read (Not a regular file)" in read_error(tmp_path)
    (tmp_path / SAMPLES).unlink()
    (tmp_path / SAMPLES).touch()
    os.truncate(tmp_path / SAMPLES, 2**33)
    assert "cannot be read (Larger than 67,108,864 bytes)" in read_error(tmp_path)


def test_an_image_is_missing(folder: Path) -> None:
    """The first one is named."""
    replace_arrays(folder, index=np.array([3, 8, 99]))
    assert "test image 7 is missing; train again" in read_error(folder)


@pytest.mark.parametrize(
    "augmented",
    [
        NO_AUGMENTED,
        AUGMENTED[:, :1],
        AUGMENTED[..., 1:],
        AUGMENTED[:, 0],
        AUGMENTED.astype(np.int16),
    ],
    ids=lambda images: f"{images.dtype} {images.shape}",
)
def test_damaged_augmented_images(folder: Path, augmented: Any) -> None:  # noqa: ANN401 - any array
    """None, one column only, or another shape or type."""
    replace_arrays(folder, augmented=augmented)
    words = "damaged (`augmented` does not fit the settings of the run); train again"
    assert words in read_error(folder, has_augmented=True)


def test_augmented_images_of_a_run_without_augmentation(folder: Path) -> None:
    """They are of another run."""
    replace_arrays(folder, augmented=AUGMENTED)
    assert "damaged (`augmented` does not fit the settings of the run)" in read_error(folder)


MEANS, WEIGHTS = make_learnt().class_means, make_learnt().first_layer


@pytest.mark.parametrize(
    "arrays",
    [
        {"class_means": MEANS},
        {"first_layer": WEIGHTS},
        {"class_means": MEANS[1:], "first_layer": WEIGHTS},
        {"class_means": MEANS[:, 1:], "first_layer": WEIGHTS},
        {"class_means": MEANS.astype(np.int16), "first_layer": WEIGHTS},
        {"class_means": MEANS, "first_layer": WEIGHTS[:0]},
        {"class_means": MEANS, "first_layer": WEIGHTS[:, :, :0]},
        {"class_means": MEANS, "first_layer": WEIGHTS[0]},
        {"class_means": MEANS, "first_layer": np.concatenate([WEIGHTS, WEIGHTS])},
        {"class_means": MEANS, "first_layer": np.zeros((1, 29, 28), np.float16)},
        {"class_means": MEANS, "first_layer": WEIGHTS.astype(np.float32)},
        {"class_means": MEANS, "first_layer": WEIGHTS * np.float16(2)},
        {"class_means": MEANS, "first_layer": np.full((2, 3, 3), np.nan, np.float16)},
        {"class_means": MEANS, "first_layer": np.full((2, 3, 3), -np.inf, np.float16)},
    ],
    ids=lambda arrays: ", ".join(f"{array.dtype} {array.shape}" for array in arrays.values()),
)
def test_damaged_arrays_of_what_was_learnt(folder: Path, arrays: dict[str, Any]) -> None:
    """One without the other, another shape or type, too many or too large values, and values that are no numbers."""
    replace_arrays(folder, **arrays)
    words = "damaged (`class_means` and `first_layer` do not fit the classes and the images of the run); train again"
    assert words in read_error(folder)


def test_other_arrays_are_ignored(folder: Path) -> None:
    """They are not even read."""
    replace_arrays(folder, other=np.array([object()], object))
    assert len(read_samples(folder, list(IMAGES), 10, has_augmented=False)[0]) == 3
