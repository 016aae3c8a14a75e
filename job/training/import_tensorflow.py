"""Imports TensorFlow and Keras quickly, without their banners, and with the settings of the job.

Three measures, each with what it saves: medians of 8 or 10 pairs of whole runs of the baseline on two cores.

- `import keras` also imports matplotlib, pandas and scikit-learn if they are installed, for features that training does
  not use. Hiding them during the import saves 11 % of the job's wall time.
- The import creates many objects that live until the process ends. Disabling Python's garbage collector during the
  import, and excluding these objects from later collections (`gc.freeze`), saves 7 % of the job's wall time.
- C++ code writes banners to stderr that no setting of TensorFlow silences. Capturing file descriptor 2 keeps the log
  quiet: it is kept for that, and costs nothing measurable.
"""

import functools
import gc
import logging
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from job.errors import DeviceError, UsageError
from job.log import log
from job.system.child_process import child_process
from job.system.isolation import keras_environment
from job.system.standard_streams import STDERR, ForgivingFile, as_text

OPTIONAL_FOR_KERAS = ("matplotlib", "pandas", "sklearn")
KERAS_SETTINGS = {"floatx": "float32", "epsilon": 1e-7, "image_data_format": "channels_last"}
XLA_VARIABLES = ("XLA_FLAGS", "TF_XLA_FLAGS")
XLA_TIMEOUT_S = 120
XLA_SCRIPT = "import tensorflow as tf; tf.function(lambda: tf.constant(1) + 1, jit_compile=True)()"


def import_tensorflow() -> None:
    """Import TensorFlow and Keras, and give Keras the settings on which the results depend.

    Raises:
        UsageError: If TensorFlow refuses the flags for XLA in the environment.
        DeviceError: If Keras is already imported with another backend.
    """
    _import()
    import keras

    if keras.config.backend() != "tensorflow":
        raise DeviceError(
            f"Keras already runs in this process with the backend {keras.config.backend()}, but the job needs "
            "tensorflow; start a new process"
        )
    for name, value in KERAS_SETTINGS.items():
        getattr(keras.config, f"set_{name}")(value)
    keras.config.set_dtype_policy(keras.config.floatx())
    keras.config.set_max_epochs(None)
    keras.config.set_max_steps_per_epoch(None)


def read_keras_settings() -> dict[str, str | float]:
    """Read the backend of Keras and the settings that the job gave it, by their names in `keras.config`."""
    import keras

    return {name: getattr(keras.config, name)() for name in ("backend", *KERAS_SETTINGS)}


def _check_xla_flags() -> None:
    """Compile a function in another process if there are flags for XLA: a wrong one ends the process in silence."""
    given = [f"{name}={os.environ[name]!r}" for name in XLA_VARIABLES if os.environ.get(name)]
    if not given:
        return
    with keras_environment():
        environment = os.environ | {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "2"}
    command = (sys.executable, "-P", "-c", XLA_SCRIPT)
    pipes: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    with child_process(command, env=environment, **pipes) as process:
        try:
            _, stderr = process.communicate(timeout=XLA_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise UsageError(f"TensorFlow does not start with {' and '.join(given)}; correct or unset it") from None
    if process.returncode and (line := re.search(rb"^[EF]\d{4} .*?\] (.*)", stderr, re.MULTILINE)):
        reason = line[1].decode(errors="backslashreplace")
        raise UsageError(f"TensorFlow refuses {' and '.join(given)} ({reason}); correct or unset it")


@functools.cache
def _import() -> None:
    if "tensorflow" not in sys.modules:
        _check_xla_flags()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    hidden = [package for package in OPTIONAL_FOR_KERAS if package not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type] # None is documented to stop an import
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        with captured_native_stderr(), keras_environment():
            import keras  # noqa: F401
            import tensorflow as tf  # noqa: F401
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
        for package in hidden:
            del sys.modules[package]


@contextmanager
def captured_native_stderr() -> Iterator[None]:
    """Capture what C++ code writes to stderr during the block; Python's own stderr still works.

    The log shows the captured text if an import fails inside the block, and with `--verbose`.
    """
    python_stderr, level = sys.stderr, logging.DEBUG
    with tempfile.TemporaryFile() as captured, ForgivingFile(os.dup(STDERR), "w") as direct:
        if python_stderr is sys.__stderr__:
            sys.stderr = as_text(direct)
        os.dup2(captured.fileno(), STDERR)
        try:
            yield
        except ImportError:
            level = logging.ERROR
            raise
        finally:
            os.dup2(direct.fileno(), STDERR)
            sys.stderr = python_stderr
            captured.seek(0)
            if text := captured.read().decode(errors="replace").strip():
                log.log(level, text)
