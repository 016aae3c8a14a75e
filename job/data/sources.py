"""Finds the folder of a data set, and its files."""

import os
from dataclasses import dataclass
from pathlib import Path

from job.data.fashion_mnist import FILES
from job.errors import DataError
from job.text import IMAGE_SUFFIXES, natural_key

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
LOCAL = Path("data")
KERAS_FALLBACK = Path("/tmp/.keras")  # noqa: S108 - Keras's choice if KERAS_HOME is not writable; hashes are checked
OPTION = "--data"
IMAGE_FILES = "--data, image files"
TRAIN = "train"
"""The folder of the training images, in a data set of image files."""
TEST = "test"
"""That of the test images; train/ is split if it does not exist."""
PARTS = (TRAIN, TEST)
N_SHOWN = 3
"""How many folders an error lists."""


@dataclass(frozen=True)
class Source:
    """A folder with a data set, and where it comes from (`OPTION` or `IMAGE_FILES` if the user named the folder)."""

    folder: Path
    kind: str


def find_installed() -> Source | None:
    """Find the first place on this machine that has all four files of Fashion-MNIST."""
    places = (
        Source(DEBIAN, "Debian's package dataset-fashion-mnist"),
        Source(LOCAL, "make data"),
        *list_keras_caches(),
    )
    return next((place for place in places if not _list_missing(place.folder)), None)


def list_keras_caches() -> list[Source]:
    """List the folders in which Keras keeps Fashion-MNIST, its first choice first."""
    home = Path(os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras"))  # noqa: PTH111 - a user may lack a home
    return [Source(root / "datasets" / "fashion-mnist", "Keras's cache") for root in (home, KERAS_FALLBACK)]


def find_idx_file(folder: Path, role: str) -> Path:
    """The IDX file of a role: gzipped if there is one, otherwise decompressed; the usual name if there is none.

    Programs that decompress the files often write a dot in place of the hyphen before `idx`.
    """
    usual = FILES[role].removesuffix(".gz")
    names = (usual, usual.replace("-idx", ".idx"))
    paths = [folder / f"{name}{suffix}" for suffix in (".gz", "") for name in names]
    return next((path for path in paths if _is_file(path)), paths[0])


def check_folder(folder: Path) -> Source:
    """Check that the folder the user named has all four IDX files, or a folder with training images.

    Raises:
        DataError: If it is not a folder, cannot be opened, or lacks a file.
    """
    if not os.path.isdir(folder):  # noqa: PTH112 - Path.is_dir raises if a parent folder is closed
        problem = "is not a folder" if os.path.lexists(folder) else "does not exist"
        raise DataError(
            f"--data {folder}: {problem}; name a folder that contains {', '.join(FILES.values())}, or images in "
            f"{TRAIN}/CLASS/"
        )
    if not os.access(folder, os.R_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        remedy = "grant it (chmod a+rx), or run as its owner"
        raise DataError(f"--data {folder}: user {os.geteuid()} has no permission to open it; {remedy}")
    missing = _list_missing(folder)
    if missing and os.path.isdir(folder / TRAIN):  # noqa: PTH112 - as above
        return Source(folder, IMAGE_FILES)
    if missing and (remedy := _correct_capitals(folder)):
        raise DataError(f"--data {folder}: has no folder {TRAIN}/; {remedy}")
    if len(missing) == len(FILES) and (part := folder.resolve().name) in PARTS and _has_folders(folder):
        raise DataError(f"--data {folder}: has only the images of {part}/; name the folder above {part}/")
    if len(missing) == len(FILES) and (classes := _list_classes(folder)):
        shown = f"{', '.join(f'{name}/' for name in classes[:N_SHOWN])}{', …' if len(classes) > N_SHOWN else ''}"
        raise DataError(
            f"--data {folder}: has folders with images ({shown}), but no {TRAIN}/; move them into {TRAIN}/, and test "
            f"images of the same classes into {TEST}/ if there are any"
        )
    if missing:
        are = "is" if len(missing) == 1 else "are"
        images = "" if len(missing) < len(FILES) else f", or images into {TRAIN}/CLASS/"
        raise DataError(
            f"--data {folder}: {', '.join(missing)} {are} missing; put all four files into that folder{images}"
        )
    return Source(folder, OPTION)


def _list_classes(folder: Path) -> list[str]:
    """The folders in a folder that have images, in natural order."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if not entry.name.startswith(".")]
    return sorted((name for name in names if _has_images(folder / name)), key=natural_key)


def _has_images(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(entry.name.lower().endswith(IMAGE_SUFFIXES) for entry in entries)
    except OSError:  # a file, or a closed folder
        return False


def _has_folders(folder: Path) -> bool:
    with os.scandir(folder) as entries:
        return any(os.path.isdir(entry.path) for entry in entries)  # noqa: PTH112 - DirEntry.is_dir raises in link loops


def _correct_capitals(folder: Path) -> str:
    """What to rename if a folder differs from train/ only in capital letters; empty if none does."""
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if os.path.isdir(entry.path))  # noqa: PTH112 - as above
    found = {name.lower(): name for name in names}  # capital letters come first, so that train stays
    if TRAIN not in found:
        return ""
    return "rename " + " and ".join(f"{found[part]} to {part}" for part in PARTS if found.get(part, part) != part)


def _list_missing(folder: Path) -> list[str]:
    """List the files that do not exist, or are in a folder that this user cannot open."""
    return [name for role, name in FILES.items() if not _is_file(find_idx_file(folder, role))]


def _is_file(path: Path) -> bool:
    return os.path.isfile(path)  # noqa: PTH113 - Path.is_file raises if a folder is closed
