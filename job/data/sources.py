"""Where the four files of a data set are found."""

import os
from dataclasses import dataclass
from pathlib import Path

from job.errors import DataError

FILES = {
    "train_images": "train-images-idx3-ubyte.gz",
    "train_labels": "train-labels-idx1-ubyte.gz",
    "test_images": "t10k-images-idx3-ubyte.gz",
    "test_labels": "t10k-labels-idx1-ubyte.gz",
}

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
LOCAL = Path("data")
KERAS_FALLBACK = Path("/tmp/.keras")  # noqa: S108 - Keras's choice; every file is held to its hash


@dataclass(frozen=True)
class Source:
    """A folder with the four files, and what kind of place it is, in words."""

    folder: Path
    kind: str


def find(folder: str | None) -> Source:
    """The data set to use: the folder asked for, else the first place that holds Fashion-MNIST, else a download.

    Raises:
        DataError: if the folder lacks a file, or nothing is found and the download fails.
    """
    if folder is not None:
        return Source(_complete(Path(folder)), "--data")
    try:
        return find_installed() or download()
    except DataError as error:
        raise DataError(f"{error}; run `make data`, or name a folder with its four files: --data DIR") from error


def find_installed() -> Source | None:
    """The first place on this machine that holds all four files of Fashion-MNIST."""
    places = (
        Source(DEBIAN, "Debian's package dataset-fashion-mnist"),
        Source(LOCAL, "make data"),
        *(Source(folder, "Keras's cache") for folder in _keras_caches()),
    )
    return next((place for place in places if not _missing(place.folder)), None)


def _keras_caches() -> tuple[Path, ...]:
    """Where Keras keeps it: below KERAS_HOME, or below /tmp where that cannot be written."""
    try:
        home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    except RuntimeError:  # a user without a home, as in a container
        home = KERAS_FALLBACK
    return tuple(root / "datasets" / "fashion-mnist" for root in (home, KERAS_FALLBACK))


def _missing(folder: Path) -> list[str]:
    """Which of the four files are not there, or in a folder that this user may not look into."""
    return [name for name in FILES.values() if not os.path.isfile(folder / name)]  # noqa: PTH113 - Path's raises there


def _complete(folder: Path) -> Path:
    if not os.path.lexists(folder):
        raise DataError(f"--data {folder}: there is no such folder; name one that holds {', '.join(FILES.values())}")
    if not os.path.isdir(folder):  # noqa: PTH112 - Path's raises below a closed folder
        raise DataError(f"--data {folder}: is not a folder; name one that holds {', '.join(FILES.values())}")
    if not os.access(folder, os.R_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        raise DataError(
            f"--data {folder}: user {os.geteuid()} may not look into it; open it (chmod a+rx), or run as its owner"
        )
    if missing := _missing(folder):
        are = "is" if len(missing) == 1 else "are"
        raise DataError(f"--data {folder}: {', '.join(missing)} {are} not there; put all four files into that folder")
    return folder


def download() -> Source:
    """Have Keras download Fashion-MNIST into its cache.

    Raises:
        DataError: if that fails.
    """
    from job.training import device

    device.import_tensorflow()
    import keras

    try:
        keras.datasets.fashion_mnist.load_data()
    except Exception as error:  # Keras raises whatever its download raised
        reason = " ".join(str(error).split())
        raise DataError(f"Fashion-MNIST is not on this machine and Keras cannot download it ({reason})") from error
    found = find_installed()
    if found is None:
        raise DataError("Keras downloaded Fashion-MNIST, but not into its cache")
    return found
