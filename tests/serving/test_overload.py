import json
import socket
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from load import HANGS_AFTER_S, wait_until
from served import Answer, Server, make_images, make_network, running, write_served

from job.serving import application, forward_pass, limits


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server with one thread, to which it passes every request for predictions."""
    monkeypatch.setattr(application, "INLINE_BYTES", 0)
    with running(write_served(tmp_path / "report"), n_threads=1) as server:
        yield server


class Gate:
    """Stops every prediction until it opens."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_open = threading.Event()
        self.n_arrived = 0
        predict = forward_pass.predict

        def wait(*arguments: Any) -> Any:  # noqa: ANN401 - as `predict`
            self.n_arrived += 1
            assert self.is_open.wait(HANGS_AFTER_S)
            return predict(*arguments)

        monkeypatch.setattr(forward_pass, "predict", wait)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """A gate, which opens at the end of the test at the latest."""
    gate = Gate(monkeypatch)
    yield gate
    gate.is_open.set()


def predict(server: Server) -> Answer:
    return server.post("/predict", {"images": make_images().tolist()})


def test_a_long_queue(server: Server, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is too much is refused at once; everything else is answered, and probes are never behind it."""
    monkeypatch.setattr(limits, "MAX_WAITING", 2)
    monkeypatch.setattr(limits, "QUEUE_S", HANGS_AFTER_S)
    assert server.application
    queue = server.application.queue
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(predict, server)
        wait_until(lambda: gate.n_arrived)
        waiting = [pool.submit(predict, server) for _ in range(2)]
        wait_until(lambda: queue.n_waiting == 2)
        refused = predict(server)
        assert (refused.status, refused.headers["retry-after"]) == (503, "1")
        assert refused.error == "2 requests are waiting already; try again later"
        assert server.get("/v2/health/ready").status == 200
        assert b"fashion_job_waiting_requests 2.0" in server.get("/metrics").body
        gate.is_open.set()
        assert [each.result().status for each in (first, *waiting)] == [200] * 3
    assert queue.n_waiting == 0


def test_a_long_wait(server: Server, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that waits too long for a thread is refused; later ones are answered."""
    monkeypatch.setattr(limits, "QUEUE_S", 0.2)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(predict, server)
        wait_until(lambda: gate.n_arrived)
        refused = predict(server)
        assert (refused.status, refused.headers["retry-after"]) == (503, "1")
        assert "no thread was free for 0 s" in refused.error
        gate.is_open.set()
        assert first.result().status == 200
    assert predict(server).status == 200


@pytest.mark.parametrize("resets", [False, True])
def test_a_client_that_leaves_the_queue(
    server: Server, gate: Gate, monkeypatch: pytest.MonkeyPatch, *, resets: bool
) -> None:
    """Its request is not computed."""
    monkeypatch.setattr(limits, "QUEUE_S", HANGS_AFTER_S)
    assert server.application
    queue = server.application.queue
    body = json.dumps({"images": make_images().tolist()}).encode()
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(predict, server)
        wait_until(lambda: gate.n_arrived)
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(head % len(body) + body)
            wait_until(lambda: queue.n_waiting)
            if resets:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        wait_until(lambda: not queue.n_waiting)
        gate.is_open.set()
        assert first.result().status == 200
    assert gate.n_arrived == 1


def test_a_bug(server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """The client learns nothing about the code; the log has the traceback, and the server goes on."""
    with monkeypatch.context() as patch, caplog.at_level("ERROR", "job"):
        patch.setattr("job.log.log.propagate", True)
        patch.setattr(forward_pass, "predict", lambda *_: 1 / 0)
        answer = predict(server)
    assert (answer.status, answer.error) == (500, "the server failed because of a bug; its log says more")
    assert "ZeroDivisionError" in caplog.text
    assert predict(server).status == 200


@pytest.mark.parametrize(("n_units", "has_thread"), [(32, False), (2000, True)])
def test_small_requests_are_answered_at_once(
    n_units: int, *, has_thread: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a request gets a thread depends on the network."""
    threads: list[str] = []
    original = forward_pass.predict

    def record(*arguments: Any) -> Any:  # noqa: ANN401 - as `predict`
        threads.append(threading.current_thread().name)
        return original(*arguments)

    monkeypatch.setattr(forward_pass, "predict", record)
    with running(write_served(tmp_path / "report", make_network(n_units=n_units))) as server:
        assert predict(server).status == 200
    assert [name.startswith("work") for name in threads] == [has_thread]
