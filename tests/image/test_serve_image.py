"""Runs `serve` in both images under every common restriction (`make image-test`)."""

import json
import os
import re
import shlex
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import support
from plain_forward import predict
from served import make_images, make_network, make_photo, write_served
from support import REPOSITORY

from job import __version__

pytestmark = pytest.mark.image

IMAGE = os.environ.get("IMAGE", "fashion-job")
SERVE_IMAGE = os.environ.get("SERVE_IMAGE", "fashion-job-serve")
MAX_SIZE_MB = 300
RESTRICTIONS = (
    *("--network", "none", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
    *("--pids-limit", "64", "--memory", "128m", "--memory-swap", "128m", "--cpus", "1", "--user", "12345:12345"),
)
"""There is no temporary folder either."""

DOCUMENTED = re.findall(r"^docker run .*", (REPOSITORY / "docs" / "serving.md").read_text("utf-8"), re.MULTILINE)

CLIENT = """\
import json, sys, urllib.request
method, path = sys.argv[1:]
body = sys.stdin.buffer.read() or None
kind = "application/json" if body and body.startswith(b"{") else "application/octet-stream"
headers = {"Content-Type": kind} if body else {}
request = urllib.request.Request(f"http://127.0.0.1:8000{path}", body, headers, method=method)
with urllib.request.urlopen(request, timeout=5) as response:
    sys.stdout.buffer.write(response.read())
"""


def docker(*arguments: str, body: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(("docker", *arguments), input=body, capture_output=True, check=False)


def ask(name: str, method: str, path: str, body: bytes = b"") -> bytes:
    """What the server in a container answers to a client in the same container."""
    done = docker("exec", "--interactive", name, "python", "-c", CLIENT, method, path, body=body)
    assert done.returncode == 0, done.stderr.decode() + docker("logs", name).stderr.decode()
    return done.stdout


def is_running(name: str) -> bool:
    return docker("inspect", "--format", "{{.State.Running}}", name).stdout == b"true\n"


def wait_until_ready(name: str) -> None:
    while b"serving " not in (log := docker("logs", name).stderr):
        assert is_running(name), log
        time.sleep(0.02)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder to serve that everybody may read."""
    folder = write_served(tmp_path / "report")
    for path in (tmp_path, folder, *folder.iterdir()):
        path.chmod(0o755)
    return folder


@pytest.fixture
def container() -> Iterator[str]:
    """The name of a container, which is removed after the test."""
    name = f"fashion-job-{uuid.uuid4().hex[:8]}"
    yield name
    docker("rm", "--force", name)


@pytest.fixture
def described() -> Any:  # noqa: ANN401 - JSON
    """What the engine knows about the image that only serves."""
    return json.loads(docker("inspect", SERVE_IMAGE).stdout)[0]


@pytest.mark.parametrize(("image", "arguments"), [(SERVE_IMAGE, ()), (IMAGE, ("serve",))], ids=["serve", "job"])
def test_it_serves_under_all_restrictions(folder: Path, container: str, image: str, arguments: tuple[str, ...]) -> None:
    """It predicts what the network says, also for a photo of 1 million pixels, and `docker stop` ends it with 0."""
    begun = time.monotonic()
    mount = ("--volume", f"{folder}:/app/report:ro")
    done = docker("run", "--detach", "--name", container, *RESTRICTIONS, *mount, image, *arguments)
    assert done.returncode == 0, done.stderr
    wait_until_ready(container)
    support.CONTAINERS.append(f"{'':>6} {time.monotonic() - begun:>7.1f} s  {image} until it is ready to serve")
    assert json.loads(ask(container, "GET", "/v2/health/ready")) == {"ready": True}
    assert ask(container, "GET", "/").startswith(b"<!doctype html>")
    assert b"openapi.json" in ask(container, "GET", "/docs")
    images = make_images(3)
    content = json.loads(ask(container, "POST", "/predict", json.dumps({"images": images.tolist()}).encode()))
    received = [list(each["probabilities"].values()) for each in content["predictions"]]
    np.testing.assert_allclose(received, predict(make_network(), images), atol=1e-5)
    content = json.loads(ask(container, "POST", "/predict", make_photo(1000, 1000)))
    assert len(content["predictions"]) == 1
    docker("stop", container)  # sends SIGKILL after 10 seconds, which would give 137
    assert docker("wait", container).stdout.strip() == b"0"
    assert docker("logs", container).stdout == b"answered 5 requests\n"


@pytest.mark.parametrize("line", DOCUMENTED)
def test_a_documented_command(folder: Path, container: str, line: str) -> None:
    """It serves the report in the working directory; the name is that of the image under test."""
    words = shlex.split(line.replace("$PWD", str(folder.parent)))
    images = {"fashion-job": IMAGE, "fashion-job-serve": SERVE_IMAGE}
    done = docker("run", "--detach", "--name", container, *(images.get(word, word) for word in words[2:]))
    assert done.returncode == 0, done.stderr
    wait_until_ready(container)
    assert json.loads(ask(container, "GET", "/v2/health/ready")) == {"ready": True}


def test_the_size() -> None:
    """The image that only serves has at most 300 MB of files."""
    done = docker("run", "--rm", "--network", "none", "--user", "0", "--entrypoint", "du", SERVE_IMAGE, "-sxb", "/")
    size_mb = int(done.stdout.split()[0]) / 1e6
    support.CONTAINERS.insert(0, f"{SERVE_IMAGE}: {size_mb:,.0f} MB")
    assert size_mb <= MAX_SIZE_MB


def test_the_labels(described: Any) -> None:  # noqa: ANN401
    """Title and version; the user is not root, and the port is announced."""
    labels = {name.rsplit(".", 1)[1]: text for name, text in described["Config"]["Labels"].items()}
    assert (labels["title"], labels["version"]) == ("fashion-job-serve", __version__)
    assert described["Config"]["User"] == "1000"
    assert list(described["Config"]["ExposedPorts"]) == ["8000/tcp"]


def test_what_it_does_not_have() -> None:
    """No TensorFlow, no other library of the training, no installer, no data set."""
    script = (
        "import importlib.util, pathlib\n"
        "names = 'tensorflow keras scipy sklearn pandas matplotlib pip'.split()\n"
        "found = [name for name in names if importlib.util.find_spec(name)]\n"
        "print(found, pathlib.Path('/usr/share/datasets').exists())"
    )
    done = docker("run", "--rm", "--network", "none", "--entrypoint", "python", SERVE_IMAGE, "-c", script)
    assert done.stdout == b"[] False\n"


def test_a_folder_that_cannot_be_served(tmp_path: Path) -> None:
    """One line, and the same status as outside."""
    tmp_path.chmod(0o755)
    done = docker("run", "--rm", "--network", "none", "--volume", f"{tmp_path}:/app/report:ro", SERVE_IMAGE)
    assert done.returncode == 65
    line = done.stderr.decode().splitlines()[-1]
    assert line.startswith("fashion-job: error: report/metrics.json: not found; name the output folder")
