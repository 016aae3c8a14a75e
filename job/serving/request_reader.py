"""Reads the requests of a connection from its bytes, within limits on their size.

llhttp, the parser of Node.js, does the parsing (package httptools).
"""

from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from typing import Protocol

import httptools

from job.serving import limits
from job.serving.messages import HttpError, Request, bad_request, unavailable


class Shared(Protocol):
    """What the readers of all connections share."""

    n_buffered_bytes: int
    is_draining: bool


class RequestReader:
    """Reads the requests of one connection.

    Attributes:
        requests: Requests that have arrived, and whether each is the last one of its connection.
        headers: Those of the latest request, as far as they have arrived.
        problem: Why nothing more can be read, once that is so.
        is_receiving: Whether a part of a request has arrived.
        is_late: Whether the latest request began after the server was told to stop.
    """

    def __init__(self, shared: Shared, on_begin: Callable[[], None], on_expect: Callable[[], None]) -> None:
        """Prepare to read.

        Args:
            shared: What all connections share.
            on_begin: Called when a request begins.
            on_expect: Called when a client waits for "100 Continue" before it sends the body.
        """
        self._shared = shared
        self._on_begin = on_begin
        self._on_expect = on_expect
        self._parser = httptools.HttpRequestParser(self)
        self._n_buffered_bytes = self._n_read_bytes = 0
        self._body = bytearray()
        self._is_in_head = False
        self.headers: dict[str, str] = {}
        self.requests: deque[tuple[Request, bool]] = deque()
        self.problem: HttpError | None = None
        self.is_receiving = self.is_late = False

    def feed(self, data: bytes) -> None:
        """Read what the client sent."""
        if self.is_receiving:
            self._n_read_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:  # the request itself was complete; the server stays with HTTP/1.1
            if self.requests:
                self.requests[-1] = (self.requests[-1][0], True)
        except httptools.HttpParserError as error:
            self._fail(_not_http(str(error)))
        if self.is_receiving and self._n_read_bytes > limits.MAX_HEAD_BYTES:
            self._fail(_head_too_large())

    def forget(self, body: bytes) -> None:
        """Let other requests have the memory of this body."""
        self._release(len(body))

    def stop(self) -> None:
        """Forget all requests."""
        self._release(self._n_buffered_bytes)
        self._body.clear()
        self.requests.clear()

    # From httptools.

    def on_message_begin(self) -> None:
        """Start to read a request."""
        self.is_receiving = self._is_in_head = True
        self.is_late = self._shared.is_draining
        self._target = b""
        self.headers = {}
        self._n_hosts = self._n_head_bytes = self._n_read_bytes = 0
        self._on_begin()

    def on_url(self, url: bytes) -> None:
        """Read the target, or a part of it."""
        self._count_head(len(url))
        if not self.problem:
            self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Read a header; those that follow the body are left out."""
        self._count_head(len(name) + len(value) + len(": \r\n"))
        if self.problem or not self._is_in_head:
            return
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self.headers[key] = f"{self.headers[key]},{text}" if key in self.headers else text
        self._n_hosts += key == "host"

    def on_headers_complete(self) -> None:
        """Check the head, before the body arrives."""
        self._is_in_head = False
        self._n_read_bytes = 0
        if self._n_hosts != 1 and self._parser.get_http_version() == "1.1":
            self._fail(_not_http(f"it has {self._n_hosts} Host headers, but must have one"))
        if int(self.headers.get("content-length", "0")) > limits.MAX_BODY_BYTES:  # llhttp accepts only a number
            self._fail(_body_too_large())
        if not self.problem and self.headers.get("expect", "").lower() == "100-continue":
            self._on_expect()

    def on_body(self, body: bytes) -> None:
        """Read a part of the body."""
        self._n_read_bytes = 0
        if self.problem:
            return
        self._n_buffered_bytes += len(body)
        self._shared.n_buffered_bytes += len(body)
        if len(self._body) + len(body) > limits.MAX_BODY_BYTES:
            self._fail(_body_too_large())
        elif self._shared.n_buffered_bytes > limits.MAX_BUFFERED_BYTES:
            self._fail(unavailable("the server is receiving too much data; try again later"))
        else:
            self._body += body  # a list of small chunks would need many times their size

    def on_message_complete(self) -> None:
        """Queue the request."""
        self.is_receiving = False
        if self.problem:
            return
        path, _, query = self._target.decode("latin-1").partition("?")
        method = self._parser.get_method().decode("latin-1")
        request = Request(method, path, query, self.headers, bytes(self._body), self.is_late)
        self._body.clear()
        keeps_alive = self._parser.should_keep_alive() and self._parser.get_http_version() == "1.1"
        self.requests.append((request, not keeps_alive))

    def _count_head(self, n_bytes: int) -> None:
        self._n_head_bytes += n_bytes
        if self._n_head_bytes > limits.MAX_HEAD_BYTES:
            self._fail(_head_too_large())

    def _fail(self, problem: HttpError) -> None:
        """Note the first problem."""
        self.problem = self.problem or problem

    def _release(self, n_bytes: int) -> None:
        self._n_buffered_bytes -= n_bytes
        self._shared.n_buffered_bytes -= n_bytes


def _not_http(reason: str) -> HttpError:
    return bad_request(f"this is not an HTTP/1.1 request: {reason}")


def _head_too_large() -> HttpError:
    text = f"target and headers have more than {limits.MAX_HEAD_BYTES:,} bytes; send fewer"
    return HttpError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, text)


def _body_too_large() -> HttpError:
    text = f"the body has more than {limits.MAX_BODY_BYTES:,} bytes; send less at a time"
    return HttpError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text)
