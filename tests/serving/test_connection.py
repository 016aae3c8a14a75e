import asyncio
import contextlib
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from load import HANGS_AFTER_S, wait_until
from served import Server, make_network, running, write_served

from job.results.file_names import PAGE
from job.results.output_folder.manifest import read_manifest, write_manifest
from job.serving import limits
from job.serving.application import Application
from job.serving.connection import Connection
from job.serving.served_model import ServedModel, read_model

READY = b"GET /v2/health/ready HTTP/1.1\r\nHost: x\r\n\r\n"
LAST_PHOTO = b"POST /predict HTTP/1.0\r\nContent-Type: image/png\r\nContent-Length: 1\r\n\r\n?"
LARGE = 30_000_000
"""Bytes of a page that fits into no buffer of the system."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ServedModel:
    """A small network, and a report that takes a while to send."""
    folder = write_served(tmp_path_factory.mktemp("connections") / "report", make_network())
    (folder / PAGE).write_bytes(bytes(LARGE))
    write_manifest(folder, [PAGE], read_manifest(folder))
    return read_model(folder)


@pytest.fixture
def server(model: ServedModel) -> Iterator[Server]:
    """A server whose limits a test may change before it connects."""
    with running(model) as server:
        yield server


@contextlib.contextmanager
def connect(server: Server) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=HANGS_AFTER_S) as client:
        yield client


def read_all(client: socket.socket) -> bytes:
    """What the server sends until it closes the connection."""
    content = b""
    with contextlib.suppress(ConnectionResetError):
        while part := client.recv(65536):
            content += part
    return content


def exchange(server: Server, *parts: bytes) -> bytes:
    """What the server answers until it closes the connection."""
    with connect(server) as client:
        for part in parts:
            client.sendall(part)
        return read_all(client)


def read_error(answer: bytes, status: int) -> str:
    """The error in an answer, after which the server closes the connection."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode()), answer[:200]
    assert b"\r\nConnection: close" in head
    (text,) = json.loads(body).values()
    return str(text)


def post(body: bytes, *headers: bytes) -> bytes:
    length = b"Content-Length: %d" % len(body)
    head = (b"POST /predict HTTP/1.1", b"Host: x", b"Content-Type: application/json", length, *headers)
    return b"\r\n".join((*head, b"", body))


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),  # a client that expects TLS
        b"hello\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST /predict HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nab",
        b"POST /predict HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        np.random.default_rng(0).bytes(1000),
    ],
)
def test_garbage(server: Server, garbage: bytes) -> None:
    """It is answered with an error in JSON, and the connection ends."""
    assert "this is not an HTTP/1.1 request" in read_error(exchange(server, garbage), 400)
    assert server.get("/v2/health/ready").status == 200


def test_the_head(server: Server) -> None:
    """Target and headers have a limit, in one header, in many, and in a header without an end."""
    for head in (
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20_000 + b"\r\n",
    ):
        assert "more than 16,384 bytes" in read_error(exchange(server, head), 431)
    with connect(server) as client:
        client.sendall(b"GET / HTTP/1.1\r\nA: ")
        with contextlib.suppress(ConnectionError):
            for _ in range(40):
                client.sendall(b"a" * 1000)
                time.sleep(0.005)
        assert "more than 16,384 bytes" in read_error(read_all(client), 431)


def test_the_body(server: Server) -> None:
    """A body that is too large is refused before it is sent; one of unknown length, at the limit."""
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 16777217\r\nExpect: 100-continue\r\n\r\n"
    assert "the body has more than 16,777,216 bytes" in read_error(exchange(server, head), 413)
    chunk = b"100000\r\n" + bytes(2**20) + b"\r\n"
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert "the body has more than" in read_error(exchange(server, head, *[chunk] * 17), 413)
    wait_until(lambda: server.application and server.application.n_buffered_bytes == 0)


def test_a_client_that_does_not_stop_sending(server: Server) -> None:
    """It can read the error nevertheless, although the server read nothing of the body."""
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 30000000\r\n\r\n"
    assert "the body has more than" in read_error(exchange(server, head, bytes(30_000_000)), 413)


def test_bodies_are_forgotten(server: Server) -> None:
    """Once a request is answered, and not only when the connection ends."""
    with connect(server) as client:
        for size in (100, 100_000):
            client.sendall(post(bytes(size)))
            assert client.recv(1000).startswith(b"HTTP/1.1 400")
        assert server.application
        assert server.application.n_buffered_bytes == 0


def test_a_client_that_asks_before_it_sends(server: Server) -> None:
    """As curl does with large bodies."""
    body = json.dumps({"images": np.zeros((1, 28, 28)).tolist()}).encode()
    request = post(body, b"Expect: 100-continue", b"Connection: close")
    head, _, _ = request.partition(b"\r\n\r\n")
    with connect(server) as client:
        client.sendall(head + b"\r\n\r\n")
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(body)
        assert read_all(client).startswith(b"HTTP/1.1 200 OK\r\n")


def test_requests_in_one_packet(server: Server) -> None:
    """They are answered in order, although one has a thread of its own."""
    photo = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 1\r\n\r\n?"
    end = READY.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    answer = exchange(server, READY + photo + READY + end)
    statuses = [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [b"200", b"400", b"200", b"200"]


def test_many_requests_in_one_packet(server: Server) -> None:
    """All are answered, although more wait than the connection reads ahead."""
    photo = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 1\r\n\r\n?"
    end = READY.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    answer = exchange(server, photo * 50, photo * 50, end)
    assert [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]] == [b"400"] * 100 + [b"200"]


def test_a_request_in_single_bytes(server: Server) -> None:
    """How a request is cut into packets makes no difference; nor do chunks."""
    body = json.dumps({"images": np.zeros((1, 28, 28), int).tolist()}).encode()
    request = post(body, b"Connection: close")
    assert exchange(server, *[request[i : i + 1] for i in range(len(request))]).startswith(b"HTTP/1.1 200 OK")
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:7], body[7:])) + b"0\r\n\r\n"
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n"
    assert exchange(server, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks).startswith(b"HTTP/1.1 200 OK")


def test_when_the_connection_ends(server: Server) -> None:
    """After HTTP/1.0, `Connection: close`, an upgrade that the server does not know, and the end of the client."""
    for request in (
        READY.replace(b"1.1", b"1.0"),
        READY.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
        READY.replace(b"\r\n\r\n", b"\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"),
    ):
        answer = exchange(server, request)
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"\r\nConnection: close\r\n" in answer
    with connect(server) as client:
        client.sendall(READY)
        client.shutdown(socket.SHUT_WR)
        assert read_all(client).startswith(b"HTTP/1.1 200 OK")


def test_connect_and_unknown_methods(server: Server) -> None:
    """They are no reason to fail."""
    assert exchange(server, b"CONNECT example.org:80 HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 404 ")
    assert b"405" in exchange(
        server, READY.replace(b"GET", b"PROPFIND").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    )


def find_deadline(server: Server) -> float:
    """When the only connection is to be closed."""
    assert server.application
    (connection,) = server.application.connections
    return connection.deadline


def test_deadlines(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request has a limit from its first byte on, which no further byte extends; so has a connection without one."""
    for name, limit in (("IDLE_S", 1000), ("REQUEST_S", 2000)):
        monkeypatch.setattr(limits, name, limit)
    begun = time.monotonic()
    with connect(server) as client:
        wait_until(lambda: server.application and server.application.connections)
        assert begun + 1000 <= find_deadline(server) <= time.monotonic() + 1000
        client.sendall(READY[:1])
        wait_until(lambda: find_deadline(server) >= begun + 2000)
        deadline = find_deadline(server)
        assert deadline <= time.monotonic() + 2000
        for byte in READY[1:-1]:
            client.sendall(bytes([byte]))
        assert find_deadline(server) == deadline
        client.sendall(READY[-1:])
        assert client.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")
        wait_until(lambda: find_deadline(server) <= time.monotonic() + 1000)


class StuckTransport(asyncio.Transport):
    """A client that reads nothing, so that no answer leaves and the connection does not end."""

    def __init__(self) -> None:
        super().__init__()
        self.is_closed = self.is_aborted = False
        self.n_writes = 0

    def write(self, data: Any) -> None:  # noqa: ANN401, ARG002
        self.n_writes += 1

    def abort(self) -> None:
        self.is_aborted = True

    def resume_reading(self) -> None: ...

    def pause_reading(self) -> None: ...

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed


def test_the_deadline_of_the_last_answer(model: ServedModel) -> None:
    """A connection that is to end has a limit, too, whether its answer came at once or from a thread."""

    async def find_limits() -> list[float]:
        application, loop, found = Application(model, 1), asyncio.get_running_loop(), []
        for request in (READY.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), LAST_PHOTO):
            connection = Connection(application)
            connection.connection_made(transport := StuckTransport())
            connection.data_received(request)
            while not transport.is_closing():  # noqa: ASYNC110 - nothing sets an event
                await asyncio.sleep(0.01)
            found.append(connection.deadline - loop.time())
        application.queue.stop()
        return found

    for limit in asyncio.run(find_limits()):
        assert limits.SEND_S - 5 < limit <= limits.SEND_S


def test_a_request_after_the_last_answer(model: ServedModel) -> None:
    """A stopping server does not answer it, although a part of it has arrived."""

    async def expire() -> StuckTransport:
        application = Application(model, 1)
        application.is_draining = True
        connection, transport = Connection(application), StuckTransport()
        connection.connection_made(transport)
        connection.data_received(READY + READY[:9])
        connection.expire()
        application.queue.stop()
        return transport

    transport = asyncio.run(expire())
    assert (transport.n_writes, transport.is_closed, transport.is_aborted) == (1, True, True)


def test_the_deadline_after_a_slow_reader(model: ServedModel) -> None:
    """A client that has caught up has the time of an idle connection."""

    async def find_limit() -> float:
        application, loop = Application(model, 1), asyncio.get_running_loop()
        connection = Connection(application)
        connection.connection_made(StuckTransport())
        connection.data_received(READY)
        connection.pause_writing()
        assert connection.deadline <= loop.time() + limits.SEND_S
        connection.resume_writing()
        application.queue.stop()
        return connection.deadline - loop.time()

    assert limits.SEND_S < asyncio.run(find_limit()) <= limits.IDLE_S


def test_a_late_request(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client is told that its time is over."""
    monkeypatch.setattr(limits, "REQUEST_S", 0)
    assert "did not arrive within" in read_error(exchange(server, READY[:-1]), 408)


def test_an_idle_connection(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends after a while, without another word, whether it was used before or not."""
    monkeypatch.setattr(limits, "IDLE_S", 0)
    assert exchange(server) == b""
    monkeypatch.undo()
    with connect(server) as client:
        wait_until(lambda: server.application and server.application.connections)
        monkeypatch.setattr(limits, "IDLE_S", 0)
        client.sendall(READY)
        answer = read_all(client)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.count(b"HTTP/1.1") == 1
    assert answer.endswith(b'{"ready":true}')


def test_a_slow_reader(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that does not take its answer does not keep its connection; one that takes it in time gets all."""
    assert len(server.get("/").body) == LARGE
    monkeypatch.setattr(limits, "SEND_S", 0.3)
    assert server.application
    with connect(server) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + READY)
        wait_until(lambda: bool(server.application and server.application.connections))
        wait_until(lambda: not (server.application and server.application.connections))
        assert len(read_all(client)) < LARGE


def test_too_much_data_at_once(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bodies of all requests together have a limit; what is freed can be used again."""
    monkeypatch.setattr(limits, "MAX_BUFFERED_BYTES", 1_000_000)
    request = post(bytes(900_000))
    with connect(server) as first:
        first.sendall(request[:-1])
        wait_until(lambda: server.application and server.application.n_buffered_bytes > 890_000)
        answer = exchange(server, post(bytes(200_000)))
        assert "receiving too much data" in read_error(answer, 503)
        assert b"\r\nRetry-After: 1\r\n" in answer
    wait_until(lambda: server.application and server.application.n_buffered_bytes == 0)
    assert server.post("/predict", bytes(900_000), {"Content-Type": "application/json"}).status == 400


def test_too_many_connections(server: Server) -> None:
    """One more than allowed is refused; after one has ended, the next one is taken."""
    assert server.application
    server.application.max_connections = 3
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connect(server)) for _ in range(3)]
        wait_until(lambda: server.application and len(server.application.connections) == 3)
        answer = exchange(server, b"")
        assert "has 3 connections already" in read_error(answer, 503)
        assert b"\r\nRetry-After: 1\r\n" in answer
        clients[0].close()
        wait_until(lambda: server.application and len(server.application.connections) == 2)
        assert server.get("/v2/health/ready").status == 200


def test_a_client_that_leaves(server: Server) -> None:
    """Its request, which waits or has a thread, is forgotten; bodies are freed."""
    for _ in range(20):
        with connect(server) as client:
            client.sendall(post(b"?" * 100_000) * 3)
    wait_until(lambda: server.application and not server.application.connections)
    assert server.application
    assert server.application.n_buffered_bytes == 0
    assert server.get("/v2/health/ready").status == 200
