"""Records where a run took place, on which data, and how to repeat it."""

import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from typing import Annotated

import msgspec

import job
from job.evaluation.intervals import Amount, Positive
from job.system.child_process import ROOT, child_process, kill_group

PACKAGES = ("tensorflow", "keras", "numpy", "pandas", "scipy", "scikit-learn", "matplotlib", "seaborn", "jinja2")
TRAINING_PACKAGES = ("tensorflow", "keras")
GIT_TIMEOUT_S = 2

StageName = Annotated[str, msgspec.Meta(max_length=200)]
Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Software and hardware of a run.

    Attributes:
        job: Version of fashion-job.
        device: `CPU` or `GPU`; empty if this job did not make the predictions.
        n_threads: Number of TensorFlow threads.
        n_replicas: Number of devices that share each batch.
        keras: Backend and default settings of Keras, by their names in `keras.config`.
        revision: Git revision of the code; empty if unknown.
        image: Container image, as named in FASHION_JOB_IMAGE; empty if not given.
    """

    job: str
    python: str
    platform: str
    device: str
    device_name: str
    n_threads: Positive
    n_replicas: Positive
    packages: Mapping[str, str]
    keras: Mapping[str, str | float]
    revision: str
    image: str


@dataclass(frozen=True, kw_only=True)
class DataSource:
    """The data set of a run.

    Attributes:
        is_fashion_mnist: Whether its hashes are those of Fashion-MNIST.
        source: Kind of place that the files were found in.
        sha256: SHA-256 of each decompressed IDX file, by file name; of image files, what they would be as IDX files.
    """

    name: str
    is_fashion_mnist: bool
    source: str
    folder: str
    sha256: Mapping[str, Sha256]

    @property
    def has_image_files(self) -> bool:
        """Whether the job prepared the images from image files."""
        return self.source.endswith("image files")


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where a run took place, on which data, and how to repeat it.

    Attributes:
        started: Start of the run, UTC, ISO 8601.
        command: Command that repeats the run.
        timings_s: Wall time in seconds of each stage before the evaluation, and `total` since the start.
        name: Name of predictions that this job did not make; empty if they have none. The settings of a training have
            its name.
    """

    started: str
    command: str
    environment: Environment
    data: DataSource
    timings_s: Annotated[Mapping[StageName, Amount], msgspec.Meta(max_length=100)]
    name: str = ""


def describe_environment(
    device: str, device_name: str, n_threads: int, n_replicas: int, keras: Mapping[str, str | float]
) -> Environment:
    """Describe the environment of this process; the arguments are the attributes of `Environment`."""
    return Environment(
        job=job.__version__,
        python=platform.python_version(),
        platform=platform.platform(),
        device=device,
        device_name=device_name,
        n_threads=n_threads,
        n_replicas=n_replicas,
        packages={name: _find_version(name) for name in PACKAGES},
        keras=keras,
        revision=find_revision(),
        image=os.environ.get("FASHION_JOB_IMAGE", ""),
    )


def describe_report_environment() -> Environment:
    """Describe the environment of a report about predictions that this job did not make.

    The device of the other program is unknown, and so is its revision, unless FASHION_JOB_REVISION names it.
    """
    return Environment(
        job=job.__version__,
        python=platform.python_version(),
        platform=platform.platform(),
        device="",
        device_name="",
        n_threads=1,
        n_replicas=1,
        packages={name: metadata.version(name) for name in PACKAGES if name not in TRAINING_PACKAGES},
        keras={},
        revision=os.environ.get("FASHION_JOB_REVISION", ""),
        image=os.environ.get("FASHION_JOB_IMAGE", ""),
    )


def find_revision() -> str:
    """The Git revision that a training belongs to; empty if unknown.

    It is FASHION_JOB_REVISION, or else that of this job: the commit in the image, the one checked out, marked as dirty
    if files differ from it, or the installed one.
    """
    if given := os.environ.get("FASHION_JOB_REVISION") or os.environ.get("FASHION_JOB_IMAGE_REVISION"):
        return given
    if not os.path.lexists(ROOT / ".git"):
        return _find_installed_commit()
    checkout = (f"--git-dir={ROOT / '.git'}", f"--work-tree={ROOT}")  # whatever GIT_DIR names
    command = ("git", *checkout, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    try:
        with child_process(command, kill=kill_group, process_group=0, **pipes) as process:
            stdout, _ = process.communicate(timeout=GIT_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    revision = stdout.strip().decode(errors="replace")
    return revision if re.fullmatch(r"[0-9a-f]{40,}(-dirty)?", revision) else ""


def _find_installed_commit() -> str:
    """The commit that pip or uv installed this package from, if they fetched it from a Git repository."""
    with suppress(metadata.PackageNotFoundError, ValueError, KeyError, TypeError):
        direct_url = metadata.distribution("fashion-job").read_text("direct_url.json")  # the format of PEP 610
        return str(json.loads(direct_url or "{}")["vcs_info"]["commit_id"])
    return ""


def _find_version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return metadata.version(f"{package}-cpu")  # TensorFlow's package without CUDA
