"""HTTP requests, responses and errors, apart from the connection that carries them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

import msgspec

JSON = "application/json"
HTML = "text/html; charset=utf-8"
RETRY_AFTER_S = 1
"""When a client may try again after an answer of 503."""


@dataclass(frozen=True, slots=True)
class Request:
    """A complete request.

    Attributes:
        method: In capitals.
        path: Without the query.
        query: The text after the question mark, still encoded.
        headers: By name in lower case; values of a repeated header are joined by commas.
        body: As the client sent it, without the transfer encoding.
        is_late: Whether it began after the server was told to stop.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class Response:
    """An answer; the connection adds its date and length, and whether the connection ends."""

    body: bytes
    content_type: str = JSON
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Request], Response]


class HttpError(Exception):
    """An error that the client is told: one line that says what is wrong, and what to do."""

    def __init__(self, status: HTTPStatus, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}

    def response(self) -> Response:
        """The answer of this error."""
        return json_response({"error": str(self)}, self.status, self.headers)


def bad_request(message: str) -> HttpError:
    """The error for a request that cannot be understood."""
    return HttpError(HTTPStatus.BAD_REQUEST, message)


def unavailable(message: str) -> HttpError:
    """The error for a request that would succeed at another time."""
    return HttpError(HTTPStatus.SERVICE_UNAVAILABLE, message, {"Retry-After": str(RETRY_AFTER_S)})


def json_response(
    content: Mapping[str, object], status: HTTPStatus = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> Response:
    """An answer in JSON."""
    return Response(msgspec.json.encode(content), JSON, status, headers or {})
