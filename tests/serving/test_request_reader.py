import tracemalloc
from types import SimpleNamespace

import pytest

from job.serving import limits
from job.serving.request_reader import RequestReader

HEAD = b"POST /predict?crop=false HTTP/1.1\r\nHost: x\r\n"


def make_reader() -> tuple[RequestReader, SimpleNamespace, list[str]]:
    """A reader, what it shares with others, and the names of what it called."""
    shared, called = SimpleNamespace(n_buffered_bytes=0, is_draining=False), list[str]()
    return RequestReader(shared, lambda: called.append("begin"), lambda: called.append("expect")), shared, called


def test_a_request() -> None:
    """Its parts; repeated headers are joined, and its body counts until it is forgotten."""
    reader, shared, called = make_reader()
    reader.feed(HEAD + b"A: 1\r\na: 2\r\nContent-Length: 3\r\n\r\n")
    assert (reader.is_receiving, called, list(reader.requests)) == (True, ["begin"], [])
    reader.feed(b"abc")
    ((request, is_last),) = reader.requests
    assert (request.method, request.path, request.query) == ("POST", "/predict", "crop=false")
    assert request.headers == {"host": "x", "a": "1,2", "content-length": "3"}
    assert (request.body, is_last, reader.is_receiving, shared.n_buffered_bytes) == (b"abc", False, False, 3)
    reader.forget(request.body)
    assert shared.n_buffered_bytes == 0


def test_headers_after_the_body() -> None:
    """They change nothing: a proxy may not have checked them."""
    reader, _, _ = make_reader()
    reader.feed(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nContent-Type: image/png\r\nHost: y\r\n\r\n")
    ((request, _),) = reader.requests
    assert request.headers == {"host": "x", "transfer-encoding": "chunked"}


@pytest.mark.parametrize(("headers", "n"), [(b"", 0), (b"Host: x\r\nHost: y\r\n", 2)])
def test_the_header_host(headers: bytes, n: int) -> None:
    """HTTP/1.1 demands exactly one, HTTP/1.0 none."""
    reader, _, _ = make_reader()
    reader.feed(b"GET / HTTP/1.1\r\n" + headers + b"\r\n")
    assert str(reader.problem) == f"this is not an HTTP/1.1 request: it has {n} Host headers, but must have one"
    assert not reader.requests
    reader, _, _ = make_reader()
    reader.feed(b"GET / HTTP/1.0\r\n\r\n")
    assert (reader.problem, len(reader.requests)) == (None, 1)


def test_small_chunks() -> None:
    """A body in chunks of two bytes needs not much more memory than in one piece."""
    reader, _, _ = make_reader()
    reader.feed(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    chunks = b"2\r\nab\r\n" * 1000
    tracemalloc.start()
    for _ in range(100):
        reader.feed(chunks)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    reader.feed(b"0\r\n\r\n")
    assert reader.requests[0][0].body == b"ab" * 100_000
    assert peak < 1_000_000


def test_a_client_that_waits() -> None:
    """It is told to go on, unless its request will be refused."""
    expect = b"Expect: 100-continue\r\n"
    for length, expected in ((b"3", ["begin", "expect"]), (b"99999999", ["begin"])):
        reader, _, called = make_reader()
        reader.feed(HEAD + expect + b"Content-Length: " + length + b"\r\n\r\n")
        assert called == expected


def test_what_follows_the_body_has_a_limit() -> None:
    """The client may send neither a header nor a chunk length without an end."""
    start = HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n"
    for endless in (b"0\r\nA: ", b"1;extension="):
        reader, _, _ = make_reader()
        reader.feed(start + endless)
        for _ in range(17):
            assert reader.problem is None
            reader.feed(b"a" * 1000)
        assert reader.problem
        assert reader.problem.status == 431


def test_large_bodies() -> None:
    """Neither 16 MiB at once nor a million chunks count as headers."""
    reader, _, _ = make_reader()
    reader.feed(HEAD + b"Content-Length: %d\r\n\r\n" % limits.MAX_BODY_BYTES)
    for _ in range(limits.MAX_BODY_BYTES // 2**18):
        reader.feed(bytes(2**18))
    chunked, _, _ = make_reader()
    chunked.feed(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    content = b"2\r\nab\r\n" * 1_000_000 + b"0\r\n\r\n"
    for begin in range(0, len(content), 65_537):  # cuts chunks at every place
        chunked.feed(content[begin : begin + 65_537])
    assert (reader.problem, chunked.problem) == (None, None)
    assert [len(each.requests[0][0].body) for each in (reader, chunked)] == [limits.MAX_BODY_BYTES, 2_000_000]
