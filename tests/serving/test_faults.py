"""What goes wrong around a server in production: it is killed, stopped, overloaded or attacked, or the disk is full."""

import contextlib
import gzip
import io
import json
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from random import Random
from statistics import median

import numpy as np
import pytest
from load import HANGS_AFTER_S, Load, Query, find_free_port, loading, read_memory_kib, wait_until
from PIL import Image
from served import Server, make_images, make_network, running, started, write_served
from support import REPOSITORY

from job.results.file_names import NETWORK, PAGE
from job.results.network_npz import write_network
from job.results.output_folder.manifest import read_manifest, write_manifest
from job.serving import application, forward_pass, limits

IMAGE = {"images": make_images().tolist()}
JSON_IMAGE = json.dumps(IMAGE).encode()
SMALL = Query("/predict", JSON_IMAGE)
LAST = Query("/predict", JSON_IMAGE, headers={"Connection": "close"})
STOPPING = "the server is stopping; send the request to another one, or again in a few seconds"
DOCUMENTED = {200, 400, 404, 405, 408, 413, 415, 431, 503}
"""Every status in the OpenAPI document but 500."""


def make_photo(size: tuple[int, int] = (200, 300), form: str = "PNG") -> bytes:
    """A dark article on a light ground."""
    photo = np.full((*size, 3), 250, np.uint8)
    photo[size[0] // 3 : size[0] // 2, size[1] // 3 : size[1] // 2] = 40
    file = io.BytesIO()
    Image.fromarray(photo).save(file, form)
    return file.getvalue()


def make_tensor(n: int) -> Query:
    """A request of Triton's kind, which has a thread if it is large."""
    tensor = {"name": "images", "shape": [n, 28, 28], "datatype": "UINT8", "parameters": {"binary_data_size": n * 784}}
    head = json.dumps({"inputs": [tensor]}).encode()
    headers = {"Inference-Header-Content-Length": str(len(head))}
    body = head + make_images(n).tobytes()
    return Query("/v2/models/fashion-job/infer", body, "application/octet-stream", headers=headers)


def list_queries(server: Server) -> list[Query]:
    """Requests of every kind, good and bad."""
    images = make_images(8)
    form = b'--b\r\nContent-Disposition: form-data; name="i"; filename="i"\r\n\r\n' + make_photo() + b"\r\n--b--\r\n"
    instances = json.dumps({"instances": (images / 255).round(3).tolist()}).encode()
    tensor = {"name": "images", "shape": [8, 28, 28], "datatype": "UINT8", "data": images.tolist()}
    paths = server.get("/openapi.json").content["paths"]
    return [
        *(Query(path, method="GET") for path, operations in paths.items() if "get" in operations),
        *(Query(path, b"?") for path, operations in paths.items() if "post" in operations),
        SMALL,
        Query("/predict", make_photo(), "image/png"),
        Query("/predict?invert=true&crop=false", make_photo(form="JPEG"), "image/jpeg"),
        Query("/predict", make_photo()[:-100], "image/png"),
        Query("/predict", form, "multipart/form-data; boundary=b"),
        Query("/predict", gzip.compress(JSON_IMAGE), headers={"Content-Encoding": "gzip"}),
        Query("/predict", b"?", headers={"Content-Encoding": "gzip"}),
        Query("/predict", JSON_IMAGE, "text/plain"),
        Query("/v1/models/fashion-job:predict", instances),
        Query("/v1/models/other:predict", instances),
        Query("/v2/models/fashion-job/infer", json.dumps({"inputs": [tensor]}).encode()),
        make_tensor(64),
        Query("/", method="HEAD"),
        Query("/", method="DELETE"),
    ]


def end(server: Server) -> tuple[int, str, str]:
    """The exit status, and what the process wrote on stdout and stderr; it has the ten seconds that the page names."""
    assert server.process
    out, err = server.process.communicate(timeout=10)
    return server.process.returncode, out, err


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to serve; tests must not change it."""
    return write_served(tmp_path_factory.mktemp("faults") / "report")


@pytest.fixture
def many_files() -> Iterator[None]:
    """Lets this process open more than a thousand connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def assert_right(load: Load) -> None:
    """The same request has the same answer, unless it is refused."""
    expected: dict[str, bytes] = {}
    for outcome in load.outcomes:
        if outcome.answer and outcome.answer.status == 200:
            assert outcome.answer.body == expected.setdefault(outcome.query.path, outcome.answer.body)


def test_kill_and_restart_under_load(folder: Path) -> None:
    """A killed server leaves nothing behind that stops the next one on the same port; clients only connect again."""
    port = str(find_free_port())
    with started(folder, "--port", port) as server, loading(server.port, [SMALL, make_tensor(64)], 8) as load:
        load.wait_for_answers(50)
        assert server.process
        server.process.kill()
        server.process.wait()
        with started(folder, "--port", port):
            load.wait_for_answers(50)
    assert {answer.status for answer in load.answers} == {200}
    assert any(outcome.answer is None for outcome in load.outcomes)
    assert_right(load)


def test_sigterm_under_load(folder: Path) -> None:
    """Whatever arrived before the signal is answered, later requests are refused, and the server exits with 0."""
    with started(folder) as server, loading(server.port, [SMALL, LAST, make_tensor(64)], 32) as load:
        load.wait_for_answers(100)
        load.mark()
        assert server.process
        server.process.send_signal(signal.SIGTERM)
        status, out, err = end(server)
    assert (status, err) == (0, "")
    assert out.startswith("answered ")
    assert [outcome for outcome in load.outcomes if outcome.is_early and outcome.answer is None] == []
    for answer in load.answers:
        assert answer.status == 200 or (answer.error, answer.headers["retry-after"]) == (STOPPING, "1")
    assert_right(load)


def test_an_overload(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request is answered: those that find no place in the queue with 503, all others with 200."""
    is_open = threading.Event()
    predict = forward_pass.predict

    def wait(*arguments: object) -> object:
        wait_until(is_open.is_set)
        return predict(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(forward_pass, "predict", wait)
    monkeypatch.setattr(application, "INLINE_BYTES", 0)
    monkeypatch.setattr(limits, "MAX_WAITING", 4)
    monkeypatch.setattr(limits, "QUEUE_S", HANGS_AFTER_S)
    with running(folder, n_threads=1) as server:
        with loading(server.port, [SMALL], 32) as load:
            load.wait_for_answers(100)
            assert {answer.status for answer in load.answers} == {503}
            is_open.set()
            wait_until(lambda: sum(answer.status == 200 for answer in load.answers) > 100)
        assert server.application
        assert server.application.queue.n_waiting == 0
        assert server.get("/v2/health/ready").status == 200
    assert [outcome for outcome in load.outcomes if outcome.answer is None] == []
    for answer in load.answers:
        assert answer.status == 200 or (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert_right(load)


def test_the_model_is_replaced_under_load(folder: Path, tmp_path: Path) -> None:
    """The server goes on with the model and the report that it has read; the next one takes the new ones."""
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    with started(copy) as server, loading(server.port, [SMALL], 2) as load:
        page = server.get("/").body
        load.wait_for_answers(10)
        (copy / NETWORK).write_bytes(b"")  # in place
        load.wait_for_answers(10)
        write_network(copy, make_network(n_units=8))
        (copy / PAGE).write_text("new")
        write_manifest(copy, [NETWORK, PAGE], read_manifest(copy))
        load.wait_for_answers(10)
        shutil.rmtree(copy)
        load.wait_for_answers(10)
        assert server.get("/").body == page
    assert {answer.body for answer in load.answers} == {load.answers[0].body}
    write_served(copy, make_network(n_units=8))
    with started(copy) as server:
        assert server.post("/predict", IMAGE).content["model"] != load.answers[0].content["model"]


def test_the_server_writes_nothing(folder: Path, tmp_path: Path) -> None:
    """It answers everything although the system lets it write no byte into a file, and creates none."""
    before = {path: path.read_bytes() for path in folder.iterdir()}
    prefix = ("env", f"TMPDIR={tmp_path}", f"HOME={tmp_path}", "prlimit", "--fsize=0")
    with started(folder, prefix=prefix) as server:
        queries = list_queries(server)
        for query in queries:
            headers = {"Content-Type": query.content_type, **query.headers}
            assert server.ask(query.method, query.path, query.body, headers).status in DOCUMENTED
        assert server.post("/predict", bytes(limits.MAX_BODY_BYTES), {"Content-Type": "image/png"}).status == 400
        assert server.process
        server.process.terminate()
        assert end(server) == (0, f"answered {len(queries) + 2} requests\n", "")
    assert [*tmp_path.iterdir()] == []
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_log_on_a_full_disk(folder: Path) -> None:
    """The server goes on without its log."""
    port = find_free_port()
    command = (sys.executable, "-m", "job", "serve", "--output", folder, "--port", str(port))
    with Path("/dev/full").open("w") as full:
        process = subprocess.Popen(command, cwd=REPOSITORY, stderr=full, stdout=subprocess.PIPE, text=True)
    try:
        with loading(port, [SMALL], 1) as load:
            load.wait_for_answers(10)
        assert {answer.status for answer in load.answers} == {200}
        process.terminate()
        out, _ = process.communicate(timeout=10)
        assert (process.returncode, out.startswith("answered ")) == (0, True)
    finally:
        process.kill()
        process.communicate()


@pytest.mark.usefixtures("many_files")
def test_a_thousand_idle_connections(folder: Path) -> None:
    """They disturb nobody, although the system allows the server only 256 files at first; nor do they keep it."""
    with started(folder, prefix=("prlimit", "--nofile=256:8192")) as server, contextlib.ExitStack() as stack:
        before = read_memory_kib(server)
        clients = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=HANGS_AFTER_S))
            for _ in range(1000)
        ]
        assert b"\nfashion_job_connections 1001.0\n" in server.get("/metrics").body
        assert read_memory_kib(server) - before < 20 * 1024
        clients[500].sendall(b"GET /v2/health/ready HTTP/1.1\r\nHost: x\r\n\r\n")
        assert clients[500].recv(1000).startswith(b"HTTP/1.1 200 OK")
        assert server.post("/predict", IMAGE).status == 200
        assert server.process
        server.process.terminate()
        assert end(server) == (0, "answered 3 requests\n", "")


def test_slow_clients(folder: Path) -> None:
    """Two hundred that never finish their requests disturb nobody, and are told when their time is over."""
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
    starts = (b"GET /", b"GET / HTTP/1.1\r\nHost:", head, head + b"[" * 1000)
    with running(folder) as server, contextlib.ExitStack() as stack:
        assert server.application
        connections = server.application.connections
        address = ("127.0.0.1", server.port)
        clients = [stack.enter_context(socket.create_connection(address, timeout=HANGS_AFTER_S)) for _ in range(200)]
        for index, client in enumerate(clients):
            client.sendall(starts[index % len(starts)])
        wait_until(lambda: sum(each._reader.is_receiving for each in [*connections]) == 200)
        assert server.post("/predict", IMAGE).status == 200
        deadlines = {each: each.deadline for each in [*connections] if each._reader.is_receiving}
        for client in clients:
            client.sendall(b"x")
        assert server.post("/predict", IMAGE).status == 200
        assert {each: each.deadline for each in deadlines} == deadlines  # another byte gives no more time
        for each in deadlines:
            each.deadline = 0
        for client in clients:
            assert client.recv(1000).startswith(b"HTTP/1.1 408 ")
        stack.close()
        wait_until(lambda: not connections)
        assert server.application.n_buffered_bytes == 0


def damage(request: bytes, random: Random) -> bytes:
    """Change, remove, repeat or insert some bytes of a request."""
    content = bytearray(request)
    for _ in range(random.randint(1, 4)):
        start = random.randrange(min(len(content), 400) or 1)
        stop = start + random.choice((0, 1, 1, 2, 10, 100))
        part = content[start:stop]
        inserted = (b"", random.randbytes(random.randint(1, 9)), b"\r\n", b"\0", part * 2, part * 500)
        content[start:stop] = random.choice(inserted)
    return bytes(content)


def test_damaged_requests(folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand requests with damaged bytes get only documented answers, and the server forgets them."""
    monkeypatch.setattr("job.log.log.propagate", True)
    random = Random(0)  # noqa: S311 - the same damage each time
    with running(folder) as server:
        assert server.application
        requests = [write_raw(query) for query in list_queries(server)]
        for _ in range(1000):
            with socket.create_connection(("127.0.0.1", server.port), timeout=HANGS_AFTER_S) as client:
                content = b""
                with contextlib.suppress(ConnectionError):
                    client.sendall(damage(random.choice(requests), random))
                    client.shutdown(socket.SHUT_WR)
                    while part := client.recv(65536):
                        content += part
            assert_documented(content)
        wait_until(lambda: server.application and not server.application.connections)
        assert server.application.n_buffered_bytes == 0
        assert server.get("/v2/health/ready").status == 200
    assert [each.getMessage() for each in caplog.records if each.levelname in {"WARNING", "ERROR"}] == []


def write_raw(query: Query) -> bytes:
    """A request as bytes."""
    headers = {"Host": "x", "Content-Type": query.content_type, "Content-Length": str(len(query.body)), **query.headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{query.method} {query.path} HTTP/1.1\r\n{head}\r\n".encode() + query.body


def assert_documented(content: bytes) -> None:
    """A connection had no answer, or complete ones with a documented status."""
    while content:
        head, separator, rest = content.partition(b"\r\n\r\n")
        assert separator, content[:200]
        status_line, *headers = head.decode("latin-1").split("\r\n")
        assert int(status_line.split(" ")[1]) in DOCUMENTED, content[:200]
        lengths = [int(line.split(": ")[1]) for line in headers if line.startswith("Content-Length: ")]
        is_head = b"HTTP/1.1 " in rest[:9]  # the answer to HEAD has no body
        content = rest if is_head else rest[lengths[0] :]


N_REQUESTS = 50_000
"""As many as an hour has at 14 a second."""
N_SAMPLES = 10


@pytest.mark.clients
def test_memory_stays_the_same(folder: Path) -> None:
    """An hour's worth of requests of every kind, good and bad, makes the server no larger."""
    with started(folder) as server:
        sizes = []
        with loading(server.port, list_queries(server), 2) as load:
            for _ in range(N_SAMPLES):
                load.wait_for_answers(N_REQUESTS // N_SAMPLES)
                sizes.append(read_memory_kib(server))
                load.outcomes.clear()
        print(f"resident memory after each {N_REQUESTS // N_SAMPLES:,} requests: {sizes} KiB")
        half = N_SAMPLES // 2
        assert median(sizes[half:]) - median(sizes[:half]) < 4 * 1024  # the allocator alone moves by 3 MiB
        assert max(sizes) < 120 * 1024
