"""Says how to install a package that this Python lacks."""

import shlex
import sys
from collections.abc import Iterable
from importlib import metadata, util

from job.system.program import SCRIPT

TRAINING_PACKAGES = ("tensorflow", "keras", "rich")
EXTRAS = {
    **dict.fromkeys(TRAINING_PACKAGES, "train"),
    "onnx": "export",
    "tf2onnx": "export",
    "ray": "cluster",
    "optuna": "search",
    "mlflow": "mlflow",
    "pyarrow": "parquet",
}
"""The extra in pyproject.toml that installs a package; all others are installed without an extra."""

DISTRIBUTIONS = {"mlflow": "mlflow-skinny", "optuna": "optuna", "pyarrow": "pyarrow", "ray": "ray[default]"}
"""What the index calls packages that fit to the others in any version, so that pip needs no repository."""


def require_packages(names: Iterable[str]) -> None:
    """Raise a ModuleNotFoundError that names the first of these packages that is not installed."""
    for name in names:
        if not util.find_spec(name):
            raise ModuleNotFoundError(name=name)


def describe_missing(name: str) -> str:
    """What is missing, and what to do, in one line: first as the job was installed."""
    by_pip = f"run {write_install(name)}"
    by_make = "start the job with `make run` or its Docker image, which have all packages"
    if EXTRAS.get(name) not in {None, "train"}:  # these two lack it, too
        return f"this Python lacks the package {name}; {by_pip}"
    remedies = (by_pip, by_make) if _is_installed() else (by_make, by_pip)
    return f"this Python lacks the package {name}; {', or '.join(remedies)}"


def write_install(name: str) -> str:
    """The command that installs a package for this Python, and where to run it."""
    if name in DISTRIBUTIONS:
        source, place = DISTRIBUTIONS[name], ""
    else:
        source, place = f".[{EXTRAS[name]}]" if name in EXTRAS else ".", " in the repository of fashion-job"
    return f"`{shlex.join([sys.executable, '-m', 'pip', 'install', source])}`{place}"


def _is_installed() -> bool:
    """Whether pip has installed the job, so that it does not run from its repository."""
    return any(metadata.distributions(name=SCRIPT))
