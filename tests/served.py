"""What the tests of the server share: a folder to serve, servers, and a client."""

import asyncio
import contextlib
import http.client
import io
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from support import REPOSITORY, make_run

from job.results.file_names import PAGE
from job.results.network_npz import PlainNetwork, build_network, write_network
from job.results.output_folder.manifest import read_manifest, write_manifest
from job.serving.application import Application
from job.serving.connection import Connection
from job.serving.served_model import ServedModel, read_model
from job.serving.server import _sweep

PAGE_TEXT = "<!doctype html><title>Report</title>"


@dataclass(frozen=True)
class Answer:
    """What the server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def content(self) -> Any:  # noqa: ANN401 - JSON
        """The JSON of the body."""
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """The text of the error, which is the only content."""
        assert self.status >= 400
        assert self.headers["content-type"] == "application/json"
        ((key, text),) = self.content.items()
        assert key == "error"
        assert "\n" not in text
        return str(text)


@dataclass
class Server:
    """A running server."""

    port: int
    application: Application | None = None
    process: subprocess.Popen[str] | None = None

    def ask(
        self, method: str, path: str, body: bytes | dict[str, Any] | None = None, headers: Mapping[str, str] = {}
    ) -> Answer:
        """Send one request on a connection of its own."""
        if isinstance(body, dict):
            body, headers = json.dumps(body).encode(), {"Content-Type": "application/json", **headers}
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            connection.request(method, path, body, dict(headers))
            return read_answer(connection)

    def get(self, path: str) -> Answer:
        """Send a GET request."""
        return self.ask("GET", path)

    def post(self, path: str, body: bytes | dict[str, Any], headers: Mapping[str, str] = {}) -> Answer:
        """Send a POST request."""
        return self.ask("POST", path, body, headers)


def read_answer(connection: http.client.HTTPConnection) -> Answer:
    """Read the answer to the last request on a connection."""
    response = connection.getresponse()
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, response.read())


def make_network(views: Any = "none", n_units: int = 32) -> PlainNetwork:  # noqa: ANN401 - a name
    """A network with random parameters that takes images of 28 x 28 pixels and knows ten classes."""
    random = np.random.default_rng(5)

    def normal(*shape: int) -> Any:  # noqa: ANN401 - an array
        return (random.normal(size=shape) / 8).astype(np.float32)

    layers: list[dict[str, Any]] = [
        {"kind": "flatten"},
        {"kind": "dense", "activation": "relu", "kernel": normal(784, n_units), "bias": normal(n_units)},
        {"kind": "dense", "activation": "softmax", "kernel": normal(n_units, 10), "bias": normal(10)},
    ]
    return build_network(layers, views, random.random((10, 14, 14), np.float32), 9.0)


def write_served(folder: Path, network: PlainNetwork | None = None) -> Path:
    """Write an output folder that can be served; it was made without a training."""
    folder.mkdir(exist_ok=True)
    make_run().write(folder)
    write_network(folder, network or make_network())
    (folder / PAGE).write_text(PAGE_TEXT)
    write_manifest(folder, ["network.npz", PAGE], read_manifest(folder))
    return folder


@contextlib.contextmanager
def running(model: ServedModel | Path, n_threads: int = 2, allowed_origin: str | None = None) -> Iterator[Server]:
    """A server in a thread of this process, whose limits a test may change."""
    model = read_model(model) if isinstance(model, Path) else model
    loop = asyncio.new_event_loop()
    application: Any = None

    async def start() -> asyncio.Server:
        nonlocal application
        application = Application(model, n_threads, allowed_origin)
        server = await loop.create_server(lambda: Connection(application), "127.0.0.1", 0, backlog=2048)
        loop.sweeper = loop.create_task(_sweep(application))  # type: ignore[attr-defined]
        return server

    async def stop(server: asyncio.Server) -> None:
        server.close()
        loop.sweeper.cancel()  # type: ignore[attr-defined]
        await asyncio.wait([loop.sweeper])  # type: ignore[attr-defined]
        for connection in [*application.connections]:
            connection.abort()
        application.queue.stop()
        while application.connections:  # noqa: ASYNC110 - each leaves when the loop has closed its transport
            await asyncio.sleep(0.01)

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        server = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
        try:
            yield Server(server.sockets[0].getsockname()[1], application)
        finally:
            asyncio.run_coroutine_threadsafe(stop(server), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@contextlib.contextmanager
def started(folder: Path, *options: str, prefix: Sequence[str] = ()) -> Iterator[Server]:
    """A server in a process of its own, which is killed at the end unless it has ended before.

    `prefix` is a command that starts it, such as `env` or `prlimit`.
    """
    command = (*prefix, sys.executable, "-m", "job", "serve", "--output", str(folder), "--port", "0", *options)
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        match = re.search(r"^serving +http://127\.0\.0\.1:(\d+)/", line)
        assert match, line + process.stderr.read()
        yield Server(int(match[1]), process=process)
    finally:
        process.kill()
        process.communicate()


def make_photo(height: int, width: int) -> bytes:
    """A coloured article on white, in the format whose decoder needs the most memory."""
    photo = np.full((height, width, 3), 255, np.uint8)
    article = photo[height // 5 : height // 2, width // 5 : width // 2]
    article[:] = np.random.default_rng(0).integers(0, 256, article.shape)
    file = io.BytesIO()
    Image.fromarray(photo).save(file, "WEBP")
    return file.getvalue()


def make_images(n: int = 1, seed: int = 0) -> Any:  # noqa: ANN401 - an array
    """Random images of 28 x 28 pixels."""
    return np.random.default_rng(seed).integers(0, 256, (n, 28, 28), np.uint8)
