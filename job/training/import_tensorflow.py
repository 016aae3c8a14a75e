"""Imports TensorFlow and Keras quickly, in the background, and without their banners.

Three measures, each with what it saves. The figures are medians of 10 pairs of whole runs on two cores.

- `import keras` also imports matplotlib, pandas and scikit-learn if they are installed, for features that training does
  not use. Hiding them during the import saves 11 % of the job's wall time.
- The import creates many objects that live until the process ends. Disabling Python's garbage collector during the
  import, and excluding these objects from later collections (`gc.freeze`), saves 6.6 % of the job's wall time.
- C++ code writes banners to stderr that no setting of TensorFlow silences. Capturing file descriptor 2 keeps the log
  quiet; it has no measurable cost.
"""

import functools
import gc
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress

from job.log import STDERR_LOCK, log

STDERR_DESCRIPTOR = 2
OPTIONAL_FOR_KERAS = ("matplotlib", "pandas", "sklearn")


@functools.cache
def start_importing() -> Future[None]:
    """Start to import TensorFlow and Keras in a thread; later calls return the same future."""
    return ThreadPoolExecutor(1).submit(_import_tensorflow)


def _import_tensorflow() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    hidden = [package for package in OPTIONAL_FOR_KERAS if package not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type] # None is documented to stop an import
    gc.disable()
    try:
        with captured_native_stderr():
            import keras  # noqa: F401
            import tensorflow as tf  # noqa: F401
    finally:
        gc.freeze()
        gc.enable()
        for package in hidden:
            del sys.modules[package]


@contextmanager
def captured_native_stderr() -> Iterator[None]:
    """Capture what C++ code writes to stderr during the block; Python's own stderr still works.

    The log shows the captured text if an import fails inside the block, and with `--verbose`.
    """
    original = os.dup(STDERR_DESCRIPTOR)  # never closed: another thread may be about to write to it
    direct = os.fdopen(original, "w", closefd=False)
    python_stderr = sys.stderr
    level = logging.DEBUG
    with tempfile.TemporaryFile() as captured:
        with STDERR_LOCK:
            if python_stderr is sys.__stderr__ and python_stderr:
                python_stderr.flush()
                sys.stderr = direct
            os.dup2(captured.fileno(), STDERR_DESCRIPTOR)
        try:
            yield
        except ImportError:
            level = logging.ERROR
            raise
        finally:
            with STDERR_LOCK:
                os.dup2(original, STDERR_DESCRIPTOR)
                sys.stderr = python_stderr
                with suppress(OSError):
                    direct.flush()
            captured.seek(0)
            if text := captured.read().decode(errors="replace").strip():
                log.log(level, text)
