from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from prediction_tables import make_table

from job.errors import PredictionsError
from job.image_file import MAX_FILE_BYTES, MAX_PIXELS
from job.predictions import images
from job.predictions.images import MAX_SIDE, ImageArray, ImageFiles, find_array, open_images
from job.predictions.parts import find_parts
from job.predictions.tables import Table

GREY = np.arange(2 * 4 * 6, dtype=np.uint8).reshape(2, 4, 6)
RGB = np.arange(2 * 4 * 6 * 3, dtype=np.uint8).reshape(2, 4, 6, 3)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (GREY, GREY),
        (GREY[..., None], GREY),
        (GREY[:, None], GREY),
        (RGB, RGB),
        (RGB.transpose(0, 3, 1, 2), RGB),
        (GREY.astype(np.float64), GREY),
        (GREY / 255, GREY),
        (GREY.astype(np.int64), GREY),
        (GREY // 24, GREY // 24 * 255),
        ((GREY // 24).astype(np.int8), GREY // 24 * 255),
        (GREY > 20, np.where(GREY > 20, 255, 0)),
    ],
    ids=[
        "grey",
        "last",
        "first",
        "RGB",
        "RGB first",
        "floats",
        "fractions",
        "integers",
        "bits",
        "small bits",
        "booleans",
    ],
)
def test_arrays_of_images(values: Any, expected: Any) -> None:  # noqa: ANN401 - any array
    """Bytes or fractions, with the channels last or first, are the same pixels."""
    images = ImageArray(values, "images").load([1, 0])
    assert list(images) == [1, 0]
    assert [images[number].tolist() for number in (0, 1)] == expected.tolist()


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (np.zeros((2, 64)), "has the shape (2, 64); give images as (n, height, width) or (n, height, width, 3)"),
        (np.zeros((2, 4, 4, 2)), "has the shape (2, 4, 4, 2); give images as"),
        (np.zeros((2, MAX_SIDE + 1, 4)), "has the shape (2, 257, 4); scale the images to at most 256 x 256 pixels"),
        (np.zeros((2, 0, 4)), "has the shape (2, 0, 4); scale the images"),
        (np.array([[["a"]]]), "has the type <U1; give pixels as numbers"),
    ],
)
def test_arrays_that_are_no_images(values: Any, problem: str) -> None:  # noqa: ANN401 - any array
    """One line says what is needed."""
    with pytest.raises(PredictionsError) as caught:
        ImageArray(values, "images")
    assert str(caught.value).startswith(f"images: {problem}")


def test_dark_images_stay_dark() -> None:
    """The maximum of all images decides, also of those that are not shown."""
    values = np.ones((2, 4, 4), np.uint8)
    values[1] = 255
    assert (ImageArray(values, "images").load([0])[0] == 1).all()


@pytest.mark.parametrize(
    ("largest", "warning"),
    [
        (1, ""),
        (1.02, "images: the largest pixel is 1.02 of 255; if the images go from 0 to 1.02, multiply them by 255/1.02"),
        (16, "images: the largest pixel is 16 of 255; if the images go from 0 to 16, multiply them by 255/16"),
        (17, ""),
    ],
)
def test_images_that_look_black(largest: float, warning: str, caplog: pytest.LogCaptureFixture) -> None:
    """A warning says so, unless an image that is not shown is lighter; the pixels stay as they are."""
    values = np.linspace(0, largest, 32).reshape(2, 4, 4)
    ImageArray(values, "images").load([0, 1])
    assert [record.getMessage() for record in caplog.records] == ([warning] if warning else [])
    caplog.clear()
    ImageArray(np.append(values, np.full((1, 4, 4), 255), axis=0), "images").load([0, 1])
    assert not caplog.records


@pytest.mark.parametrize("value", [-0.5, 256, np.nan, np.inf])
def test_pixels_out_of_range(value: float) -> None:
    """As after a normalization."""
    values = np.zeros((3, 4, 4))
    values[2, 1, 1] = value
    with pytest.raises(PredictionsError, match=r"images, image 2: has a pixel of .*; give pixels from 0 to 255"):
        ImageArray(values, "images").load([0, 2])


@pytest.mark.parametrize(("height", "width", "shape"), [(64, 64, (64, 64)), (256, 128, (64, 32)), (100, 200, (32, 64))])
def test_large_images_are_reduced(height: int, width: int, shape: tuple[int, int]) -> None:
    """To 64 pixels at most, with their proportions."""
    image = ImageArray(np.full((1, height, width, 3), 77, np.uint8), "images").load([0])[0]
    assert image.shape == (*shape, 3)
    assert (image == 77).all()


def test_a_file_of_images(tmp_path: Path) -> None:
    """NPY, IDX, or NPZ with one array of images."""
    np.save(tmp_path / "a.npy", GREY)
    np.savez(tmp_path / "a.npz", labels=np.arange(2), other=GREY)
    np.savez(tmp_path / "b.npz", images=GREY, mask=GREY)
    (tmp_path / "idx").write_bytes(b"\0\0\x08\3\0\0\0\2\0\0\0\4\0\0\0\6" + GREY.tobytes())
    for name in ("a.npy", "a.npz", "b.npz", "idx"):
        assert open_images(tmp_path / name)[0].load([1])[1].tolist() == GREY[1].tolist()
    np.savez(tmp_path / "c.npz", mask=GREY, other=GREY)
    with pytest.raises(PredictionsError, match=r"has mask \(2, 4, 6\), other \(2, 4, 6\); give one array of images"):
        open_images(tmp_path / "c.npz")


def test_images_next_to_the_predictions() -> None:
    """An array that is called images."""
    found = find_array(make_table(true=[0, 1], images=GREY))
    assert found is not None
    assert found.n == 2
    assert find_array(make_table(true=[0, 1], probabilities=np.eye(2))) is None
    chosen = find_array(make_table(true=[0, 1], x_test=RGB, images=GREY))
    assert chosen is not None
    assert chosen.values is not RGB
    assert chosen.values.shape == GREY.shape


def test_flat_images_next_to_the_predictions() -> None:
    """They are refused; features, and a column of texts, are no images."""
    with pytest.raises(PredictionsError, match=r"table, array images: has the shape \(2, 64\); give images as"):
        find_array(make_table(true=[0, 1], images=np.zeros((2, 64))))
    assert find_array(make_table(true=[0, 1], x_test=np.zeros((2, 64)))) is None
    assert find_array(make_table(true=[0, 1], images=["a.heic", "b.heic"])) is None


@pytest.fixture
def files(tmp_path: Path) -> ImageFiles:
    """A large picture with colours, a grey one, and one that is turned."""
    Image.new("RGB", (200, 100), (255, 0, 0)).save(tmp_path / "red.png")
    Image.new("L", (8, 4), 99).save(tmp_path / "grey.jpg", quality=100)
    turned = Image.new("L", (8, 4), 99)
    exif = turned.getexif()
    exif[0x0112] = 6  # rotate by 90 degrees
    turned.save(tmp_path / "turned.webp", exif=exif, lossless=True)
    paths = np.array(["turned.webp", "grey.jpg", "red.png"])
    rows = np.array([2, 1, 0])
    return ImageFiles(Table("t.csv", {"path": paths, "true": rows}, "line", 2, tmp_path), "path", rows)


def test_files_of_images(files: ImageFiles) -> None:
    """All become pictures with colours if one of them has some, and the camera's rotation is undone."""
    images = files.load([0, 1, 2])
    assert [image.shape for image in images.values()] == [(32, 64, 3), (4, 8, 3), (8, 4, 3)]
    assert images[0][0, 0].tolist() == [255, 0, 0]
    assert files.load([1])[1].shape == (4, 8)


def test_transparent_and_16_bit_pictures(tmp_path: Path, files: ImageFiles) -> None:
    """Transparency is white, and 16 bits become 8."""
    Image.new("RGBA", (4, 4), (255, 0, 0, 0)).save(tmp_path / "red.png")
    assert files.load([0])[0][0, 0].tolist() == [255, 255, 255]
    Image.fromarray(np.array([[0, 65535], [32768, 65535]], np.uint16)).save(tmp_path / "red.png")
    assert files.load([0])[0].tolist() == [[0, 255], [127, 255]]
    Image.fromarray(np.ones((4, 4), np.float32)).save(tmp_path / "red.png", format="TIFF")
    with pytest.raises(
        PredictionsError, match=r"red.png: cannot be read \(32 bits a pixel, whose range is unknown; save"
    ):
        files.load([0])


def test_files_that_are_no_images(tmp_path: Path, files: ImageFiles) -> None:
    """The row, the column and the file are named."""
    path = tmp_path / "red.png"
    for content, words in (
        (b"text", f"{path}: cannot be read (not a readable image); correct the path or the file"),
        (path.read_bytes()[:60], f"{path}: cannot be read (not a readable image); correct"),
        (None, f"{path}: not found; correct the path or the file"),
    ):
        path.unlink() if content is None else path.write_bytes(content)
        with pytest.raises(PredictionsError) as caught:
            files.load([0])
        assert str(caught.value).startswith(f"t.csv, line 4, column path: {words}")
        assert "\n" not in str(caught.value)


def test_names_that_are_no_pictures() -> None:
    """They are only names of the rows."""
    for names in (["a.png", "b.txt"], [0, 1]):
        assert find_parts(make_table(id=names)).names == {"id": "id"}
    assert find_parts(make_table(id=["a.png", "b.JPG"])).names == {"picture": "id", "id": "id"}


def test_names_that_are_too_long(files: ImageFiles) -> None:
    """No such file exists."""
    table = replace(files.table, columns={"path": np.array([f"{'a' * 5000}.png", "\0.png", "none.png"])})
    assert not replace(files, table=table).exist()


def test_missing_pictures(tmp_path: Path, files: ImageFiles) -> None:
    """If some are missing, one line names the first and counts them; if all are, the report has none."""
    assert files.exist()
    for name, n in (("grey.jpg", 1), ("turned.webp", 2)):
        (tmp_path / name).unlink()
        with pytest.raises(PredictionsError) as caught:
            files.exist()
        assert str(caught.value) == (
            f"t.csv, line 3, column path: {tmp_path / 'grey.jpg'}: not found (missing: {n} of 3 pictures); correct "
            "the paths, or remove the column"
        )
    (tmp_path / "red.png").unlink()
    assert not files.exist()


def test_large_pictures_are_reduced_without_a_word(
    files: ImageFiles, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Pillow's own limit may be lower than the job's, which leaves that of other programs as it is."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100 * 200 - 1)
    assert files.load([0])[0].shape == (32, 64, 3)
    assert capfd.readouterr().err == ""
    assert Image.MAX_IMAGE_PIXELS == 100 * 200 - 1


def test_pictures_with_too_many_pixels(files: ImageFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line counts them, also if Pillow refuses them first; the bytes of so many are not too many."""
    assert MAX_FILE_BYTES > 3 * MAX_PIXELS
    monkeypatch.setattr(images, "MAX_PIXELS", 100 * 200 - 1)
    for pillow_limit, problem in ((None, "20,000 pixels, but may have 19,999"), (100, "more than 19,999 pixels")):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", pillow_limit)
        with pytest.raises(PredictionsError) as caught:
            files.load([0])
        assert str(caught.value).endswith(f"red.png: cannot be read ({problem}); correct the path or the file")


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate"])
def test_a_damaged_tiff_file(
    tmp_path: Path, files: ImageFiles, capfd: pytest.CaptureFixture[str], compression: str
) -> None:
    """Its library prints nothing of its own."""
    path, pixels = tmp_path / "red.png", np.random.default_rng(0).integers(0, 256, (100, 100), np.uint8)
    Image.fromarray(pixels).save(path, "TIFF", compression=compression)
    content = bytearray(path.read_bytes())
    content[500:600] = b"\xff" * 100
    path.write_bytes(content)
    with pytest.raises(
        PredictionsError, match=r"cannot be read \(not a readable image\); correct the path or the file"
    ):
        files.load([0])
    assert capfd.readouterr().err == ""
