"""test_model_card runs each exported model with the runtime of its format, in a separate process."""

import errno
import os
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from job.config.export_formats import FORMATS
from job.config.run_config import Config
from job.errors import PackageError
from job.training import export, networks

pytestmark = pytest.mark.training


def test_writes_one_file_or_folder_per_format(tmp_path: Path) -> None:
    """Each format has its own path, and needs no other format."""
    network = networks.build_network(3, Config(), 0)
    for name, path in FORMATS.items():
        folder = tmp_path / name
        folder.mkdir()
        export.export_network(network, folder, [name])
        assert [written.name for written in folder.iterdir()] == [path]


@pytest.mark.parametrize("year", [1970, 2026, 2109])
def test_saves_at_any_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, year: int) -> None:
    """The format has no date before 1980 or after 2107; a date that it has does not change the entries either."""
    monkeypatch.setattr(time, "localtime", lambda *_: time.struct_time((year, 1, 1, 0, 0, 0, 0, 1, 0)))
    export.save_network(networks.build_network(3, Config(), 0), tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_the_network_does_not_change(tmp_path: Path) -> None:
    """Its variables and its optimizer do not change."""
    network = networks.build_network(3, Config(), 0)
    before = [np.array(variable) for variable in network.variables]
    export.export_network(network, tmp_path, list(FORMATS))
    assert network.optimizer is not None
    assert all(map(np.array_equal, before, network.variables))


def test_layers_with_a_training_mode(tmp_path: Path) -> None:
    """Augmentation, dropout and batch normalisation run in inference mode in every format."""
    import keras
    import onnxruntime
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter
    from keras import layers

    network = keras.Sequential(
        [
            *(keras.Input((28, 28)), layers.Reshape((28, 28, 1)), layers.RandomTranslation(0.2, 0.2)),
            *(layers.Conv2D(4, 3), layers.BatchNormalization(), layers.MaxPooling2D(), layers.Dropout(0.5)),
            *(layers.GlobalAveragePooling2D(), layers.Dense(3, activation="softmax")),
        ]
    )
    images = np.random.default_rng(0).random((20, 28, 28), np.float32)
    for _ in range(9):
        trained = np.asarray(network(images, training=True))  # this updates the moving averages
    expected = np.asarray(network(images, training=False))
    assert np.abs(trained - expected).max() > 1e-3
    export.export_network(network, tmp_path, list(FORMATS))
    loaded = tf.saved_model.load(str(tmp_path / "saved_model"))
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    runner = Interpreter(str(tmp_path / "model.tflite")).get_signature_runner()
    for given in (
        loaded.serve(images).numpy(),
        session.run(None, {"images": images})[0],
        runner(images=images)["output_0"],
    ):
        np.testing.assert_allclose(given, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("missing", [("tf2onnx",), ("onnx", "tf2onnx")])
def test_a_package_that_is_not_installed(monkeypatch: pytest.MonkeyPatch, missing: tuple[str, ...]) -> None:
    """The message names it and the command that installs it; formats that do not need it are unaffected."""
    for package in missing:
        monkeypatch.setitem(sys.modules, package, None)
    are = "tf2onnx is" if len(missing) == 1 else "onnx and tf2onnx are"
    with pytest.raises(PackageError, match=f"--export onnx: {are} not installed; .*requirements-export.txt"):
        export.require_packages(["litert", "onnx"])
    export.require_packages(["litert", "tf_saved_model"])


def test_no_space_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The TensorFlow error becomes an OSError, so that the user gets its remedy; other errors stay as they are."""
    import keras
    import tensorflow as tf

    messages = iter((f"part-00000-of-00001; {os.strerror(errno.ENOSPC)} [Op:SaveV2]", "OOM when allocating tensor"))

    def fail(*_: object, **__: object) -> None:
        raise tf.errors.ResourceExhaustedError(None, None, next(messages))

    monkeypatch.setattr(keras.Model, "export", fail)
    network = networks.build_network(3, Config(), 0)
    with pytest.raises(OSError, match="No space left") as caught:
        export.export_network(network, tmp_path, ["litert"])
    assert caught.value.errno == errno.ENOSPC
    with pytest.raises(tf.errors.ResourceExhaustedError, match="OOM"):
        export.export_network(network, tmp_path, ["litert"])
