"""Reads many image files side by side, and prepares them as the makers of Fashion-MNIST did."""

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from job.data.photo import SIDE, WHITE, put_on_paper, reduce_photo, to_grey
from job.image_file import (
    BYTES_PER_PIXEL,
    FORMATS,
    MAX_FILE_BYTES,
    MAX_PIXELS,
    ImageError,
    configure_pillow,
    decode_image,
    open_image,
)
from job.log import log_stage
from job.system.processors import count_processors
from job.system.regular_file import read_regular

UInt8 = NDArray[np.uint8]

SMALL = 1_000_000
"""Pixels of an image that needs no share of the memory."""
CHUNK = 64
"""Files that a thread reads before it takes the next ones."""
PROGRESS_S = 10.0


@dataclass(frozen=True)
class ReadImages:
    """Prepared images.

    Attributes:
        as_dark: Negated, as if each article were darker than its background, shape (n, 28, 28).
        as_light: Not negated. A file of 28 x 28 pixels is the same in both arrays.
        background: Mean brightness of the corners, shape (n,); NaN for a file of 28 x 28 pixels.
        problems: Why files could not be read, by index.
    """

    as_dark: UInt8
    as_light: UInt8
    background: NDArray[np.float32]
    problems: dict[int, str]


class _Memory:
    """Lets images be decoded at the same time as long as they fit into the memory, otherwise one at a time."""

    def __init__(self, max_pixels: int) -> None:
        self._free = self._all = max_pixels
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def hold(self, n_pixels: int) -> Iterator[None]:
        if n_pixels <= SMALL:
            yield
            return
        with self._changed:
            self._changed.wait_for(lambda: self._free >= n_pixels or self._free == self._all)
            self._free -= n_pixels
        try:
            yield
        finally:
            with self._changed:
                self._free += n_pixels
                self._changed.notify_all()


def read_images(paths: Sequence[Path], max_bytes: int) -> ReadImages:
    """Read and prepare image files with all processors, and at most `max_bytes` of memory for large images."""
    configure_pillow()
    shape = (len(paths), SIDE, SIDE)
    read = ReadImages(np.zeros(shape, np.uint8), np.zeros(shape, np.uint8), np.full(len(paths), np.nan, np.float32), {})
    max_pixels = min(MAX_PIXELS, max(SMALL, max_bytes // BYTES_PER_PIXEL))
    memory = _Memory(max_bytes // BYTES_PER_PIXEL)

    def read_chunk(start: int) -> int:
        for index in range(start, min(start + CHUNK, len(paths))):
            try:
                _read_image(paths[index], index, read, max_pixels, memory)
            except ImageError as error:
                read.problems[index] = str(error)
            except OSError as error:
                read.problems[index] = str(error.strerror)
        return min(start + CHUNK, len(paths))

    reported = time.monotonic()
    with ThreadPoolExecutor(count_processors()) as pool:
        for n_done in pool.map(read_chunk, range(0, len(paths), CHUNK)):
            if time.monotonic() - reported > PROGRESS_S:
                reported = time.monotonic()
                log_stage("data", f"{n_done:,} of {len(paths):,} images are read")
    return read


def _read_image(path: Path, index: int, read: ReadImages, max_pixels: int, memory: _Memory) -> None:
    content = read_regular(path, MAX_FILE_BYTES)
    with open_image(content, max_pixels, FORMATS) as image, memory.hold(image.width * image.height):
        photo = decode_image(image)
    paper = put_on_paper(photo)
    if photo.shape[:2] == (SIDE, SIDE) and photo[..., 3].min() == WHITE:
        read.as_dark[index] = read.as_light[index] = to_grey(paper)
        return
    reduced = reduce_photo(paper)
    read.as_dark[index], read.as_light[index] = reduced.centre(is_light=False), reduced.centre(is_light=True)
    read.background[index] = reduced.background
