"""Clients that load a server: each sends one request after the other, and records how it was answered."""

import contextlib
import http.client
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from served import Answer, Server, read_answer

HANGS_AFTER_S = 60
"""When a test gives up; no result depends on how long anything takes."""
BELOW_EPHEMERAL = range(20_000, 32_000)
"""Ports that no client gets from the system, so that none can take the one of a server that is about to start again."""


@dataclass(frozen=True)
class Query:
    """A request."""

    path: str
    body: bytes = b""
    content_type: str = "application/json"
    method: str = "POST"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What became of a request.

    Attributes:
        answer: None if the connection ended without one.
        is_early: Whether the request had been sent before the mark.
    """

    query: Query
    answer: Answer | None
    is_early: bool


class Load:
    """Clients, each on a connection of its own, which connect again when the server ends it."""

    def __init__(self, port: int, queries: Sequence[Query]) -> None:
        self._port = port
        self._queries = queries
        self._is_over = threading.Event()
        self._is_marked = threading.Event()
        self.outcomes: list[Outcome] = []

    @property
    def answers(self) -> list[Answer]:
        """The answers so far."""
        return [each.answer for each in [*self.outcomes] if each.answer]

    def mark(self) -> None:
        """Tell requests that were sent before from later ones."""
        self._is_marked.set()

    def wait_for_answers(self, n: int) -> None:
        """Wait for this number of further answers."""
        target = len(self.answers) + n
        wait_until(lambda: len(self.answers) >= target)

    def run(self, index: int) -> None:
        """Be one client."""
        queries = itertools.cycle([*self._queries[index:], *self._queries[:index]])
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=HANGS_AFTER_S)) as client:
            while not self._is_over.is_set():
                self.outcomes.append(self._ask(client, next(queries)))

    def stop(self) -> None:
        """Let every client end after its request."""
        self._is_over.set()

    def _ask(self, client: http.client.HTTPConnection, query: Query) -> Outcome:
        is_early = False
        try:
            client.request(query.method, query.path, query.body, {"Content-Type": query.content_type, **query.headers})
            is_early = not self._is_marked.is_set()
            return Outcome(query, read_answer(client), is_early)
        except (OSError, http.client.HTTPException):
            client.close()
            time.sleep(0.01)  # leaves the processor to the server that starts
            return Outcome(query, None, is_early)


@contextlib.contextmanager
def loading(port: int, queries: Sequence[Query], n_clients: int) -> Iterator[Load]:
    """Let clients send these requests until the end of the block."""
    load = Load(port, queries)
    threads = [threading.Thread(target=load.run, args=(index % len(queries),)) for index in range(n_clients)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        load.stop()
        for thread in threads:
            thread.join()


def wait_until(condition: Callable[[], object]) -> None:
    """Wait for something that must happen."""
    end = time.monotonic() + HANGS_AFTER_S
    while not condition():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.01)


def find_free_port() -> int:
    """A port on which nothing listens, and that the system gives to no client."""
    for port in BELOW_EPHEMERAL:
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("no port is free")


def read_memory_kib(server: Server, *, peak: bool = False) -> int:
    """The resident memory of the server, now or at its peak."""
    assert server.process
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    name = "VmHWM" if peak else "VmRSS"
    return int(next(line for line in status.splitlines() if line.startswith(name)).split()[1])
