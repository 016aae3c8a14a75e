"""Downloads Fashion-MNIST: Debian's package if apt can reach a mirror, otherwise with Keras.

`make data` and `make run` call it. Neither way needs root. The job itself uses Keras if no data set is installed.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from job import signals
from job.data import sources
from job.data.dataset import load_dataset
from job.data.fashion_mnist import FILES
from job.data.sources import Source
from job.errors import DataError, OutputError

PACKAGE = "dataset-fashion-mnist"
KERAS_SCRIPT = "import keras; keras.datasets.fashion_mnist.load_data()"


def main() -> int:
    """Download Fashion-MNIST into data/ unless it is installed; return the exit status."""
    try:
        source = sources.find_installed() or fill_folder(sources.LOCAL, (download_debian_package, download_into))
        load_dataset(source)
    except OSError as error:
        print(f"fashion-job: error: {sources.LOCAL}/ cannot be written ({error.strerror})", file=sys.stderr)
        return OutputError.exit_status
    except DataError as error:
        print(f"fashion-job: error: {error}", file=sys.stderr)
        return error.exit_status
    print(f"data: Fashion-MNIST in {source.folder}")
    return 0


def find_or_download(folder: str | None) -> Source:
    """Find the data set to use: the folder the user named, or an installed Fashion-MNIST, or a download.

    Args:
        folder: The value of `--data`, or None.

    Raises:
        DataError: If the folder lacks a file, or nothing is installed and the download fails.
    """
    if folder is not None:
        return sources.check_folder(Path(folder))
    try:
        return sources.find_installed() or download_with_keras()
    except DataError as error:
        raise DataError(f"{error}; run `make data`, or name a folder with its four files: --data DIR") from error


def fill_folder(folder: Path, methods: tuple[Callable[[Path], Path], ...]) -> Source:
    """Download the four files with the first method that works, check them, and then move them into `folder`.

    Args:
        folder: Destination; its parent must be writable.
        methods: Functions that download into a temporary folder and return the folder with the four files.

    Raises:
        DataError: If no method works; the message contains the error of each.
    """
    errors = []
    work = Path(tempfile.mkdtemp(prefix=".data-", dir=folder.parent))
    with signals.on_exit(lambda: shutil.rmtree(work, ignore_errors=True)):
        for method in methods:
            try:
                downloaded = method(work)
                load_dataset(Source(downloaded, "download"))
                folder.mkdir(exist_ok=True)
                for name in FILES.values():
                    (downloaded / name).replace(folder / name)
            except (OSError, DataError) as error:
                errors.append(str(error))
            else:
                return Source(folder, "make data")
    raise DataError(
        f"Fashion-MNIST cannot be downloaded: {'; '.join(errors)}. "
        f"Put {', '.join(FILES.values())} into {folder}/ by hand, or name the folder that has them: --data DIR"
    )


def download_debian_package(work: Path) -> Path:
    """Download Debian's package and unpack it in `work`; return the folder with the four files."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise DataError("this is not a Debian system")
    try:
        _run_apt(work, "download", PACKAGE)
    except DataError:  # the package lists may be empty or outdated, and only root may update them
        private_lists = _create_private_lists(work)
        _run_apt(work, *private_lists, "update")
        _run_apt(work, *private_lists, "download", PACKAGE)
    for package in work.glob(f"{PACKAGE}*.deb"):
        _run(work, "dpkg-deb", "--extract", package.name, ".")
    return work / sources.DEBIAN.relative_to("/")


def download_into(work: Path) -> Path:
    """Download with Keras into `work`; return the folder with the four files."""
    os.environ["KERAS_HOME"] = str(work.resolve())
    return download_with_keras().folder


def download_with_keras() -> Source:
    """Download Fashion-MNIST into Keras's cache, in a separate process, because Keras and TensorFlow print.

    Raises:
        DataError: If the download fails.
    """
    try:
        _run(Path(), sys.executable, "-P", "-c", KERAS_SCRIPT)
    except DataError as error:
        raise DataError(f"Fashion-MNIST is not installed and Keras cannot download it ({error})") from error
    source = sources.find_installed()
    if source is None:
        raise DataError("Keras downloaded Fashion-MNIST, but not into its cache")
    return source


def _run_apt(work: Path, *arguments: str) -> None:
    _run(work, "apt-get", "--quiet", "--option", "APT::Sandbox::User=root", *arguments)


def _create_private_lists(work: Path) -> list[str]:
    """Create folders for package lists in `work`; return the options that make apt use them."""
    (work / "lists" / "partial").mkdir(parents=True)
    (work / "cache" / "archives" / "partial").mkdir(parents=True)
    root = work.resolve()
    settings = (f"Dir::State::lists={root}/lists", f"Dir::Cache={root}/cache", "Debug::NoLocking=1")
    return [word for setting in settings for word in ("--option", setting)]


def _run(folder: Path, *command: str) -> None:
    """Run a command quietly; if it fails, its last line on stderr becomes the error."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - fixed commands
    if done.returncode:
        last_line = (done.stderr.strip().splitlines() or [""])[-1]
        raise DataError(f"{Path(command[0]).name}: {last_line}")


if __name__ == "__main__":
    signals.install()
    raise SystemExit(main())
