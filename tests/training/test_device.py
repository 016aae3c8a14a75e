import logging
from dataclasses import replace

import pytest

from job.errors import DeviceError
from job.log import configure_log
from job.training.device import Device, configure_device
from job.training.resources import detect_resources

RESOURCES = detect_resources()


def test_names_the_device_and_its_threads() -> None:
    """The CPU has the processor's name, and TensorFlow uses the requested number of threads."""
    used = configure_device("cpu", RESOURCES.n_processors, RESOURCES)
    assert used == Device("CPU", RESOURCES.processor, RESOURCES.n_processors, 1)
    import tensorflow as tf

    assert tf.config.threading.get_intra_op_parallelism_threads() == used.n_threads
    assert tf.config.threading.get_inter_op_parallelism_threads() == used.n_threads
    assert str(Device("CPU", "A processor", 1, 1)) == "on CPU: A processor, 1 thread"
    assert str(Device("GPU", "A GPU", 2, 4)) == "on 4 x GPU: A GPU, 2 threads"


def test_a_gpu_is_requested_from_a_cpu_build(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the GPU image."""
    import tensorflow as tf

    monkeypatch.setattr(tf.test, "is_built_with_gpu_support", lambda: False)
    with pytest.raises(DeviceError, match="this TensorFlow is built for the CPU; use the GPU image"):
        configure_device("gpu", RESOURCES.n_processors, RESOURCES)


@pytest.mark.parametrize(
    ("tensorflow", "reason"),
    [("for the CPU", "is built for the CPU: use the GPU image"), ("for GPUs", "cannot use it: see --verbose")],
)
def test_warns_about_an_unused_gpu(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tensorflow: str, reason: str
) -> None:
    """The warning gives the reason; there is none with --device cpu."""
    import tensorflow as tf

    configure_log(logging.INFO)
    monkeypatch.setattr(tf.test, "is_built_with_gpu_support", lambda: tensorflow == "for GPUs")
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _kind: [])
    one_gpu = replace(RESOURCES, n_gpus=1)
    configure_device("auto", one_gpu.n_processors, one_gpu)
    assert capsys.readouterr().err == f"fashion-job: warning: found 1 GPU, but this TensorFlow {reason}\n"
    configure_device("cpu", one_gpu.n_processors, one_gpu)
    assert capsys.readouterr().err == ""


def test_a_missing_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of the GPU build names what was detected, and the option that gives a container a GPU."""
    import tensorflow as tf

    monkeypatch.setattr(tf.test, "is_built_with_gpu_support", lambda: True)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _kind: [])
    with pytest.raises(DeviceError, match=r"sees no GPU \(no GPU in /dev\); give the container one"):
        configure_device("gpu", RESOURCES.n_processors, replace(RESOURCES, n_gpus=0))


def test_fewer_gpus_than_replicas(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says how many GPUs TensorFlow sees."""
    import tensorflow as tf

    monkeypatch.setattr(tf.test, "is_built_with_gpu_support", lambda: True)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _kind: ["GPU"])
    with pytest.raises(DeviceError, match="--replicas 2: TensorFlow sees 1 GPU; give the container more"):
        configure_device("gpu", RESOURCES.n_processors, RESOURCES, n_replicas=2)
