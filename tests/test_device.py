import logging
import os
from dataclasses import replace

import pytest

from job import device, resources
from job.errors import DeviceError
from job.progress import configure_log

RESOURCES = resources.find()


def test_names_the_device_and_its_threads() -> None:
    """Without a GPU, asked for or not, it is the CPU with its name, and TensorFlow has the threads asked for."""
    used = device.start("cpu", RESOURCES.n_processors, RESOURCES)
    assert used == device.Device("CPU", RESOURCES.processor, RESOURCES.n_processors)
    import tensorflow as tf

    assert tf.config.threading.get_intra_op_parallelism_threads() == used.n_threads
    assert tf.config.threading.get_inter_op_parallelism_threads() == used.n_threads
    assert str(device.Device("CPU", "A processor", 1)) == "on CPU: A processor, 1 thread"


def test_a_gpu_and_the_tensorflow_for_the_cpu(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Asked for, it is an error that names the image; by itself, a warning; with the choice made, neither."""
    configure_log(logging.INFO)
    monkeypatch.setattr(device, "_is_for_cpu", lambda: True)
    two = replace(RESOURCES, n_gpus=2)
    with pytest.raises(DeviceError, match="this TensorFlow is built for the CPU; use the GPU image"):
        device.start("gpu", two.n_processors, two)
    device.start("auto", two.n_processors, two)
    assert capsys.readouterr().err == (
        "fashion-job: warning: 2 GPUs here, but this TensorFlow is built for the CPU: the GPU image (make image DEVICE=gpu) would use them\n"
    )
    device.start("cpu", two.n_processors, two)
    assert capsys.readouterr().err == ""


def test_a_gpu_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """The TensorFlow for GPUs names what it looked for, and the option that gives a container one."""
    monkeypatch.setattr(device, "_is_for_cpu", lambda: False)
    import tensorflow as tf

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _kind: [])
    with pytest.raises(DeviceError, match=r"sees no GPU \(no GPU in /dev\); give the container one"):
        device.start("gpu", RESOURCES.n_processors, replace(RESOURCES, n_gpus=0))


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
