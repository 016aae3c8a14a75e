"""`--calibrate temperature` through whole jobs."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from support import ErrorOf, write_dataset, write_idx

from job.__main__ import main
from job.config.export_formats import FORMATS
from job.data import idx
from job.data.dataset import scale_pixels
from job.data.fashion_mnist import FILES
from job.system.processors import count_processors

RECIPE = ("--recipe", "mlp", "--epochs", "4", "--batch-size", "32", "-q")  # with two views of each image
CALIBRATE = ("--calibrate", "temperature")
LOAD_ALL = """
import keras, numpy, onnxruntime, tensorflow
from ai_edge_litert.interpreter import Interpreter

images = numpy.load("images.npy")
loaded = tensorflow.saved_model.load("exports/saved_model")
numpy.savez(
    "given.npz",
    keras=keras.models.load_model("model.keras")(images),
    saved_model=loaded.serve(images),
    onnx=onnxruntime.InferenceSession("exports/model.onnx").run(None, {"images": images})[0],
    litert=Interpreter("exports/model.tflite").get_signature_runner()(images=images)["output_0"],
)
"""


def read_metrics(folder: Path) -> dict[str, Any]:
    metrics: dict[str, Any] = json.loads((folder / "metrics.json").read_text())
    return metrics


def read_predictions(folder: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Predicted classes and probabilities."""
    table = np.loadtxt(folder / "predictions.csv", delimiter=",", skiprows=1)
    return table[:, 2], table[:, 3:13]


@pytest.fixture(scope="module")
def blocks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set with random labels for every third training image, so that no temperature is near the limits."""
    folder = write_dataset(tmp_path_factory.mktemp("data") / "blocks", n_train=1000)
    labels = idx.read_idx(folder / FILES["train_labels"], 1)[0].copy()
    labels[::3] = np.random.default_rng(0).permutation(labels[::3])
    write_idx(folder / FILES["train_labels"], labels)
    return folder


@pytest.fixture(scope="module")
def plain(blocks: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of a run without calibration; tests must not change it."""
    folder = tmp_path_factory.mktemp("plain")
    assert main(["--data", str(blocks), *RECIPE, "--output", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def calibrated(blocks: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of the same run with calibration, exported in all formats; tests must not change it."""
    folder = tmp_path_factory.mktemp("calibrated")
    words = [word for name in FORMATS for word in ("--export", name)]
    assert main(["--data", str(blocks), *RECIPE, *CALIBRATE, *words, "--output", str(folder)]) == 0
    return folder


def test_the_temperature_is_the_best_one_on_the_validation_images(blocks: Path, plain: Path, calibrated: Path) -> None:
    """SciPy finds the same temperature for the saved model of the run without calibration."""
    images = idx.read_idx(blocks / FILES["train_images"], 3)[0][900:]
    labels = idx.read_idx(blocks / FILES["train_labels"], 1)[0][900:]
    logits = np.log(keras.models.load_model(plain / "model.keras")(scale_pixels(images)).numpy().astype(float))

    def loss(temperature: float) -> float:
        powers = np.exp(logits / temperature)
        return float(-np.log(powers[np.arange(100), labels] / powers.sum(axis=1)).mean())

    best = minimize_scalar(loss, bounds=(0.2, 20), method="bounded", options={"xatol": 1e-7}).x
    assert 0.21 < best < 19
    assert read_metrics(calibrated)["training"]["temperature"] == pytest.approx(best, rel=1e-3)
    assert read_metrics(plain)["training"]["temperature"] is None


def test_the_results_compare_both(plain: Path, calibrated: Path) -> None:
    """Before: the metrics of the run without calibration. Every predicted class is the same."""
    assert read_predictions(plain)[0].tolist() == read_predictions(calibrated)[0].tolist()
    before, after = read_metrics(plain)["evaluation"], read_metrics(calibrated)["evaluation"]
    scaling = read_metrics(calibrated)["temperature_scaling"]
    assert scaling["loss"]["reference"] == pytest.approx(before["loss"], rel=1e-5)
    assert scaling["before"]["ece"] == pytest.approx(before["calibration"]["ece"], abs=1e-5)
    assert scaling["loss"]["current"] == pytest.approx(after["loss"], rel=1e-5)
    assert scaling["after"]["ece"] == pytest.approx(after["calibration"]["ece"], abs=1e-5)
    assert abs(before["loss"] - after["loss"]) > 0.01
    assert read_metrics(plain)["temperature_scaling"] is None


def test_every_model_is_calibrated(blocks: Path, calibrated: Path, tmp_path: Path) -> None:
    """An isolated Python without this package reads all formats and gets the probabilities of predictions.csv."""
    folder = tmp_path / "copy"
    shutil.copytree(calibrated, folder)
    np.save(folder / "images.npy", scale_pixels(idx.read_idx(blocks / FILES["test_images"], 3)[0]))
    subprocess.run((sys.executable, "-I", "-c", LOAD_ALL), cwd=folder, check=True, capture_output=True)
    y_pred, probabilities = read_predictions(folder)
    given = np.load(folder / "given.npz")
    assert set(given) == {"keras", "saved_model", "onnx", "litert"}
    for found in given.values():
        np.testing.assert_allclose(found, probabilities, rtol=0, atol=1e-5)
        assert found.argmax(axis=1).tolist() == y_pred.tolist()


def test_the_test_images_play_no_part(blocks: Path, calibrated: Path, tmp_path: Path) -> None:
    """With other test images and labels, the temperature is the same."""
    data = shutil.copytree(blocks, tmp_path / "other")
    random = np.random.default_rng(0)
    write_idx(data / FILES["test_images"], random.integers(0, 256, (100, 28, 28), np.uint8))
    write_idx(data / FILES["test_labels"], random.permutation(np.arange(100) % 10).astype(np.uint8))
    output = tmp_path / "out"
    assert main(["--data", str(data), *RECIPE, *CALIBRATE, "--output", str(output)]) == 0
    given, expected = read_metrics(output), read_metrics(calibrated)
    assert given["training"]["temperature"] == expected["training"]["temperature"]
    assert given["evaluation"]["accuracy"] < 0.5 < expected["evaluation"]["accuracy"]


def test_render_shows_the_calibration(calibrated: Path, tmp_path: Path) -> None:
    """The page is the same after `render`, and has the section."""
    folder = tmp_path / "copy"
    shutil.copytree(calibrated, folder)
    page = (folder / "index.html").read_bytes()
    assert b"Temperature scaling</h3>" in page
    assert main(["render", "-q", "--output", str(folder)]) == 0
    assert (folder / "index.html").read_bytes() == page


def test_each_seed_has_its_own_temperature(blocks: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """With one view of each image, too; the reported one is that of the single run with the reported seed."""
    words = ["--data", str(blocks), "--epochs", "2", "--threads", str(count_processors()), *CALIBRATE]
    assert main([*words, "--runs", "3", "--output", str(tmp_path / "three")]) == 0
    logged = dict(re.findall(r"seed (\d), val_accuracy .*, temperature (.*) \(", capfd.readouterr().err))
    assert len(set(logged.values())) == 3
    training = read_metrics(tmp_path / "three")["training"]
    seed = training["seed_variation"]["reported_seed"]
    assert logged[str(seed)] == f"{training['temperature']:.4f}"
    assert main([*words, "-q", "--seed", str(seed), "--output", str(tmp_path / "one")]) == 0
    assert read_metrics(tmp_path / "one")["training"]["temperature"] == training["temperature"]
    assert np.array_equal(read_predictions(tmp_path / "one")[1], read_predictions(tmp_path / "three")[1])


def test_validation_images_that_are_all_right(
    dataset_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The job warns and leaves the probabilities as they are; the page says so."""
    words = ["--data", str(dataset_folder), "--epochs", "12", "-q"]
    assert main([*words, "--output", str(tmp_path / "plain")]) == 0
    capsys.readouterr()
    assert main([*words, *CALIBRATE, "--output", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().err.startswith("fashion-job: warning: no temperature fits best, because the model is")
    metrics = read_metrics(tmp_path / "out")
    assert metrics["training"]["temperature"] is metrics["temperature_scaling"] is None
    assert "The probabilities are not calibrated: " in (tmp_path / "out" / "index.html").read_text()
    plain = (tmp_path / "plain" / "predictions.csv").read_bytes()
    assert (tmp_path / "out" / "predictions.csv").read_bytes() == plain


def test_calibration_needs_validation_images(error_of: ErrorOf, tmp_path: Path) -> None:
    """The status is 64, and nothing is written."""
    line = error_of(64, *CALIBRATE, "--validation-split", "0", "--output", tmp_path / "out")
    assert "--calibrate temperature cannot be combined with --validation-split 0.0: hold out some images, or" in line
    assert not (tmp_path / "out").exists()
