"""Where a run took place."""

import platform
from dataclasses import dataclass
from importlib import metadata

import job
from job.device import Device

PACKAGES = ("tensorflow", "keras", "numpy", "pandas", "scikit-learn", "matplotlib", "seaborn", "jinja2")


@dataclass(frozen=True)
class Environment:
    """Where a run took place; `packages` maps names to versions."""

    job: str
    python: str
    platform: str
    device: str
    device_name: str
    n_threads: int
    n_replicas: int
    packages: dict[str, str]


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
    )


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return metadata.version(f"{package}-cpu")  # TensorFlow's name where it comes without CUDA
