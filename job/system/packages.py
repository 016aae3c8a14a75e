"""Says how to install a package that this Python lacks."""

from collections.abc import Iterable
from importlib import util

TRAINING_PACKAGES = ("tensorflow", "keras")
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


def require_packages(names: Iterable[str]) -> None:
    """Raise a ModuleNotFoundError that names the first of these packages that is not installed."""
    for name in names:
        if not util.find_spec(name):
            raise ModuleNotFoundError(name=name)


def describe_missing(name: str) -> str:
    """What is missing, and what to do, in one line."""
    source = f"'.[{EXTRAS[name]}]'" if name in EXTRAS else "."
    return (
        f"this Python lacks the package {name}; start the job with `make run` or its Docker image, which have all "
        f"packages, or run `pip install {source}` in the repository of fashion-job"
    )
