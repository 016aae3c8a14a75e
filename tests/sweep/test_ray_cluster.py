"""Connecting to a Ray cluster, with a module in place of Ray."""

import socket
import sys
import threading
import types
from collections.abc import Callable, Iterator

import pytest

from job.errors import DeviceError, JobError, PackageError
from job.sweep import ray_cluster
from job.sweep.ray_cluster import connect
from job.sweep.ray_executor import count_slots

MISMATCH = """Version mismatch: The cluster was started with:
    Ray: 2.59.0
    Python: 3.11.7
This process on node 192.0.2.2 was started with:
    Ray: 2.60.0
    Python: 3.11.7
"""


@pytest.fixture
def port() -> Iterator[int]:
    """A port at which something answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def install(monkeypatch: pytest.MonkeyPatch, init: Callable[..., object]) -> types.ModuleType:
    """Put a module with this `init` in place of Ray."""
    module = types.ModuleType("ray")
    module.init = init  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ray", module)
    for name in ray_cluster.QUIET:
        monkeypatch.delenv(name, raising=False)
    return module


def fail(error: BaseException) -> Callable[..., object]:
    def init(*_: object, **__: object) -> None:
        raise error

    return init


def test_a_cluster_that_answers(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    """Ray gets the address as it is."""
    given = []
    ray = install(monkeypatch, lambda address, **_: given.append(address))
    assert connect(f"ray://127.0.0.1:{port}") is ray
    assert given == [f"ray://127.0.0.1:{port}"]


def test_ray_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line says how to install it."""
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(PackageError, match=r"--cluster needs Ray, which is not installed; run `make cluster`"):
        connect("auto")


def test_nothing_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray is not asked."""
    install(monkeypatch, fail(AssertionError()))
    with pytest.raises(
        DeviceError, match=r"cannot connect \(.*refused\); on a machine outside the cluster, use ray://"
    ):
        connect("127.0.0.1:1")


def test_a_cluster_that_is_silent(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    """The sweep does not wait for longer than the limit."""
    monkeypatch.setattr(ray_cluster, "TIMEOUT_S", 0.2)
    end = threading.Event()
    install(monkeypatch, lambda *_, **__: end.wait(60))
    with pytest.raises(DeviceError, match="it did not answer within"):
        connect(f"127.0.0.1:{port}")
    end.set()


@pytest.mark.parametrize(
    ("error", "expected", "text"),
    [
        (
            RuntimeError(MISMATCH),
            PackageError,
            r"another version of Ray or Python .* \(Ray 2.59.0, Python 3.11.7, Ray 2.60.0, Python 3.11.7\)",
        ),
        (
            ConnectionError("Could not find any running Ray instance.\nStart one."),
            DeviceError,
            "running Ray instance. S",
        ),
        (SystemExit(1), DeviceError, "cannot connect"),
    ],
)
def test_an_error_of_ray_is_one_line(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, expected: type[JobError], text: str
) -> None:
    """Whatever Ray raises."""
    install(monkeypatch, fail(error))
    with pytest.raises(expected, match=text) as caught:
        connect("auto")
    assert "\n" not in str(caught.value)


def test_slots_are_counted_node_by_node() -> None:
    """Processors that no single node has do not count."""
    nodes = [{"CPU": 3.0, "GPU": 1.0}, {"CPU": 8.0}, {"memory": 1.0}]
    assert count_slots(nodes, 2, 0) == 5
    assert count_slots(nodes, 1, 1) == 1
    assert count_slots(nodes, 16, 0) == 0
