"""The examples in docs/serving.md and docs/serve/ work, as far as that can be tested without a cluster."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import numpy as np
import pytest
import yaml
from PIL import Image
from served import Server, make_images, running, write_served
from support import REPOSITORY

from job.serving import limits
from job.serving.photo_formats import limit_pixels

PAGE = (REPOSITORY / "docs" / "serving.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
CURL = [line for language, block in BLOCKS if language == "sh" for line in block.splitlines() if "curl" in line]
PYTHON = [block for language, block in BLOCKS if language == "python"]
CLIENTS = Path(os.environ.get("CLIENTS_PYTHON", ".venv-clients/bin/python"))
FOLDER = REPOSITORY / "docs" / "serve"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of a small network."""
    with running(write_served(tmp_path_factory.mktemp("docs") / "report")) as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files that the examples send."""
    photo = np.full((300, 200, 3), 250, np.uint8)
    photo[100:200, 60:120] = 40
    Image.fromarray(photo).save(tmp_path / "photo.jpg")
    images = make_images(2)
    (tmp_path / "images.json").write_text(json.dumps({"images": images.tolist()}))
    (tmp_path / "instances.json").write_text(json.dumps({"instances": (images / 255).tolist()}))
    return tmp_path


def run(server: Server, folder: Path, *command: str) -> str:
    words = [word.replace("127.0.0.1:8000", f"127.0.0.1:{server.port}") for word in command]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("line", CURL)
def test_curl(server: Server, folder: Path, line: str) -> None:
    """Every line gives predictions."""
    content = json.loads(run(server, folder, "sh", "-c", line))
    assert len(content["predictions"]) == (1 if "photo" in line else 2)


def test_python(server: Server, folder: Path) -> None:
    """The first example needs no package."""
    assert re.fullmatch(r"\S.* 0\.\d+\n", run(server, folder, sys.executable, "-I", "-c", PYTHON[0]))


@pytest.mark.clients
def test_triton(server: Server, folder: Path) -> None:
    """The second one needs Triton's client."""
    assert run(server, folder, str(REPOSITORY / CLIENTS), "-c", PYTHON[1]) == "(64, 10)\n"


def test_every_path_exists(server: Server) -> None:
    """The table of paths names no path that the server does not have."""
    table = PAGE.split("## Paths\n")[1].split("## Examples\n")[0]
    paths = [path for path in re.findall(r"`(/[^`]*)`", table) if "…" not in path]
    assert len(paths) > 5
    assert [path for path in paths if server.get(path).status not in {200, 405}] == []


def test_the_limits_are_those_of_the_code() -> None:
    """The table of limits has the numbers of job/serving/limits.py."""
    table = PAGE.split("## Limits\n")[1].split("\n\n")[0]
    for text in (
        f"{limits.MAX_BODY_BYTES >> 20} MiB in a body, also after decompression, and {limits.MAX_JSON_BYTES >> 20} MiB",
        f"{limits.MAX_PIXELS // 10**6} million pixels in the image files of a request, {limits.MAX_PHOTOS} files",
        f"{limits.MAX_IMAGES} images",
        f"{limits.MAX_HEAD_BYTES >> 10} KiB in target and headers",
        f"{limits.REQUEST_S:.0f} s for a request to arrive",
        f"{limits.QUEUE_S:.0f} s in the queue, {limits.MAX_WAITING} requests in the queue",
        f"{limits.MAX_BUFFERED_BYTES >> 20} MiB in all bodies together",
        f"{limits.MAX_CONNECTIONS:,} connections",
        f"{limits.IDLE_S:.0f} s without a request, or {limits.SEND_S:.0f} s to read an answer",
    ):
        assert f"| {text}" in table
    few = [limit_pixels(mib << 20, 2) // 10**6 for mib in (512, 256)]
    text = f"{few[0]} million with 512 MiB and two threads, {few[1]} million with 256 MiB"
    assert text in " ".join(PAGE.split())


def read_documents(name: str) -> dict[str, Any]:
    """The documents of a file by kind."""
    documents = yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8"))
    return {document["kind"]: document for document in documents}


def test_kubernetes(server: Server) -> None:
    """Names and ports agree, the server answers the probes, and the grace period covers the draining."""
    documents = read_documents("kubernetes.yaml")
    spec = documents["Deployment"]["spec"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"http": 8000}
    assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]
    assert documents["Service"]["spec"]["selector"] == spec["selector"]["matchLabels"]
    assert [port["targetPort"] for port in documents["Service"]["spec"]["ports"]] == ["http"]
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["port"] in ports
        assert server.get(container[probe]["httpGet"]["path"]).status == 200
    before_stop = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] > before_stop + limits.DRAIN_S + 2


def test_kserve(server: Server) -> None:
    """The name is that of the model, and the server listens on the port of the container."""
    document = read_documents("kserve.yaml")["InferenceService"]
    name = document["metadata"]["name"]
    assert server.get(f"/v2/models/{name}").status == 200
    (container,) = document["spec"]["predictor"]["containers"]
    (port,) = container["ports"]
    assert container["args"] == ["--port", str(port["containerPort"])]
    for name in ("readinessProbe", "livenessProbe"):
        probe = container[name]["httpGet"]
        assert (probe["port"], server.get(probe["path"]).status) == (port["containerPort"], 200)


def test_the_pod_of_kserve_is_valid() -> None:
    """Kubernetes' schema knows every field of the predictor, which KServe turns into a pod."""
    pod = read_documents("kserve.yaml")["InferenceService"]["spec"]["predictor"]
    document = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "predictor"}, "spec": pod}
    kubernetes_validate.validate(document, "1.31", strict=True)


@pytest.mark.parametrize(("name", "kind"), [("kubernetes.yaml", "Deployment"), ("kserve.yaml", "InferenceService")])
def test_the_containers_are_restricted(name: str, kind: str) -> None:
    """They run without root, privileges, capabilities, a token of the cluster or a folder to write to."""
    spec = read_documents(name)[kind]["spec"]
    pod = spec["template"]["spec"] if kind == "Deployment" else spec["predictor"]
    (container,) = pod["containers"]
    context = {**pod.get("securityContext", {}), **container["securityContext"]}
    assert context["runAsNonRoot"] is True
    assert context["runAsUser"] == 1000
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert context["readOnlyRootFilesystem"] is True
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert pod["automountServiceAccountToken"] is False
    assert [mount["readOnly"] for mount in container["volumeMounts"]] == [True]
