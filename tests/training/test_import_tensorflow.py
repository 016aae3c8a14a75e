import logging
import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest
from support import REPOSITORY

from job.errors import DeviceError, UsageError
from job.log import configure_log
from job.training.import_tensorflow import (
    OPTIONAL_FOR_KERAS,
    _check_xla_flags,
    captured_native_stderr,
    import_tensorflow,
    read_keras_settings,
)

KERAS = {"backend": "tensorflow", "floatx": "float32", "epsilon": 1e-7, "image_data_format": "channels_last"}


def test_native_stderr_is_captured(capfd: pytest.CaptureFixture[str]) -> None:
    """File descriptor 2 is silent inside the block and works again after it."""
    with captured_native_stderr():
        os.write(2, b"banner\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_native_stderr_is_shown_if_an_import_fails(capfd: pytest.CaptureFixture[str]) -> None:
    """The text names the missing library."""
    configure_log(logging.INFO)
    with pytest.raises(ImportError), captured_native_stderr():
        os.write(2, b"libfoo.so is missing\n")
        raise ImportError
    assert "libfoo.so is missing" in capfd.readouterr().err


def test_imports_keras_without_optional_packages() -> None:
    """The import is silent, leaves the optional packages importable, and enables the garbage collector again."""
    code = f"""
import gc, sys
from job.training.import_tensorflow import import_tensorflow
import_tensorflow()
assert "keras" in sys.modules
assert not sys.modules.keys() & {set(OPTIONAL_FOR_KERAS)}
assert gc.isenabled() and gc.get_freeze_count() > 0
import pandas
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("settings", ["[1]", "{", '{"floatx": "float8"}', '{"image_data_format": "channels_first"}'])
def test_keras_ignores_the_settings_of_the_user(tmp_path: Path, settings: str) -> None:
    """Keras neither reads nor changes its folder, and sees no variable of the user."""
    (tmp_path / "keras.json").write_text(settings)
    code = (
        "from job.training.import_tensorflow import import_tensorflow, read_keras_settings\n"
        "import_tensorflow()\nprint(read_keras_settings())"
    )
    odd = {"KERAS_HOME": str(tmp_path), "KERAS_BACKEND": "jax", "KERAS_MAX_EPOCHS": "odd", "KERAS_NNX_ENABLED": "1"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=REPOSITORY, env=os.environ | odd, capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.stdout, done.stderr) == (f"{KERAS}\n", "")
    assert [path.name for path in tmp_path.iterdir()] == ["keras.json"]
    assert (tmp_path / "keras.json").read_text() == settings


def test_keras_gets_the_settings_of_the_job_again() -> None:
    """The caller, such as a notebook, may have changed them."""
    keras.config.set_floatx("float64")
    keras.config.set_epsilon(0.5)
    keras.config.set_image_data_format("channels_first")
    keras.config.set_dtype_policy("mixed_float16")
    keras.config.set_max_epochs(1)
    keras.config.set_max_steps_per_epoch(1)
    import_tensorflow()
    assert read_keras_settings() == KERAS
    assert keras.config.dtype_policy().name == "float32"
    assert keras.config.max_epochs() is keras.config.max_steps_per_epoch() is None


def test_another_backend_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keras cannot change it after its import."""
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    with pytest.raises(DeviceError, match="with the backend jax, but the job needs tensorflow; start a new process"):
        import_tensorflow()


def test_a_wrong_value_for_xla_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason is TensorFlow's, whatever the settings of Keras are."""
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=odd")
    reason = r"refuses XLA_FLAGS='--\w+=odd' \(Couldn't interpret value odd for flag \w+\.\)"
    with pytest.raises(UsageError, match=reason):
        _check_xla_flags()


def test_right_values_for_xla_are_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorFlow accepts both variables."""
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=false")
    monkeypatch.setenv("TF_XLA_FLAGS", "--tf_xla_auto_jit=0")
    _check_xla_flags()
