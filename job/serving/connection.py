"""Answers the requests of a connection one after the other, and limits how long they take.

The servers in packages lack limits that this one needs: uvicorn has none on slow clients, on the size of a head or on
the bodies of all requests together, refuses in plain text, and stops listening at once when it is told to stop.
"""

import asyncio
import math
import time
from collections.abc import Mapping
from email.utils import formatdate
from functools import lru_cache, partial
from http import HTTPStatus
from typing import Protocol, cast

from job.serving import limits
from job.serving.messages import HttpError, Request, Response, unavailable
from job.serving.request_reader import RequestReader, Shared

Answer = Response | asyncio.Task[Response]
STATUS_LINES = {status: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
MAX_PIPELINED = 8
"""Requests that wait for an earlier one on the same connection."""


class Host(Shared, Protocol):
    """What all connections of a server share."""

    connections: "set[Connection]"
    max_connections: int

    def answer(self, request: Request) -> Answer:
        """Answer a request, at once or later; it raises nothing."""

    def refuse(self, error: HttpError, headers: Mapping[str, str]) -> Response:
        """Answer what is not a request, or exceeds a limit, and may have headers."""


class Connection(asyncio.Protocol):
    """One connection of a client.

    Attributes:
        deadline: When the connection is to be closed, on the clock of the event loop.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._loop = asyncio.get_running_loop()
        self._reader = RequestReader(host, self._begin, self._continue)
        self._transport: asyncio.Transport
        self._task: asyncio.Task[Response] | None = None
        self._is_lingering = self._is_blocked = self._is_paused = False
        self.deadline = self._loop.time() + limits.IDLE_S

    # From asyncio.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, unless there are too many."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        self._host.connections.add(self)
        n, maximum = len(self._host.connections), self._host.max_connections
        if n > 2 * maximum:
            self.abort()
        elif n > maximum:
            self._refuse(unavailable(f"the server has {maximum:,} connections already; try again later"))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Forget the connection, and what its client waits for."""
        self._host.connections.discard(self)
        self._reader.stop()
        if self._task:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        """Read requests."""
        if not self._is_lingering and not self._transport.is_closing():
            self._reader.feed(data)
            self._go_on()

    def pause_writing(self) -> None:
        """Wait for a client that reads slowly."""
        self._is_blocked = True
        self._set_deadline()

    def resume_writing(self) -> None:
        """Go on with a client that has caught up."""
        self._is_blocked = False
        if not self._is_lingering:
            self._set_deadline()
        self._go_on()

    # From the reader.

    def _begin(self) -> None:
        if not self._task:
            self.deadline = self._loop.time() + limits.REQUEST_S

    def _continue(self) -> None:
        if not self._task and not self._reader.requests:  # otherwise, an earlier answer comes first
            self._transport.write(CONTINUE)

    # From the server.

    @property
    def is_busy(self) -> bool:
        """Whether a stopping server has to wait for the connection."""
        is_closing = self._is_blocked or self._is_lingering or self._transport.is_closing()
        is_receiving = self._reader.is_receiving and not self._reader.is_late
        return bool(self._task or self._reader.requests or is_receiving or is_closing)

    def expire(self) -> None:
        """End what takes longer than its limit."""
        if self._reader.is_receiving and not self._is_lingering and not self._transport.is_closing():
            text = f"the request did not arrive within {limits.REQUEST_S:.0f} s; send it faster, or less"
            self._refuse(HttpError(HTTPStatus.REQUEST_TIMEOUT, text))
        else:
            self.abort()

    def abort(self) -> None:
        """Close the connection without an answer."""
        self._transport.abort()

    # Inner workings.

    def _go_on(self) -> None:
        """Answer the next requests, as far as they can be answered now."""
        reader = self._reader
        while reader.requests and not self._task and not self._is_blocked and not self._transport.is_closing():
            request, is_last = reader.requests.popleft()
            answer = self._host.answer(request)
            if isinstance(answer, Response):
                self._send(request, answer, is_last=is_last)
            else:
                self._task = answer
                self._set_deadline()
                answer.add_done_callback(partial(self._send_later, request, is_last=is_last))
        if self._transport.is_closing():
            return
        if reader.problem and not self._task and not self._is_blocked and not self._is_lingering:
            self._refuse(reader.problem)
        has_enough = self._is_blocked or len(reader.requests) > MAX_PIPELINED
        if has_enough != self._is_paused:  # otherwise it reads on, to notice when the client leaves
            self._is_paused = has_enough
            (self._transport.pause_reading if has_enough else self._transport.resume_reading)()

    def _send_later(self, request: Request, task: asyncio.Task[Response], *, is_last: bool) -> None:
        if not task.cancelled() and not self._transport.is_closing():
            self._task = None
            self._send(request, task.result(), is_last=is_last)
            self._go_on()

    def _send(self, request: Request, response: Response, *, is_last: bool) -> None:
        self._reader.forget(request.body)
        is_last |= self._host.is_draining
        self._write(response, has_body=request.method != "HEAD", is_last=is_last)
        if is_last:
            self._reader.requests.clear()
            self._transport.close()
        self._set_deadline()

    def _set_deadline(self) -> None:
        """Start the time that the client has for what it has to do now."""
        if self._is_blocked or self._transport.is_closing():
            limit = limits.SEND_S
        elif self._task:
            limit = math.inf
        else:
            limit = limits.REQUEST_S if self._reader.is_receiving else limits.IDLE_S
        self.deadline = self._loop.time() + limit

    def _refuse(self, error: HttpError) -> None:
        """Send an error, and close the connection once the client has had time to read it.

        If the server closed at once while the client is still sending, the client's system would discard the answer.
        """
        self._write(self._host.refuse(error, self._reader.headers), has_body=True, is_last=True)
        self._is_lingering = True
        self._reader.stop()
        self.deadline = self._loop.time() + limits.LINGER_S
        if self._transport.can_write_eof():
            self._transport.write_eof()

    def _write(self, response: Response, *, has_body: bool, is_last: bool) -> None:
        head = [STATUS_LINES[response.status], f"Date: {_format_date(int(time.time()))}\r\n"]
        if response.status != HTTPStatus.NO_CONTENT:
            head.append(f"Content-Type: {response.content_type}\r\nContent-Length: {len(response.body)}\r\n")
        head += [f"{name}: {value}\r\n" for name, value in response.headers.items()]
        head.append("Connection: close\r\n\r\n" if is_last else "\r\n")
        content = "".join(head).encode("latin-1")
        self._transport.write(content + response.body if has_body else content)


@lru_cache(maxsize=1)
def _format_date(second: int) -> str:
    return formatdate(second, usegmt=True)
