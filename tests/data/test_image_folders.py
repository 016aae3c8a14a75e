import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support import UInt8, write_dataset

from job.data import idx, image_reader
from job.data.dataset import Dataset, load_dataset, write_idx_files
from job.data.download import find_or_download
from job.data.image_folders import read_image_folders
from job.data.image_reader import read_images
from job.data.photo import prepare_photo
from job.errors import DataError
from job.image_file import decode_image
from job.log import log

MAX_BYTES = 2**28


def make_images(n: int, seed: int = 0) -> UInt8:
    return np.random.default_rng(seed).integers(0, 256, (n, 28, 28), np.uint8)


def make_photo(background: int, article: int) -> UInt8:
    """A grey photo of a rectangle, higher than it is wide."""
    photo = np.full((120, 90), background, np.uint8)
    photo[20:100, 30:60] = article
    return photo


def save(folder: Path, name: str, image: Any, **options: Any) -> Path:  # noqa: ANN401 - arrays and Pillow's images
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path, **options)
    return path


def write_images(folder: Path, image: Callable[[int], Any]) -> Path:
    """Two classes with three training and two test images each, which `image` makes of their numbers."""
    for number in range(10):
        part, name = ("train" if number < 6 else "test"), "ab"[number % 2]
        save(folder, f"{part}/{name}/{number}.png", image(number))
    return folder


def read_one(path: Path) -> UInt8:
    """The prepared image of a photo on a light background."""
    read = read_images([path], MAX_BYTES)
    assert read.problems == {}
    image: UInt8 = read.as_dark[0]
    return image


def load(folder: Path, seed: int = 0) -> Dataset:
    return load_dataset(find_or_download(str(folder)), MAX_BYTES, seed)


def test_images_of_28_x_28_pixels_stay_as_they_are(tmp_path: Path) -> None:
    """As in Fashion-MNIST, they are light on black; the order is that of the listing."""
    images = make_images(10)
    dataset = load(write_images(tmp_path / "pets", lambda number: images[number]))
    assert (dataset.name, dataset.class_names, dataset.source.kind) == ("pets", ("a", "b"), "--data, image files")
    assert dataset.test_images.tolist() == images[[6, 8, 7, 9]].tolist()
    assert dataset.test_labels.tolist() == [0, 0, 1, 1]
    assert dataset.test_names == ["test/a/6.png", "test/a/8.png", "test/b/7.png", "test/b/9.png"]
    assert {image.tobytes() for image in dataset.train_images} == {image.tobytes() for image in images[:6]}
    for image, label in zip(dataset.train_images, dataset.train_labels, strict=True):
        assert (images == image).all(axis=(1, 2)).argmax() % 2 == label
    assert dataset.train_images.ctypes.data % idx.ALIGNMENT == 0


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "I;16"])
def test_grey_images_in_other_kinds_of_pixels(tmp_path: Path, mode: str) -> None:
    """Three equal colours, opacity, a palette or 16 bits change nothing."""
    (image,) = make_images(1)
    stored = image.astype(np.uint16) * 257 if mode == "I;16" else Image.fromarray(image).convert(mode)
    assert read_one(save(tmp_path, "a.png", stored)).tolist() == image.tolist()


def test_photos_are_prepared_as_the_server_does(tmp_path: Path) -> None:
    """In every format; the lossy one differs a little."""
    photo = np.stack([make_photo(250, 60)] * 3, axis=-1)
    photo[30:60, 40:50] = (200, 30, 10)
    opaque = np.concatenate([photo, np.full((120, 90, 1), 255, np.uint8)], axis=-1)
    expected = prepare_photo(opaque).pixels
    for name in ("a.png", "a.bmp", "a.tif", "a.TIFF", "a.gif"):
        assert read_one(save(tmp_path, name, photo)).tolist() == expected.tolist(), name
    assert read_one(save(tmp_path, "a.webp", photo, lossless=True)).tolist() == expected.tolist()
    lossy = read_one(save(tmp_path, "a.JPEG", photo, quality=95)).astype(int)
    assert 0 < np.abs(lossy - expected).mean() < 3


def test_what_is_undone_before(tmp_path: Path) -> None:
    """A photo on its side, transparency, the further frames of a film, and colours for print."""
    photo = make_photo(255, 60)
    expected = read_one(save(tmp_path, "a.png", photo))
    exif = Image.Exif()
    exif[274] = 6  # rotate by 90 degrees clockwise
    side = np.ascontiguousarray(np.rot90(photo))
    assert read_one(save(tmp_path, "side.png", side, exif=exif)).tolist() == expected.tolist()
    opacity = np.where(photo == 255, 0, 255)
    transparent = np.stack([np.zeros_like(photo)] * 3 + [opacity], axis=-1).astype(np.uint8)
    transparent[opacity == 255, :3] = 60
    assert read_one(save(tmp_path, "transparent.png", transparent)).tolist() == expected.tolist()
    film = Image.fromarray(photo)
    frames = {"save_all": True, "append_images": [Image.fromarray(255 - photo)]}
    assert read_one(save(tmp_path, "film.gif", film, **frames)).tolist() == expected.tolist()
    assert read_one(save(tmp_path, "print.tif", film.convert("CMYK"))).tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("n_light", "is_negated", "level"), [(6, True, logging.INFO), (4, True, logging.WARNING), (0, False, logging.INFO)]
)
def test_the_training_photos_decide_on_the_background(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    n_light: int,
    is_negated: bool,  # noqa: FBT001
    level: int,
) -> None:
    """All images are treated alike; a mixture is worth a warning. The test images have no vote."""
    records: list[tuple[int, str]] = []
    monkeypatch.setattr(log, "info", lambda text, *words: records.append((logging.INFO, text % words)))
    monkeypatch.setattr(log, "warning", lambda text, *words: records.append((logging.WARNING, text % words)))
    light, dark = make_photo(250, 60), make_photo(5, 195)
    write_images(tmp_path / "pets", lambda number: light if number < n_light or number == 6 else dark)
    images = load(tmp_path / "pets").test_images
    ((found, line),) = records
    n_kind = n_light if is_negated else 6 - n_light
    kind, treatment = ("light", "negated") if is_negated else ("dark", "kept as they are")
    assert f"{n_kind} of 6 training photos have a {kind} background, so all are {treatment}" in line
    assert found == level
    assert images[:, 14, 14].tolist() == ([195, 60, 60, 60] if is_negated else [60, 195, 195, 195])


def test_train_alone_is_split_with_the_seed(tmp_path: Path) -> None:
    """The same seed gives the same test images, whose names say that they are in train/; another one others."""
    images = make_images(60)
    for number, image in enumerate(images):
        save(tmp_path, f"pets/train/{'ab'[number % 2]}/{number}.png", image)
    dataset = load(tmp_path / "pets")
    assert dataset.test_names is not None
    for name, image, label in zip(dataset.test_names, dataset.test_images, dataset.test_labels, strict=True):
        number = int((images == image).all(axis=(1, 2)).argmax())
        assert name == f"train/{'ab'[label]}/{number}.png"
    assert (dataset.train_images.shape, dataset.test_images.shape) == ((48, 28, 28), (12, 28, 28))
    assert np.bincount(dataset.test_labels).tolist() == [6, 6]
    assert load(tmp_path / "pets").sha256 == dataset.sha256
    assert load(tmp_path / "pets", 1).sha256["test_images"] != dataset.sha256["test_images"]


def test_the_hashes_are_those_of_idx_files(tmp_path: Path) -> None:
    """The same images as IDX files have the same hashes, names and order."""
    dataset = load(write_images(tmp_path / "pets", lambda number: make_images(10)[number]))
    (tmp_path / "copy").mkdir()
    write_idx_files(dataset, tmp_path / "copy")
    copy = load(tmp_path / "copy")
    assert copy.sha256 == dataset.sha256
    assert copy.class_names == dataset.class_names
    assert copy.test_names is None
    assert (copy.train_images == dataset.train_images).all()
    assert (copy.test_labels == dataset.test_labels).all()


def test_all_bad_files_are_listed_together(tmp_path: Path) -> None:
    """With the reason for each, and those that cannot be images."""
    folder = write_images(tmp_path / "pets", lambda number: make_images(10)[number])
    (folder / "train/a/0.png").write_bytes((folder / "train/a/0.png").read_bytes()[:-40])
    (folder / "train/a/2.png").write_text("text")
    (folder / "train/a/4.png").unlink()
    (folder / "train/a/4.png").symlink_to("nothing")
    (folder / "train/b/1.png").unlink()
    os.mkfifo(folder / "train/b/1.png")
    (folder / "train/b/notes.txt").touch()
    Image.new("1", (10_000, 5_001)).save(folder / "test/a/6.png")
    Image.fromarray(np.zeros((9, 9), np.float32)).save(folder / "test/a/8.tif")
    with pytest.raises(DataError) as caught:
        load(folder)
    problems = {
        "train/a/0.png (not a readable image)",
        "train/a/2.png (not a readable image)",
        "train/a/4.png (No such file or directory)",
        "train/b/1.png (Not a regular file)",
        "test/a/6.png (50,010,000 pixels, but may have 16,777,216)",
        "test/a/8.tif (32 bits a pixel, whose range is unknown; save it with 8 or 16)",
        "train/b/notes.txt (not a PNG, JPEG, WebP, BMP, GIF or TIFF file)",
    }
    start = f"{folder}: 7 of 12 files cannot be used: "
    end = " and 2 more; repair or rename them, or move them elsewhere"
    text = str(caught.value)
    assert (text[: len(start)], text[-len(end) :]) == (start, end)
    shown = text.removeprefix(start).removesuffix(end).split("), ")
    assert {f"{each.removesuffix(')')})" for each in shown} < problems
    assert len(shown) == 5


@pytest.mark.parametrize(("old", "name"), [("train/a/0.png", "train/a/\n.png"), ("test/b/7.png", "test/b/\udcff.png")])
def test_names_that_no_page_can_show(tmp_path: Path, old: str, name: str) -> None:
    """They are refused in both parts, because a split may put any image into the test part."""
    folder = write_images(tmp_path / "pets", lambda number: make_images(10)[number])
    (folder / old).rename(folder / name)
    with pytest.raises(DataError) as caught:
        load(folder)
    shown = name.encode("unicode_escape").decode()
    problem = f"{shown} (its name has a control character or is not UTF-8)"
    assert f"pets: 1 of 10 files cannot be used: {problem}; repair or rename them, or" in str(caught.value)


def test_links_to_images_and_folders(tmp_path: Path) -> None:
    """They count as what they point to."""
    folder = write_images(tmp_path / "pets", lambda number: make_images(10)[number])
    (tmp_path / "linked" / "train").mkdir(parents=True)
    (tmp_path / "linked" / "test").symlink_to(folder / "test")
    (tmp_path / "linked" / "train" / "a").symlink_to(folder / "train" / "a")
    (tmp_path / "linked" / "train" / "b").mkdir()
    for path in (folder / "train" / "b").iterdir():
        (tmp_path / "linked" / "train" / "b" / path.name).symlink_to(path)
    assert load(tmp_path / "linked").sha256 == load(folder).sha256


def test_more_images_than_memory(tmp_path: Path) -> None:
    """The number of files decides, before any of them is read."""
    folder = write_images(tmp_path / "pets", lambda number: make_images(10)[number])
    assert len(read_image_folders(folder, 2 * 784 * 10, 0).values["train_labels"]) == 6
    with pytest.raises(DataError, match="pets: has 10 images, but only 0 MB of memory are available"):
        read_image_folders(folder, 2 * 784 * 10 - 1, 0)


def test_idx_files_come_first(tmp_path: Path) -> None:
    """A folder with all four of them may have a folder train/ for another purpose; with three, train/ counts."""
    folder = write_dataset(write_images(tmp_path / "both", lambda number: make_images(10)[number]))
    assert load(folder).n_classes == 10
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    assert load(folder).class_names == ("a", "b")


def test_more_test_than_training_images(tmp_path: Path) -> None:
    """The folders look swapped, as IDX files do."""
    folder = write_images(tmp_path / "pets", lambda number: make_images(10)[number])
    (folder / "train").rename(folder / "other")
    (folder / "test").rename(folder / "train")
    (folder / "other").rename(folder / "test")
    with pytest.raises(DataError, match="4 training and 6 test images: the two parts look swapped"):
        load(folder)


def test_large_images_share_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that do not fit at the same time are decoded one after another."""
    path = save(tmp_path, "a.png", np.zeros((1200, 1000), np.uint8))
    running, most = 0, 0
    lock = threading.Lock()

    def count(image: Image.Image) -> UInt8:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.05)
        with lock:
            running -= 1
        return decode_image(image)

    monkeypatch.setattr(image_reader, "decode_image", count)
    monkeypatch.setattr(image_reader, "CHUNK", 1)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(4))
    for max_pixels, expected in ((1_200_000, 1), (2_400_000, 2), (100_000_000, 4)):
        most = 0
        assert read_images([path] * 8, max_pixels * 16).problems == {}
        assert most == expected


def test_systems_without_an_affinity_mask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as macOS."""
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    image = make_images(1)[0]
    assert read_one(save(tmp_path, "a.png", image)).tolist() == image.tolist()
