"""Imports TensorFlow and Keras quickly and without their banners.

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
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from job.log import log
from job.standard_streams import ForgivingFile, as_text

STDERR_DESCRIPTOR = 2
OPTIONAL_FOR_KERAS = ("matplotlib", "pandas", "sklearn")


@functools.cache
def import_tensorflow() -> None:
    """Import TensorFlow and Keras, once."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    hidden = [package for package in OPTIONAL_FOR_KERAS if package not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type] # None is documented to stop an import
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        with captured_native_stderr():
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
    with tempfile.TemporaryFile() as captured, ForgivingFile(os.dup(STDERR_DESCRIPTOR), "w") as direct:
        if python_stderr is sys.__stderr__:
            sys.stderr = as_text(direct)
        os.dup2(captured.fileno(), STDERR_DESCRIPTOR)
        try:
            yield
        except ImportError:
            level = logging.ERROR
            raise
        finally:
            os.dup2(direct.fileno(), STDERR_DESCRIPTOR)
            sys.stderr = python_stderr
            captured.seek(0)
            if text := captured.read().decode(errors="replace").strip():
                log.log(level, text)
