"""The forward pass that the other servers use: that of the job."""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from job.results.network_npz import read_network
from job.serving.forward_pass import predict


def load(folder: str) -> Callable[[Sequence[Sequence[Sequence[float]]]], list[list[float]]]:
    """A function that returns the probabilities of images with pixels in [0, 1]."""
    network = read_network(Path(folder), 10)

    def classify(instances: Sequence[Sequence[Sequence[float]]]) -> list[list[float]]:
        rows: list[list[float]] = predict(network, np.array(instances, np.float32)).tolist()
        return rows

    return classify
