import io
import json
import shutil
import subprocess
import threading
import tracemalloc
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from load import HANGS_AFTER_S
from PIL import Image
from served import running, write_served
from support import REPOSITORY

from job import image_file
from job.data.photo import prepare_photo
from job.serving import limits, photo_formats
from job.serving.messages import HttpError
from job.serving.photo_formats import decode_photo, limit_pixels


def make_photo(height: int = 300, width: int = 200, background: int = 250, article: int = 60) -> Any:  # noqa: ANN401
    """A dark rectangle of 140 x 70 pixels, with its corner at (100, 50), on a light background; opaque."""
    photo = np.full((height, width, 4), background, np.uint8)
    photo[100:240, 50:120, :3] = article
    photo[..., 3] = 255
    return photo


def encode(photo: Any, kind: str = "PNG", **options: Any) -> bytes:  # noqa: ANN401
    file = io.BytesIO()
    Image.fromarray(photo).save(file, kind, **options)
    return file.getvalue()


def make_empty(width: int, height: int) -> bytes:
    """A small file with many black pixels."""
    file = io.BytesIO()
    Image.new("1", (width, height)).save(file, "PNG")
    return file.getvalue()


def test_a_photo_fills_the_longest_edge() -> None:
    """The article is cropped, reduced to 28 x 14 pixels, negated, and centred on black."""
    prepared = prepare_photo(make_photo())
    assert prepared.warnings == []
    expected = np.zeros((28, 28), int)
    expected[:, 7:21] = 255 - 60
    assert prepared.pixels.tolist() == expected.tolist()


def test_switches() -> None:
    """Without cropping the background stays; a light article is not negated."""
    whole = prepare_photo(make_photo(), crops=False).pixels
    assert (whole[0, 14], whole[14, 12]) == (255 - 250, 255 - 60)
    light = prepare_photo(make_photo(background=10, article=200), is_light=True)
    assert (light.pixels[14, 14], light.warnings) == (200, [])


@pytest.mark.parametrize(
    ("photo", "is_light", "expected"),
    [
        (make_photo(background=60, article=60), False, "the picture has a single colour"),
        (make_photo(background=10, article=200), False, "the background is dark, but"),
        (make_photo(), True, "the background is light; send the picture without invert=true"),
        (make_photo()[95:110, 45:60], False, "the subject has only 10 pixels; its details are lost"),
        (make_photo(1000, 1000), False, "the subject is small in its picture; get closer"),
    ],
)
def test_warnings(photo: Any, is_light: bool, expected: str) -> None:  # noqa: ANN401, FBT001
    """Each of them alone."""
    (warning,) = prepare_photo(photo, is_light=is_light).warnings
    assert warning.startswith(expected)


def test_sharpening() -> None:
    """A line becomes stronger than it was, at the cost of its neighbours, as ImageMagick's kernel says."""
    photo = make_photo(56, 56, 255, 255)
    photo[:, 28:30, :3] = 155
    pixels = prepare_photo(photo, crops=False).pixels
    line = 1.6609 * 155 - 2 * 0.1028 * 255 - 2 * 0.1028 * 155 - 4 * 0.0624 * 255
    assert pixels[14, 14] == 255 - round(line)
    assert pixels[14, 13] == 0
    assert pixels[14, 0] == 0


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP", "BMP"])
def test_formats(kind: str) -> None:
    """The lossless ones give the same pixels."""
    options = {"lossless": True} if kind == "WEBP" else {}
    assert decode_photo(encode(make_photo()[..., :3], kind, **options)).tolist() == make_photo().tolist()


def test_a_photo_that_lies_on_its_side() -> None:
    """What a camera notes in EXIF is undone."""
    exif = Image.Exif()
    exif[274] = 6  # rotate by 90 degrees clockwise
    side = np.rot90(make_photo()[..., :3])
    upright = decode_photo(encode(np.ascontiguousarray(side), "JPEG", exif=exif, quality=100))
    assert upright.shape == (300, 200, 4)
    assert np.abs(upright.astype(int) - make_photo()).max() < 20


def test_transparency() -> None:
    """Transparent pixels are white paper."""
    photo = make_photo(background=0)
    photo[..., 3] = 0
    photo[100:240, 50:120, 3] = 255
    assert prepare_photo(decode_photo(encode(photo))).pixels.tolist() == prepare_photo(make_photo()).pixels.tolist()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK", "I;16"])
def test_kinds_of_pixels(mode: str) -> None:
    """Black and white, grey, with a palette, for print, and with 16 bits."""
    grey = np.where(make_photo()[..., 0] > 128, 255, 0).astype(np.uint8)
    if mode == "I;16":
        image = Image.fromarray(grey.astype(np.uint16) * 257)
    else:
        image = Image.fromarray(grey).convert("RGB" if mode == "P" else mode).convert(mode)
    assert image.mode == mode
    file = io.BytesIO()
    image.save(file, "JPEG" if mode == "CMYK" else "PNG", quality=100)
    decoded = decode_photo(file.getvalue())
    assert decoded.shape == (300, 200, 4)
    assert np.abs(decoded[..., :3].astype(int) - grey[..., np.newaxis]).max() < 20
    assert (decoded[..., 3] == 255).all()


def test_a_transparent_colour() -> None:
    """A palette may have one, in PNG and in GIF."""
    image = Image.fromarray(make_photo()[..., :3]).convert("P", palette=Image.Palette.ADAPTIVE)
    for kind in ("PNG", "GIF"):
        file = io.BytesIO()
        image.save(file, kind, transparency=image.getpixel((0, 0)))
        decoded = decode_photo(file.getvalue())
        assert decoded[[0, 150], [0, 80], 3].tolist() == [0, 255]


def test_a_large_photo() -> None:
    """Rows and columns are skipped; the subject stays."""
    photo = make_photo().repeat(10, axis=0).repeat(10, axis=1)
    decoded = decode_photo(encode(photo[..., :3], "PNG", compress_level=1))
    assert decoded.shape == (1000, 667, 4)
    assert prepare_photo(decoded).pixels.tolist() == prepare_photo(make_photo()).pixels.tolist()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"text",
        encode(make_photo())[:-30],
        encode(make_photo()[..., :3], "TIFF"),
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    ],
)
def test_what_is_no_picture(content: bytes) -> None:
    """Neither text nor a damaged file, nor a format that browsers do not show."""
    with pytest.raises(HttpError, match="this is not a readable image") as caught:
        decode_photo(content)
    assert caught.value.status == 400


def test_a_decompression_bomb() -> None:
    """A small file with many pixels is refused by its header, even with more than Pillow itself reads."""
    for width, height, n_pixels in ((10_000, 5_001, "50,010,000"), (20_000, 20_000, "400,000,000")):
        content = make_empty(width, height)
        assert len(content) < 60_000
        with pytest.raises(HttpError, match=f"the image has {n_pixels} pixels, but may have 50,000,000") as caught:
            decode_photo(content)
        assert caught.value.status == 413


def test_many_pixels_in_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is that of a request; no file is decoded before all headers are checked."""
    part = b'--x\r\nContent-Disposition: form-data; name="i"; filename="i"\r\n\r\n' + make_empty(5_000, 2_501) + b"\r\n"
    n_decoded = 0

    def count(*_: Any) -> Any:  # noqa: ANN401 - as `decode_photo`
        nonlocal n_decoded
        n_decoded += 1
        return make_photo()

    monkeypatch.setattr(photo_formats, "decode_photo", count)
    with running(write_served(tmp_path / "report")) as server:
        form = {"Content-Type": "multipart/form-data; boundary=x"}
        answer = server.post("/predict", part * 4 + b"--x--\r\n", form)
        expected = "the images have 50,020,000 pixels together, but may have 50,000,000; send fewer at a time"
        assert (answer.status, answer.error, n_decoded) == (413, expected, 0)
        assert server.post("/predict", part * 3 + b"--x--\r\n", form).status == 200
        assert n_decoded == 3


def test_the_filters_of_warnings_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two threads that decode at the same time change no filter of the process."""
    both = threading.Barrier(2, timeout=HANGS_AFTER_S)
    is_first_done = threading.Event()
    check = image_file._check_size

    def wait(image: Image.Image, max_pixels: int) -> None:
        check(image, max_pixels)
        if both.wait():  # the two threads get 0 and 1
            assert is_first_done.wait(HANGS_AFTER_S)

    def decode(content: bytes) -> None:
        decode_photo(content)
        is_first_done.set()

    decode_photo(encode(make_photo()))  # the first picture adds a filter for the whole process
    monkeypatch.setattr(image_file, "_check_size", wait)
    before = [*warnings.filters]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(decode, [encode(make_photo())] * 2))
    assert [*warnings.filters] == before


def test_the_memory_of_a_thread() -> None:
    """To prepare the largest picture takes no more than is set aside."""
    photo = np.random.default_rng(0).integers(0, 256, (image_file.MAX_SIDE, image_file.MAX_SIDE, 4), np.uint8)
    tracemalloc.start()
    prepare_photo(photo)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak + photo.nbytes < photo_formats.THREAD_BYTES


def test_the_pixels_that_fit_into_memory() -> None:
    """What docs/serving.md says, and never nothing."""
    mib = 2**20
    limited = [limit_pixels(size, 2) for size in (None, 1024 * mib, 512 * mib, 256 * mib, 128 * mib)]
    assert limited == [50_000_000, 50_000_000, 20_971_520, 4_194_304, 1_000_000]
    with pytest.raises(HttpError, match="the image has 60,000 pixels, but may have 50,000"):
        decode_photo(encode(make_photo()), 50_000)


def test_pictures_over_http(tmp_path: Path) -> None:
    """As a body, in a form with several files, and with switches; and what is refused."""
    content = encode(make_photo())
    part = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n' + content + b"\r\n"
    text = b'--x\r\nContent-Disposition: form-data; name="comment"\r\n\r\nhello\r\n'
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    expected = prepare_photo(make_photo()).pixels.tolist()
    with running(write_served(tmp_path / "report")) as server:
        for kind in ("image/png", "application/octet-stream", "application/x-www-form-urlencoded"):
            (prediction,) = server.post("/predict", content, {"Content-Type": kind}).content["predictions"]
            assert prediction["pixels"] == expected
        predictions = server.post("/predict", part + text + part + b"--x--\r\n", form).content["predictions"]
        assert [each["pixels"] for each in predictions] == [expected] * 2
        light = prepare_photo(make_photo(), is_light=True, crops=False)
        (prediction,) = server.post("/predict?invert=true&crop=false", content).content["predictions"]
        assert prediction["pixels"] == light.pixels.tolist()
        assert prediction["warnings"][: len(light.warnings)] == light.warnings
        answer = server.post("/predict?crop=true", {"images": np.zeros((1, 28, 28)).tolist()})
        assert answer.error == "invert and crop are for image files; JSON has the pixels that the model sees"
        for path, body, headers, status, error in (
            ("/predict?invert=yes", content, {}, 400, "the query may have invert and crop, each true or false"),
            ("/predict?other=true", content, {}, 400, "the query may have invert and crop"),
            ("/predict", content, {"Content-Type": "text/plain"}, 415, "Content-Type is 'text/plain'"),
            ("/predict", text + b"--x--\r\n", form, 400, "the form has no file"),
            ("/predict", text.replace(b"comment", b"filename") + b"--x--\r\n", form, 400, "the form has no file"),
            ("/predict", part, form, 400, "not a complete form"),
            ("/predict", part, {"Content-Type": "multipart/form-data"}, 400, "not a complete form"),
            ("/predict", text * 64 + part + b"--x--\r\n", form, 413, "the form may have at most 64 parts"),
            (
                "/predict",
                part * (limits.MAX_PHOTOS + 1) + b"--x--\r\n",
                form,
                413,
                "the form has 17 files, but may have 16",
            ),
        ):
            answer = server.post(path, body, headers)
            assert (answer.status, error in answer.error) == (status, True)


@pytest.mark.browser
def test_the_page_prepares_the_same_pixels(tmp_path: Path) -> None:
    """`picture.js` gives the same bytes for random pictures, with and without the switches."""
    random = np.random.default_rng(0)
    script = REPOSITORY / "templates" / "report" / "picture.js"
    node = shutil.which("node")
    assert node
    cases = []
    for _ in range(60):
        height, width = random.integers(1, 90, 2)
        photo = np.full((height, width, 4), random.integers(0, 256, 4), np.uint8)
        box = [slice(*sorted(random.integers(0, size + 1, 2))) for size in (height, width)]
        photo[box[0], box[1]] = random.integers(0, 256, photo[box[0], box[1]].shape)
        options = {"isLight": bool(random.integers(2)), "crops": bool(random.integers(2))}
        cases.append((photo, options))
    (tmp_path / "cases.json").write_text(
        json.dumps(
            [
                {"width": photo.shape[1], "height": photo.shape[0], "data": photo.ravel().tolist(), "options": options}
                for photo, options in cases
            ]
        )
    )
    code = (
        f"const {{prepare}} = require({json.dumps(str(script))}), cases = require('./cases.json');"
        "console.log(JSON.stringify(cases.map((each) => [...prepare(each, each.options).pixels])))"
    )
    done = subprocess.run((node, "-e", code), cwd=tmp_path, capture_output=True, text=True, check=True)
    for (photo, options), pixels in zip(cases, json.loads(done.stdout), strict=True):
        prepared = prepare_photo(photo, is_light=options["isLight"], crops=options["crops"])
        assert prepared.pixels.ravel().tolist() == pixels
