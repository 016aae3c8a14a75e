"""Reads HTTP/1.1 requests from a connection and writes the answers, within limits on size and time.

llhttp, the parser of Node.js, reads the requests (package httptools). A connection handles one request at a time, in
the order of their arrival.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus
from typing import Protocol, cast

import httptools

from job.serving import limits
from job.serving.messages import HttpError, Request, Response, bad_request, unavailable

Answer = Response | asyncio.Task[Response]
STATUS_LINES = {status: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
MAX_PIPELINED = 8
"""Requests that wait for an earlier one on the same connection."""
NO_BODY = (HTTPStatus.NO_CONTENT,)


class Host(Protocol):
    """What all connections of a server share."""

    connections: "set[Connection]"
    max_connections: int
    n_buffered_bytes: int
    is_draining: bool

    def answer(self, request: Request) -> Answer:
        """Answer a request, at once or later; it raises nothing."""

    def refuse(self, error: HttpError) -> Response:
        """Answer what is not a request, or exceeds a limit."""


class Connection(asyncio.Protocol):
    """One connection of a client.

    Attributes:
        deadline: When the connection is to be closed, on the clock of the event loop.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport
        self._waiting: deque[tuple[Request, bool]] = deque()  # complete requests; whether to close after each
        self._task: asyncio.Task[Response] | None = None
        self._is_receiving = self._is_in_head = self._is_lingering = self._is_blocked = False
        self._is_paused = self._is_late = False
        self._problem: HttpError | None = None
        self._n_buffered_bytes = 0
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
        self._release(self._n_buffered_bytes)
        self._waiting.clear()
        if self._task:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        """Read requests."""
        if self._is_lingering or self._transport.is_closing():
            return
        if self._is_in_head:
            self._n_read_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:  # the request itself was complete; the server stays with HTTP/1.1
            if self._waiting:
                self._waiting[-1] = (self._waiting[-1][0], True)
        except httptools.HttpParserError as error:
            self._problem = self._problem or bad_request(f"this is not an HTTP/1.1 request: {error}")
        if self._is_in_head and self._n_read_bytes > limits.MAX_HEAD_BYTES:
            self._problem = self._problem or _head_too_large()
        self._go_on()

    def pause_writing(self) -> None:
        """Wait for a client that reads slowly."""
        self._is_blocked = True
        self.deadline = self._loop.time() + limits.SEND_S

    def resume_writing(self) -> None:
        """Go on with a client that has caught up."""
        self._is_blocked = False
        self._go_on()

    # From httptools.

    def on_message_begin(self) -> None:
        """Start to read a request."""
        self._is_receiving = self._is_in_head = True
        self._is_late = self._host.is_draining
        self._target = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._n_body_bytes = self._n_head_bytes = self._n_read_bytes = 0
        if not self._task:
            self.deadline = self._loop.time() + limits.REQUEST_S

    def on_url(self, url: bytes) -> None:
        """Read the target, or a part of it."""
        self._count_head(len(url))
        if not self._problem:
            self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Read a header."""
        self._count_head(len(name) + len(value) + len(": \r\n"))
        if not self._problem:
            key, text = name.decode("latin-1").lower(), value.decode("latin-1")
            self._headers[key] = f"{self._headers[key]},{text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        """Check the head, before the body arrives."""
        self._is_in_head = False
        if self._problem:
            return
        if int(self._headers.get("content-length", "0")) > limits.MAX_BODY_BYTES:  # llhttp accepts only a number
            self._problem = _body_too_large()
        elif self._headers.get("expect", "").lower() == "100-continue" and not self._waiting:
            self._transport.write(CONTINUE)

    def on_body(self, body: bytes) -> None:
        """Read a part of the body."""
        if self._problem:
            return
        self._n_body_bytes += len(body)
        self._n_buffered_bytes += len(body)
        self._host.n_buffered_bytes += len(body)
        if self._n_body_bytes > limits.MAX_BODY_BYTES:
            self._problem = _body_too_large()
        elif self._host.n_buffered_bytes > limits.MAX_BUFFERED_BYTES:
            self._problem = unavailable("the server is receiving too much data; try again later")
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """Queue the request."""
        self._is_receiving = False
        if self._problem:
            return
        path, _, query = self._target.decode("latin-1").partition("?")
        method = self._parser.get_method().decode("latin-1")
        request = Request(method, path, query, self._headers, b"".join(self._body), self._is_late)
        self._body = []
        keeps_alive = self._parser.should_keep_alive() and self._parser.get_http_version() == "1.1"
        self._waiting.append((request, not keeps_alive))

    # From the server.

    @property
    def is_busy(self) -> bool:
        """Whether a stopping server has to wait for the connection."""
        is_closing = self._is_blocked or self._is_lingering or self._transport.is_closing()
        is_receiving = self._is_receiving and not self._is_late
        return bool(self._task or self._waiting or is_receiving or is_closing)

    def expire(self) -> None:
        """End what takes longer than its limit."""
        if self._is_receiving and not self._is_lingering:
            text = f"the request did not arrive within {limits.REQUEST_S:.0f} s; send it faster, or less"
            self._refuse(HttpError(HTTPStatus.REQUEST_TIMEOUT, text))
        else:
            self.abort()

    def abort(self) -> None:
        """Close the connection without another word."""
        self._transport.abort()

    # Inner workings.

    def _count_head(self, n_bytes: int) -> None:
        self._n_head_bytes += n_bytes
        if self._n_head_bytes > limits.MAX_HEAD_BYTES:
            self._problem = self._problem or _head_too_large()

    def _go_on(self) -> None:
        """Answer the next requests, as far as they can be answered now."""
        while self._waiting and not self._task and not self._is_blocked and not self._transport.is_closing():
            request, is_last = self._waiting.popleft()
            answer = self._host.answer(request)
            if isinstance(answer, Response):
                self._send(request, answer, is_last=is_last)
            else:
                self.deadline = math.inf
                self._task = answer
                answer.add_done_callback(lambda task: self._send_later(request, task, is_last=is_last))  # noqa: B023 - the loop ends here
        if self._transport.is_closing():
            return
        if self._problem and not self._task and not self._is_blocked and not self._is_lingering:
            self._refuse(self._problem)
        has_enough = self._is_blocked or len(self._waiting) > MAX_PIPELINED
        if has_enough != self._is_paused:  # otherwise it reads on, to notice when the client leaves
            self._is_paused = has_enough
            (self._transport.pause_reading if has_enough else self._transport.resume_reading)()

    def _send_later(self, request: Request, task: asyncio.Task[Response], *, is_last: bool) -> None:
        if not task.cancelled() and not self._transport.is_closing():
            self._task = None
            self._send(request, task.result(), is_last=is_last)
            self._go_on()

    def _send(self, request: Request, response: Response, *, is_last: bool) -> None:
        self._release(len(request.body))
        is_last |= self._host.is_draining
        self._write(response, has_body=request.method != "HEAD", is_last=is_last)
        if is_last:
            self._waiting.clear()
            self._transport.close()
        elif not self._is_blocked:
            self.deadline = self._loop.time() + (limits.REQUEST_S if self._is_receiving else limits.IDLE_S)

    def _refuse(self, error: HttpError) -> None:
        """Send an error, and close the connection once the client has had time to read it.

        If the server closed at once while the client is still sending, the client's system would discard the answer.
        """
        self._write(self._host.refuse(error), has_body=True, is_last=True)
        self._is_lingering = True
        self._release(self._n_buffered_bytes)
        self._body = []
        self.deadline = self._loop.time() + limits.LINGER_S
        if self._transport.can_write_eof():
            self._transport.write_eof()

    def _write(self, response: Response, *, has_body: bool, is_last: bool) -> None:
        head = [STATUS_LINES[response.status], f"Date: {_date()}\r\n"]
        if response.status not in NO_BODY:
            head.append(f"Content-Type: {response.content_type}\r\nContent-Length: {len(response.body)}\r\n")
        head += [f"{name}: {value}\r\n" for name, value in response.headers.items()]
        head.append("Connection: close\r\n\r\n" if is_last else "\r\n")
        content = "".join(head).encode("latin-1")
        self._transport.write(content + response.body if has_body else content)

    def _release(self, n_bytes: int) -> None:
        self._n_buffered_bytes -= n_bytes
        self._host.n_buffered_bytes -= n_bytes


def _head_too_large() -> HttpError:
    text = f"target and headers have more than {limits.MAX_HEAD_BYTES:,} bytes; send fewer"
    return HttpError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, text)


def _body_too_large() -> HttpError:
    text = f"the body has more than {limits.MAX_BODY_BYTES:,} bytes; send less at a time"
    return HttpError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text)


def _cached_each_second(function: Callable[[float], str]) -> Callable[[], str]:
    second, text = 0, ""

    def call() -> str:
        nonlocal second, text
        now = int(time.time())
        if now != second:
            second, text = now, function(now)
        return text

    return call


_date = _cached_each_second(lambda now: formatdate(now, usegmt=True))
