"""Downloads Fashion-MNIST: Debian's package if apt can reach a mirror, otherwise with Keras.

`make data` and `make run` call it. Neither way needs root. The job itself uses Keras if no data set is installed.
"""

import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from job.data import sources
from job.data.dataset import load_dataset
from job.data.fashion_mnist import FILES
from job.data.sources import Source
from job.errors import DataError, OutputError
from job.log import log_stage
from job.system import isolation, signals
from job.system.child_process import child_process, kill_group
from job.system.standard_streams import open_streams

PACKAGE = "dataset-fashion-mnist"
TIMEOUT_S = 1800.0
"""Time that a command may take: a download over a slow line, but not one that hangs."""

KERAS_SCRIPT = "import keras; keras.datasets.fashion_mnist.load_data()"


def main() -> int:
    """Download Fashion-MNIST into data/ unless it is installed; return the exit status."""
    try:
        source = sources.find_installed() or fill_folder(
            Source(sources.LOCAL, "make data"), (download_debian_package, download_with_keras)
        )
        load_dataset(source)
    except OSError as error:
        print(f"fashion-job: error: {sources.LOCAL}/ cannot be written ({error.strerror})", file=sys.stderr)
        return OutputError.exit_status
    except DataError as error:
        print(f"fashion-job: error: {error}", file=sys.stderr)
        return error.exit_status
    print(f"data: Fashion-MNIST in {source.folder}", file=sys.stderr)
    return 0


def find_or_download(folder: str | None) -> Source:
    """Find the data set to use: the folder that `--data` names, or an installed Fashion-MNIST, or a download.

    Raises:
        DataError: If the folder lacks a file, or nothing is installed and the download fails.
    """
    if folder is not None:
        return sources.check_folder(Path(folder))
    return sources.find_installed() or _fill_keras_cache()


def _fill_keras_cache() -> Source:
    """Download Fashion-MNIST with Keras into the first of its caches that can be written."""
    caches = sources.list_keras_caches()
    for cache in caches:
        with contextlib.suppress(OSError):
            cache.folder.parent.mkdir(parents=True, exist_ok=True)
            return fill_folder(cache, [download_with_keras])
    raise DataError(
        f"Fashion-MNIST is not installed, and {caches[0].folder} cannot be written; name the folder that has its four "
        "files: --data DIR"
    )


def fill_folder(source: Source, methods: Sequence[Callable[[Path], Path]]) -> Source:
    """Download the four files with the first method that works, check them, and then move them into the folder.

    Each method downloads into a temporary folder next to it, and returns the folder with the four files.

    Raises:
        DataError: If no method works; the message contains the error of each.
    """
    errors, folder = [], source.folder
    work = Path(tempfile.mkdtemp(prefix=".data-", dir=folder.parent)).resolve()
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
                return source
    raise DataError(
        f"Fashion-MNIST cannot be downloaded: {'; '.join(errors)}. "
        f"Put {', '.join(FILES.values())} into {folder}/ by hand, or name the folder that has them: --data DIR"
    )


def download_debian_package(work: Path) -> Path:
    """Download Debian's package and unpack it in `work`; return the folder with the four files."""
    # The system's package lists may be empty or outdated, and only root may update them.
    settings = (f"Dir::State={work}", f"Dir::Cache={work}", "APT::Sandbox::User=root")
    apt = ("apt-get", "--quiet", *(f"--option={setting}" for setting in settings))
    unpack = ("sh", "-c", f"dpkg-deb --extract {PACKAGE}_*.deb .")
    for command in ((*apt, "update"), (*apt, "download", PACKAGE), unpack):
        if reason := _run(*command, folder=work):
            raise DataError(reason)
    return work / sources.DEBIAN.relative_to("/")


def download_with_keras(work: Path) -> Path:
    """Download with Keras into `work`; return the folder with the four files."""
    log_stage("data", "downloading Fashion-MNIST with Keras")
    with isolation.keras_environment(home=str(work)):
        reason = _run(sys.executable, "-P", "-c", KERAS_SCRIPT)
    if reason:
        raise DataError(reason)
    return work / "datasets" / "fashion-mnist"


def _run(*command: str, folder: Path | None = None) -> str:
    """Run a command quietly, because Keras and TensorFlow print; return its last line on stderr if it fails."""
    pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    name = Path(command[0]).name
    with child_process(command, kill=kill_group, cwd=folder, process_group=0, **pipes) as process:
        try:
            _, stderr = process.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return f"{name}: not finished after {TIMEOUT_S / 60:.0f} minutes"
    lines = stderr.decode(errors="replace").strip().splitlines() or [f"status {process.returncode}"]
    return f"{name}: {lines[-1]}" if process.returncode else ""


if __name__ == "__main__":
    signals.install()
    isolation.isolate()
    open_streams()
    raise SystemExit(main())
