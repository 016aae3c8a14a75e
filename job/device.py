"""Starts TensorFlow quietly and settles which device it uses."""

import logging
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from job.config import DeviceChoice
from job.errors import DeviceError

log = logging.getLogger(__name__)

STDERR = 2


@dataclass(frozen=True)
class Device:
    """What the model is trained on.

    Attributes:
        kind: `CPU` or `GPU`.
        name: the processor's or the GPU's own name.
        n_processors: those this process may run on; TensorFlow makes as many threads.
    """

    kind: str
    name: str
    n_processors: int

    def __str__(self) -> str:
        return f"on {self.kind}: {self.name}, {self.n_processors} processors"


def start(choice: DeviceChoice) -> Device:
    """Load TensorFlow and have it use the device asked for, which must happen before its first operation.

    Raises:
        DeviceError: if `gpu` is asked for and TensorFlow sees none.
    """
    import_tensorflow()
    import tensorflow as tf

    with _native_stderr_held():
        gpus = tf.config.list_physical_devices("GPU")
        if choice == "gpu" and not gpus:
            raise DeviceError("--device gpu: TensorFlow sees no GPU; use --device cpu, or see README on GPUs")
        if choice == "cpu":
            tf.config.set_visible_devices([], "GPU")
            gpus = []
        for gpu in gpus:
            tf.config.experimental.set_memory_growth(gpu, enable=True)
        tf.config.list_logical_devices()  # starts the runtime, banner included
    if gpus:
        name = tf.config.experimental.get_device_details(gpus[0]).get("device_name", gpus[0].name)
        return Device("GPU", name, n_processors())
    return Device("CPU", processor(), n_processors())


def import_tensorflow() -> None:
    """Import TensorFlow and Keras without their banners."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _native_stderr_held():
        import keras  # noqa: F401
        import tensorflow as tf  # noqa: F401


def n_processors() -> int:
    """The processors this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processor() -> str:
    """The processor's name, as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


@contextmanager
def _native_stderr_held() -> Iterator[None]:
    """Hold back what C++ writes to stderr: TensorFlow prints banners there that no setting of its own silences.

    The text is shown if the block fails, and with `--verbose`. Python's own stderr goes on writing.
    """
    shown = os.dup(STDERR)
    python_stderr = sys.stderr
    with tempfile.TemporaryFile() as held, os.fdopen(shown, "w") as direct:
        if python_stderr is sys.__stderr__ and python_stderr:
            python_stderr.flush()
            sys.stderr = direct
        os.dup2(held.fileno(), STDERR)
        try:
            yield
        except ImportError:
            log.error(_text(held))  # noqa: TRY400 - what C++ said before the error; the error itself goes on
            raise
        finally:
            direct.flush()
            os.dup2(shown, STDERR)
            sys.stderr = python_stderr
            if said := _text(held):
                log.debug(said)


def _text(held: IO[bytes]) -> str:
    held.seek(0)
    return held.read().decode(errors="replace").strip()
