"""Puts Fashion-MNIST into data/: from Debian's mirror where apt reaches one, else by Keras's own download.

`make data` and `make run` call it; neither way needs root.
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
from job.data.sources import FILES, Source
from job.errors import DataError, OutputError

PACKAGE = "dataset-fashion-mnist"


def main() -> int:
    """Fill data/ unless the job finds the data set already; returns the exit status."""
    try:
        found = sources.find_installed() or fill(sources.LOCAL, (from_debian, from_keras))
        load_dataset(found)
    except OSError as error:
        print(f"fashion-job: error: {sources.LOCAL}/ cannot be written ({error.strerror})", file=sys.stderr)
        return OutputError.exit_status
    except DataError as error:
        print(f"fashion-job: error: {error}", file=sys.stderr)
        return error.exit_status
    print(f"data: Fashion-MNIST in {found.folder}")
    return 0


def fill(folder: Path, ways: tuple[Callable[[Path], Path], ...]) -> Source:
    """Fetch the four files by the first way that works, check them, and only then move them into `folder`.

    Raises:
        DataError: if no way works; the message tells what each said.
    """
    said = []
    work = Path(tempfile.mkdtemp(prefix=".data-", dir=folder.parent))
    with signals.cleanup(lambda: shutil.rmtree(work, ignore_errors=True)):
        for way in ways:
            try:
                fetched = way(work)
                load_dataset(Source(fetched, "download"))
                folder.mkdir(exist_ok=True)
                for name in FILES.values():
                    (fetched / name).replace(folder / name)
            except (OSError, subprocess.CalledProcessError, DataError) as error:
                said.append(str(error))
            else:
                return Source(folder, "make data")
    raise DataError(
        f"Fashion-MNIST cannot be fetched: {'; '.join(said)}. "
        f"Put {', '.join(FILES.values())} into {folder}/ by hand, or name their folder: --data DIR"
    )


def from_debian(work: Path) -> Path:
    """Download Debian's package and unpack it below `work`; returns the folder with the four files."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise DataError("this is not a Debian system")
    try:
        _apt(work, "download", PACKAGE)
    except subprocess.CalledProcessError:  # apt's lists may be empty or old, and only root may renew them
        private = _private_lists(work)
        _apt(work, *private, "update")
        _apt(work, *private, "download", PACKAGE)
    for package in work.glob(f"{PACKAGE}*.deb"):
        _run(work, "dpkg-deb", "--extract", package.name, ".")
    return work / sources.DEBIAN.relative_to("/")


def from_keras(work: Path) -> Path:
    """Have Keras download the data set below `work`; returns the folder with the four files."""
    os.environ["KERAS_HOME"] = str(work.resolve())
    return sources.download().folder


def _apt(work: Path, *arguments: str) -> None:
    _run(work, "apt-get", "--quiet", "--option", "APT::Sandbox::User=root", *arguments)


def _private_lists(work: Path) -> list[str]:
    (work / "lists" / "partial").mkdir(parents=True)
    (work / "cache" / "archives" / "partial").mkdir(parents=True)
    here = work.resolve()
    settings = (f"Dir::State::lists={here}/lists", f"Dir::Cache={here}/cache", "Debug::NoLocking=1")
    return [word for setting in settings for word in ("--option", setting)]


def _run(folder: Path, *command: str) -> None:
    """Run a command quietly; what it says on failure becomes part of the error."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [""])[-1]
        raise subprocess.CalledProcessError(done.returncode, f"{command[0]} ({last})")


if __name__ == "__main__":
    signals.install()
    raise SystemExit(main())
