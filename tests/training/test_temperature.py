import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import get_args

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.metrics import log_loss

from job.config.recipes import TestTime
from job.config.run_config import Config
from job.data.dataset import load_dataset, scale_pixels
from job.data.sources import Source
from job.training import networks
from job.training.temperature import apply_temperature, calibrate_model, fit_temperature

pytestmark = pytest.mark.training

IMAGES = np.random.default_rng(0).random((40, 28, 28), np.float32)


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    normalised: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return normalised


def sample(
    temperature: float, n: int = 2000, n_classes: int = 10, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Logits, shape (n, n_classes), and labels that are calibrated with this temperature."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 4, (n, n_classes)).astype(np.float32)
    cumulated = softmax(logits / temperature).cumsum(axis=1)
    return logits, (random.random((n, 1)) > cumulated).sum(axis=1).clip(max=n_classes - 1)


@pytest.mark.parametrize("n_classes", [2, 10, 100])
@pytest.mark.parametrize("true", [0.6, 1.0, 3.0])
def test_the_temperature_is_that_of_scipy(true: float, n_classes: int) -> None:
    """SciPy's optimizer finds it in the log loss of scikit-learn; it is near the one that made the labels."""
    logits, y_true = sample(true, n_classes=n_classes)
    found = fit_temperature(softmax(logits).astype(np.float32), y_true)
    labels = range(n_classes)
    loss_at = lambda t: log_loss(y_true, softmax(logits / t), labels=labels)  # noqa: E731 - the objective
    best = minimize_scalar(loss_at, bounds=(0.2, 20), method="bounded", options={"xatol": 1e-7})
    assert found == pytest.approx(best.x, rel=1e-4)
    assert found == pytest.approx(true, rel=0.15)


def test_no_temperature_fits_images_that_are_all_right() -> None:
    """The loss would be lowest at a temperature of 0; one wrong image gives it a minimum."""
    logits, _ = sample(1, n=50)
    y_true = logits.argmax(axis=1)
    probabilities = softmax(logits).astype(np.float32)
    assert fit_temperature(probabilities, y_true) is None
    y_true[0] = logits[0].argsort()[-2]
    assert fit_temperature(probabilities, y_true) is not None


def test_the_temperature_is_limited() -> None:
    """It lies between 0.2 and 20, and is finite for probabilities of 0."""
    logits, y_true = sample(1)
    assert fit_temperature(softmax(logits / 100).astype(np.float32), y_true) == 0.2
    assert fit_temperature(softmax(logits * 100).astype(np.float32), y_true) == 20
    y_wrong = logits.argmin(axis=1)
    assert fit_temperature(softmax(logits).astype(np.float32), y_wrong) == 20
    certain = np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]
    assert fit_temperature(certain, np.array([0, 1, 2, 1])) == 20


def make_model(test_time: TestTime, model: str = "mlp") -> keras.Model:
    config = Config(model=model, test_time=test_time)  # type: ignore[arg-type]
    return networks.with_test_time_augmentation(networks.build_network(10, config, seed=0), config)


@pytest.mark.parametrize("model", ["mlp", "cnn"])
@pytest.mark.parametrize("temperature", [0.3, 2.5])
def test_one_view_divides_the_logits(model: str, temperature: float) -> None:
    """The layers stay the same, and the logits are those of the last layer."""
    network = make_model("none", model)
    features = keras.Model(network.input, network.layers[-1].input)(IMAGES).numpy()
    kernel, bias = network.layers[-1].get_weights()
    calibrated = apply_temperature(network, temperature, Config(test_time="none"))
    expected = softmax((features @ kernel + bias) / temperature)
    np.testing.assert_allclose(calibrated(IMAGES).numpy(), expected, atol=1e-6)
    assert [type(layer) for layer in calibrated.layers] == [type(layer) for layer in make_model("none", model).layers]


@pytest.mark.parametrize("test_time", ["flip", "flip-shift"])
@pytest.mark.parametrize("temperature", [0.3, 2.5])
def test_several_views_are_averaged_first(test_time: TestTime, temperature: float) -> None:
    """The average to the power 1/T is normalised; no predicted class changes."""
    model = make_model(test_time)
    before = model(IMAGES).numpy()
    after = apply_temperature(model, temperature, Config(test_time=test_time))(IMAGES).numpy()
    powers = before.astype(np.float64) ** (1 / temperature)
    np.testing.assert_allclose(after, powers / powers.sum(axis=1, keepdims=True), atol=1e-6)
    assert (before.argmax(axis=1) == after.argmax(axis=1)).all()


def test_a_probability_of_0_stays_0() -> None:
    """Its logarithm is not finite, but nothing becomes NaN."""
    images = keras.Input((3,))
    model = apply_temperature(keras.Model(images, images + 0.0), 2.0, Config(test_time="flip"))
    given = model(np.array([[0.8, 0.2, 0.0], [1.0, 0.0, 0.0]], np.float32)).numpy()
    np.testing.assert_allclose(given, np.array([[2 / 3, 1 / 3, 0], [1, 0, 0]]), atol=1e-6)


def test_keras_alone_loads_a_calibrated_model(tmp_path: Path) -> None:
    """An isolated Python without this package loads it and predicts the same."""
    expected = {}
    for name in get_args(TestTime):
        model = apply_temperature(make_model(name, "cnn"), 0.5, Config(test_time=name))
        model.save(tmp_path / f"{name}.keras")
        expected[name] = model(IMAGES).numpy()
    np.save(tmp_path / "images.npy", IMAGES)
    script = (
        "import keras, sys; import numpy as np; images = np.load('images.npy')\n"
        "for name in sys.argv[1:]: np.save(f'{name}.npy', keras.models.load_model(f'{name}.keras')(images))"
    )
    subprocess.run([sys.executable, "-I", "-c", script, *expected], check=True, cwd=tmp_path)
    for name, probabilities in expected.items():
        np.testing.assert_allclose(np.load(tmp_path / f"{name}.npy"), probabilities, atol=1e-6)


@pytest.mark.parametrize("seed", [0, 1])
def test_each_model_has_its_own_temperature(dataset_folder: Path, seed: int) -> None:
    """It is the best one for the last tenth of the training images, and the test images play no part in it."""
    dataset = load_dataset(Source(dataset_folder, "--data"))
    others = replace(dataset, test_images=255 - dataset.test_images, test_labels=dataset.test_labels[::-1])
    config = Config(seed=seed)

    def build() -> keras.Model:
        return networks.build_network(10, config, seed)

    validation = scale_pixels(dataset.train_images[270:])
    expected = fit_temperature(build()(validation).numpy(), dataset.train_labels[270:])
    _, temperature = calibrate_model(build(), dataset, config)
    assert temperature == pytest.approx(expected)
    assert calibrate_model(build(), others, config)[1] == temperature


def test_a_model_without_a_temperature_stays_as_it_is(
    dataset_folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job warns."""
    dataset = load_dataset(Source(dataset_folder, "--data"))
    monkeypatch.setattr("job.training.temperature.fit_temperature", lambda *_: None)
    network = networks.build_network(10, Config(), 0)
    before = network.get_weights()
    model, temperature = calibrate_model(network, dataset, Config())
    assert all(map(np.array_equal, before, model.get_weights()))
    assert temperature is None
    assert "is correct on all 30 validation images" in caplog.text


def test_warns_about_a_temperature_at_the_limit(
    dataset_folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The range is named."""
    dataset = load_dataset(Source(dataset_folder, "--data"))
    monkeypatch.setattr("job.training.temperature.fit_temperature", lambda *_: 20.0)
    calibrate_model(networks.build_network(10, Config(), 0), dataset, Config())
    assert "outside the range from 0.2 to 20; the job takes the nearest one in it" in caplog.text
