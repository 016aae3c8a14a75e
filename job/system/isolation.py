"""Keeps settings that a user made for other programs from changing the job.

The environment and settings files of Python, matplotlib and Keras apply to every program of a user. They can change the
results (`floatx` in keras.json), or make a library fail (`text.usetex` in a matplotlibrc).
"""

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

FOREIGN_VARIABLES = (
    *("MPLBACKEND", "NPY_", "PANDAS_", "PYTHONIOENCODING", "PYTHONWARNINGS"),
    *("SCIPY_", "SKLEARN_", "SOURCE_DATE_EPOCH"),
)
"""Prefixes of variables that users set for other programs."""
OWN_VARIABLES = {"OPENBLAS_NUM_THREADS": "1"}
"""With another number of threads, OpenBLAS sums in another order. It sends SIGINT if a thread cannot start."""
WARNINGS_FOR_DEVELOPERS = (
    *(DeprecationWarning, PendingDeprecationWarning, EncodingWarning, ImportWarning, ResourceWarning),
)
NOWHERE = f"{os.devnull}/nowhere"
"""A folder that can neither exist nor be created."""


def isolate() -> None:
    """Give this process and those that it starts Python's default warnings and no foreign variable.

    A program calls this when it starts. It is not for a library: the settings belong to the whole process.
    """
    for name in [name for name in os.environ if name.startswith(FOREIGN_VARIABLES)]:
        del os.environ[name]
    os.environ.update(OWN_VARIABLES)
    warnings.resetwarnings()
    for category in WARNINGS_FOR_DEVELOPERS:
        warnings.simplefilter("ignore", category)


def import_matplotlib() -> None:
    """Import matplotlib without reading a matplotlibrc, and without its warnings about folders and fonts."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    has_file = os.path.lexists("matplotlibrc")  # in the working directory, which matplotlib reads first
    elsewhere = contextlib.chdir(Path(__file__).parent) if has_file else contextlib.nullcontext()
    with elsewhere, _environment({"MATPLOTLIBRC": os.devnull}):
        import matplotlib as mpl  # noqa: F401


@contextlib.contextmanager
def keras_environment(home: str = NOWHERE) -> Iterator[None]:
    """Remove Keras's variables inside the block, and let Keras read its settings file in `home`."""
    unset = {name: None for name in os.environ if name.startswith("KERAS_")}
    with _environment({**unset, "KERAS_BACKEND": "tensorflow", "KERAS_HOME": home}):
        yield


@contextlib.contextmanager
def _environment(changes: Mapping[str, str | None]) -> Iterator[None]:
    """Set environment variables inside the block, or unset those that are None."""
    before = {name: os.environ.get(name) for name in changes}
    _set(changes)
    try:
        yield
    finally:
        _set(before)


def _set(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
