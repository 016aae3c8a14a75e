"""Configures which devices and threads TensorFlow uses."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from job.config.run_config import DeviceChoice
from job.errors import DeviceError
from job.log import log
from job.text import count_noun
from job.training.import_tensorflow import captured_native_stderr, import_tensorflow
from job.training.resources import DEVICES, Resources

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class Device:
    """The device that trains the model.

    Attributes:
        kind: `CPU` or `GPU`.
        name: Name of the processor or the GPU.
        n_threads: Number of TensorFlow's threads on the processor.
        n_replicas: Number of devices of this kind that share each batch.
    """

    kind: str
    name: str
    n_threads: int
    n_replicas: int

    def __str__(self) -> str:
        replicas = f"{self.n_replicas} x " if self.n_replicas > 1 else ""
        return f"on {replicas}{self.kind}: {self.name}, {count_noun(self.n_threads, 'thread')}"

    def create_strategy(self) -> "tf.distribute.Strategy":
        """Create the strategy that trains the networks built in its scope, on this device or on all replicas."""
        import tensorflow as tf

        if self.n_replicas == 1:
            return tf.distribute.get_strategy()
        return tf.distribute.MirroredStrategy([f"{self.kind}:{number}" for number in range(self.n_replicas)])


def configure_device(choice: DeviceChoice, n_threads: int, resources: Resources, n_replicas: int = 1) -> Device:
    """Import TensorFlow and make it use the requested device and `n_threads` threads.

    TensorFlow accepts these settings only before its first operation. Its default number of threads ignores a
    container's CPU quota, which would pause the surplus threads again and again. For several replicas, a CPU is divided
    into this many virtual devices.

    Raises:
        DeviceError: If `choice` is `gpu` and TensorFlow sees none, or sees fewer than `n_replicas`, or if TensorFlow
            already runs with other settings.
    """
    import_tensorflow()
    import tensorflow as tf

    try:
        with captured_native_stderr():
            gpus = _select_gpus(choice, resources, n_replicas)
            if n_replicas > 1 and not gpus:
                parts = [tf.config.LogicalDeviceConfiguration()] * n_replicas
                tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], parts)
            for gpu in gpus:
                tf.config.experimental.set_memory_growth(gpu, enable=True)
            tf.config.threading.set_intra_op_parallelism_threads(n_threads)
            tf.config.threading.set_inter_op_parallelism_threads(n_threads)
            tf.config.list_logical_devices()  # starts the runtime, which writes a banner
    except RuntimeError as error:
        raise DeviceError(
            f"TensorFlow already runs in this process with other devices or threads ({error}); start a new process"
        ) from error
    if gpus:
        name = tf.config.experimental.get_device_details(gpus[0]).get("device_name", gpus[0].name)
        return Device("GPU", name, n_threads, n_replicas)
    return Device("CPU", resources.processor, n_threads, n_replicas)


def _select_gpus(choice: DeviceChoice, resources: Resources, n_replicas: int) -> "list[tf.config.PhysicalDevice]":
    """List the GPUs to use; warn if `auto` cannot use one, and hide them from TensorFlow if `cpu` is requested."""
    import tensorflow as tf

    if choice == "cpu":
        tf.config.set_visible_devices([], "GPU")
        return []
    gpus: list[tf.config.PhysicalDevice] = tf.config.list_physical_devices("GPU")
    is_cpu_build = not tf.test.is_built_with_gpu_support()
    if choice == "gpu" and not gpus and is_cpu_build:
        raise DeviceError(
            "--device gpu: this TensorFlow is built for the CPU; use the GPU image (make image DEVICE=gpu, then "
            "docker run --gpus all … fashion-job:gpu), or --device cpu"
        )
    if choice == "gpu" and not gpus:
        raise DeviceError(
            f"--device gpu: TensorFlow sees no GPU ({count_noun(resources.n_gpus, 'GPU')} in {DEVICES}); give the "
            "container one (docker run --gpus all …), or use --device cpu"
        )
    if resources.n_gpus and not gpus:
        reason = "is built for the CPU: use the GPU image" if is_cpu_build else "cannot use it: see --verbose"
        log.warning("found %s, but this TensorFlow %s", count_noun(resources.n_gpus, "GPU"), reason)
    if gpus and len(gpus) < n_replicas:
        raise DeviceError(
            f"--replicas {n_replicas}: TensorFlow sees {count_noun(len(gpus), 'GPU')}; give the container more, use "
            "fewer replicas, or use --device cpu"
        )
    return gpus
