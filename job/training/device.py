"""Starts TensorFlow quietly and settles which device it uses."""

import functools
import gc
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import metadata
from typing import IO, TYPE_CHECKING

from job.config.run_config import DeviceChoice
from job.errors import DeviceError
from job.log import STDERR_LOCK
from job.training.resources import DEVICES, Resources, count_of

if TYPE_CHECKING:
    import tensorflow as tf

log = logging.getLogger(__name__)

STDERR = 2
OPTIONAL_FOR_KERAS = ("matplotlib", "pandas", "sklearn")
"""What `import keras` also imports where it is installed: a third of its time, for data frames and plots of its own."""


@dataclass(frozen=True)
class Device:
    """What the model is trained on.

    Attributes:
        kind: `CPU` or `GPU`.
        name: the processor's or the GPU's own name.
        n_threads: those that TensorFlow computes with on the processor.
        n_replicas: how many of the kind share the work.
    """

    kind: str
    name: str
    n_threads: int
    n_replicas: int

    def __str__(self) -> str:
        replicas = f"{self.n_replicas} x " if self.n_replicas > 1 else ""
        return f"on {replicas}{self.kind}: {self.name}, {count_of(self.n_threads, 'thread')}"

    def strategy(self) -> "tf.distribute.Strategy":
        """In whose scope a network is built, to be trained on this device, or on all of them at once."""
        import tensorflow as tf

        if self.n_replicas == 1:
            return tf.distribute.get_strategy()
        return tf.distribute.MirroredStrategy([f"{self.kind}:{number}" for number in range(self.n_replicas)])


def start(choice: DeviceChoice, n_threads: int, resources: Resources, n_replicas: int = 1) -> Device:
    """Load TensorFlow and have it use the device and threads asked for, which must happen before its first operation.

    Args:
        choice: the device asked for.
        n_threads: how many threads compute, at least 1. TensorFlow itself counts the affinity mask alone, and a
            container's quota of processor time would stop its surplus threads again and again.
        resources: what there is to be used.
        n_replicas: how many devices share the work; a CPU is divided into so many virtual ones.

    Raises:
        DeviceError: if `gpu` is asked for and TensorFlow sees none, or if it sees fewer than `n_replicas`.
    """
    if choice == "gpu" and _is_for_cpu():
        raise DeviceError(
            "--device gpu: this TensorFlow is built for the CPU; use the GPU image (make image DEVICE=gpu, then "
            "docker run --gpus all … fashion-job:gpu), or --device cpu"
        )
    importing().result()
    import tensorflow as tf

    with _native_stderr_held():
        gpus = tf.config.list_physical_devices("GPU")
        if choice == "gpu" and not gpus:
            raise DeviceError(
                f"--device gpu: TensorFlow sees no GPU ({resources.gpus()} in {DEVICES}); give the container one "
                "(docker run --gpus all …), or use --device cpu"
            )
        if choice == "auto" and resources.n_gpus and not gpus:
            reason = "is built for the CPU: use the GPU image" if _is_for_cpu() else "cannot use it: see --verbose"
            log.warning("%s here, but this TensorFlow %s", resources.gpus(), reason)
        if choice == "cpu":
            tf.config.set_visible_devices([], "GPU")
            gpus = []
        if gpus and len(gpus) < n_replicas:
            raise DeviceError(
                f"--replicas {n_replicas}: TensorFlow sees {count_of(len(gpus), 'GPU')}; give the container more, take "
                "fewer replicas, or use --device cpu"
            )
        if n_replicas > 1 and not gpus:
            parts = [tf.config.LogicalDeviceConfiguration()] * n_replicas
            tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], parts)
        for gpu in gpus:
            tf.config.experimental.set_memory_growth(gpu, enable=True)
        tf.config.threading.set_intra_op_parallelism_threads(n_threads)
        tf.config.threading.set_inter_op_parallelism_threads(n_threads)
        tf.config.list_logical_devices()  # starts the runtime, banner included
    if gpus:
        name = tf.config.experimental.get_device_details(gpus[0]).get("device_name", gpus[0].name)
        return Device("GPU", name, n_threads, n_replicas)
    return Device("CPU", resources.processor, n_threads, n_replicas)


def _is_for_cpu() -> bool:
    """Whether the TensorFlow installed is the one that can use no GPU."""
    try:
        metadata.version("tensorflow-cpu")
    except metadata.PackageNotFoundError:
        return False
    return True


@functools.cache
def importing() -> Future[None]:
    """The import of TensorFlow and Keras, which begins in a thread at the first call."""
    return ThreadPoolExecutor(1).submit(import_tensorflow)


def import_tensorflow() -> None:
    """Import TensorFlow and Keras without their banners, and without what they need not.

    Python's garbage collector looks through all that they make again and again, and finds none: it is off meanwhile,
    and passes over these objects from then on.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    gc.disable()
    try:
        with _native_stderr_held(), _hidden(OPTIONAL_FOR_KERAS):
            import keras  # noqa: F401
            import tensorflow as tf  # noqa: F401
    finally:
        gc.freeze()
        gc.enable()


@contextmanager
def _hidden(packages: tuple[str, ...]) -> Iterator[None]:
    """Make the packages that were not imported yet look as if they were not installed."""
    hidden = [package for package in packages if package not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type] # None is documented to stop an import
    try:
        yield
    finally:
        for package in hidden:
            del sys.modules[package]


@contextmanager
def _native_stderr_held() -> Iterator[None]:
    """Hold back what C++ writes to stderr: TensorFlow prints banners there that no setting of its own silences.

    The text is shown if the block fails, and with `--verbose`. Python's own stderr goes on writing.
    """
    shown = os.dup(STDERR)  # which stays open: another thread may be about to write to it
    direct = os.fdopen(shown, "w", closefd=False)
    python_stderr = sys.stderr
    with tempfile.TemporaryFile() as held:
        with STDERR_LOCK:
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
            with STDERR_LOCK:
                os.dup2(shown, STDERR)
                sys.stderr = python_stderr
                with suppress(OSError):
                    direct.flush()
            if said := _text(held):
                log.debug(said)


def _text(held: IO[bytes]) -> str:
    held.seek(0)
    return held.read().decode(errors="replace").strip()
