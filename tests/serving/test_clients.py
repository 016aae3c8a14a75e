import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from plain_forward import predict
from served import Server, make_images, make_network, started, write_served
from support import REPOSITORY

pytestmark = pytest.mark.clients

PYTHON = Path(os.environ.get("CLIENTS_PYTHON", ".venv-clients/bin/python"))
MAX_EXAMPLES = 10
"""Of schemathesis, for each operation and phase."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server in a process of its own."""
    with started(write_served(tmp_path_factory.mktemp("clients") / "report")) as server:
        yield server


def run(folder: Path, *command: object) -> str:
    """What a program prints; it must succeed."""
    words = list(map(str, command))
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_triton(server: Server, tmp_path: Path) -> None:
    """Triton's client gets health, metadata, predictions in all forms, and errors."""
    images = make_images(3)
    np.savez(tmp_path / "images.npz", images=images, probabilities=predict(make_network(), images))
    script = Path(__file__).parent / "clients" / "triton.py"
    printed = run(tmp_path, REPOSITORY / PYTHON, script, f"127.0.0.1:{server.port}", tmp_path / "images.npz")
    assert printed == "ok\n"


def test_kserve(server: Server) -> None:
    """The requests in KServe's documentation of its two protocols, with this model's name, input and images."""
    image = (make_images() / 255)[0].tolist()
    answer = server.post("/v1/models/fashion-job:predict", {"instances": [image, image]})
    assert np.shape(answer.content["predictions"]) == (2, 10)
    assert server.get("/v1/models/fashion-job").content["ready"] is True
    tensor = {"name": "images", "shape": [2, 28, 28], "datatype": "FP32", "data": [image, image]}
    answer = server.post("/v2/models/fashion-job/infer", {"inputs": [tensor]})
    (output,) = answer.content["outputs"]
    assert (output["name"], output["shape"]) == ("probabilities", [2, 10])


def test_schemathesis(server: Server, tmp_path: Path) -> None:
    """Whatever it sends, valid or not, the answer is one that the OpenAPI document describes.

    One check is left out: a schema cannot say that the bytes of a file are a picture, or that a shape fits its data.
    """
    url = f"http://127.0.0.1:{server.port}/openapi.json"
    options = (
        "--phases",
        "coverage,fuzzing",
        "--max-examples",
        MAX_EXAMPLES,
        "--exclude-checks",
        "positive_data_acceptance",
    )
    run(tmp_path, REPOSITORY / PYTHON.parent / "st", "run", url, *options, "--seed", 1, "--workers", 1, "--no-color")
    assert server.get("/v2/health/ready").status == 200
