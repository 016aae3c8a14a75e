"""What the server computes is what TensorFlow computed."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from job.__main__ import main
from job.data.fashion_mnist import FILES
from job.results.network_npz import read_network
from job.results.predictions_csv import read_predictions
from job.serving import forward_pass


def check_probabilities(folder: Path) -> None:
    """Compare the probabilities of all test images with those in predictions.csv."""
    expected = read_predictions(folder, 10, has_reference=False).probabilities
    content = gzip.decompress((folder.parent / "blocks" / FILES["test_images"]).read_bytes())
    images = np.frombuffer(content, np.uint8, offset=16).reshape(-1, 28, 28)
    assert len(images) == len(expected) == 100
    probabilities = forward_pass.predict(read_network(folder, 10), (images / np.float32(255)).astype(np.float32))
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)


@pytest.mark.parametrize("fixture", ["finished_run", "exported_run", "repeated_run"])
def test_the_probabilities_are_those_of_tensorflow(fixture: str, request: pytest.FixtureRequest) -> None:
    """They agree within 1e-5: MLP, CNN with ten views, and MLP with two."""
    check_probabilities(request.getfixturevalue(fixture))


@pytest.mark.parametrize(("test_time", "is_in_network"), [("none", False), ("flip", True)])
def test_calibrated_probabilities(finished_run: Path, test_time: str, *, is_in_network: bool) -> None:
    """They agree, too: with one view, the last layer has the temperature; with several, the file has it."""
    folder = finished_run.parent / f"calibrated-{test_time}"
    options = ["--calibrate", "temperature", "--test-time", test_time, "--epochs", "2", "--quiet"]
    assert main(["--data", str(finished_run.parent / "blocks"), "--output", str(folder), *options]) == 0
    assert (read_network(folder, 10).temperature != 1) == is_in_network
    check_probabilities(folder)
