"""What the server computes is what TensorFlow computed."""

import gzip

import numpy as np
import pytest

from job.data.fashion_mnist import FILES
from job.results.network_npz import read_network
from job.results.predictions_csv import read_predictions
from job.serving import forward_pass


@pytest.mark.parametrize("fixture", ["finished_run", "exported_run", "repeated_run"])
def test_the_probabilities_are_those_of_tensorflow(fixture: str, request: pytest.FixtureRequest) -> None:
    """Those of all test images in predictions.csv, within 1e-5: MLP, CNN with ten views, and MLP with two."""
    folder = request.getfixturevalue(fixture)
    expected = read_predictions(folder, 10, has_reference=False).probabilities
    content = gzip.decompress((folder.parent / "blocks" / FILES["test_images"]).read_bytes())
    images = np.frombuffer(content, np.uint8, offset=16).reshape(-1, 28, 28)
    assert len(images) == len(expected) == 100
    probabilities = forward_pass.predict(read_network(folder, 10), (images / np.float32(255)).astype(np.float32))
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
