import logging
import os
from dataclasses import replace

import pytest

from job.errors import DeviceError
from job.log import configure_log
from job.training import device, resources

RESOURCES = resources.find()


def test_names_the_device_and_its_threads() -> None:
    """Without a GPU, asked for or not, it is the CPU with its name, and TensorFlow has the threads asked for."""
    used = device.start("cpu", RESOURCES.n_processors, RESOURCES)
    assert used == device.Device("CPU", RESOURCES.processor, RESOURCES.n_processors, 1)
    import tensorflow as tf

    assert tf.config.threading.get_intra_op_parallelism_threads() == used.n_threads
    assert tf.config.threading.get_inter_op_parallelism_threads() == used.n_threads
    assert str(device.Device("CPU", "A processor", 1, 1)) == "on CPU: A processor, 1 thread"
    assert str(device.Device("GPU", "A GPU", 2, 4)) == "on 4 x GPU: A GPU, 2 threads"


def test_a_gpu_and_the_tensorflow_for_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for, it is an error that names the image."""
    monkeypatch.setattr(device, "_is_for_cpu", lambda: True)
    with pytest.raises(DeviceError, match="this TensorFlow is built for the CPU; use the GPU image"):
        device.start("gpu", RESOURCES.n_processors, RESOURCES)


@pytest.mark.parametrize(
    ("tensorflow", "reason"),
    [("for the CPU", "is built for the CPU: use the GPU image"), ("for GPUs", "cannot use it: see --verbose")],
)
def test_a_gpu_that_is_not_used_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tensorflow: str, reason: str
) -> None:
    """A warning with the reason; with the choice made, none."""
    import tensorflow as tf

    configure_log(logging.INFO)
    monkeypatch.setattr(device, "_is_for_cpu", lambda: tensorflow == "for the CPU")
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _kind: [])
    one = replace(RESOURCES, n_gpus=1)
    device.start("auto", one.n_processors, one)
    assert capsys.readouterr().err == f"fashion-job: warning: 1 GPU here, but this TensorFlow {reason}\n"
    device.start("cpu", one.n_processors, one)
    assert capsys.readouterr().err == ""


def test_a_gpu_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """The TensorFlow for GPUs names what it looked for, and the option that gives a container one."""
    import tensorflow as tf

    monkeypatch.setattr(device, "_is_for_cpu", lambda: False)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _kind: [])
    with pytest.raises(DeviceError, match=r"sees no GPU \(no GPU in /dev\); give the container one"):
        device.start("gpu", RESOURCES.n_processors, replace(RESOURCES, n_gpus=0))


def test_fewer_gpus_than_replicas(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says how many there are, and changes nothing."""
    import tensorflow as tf

    monkeypatch.setattr(device, "_is_for_cpu", lambda: False)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _kind: ["one"])
    with pytest.raises(DeviceError, match="--replicas 2: TensorFlow sees 1 GPU; give the container more"):
        device.start("gpu", RESOURCES.n_processors, RESOURCES, n_replicas=2)


def test_what_c_plus_plus_says_is_held_back(capfd: pytest.CaptureFixture[str]) -> None:
    """File descriptor 2 is quiet inside the block, and itself again afterwards."""
    with device._native_stderr_held():
        os.write(2, b"banner\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_it_is_shown_where_tensorflow_cannot_be_loaded(capfd: pytest.CaptureFixture[str]) -> None:
    """A missing library explains itself there."""
    configure_log(logging.INFO)
    with pytest.raises(ImportError), device._native_stderr_held():
        os.write(2, b"libfoo.so is missing\n")
        raise ImportError
    assert "libfoo.so is missing" in capfd.readouterr().err
