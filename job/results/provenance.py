"""Where a run took place."""

import os
import platform
import subprocess
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import job
from job.training.device import Device

PACKAGES = ("tensorflow", "keras", "numpy", "pandas", "scikit-learn", "matplotlib", "seaborn", "jinja2")


@dataclass(frozen=True)
class Environment:
    """Where a run took place.

    Attributes:
        packages: versions by name.
        revision: of the code in git, empty if it is not known.
        image: of the container, as the caller names it in FASHION_JOB_IMAGE, empty if nothing is given.
    """

    job: str
    python: str
    platform: str
    device: str
    device_name: str
    n_threads: int
    n_replicas: int
    packages: dict[str, str]
    revision: str
    image: str


def describe(device: Device) -> Environment:
    """The environment of this process."""
    return Environment(
        job=job.__version__,
        python=platform.python_version(),
        platform=platform.platform(),
        device=device.kind,
        device_name=device.name,
        n_threads=device.n_threads,
        n_replicas=device.n_replicas,
        packages={name: _version(name) for name in PACKAGES},
        revision=os.environ.get("FASHION_JOB_REVISION") or _revision(),
        image=os.environ.get("FASHION_JOB_IMAGE", ""),
    )


def _revision() -> str:
    """The commit checked out, marked where the files differ from it; empty where there is no git or no checkout."""
    root = Path(__file__).parents[2]
    command = ("git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    except OSError:
        return ""
    return done.stdout.strip() if (root / ".git").exists() else ""


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return metadata.version(f"{package}-cpu")  # TensorFlow's name where it comes without CUDA
