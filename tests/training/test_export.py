"""Tests the export; test_model_card runs each exported model in a separate process with its own runtime."""

import errno
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from job.config.export_formats import CARD, FORMATS, PATHS, SUMS, paths
from job.config.recipes import Recipe
from job.errors import PackageError
from job.training import export, networks


def test_every_format_has_a_path_of_its_own() -> None:
    """No two formats share a path, and none uses the path of the model card or the checksums."""
    assert len(set(PATHS)) == len(FORMATS) + 2
    assert paths(["litert", "onnx"]) == ("model.tflite", "model.onnx", CARD, SUMS)
    assert paths([]) == ()


def test_writes_the_requested_format(tmp_path: Path) -> None:
    """Each format writes its path and nothing else."""
    network = networks.build_network(3, Recipe(), 0)
    for name, form in FORMATS.items():
        folder = tmp_path / name
        folder.mkdir()
        export.export_network(network, folder, [name])
        assert [path.name for path in folder.iterdir()] == [form.path]


def test_the_network_does_not_change(tmp_path: Path) -> None:
    """The export leaves the network's variables and its optimizer alone."""
    network = networks.build_network(3, Recipe(), 0)
    before = [np.array(variable) for variable in network.variables]
    export.export_network(network, tmp_path, list(FORMATS))
    assert network.optimizer is not None
    assert all(map(np.array_equal, before, network.variables))


def test_training_layers_are_inactive(tmp_path: Path) -> None:
    """Augmentation, dropout and batch normalization behave in every format as in inference."""
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
        trained = np.asarray(network(images, training=True))  # updates the moving averages
    expected = np.asarray(network(images, training=False))
    assert np.abs(trained - expected).max() > 1e-3
    export.export_network(network, tmp_path, list(FORMATS))
    loaded = tf.saved_model.load(str(tmp_path / "saved_model"))
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    runner = Interpreter(str(tmp_path / "model.tflite")).get_signature_runner()
    for probabilities in (
        loaded.serve(images).numpy(),
        session.run(None, {"images": images})[0],
        runner(images=images)["output_0"],
    ):
        np.testing.assert_allclose(probabilities, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("missing", [("tf2onnx",), ("onnx", "tf2onnx")])
def test_a_missing_package(monkeypatch: pytest.MonkeyPatch, missing: tuple[str, ...]) -> None:
    """The error names the package and how to install it; formats that do not need it still work."""
    for package in missing:
        monkeypatch.setitem(sys.modules, package, None)
    are = "tf2onnx is" if len(missing) == 1 else "onnx and tf2onnx are"
    with pytest.raises(PackageError, match=f"--export onnx: {are} not installed; .*requirements-export.txt"):
        export.check_packages(["litert", "onnx"])
    export.check_packages(["litert", "tf_saved_model"])


def test_no_space_left() -> None:
    """TensorFlow's error about a full disk becomes an OSError; other errors do not."""
    import tensorflow as tf

    message = f"part-00000-of-00001; {os.strerror(errno.ENOSPC)} [Op:SaveV2]"
    with pytest.raises(OSError, match="No space left") as caught, export._file_errors_as_os_errors():
        raise tf.errors.ResourceExhaustedError(None, None, message)
    assert caught.value.errno == errno.ENOSPC
    with pytest.raises(tf.errors.ResourceExhaustedError), export._file_errors_as_os_errors():
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
