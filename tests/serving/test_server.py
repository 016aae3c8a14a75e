import contextlib
import io
import json
import shutil
import signal
import socket
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from load import HANGS_AFTER_S, read_memory_kib, wait_until
from PIL import Image
from served import Server, make_images, make_photo, started, write_served
from support import REPOSITORY, ErrorOf

from job.results.file_names import NETWORK, PAGE
from job.results.output_folder.manifest import read_manifest, write_manifest
from job.serving.server import list_urls


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to serve; tests must not change it."""
    return write_served(tmp_path_factory.mktemp("server") / "report")


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(folder, tmp_path / "copy"))


QUERY = {"images": make_images().tolist()}
BODY = json.dumps(QUERY).encode()
HEAD = (
    b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
    b"Expect: 100-continue\r\n\r\n" % len(BODY)
)


@contextlib.contextmanager
def half_sent(server: Server) -> Iterator[socket.socket]:
    """A connection with the first part of a request, which the server has received."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=HANGS_AFTER_S) as client:
        client.sendall(HEAD)
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(BODY[:50])
        yield client


def end(server: Server) -> tuple[int, str, str]:
    """The exit status, and what the process wrote on stdout and stderr; it has the ten seconds that the page names."""
    assert server.process
    out, err = server.process.communicate(timeout=10)
    return server.process.returncode, out, err


def stop(server: Server, number: int = signal.SIGTERM) -> None:
    """Send a signal, and wait until the server has noticed it."""
    assert server.process
    server.process.send_signal(number)
    wait_until(lambda: server.get("/v2/health/ready").status == 503)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_an_idle_server(folder: Path, number: int) -> None:
    """With 0, and one line about what it did; idle connections do not keep it."""
    with started(folder) as server, socket.create_connection(("127.0.0.1", server.port)):
        assert server.get("/v2/health/ready").status == 200
        assert server.process
        server.process.send_signal(number)
        assert end(server) == (0, "answered 1 request\n", "")


def test_a_request_under_way_is_answered(folder: Path) -> None:
    """Meanwhile, probes learn that the server stops, and new requests for predictions are refused."""
    with started(folder) as server, half_sent(server) as client:
        stop(server)
        for path in ("/v2/health/live", "/v2/health/ready", "/v2/models/fashion-job/ready"):
            answer = server.get(path)
            assert (answer.status, answer.headers["retry-after"]) == (503, "1")
            assert "the server is stopping" in answer.error
        assert "the server is stopping" in server.post("/predict", QUERY).error
        assert server.get("/").status == 200
        client.sendall(BODY[50:])
        received = client.recv(100_000)
        assert received.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"\r\nConnection: close\r\n" in received
        status, out, err = end(server)
        assert (status, err) == (0, "")
        assert out.startswith("answered ")


def test_a_request_that_never_ends(folder: Path) -> None:
    """The server stops within ten seconds nevertheless, with 0."""
    with started(folder) as server, half_sent(server):
        assert server.process
        server.process.terminate()
        warning = "fashion-job: warning: 1 request had not ended after 8 s\n"
        assert end(server) == (0, "answered no request\n", warning)


def test_a_second_signal(folder: Path) -> None:
    """It ends the server while a request is under way, with the status of a signal."""
    with started(folder) as server, half_sent(server):
        stop(server)
        assert server.process
        server.process.send_signal(signal.SIGINT)
        status, _, err = end(server)
        assert (status, err) == (130, "fashion-job: stopped by SIGINT; no file was changed\n")


def test_a_folder_that_cannot_be_served(error_of: ErrorOf, copy: Path, tmp_path: Path) -> None:
    """One line says why: no run, an edited or foreign file, or a run of an older release."""
    assert "metrics.json: not found; name the output folder" in error_of(65, "serve", "--output", tmp_path / "nothing")
    content = (copy / NETWORK).read_bytes()
    (copy / NETWORK).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert f"{NETWORK}: its SHA-256 is not the one in SHA256SUMS" in error_of(65, "serve", "--output", copy)
    (copy / NETWORK).write_bytes(content)
    (copy / PAGE).write_text("edited")
    assert f"{PAGE}: its SHA-256 is not the one in SHA256SUMS" in error_of(65, "serve", "--output", copy)
    digests = {name: digest for name, digest in read_manifest(copy).items() if name != NETWORK}
    write_manifest(copy, [PAGE], digests)
    line = error_of(65, "serve", "--output", copy)
    assert f"{NETWORK}: not part of this run, because an older release trained it; train again" in line


def test_an_address_that_is_not_available(error_of: ErrorOf, folder: Path) -> None:
    """The status is 69, and the line says what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        line = error_of(69, "serve", "--output", folder, "--port", port)
        assert f"--host 127.0.0.1 --port {port}: cannot listen there" in line
    assert "choose another port" in error_of(69, "serve", "--output", folder, "--host", "192.0.2.1")


def test_photos_in_little_memory(folder: Path) -> None:
    """Two threads decode and prepare photos of 1 million pixels in 128 MiB, as docs/serving.md says."""
    photo = make_photo(1000, 1000)
    with started(folder, "--threads", "2") as server, ThreadPoolExecutor(2) as pool:
        answers = pool.map(lambda _: server.post("/predict", photo, {"Content-Type": "image/webp"}), range(12))
        assert [each.status for each in answers] == [200] * 12
        assert read_memory_kib(server, peak=True) < 128 * 1024


def test_damaged_notes_of_a_camera(folder: Path) -> None:
    """They neither prevent an answer nor get into the log."""
    file = io.BytesIO()
    Image.new("L", (50, 50), 255).save(file, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\0\x12\x01")
    with warnings.catch_warnings(), pytest.warns(UserWarning, match="EXIF"), Image.open(file) as image:
        image.getexif()
    with started(folder) as server:
        assert server.post("/predict", file.getvalue(), {"Content-Type": "image/jpeg"}).status == 200
        assert server.process
        server.process.terminate()
        assert end(server) == (0, "answered 1 request\n", "")


class Ipv6Socket(socket.socket):
    """A socket of a system with IPv6, which not every system has."""

    def getsockname(self) -> tuple[str, int, int, int]:
        return "::1", 8001, 0, 0


def test_a_host_with_several_addresses() -> None:
    """The log names all, with the port that the system chose for each."""
    with socket.create_server(("127.0.0.1", 0)) as first, Ipv6Socket() as second:
        port = first.getsockname()[1]
        assert list_urls([first, second]) == f"http://127.0.0.1:{port}/ and http://[::1]:8001/"


def test_serving_needs_little(folder: Path) -> None:
    """No TensorFlow, SciPy, scikit-learn, pandas or matplotlib; and it writes no file."""
    with started(folder) as server:
        assert server.post("/predict", QUERY).status == 200
        assert server.post("/predict", make_photo(1000, 1000), {"Content-Type": "image/webp"}).status == 200
        for path in ("/docs", "/try-it.html"):
            assert server.get(path).status == 200
        assert server.process
        maps = Path(f"/proc/{server.process.pid}/maps").read_text()
        assert "numpy" in maps
        assert "/PIL/" in maps
        for name in ("tensorflow", "scipy", "sklearn", "pandas", "matplotlib"):
            assert f"/{name}/" not in maps
        files = [str(each.readlink()) for each in Path(f"/proc/{server.process.pid}/fd").iterdir()]
        assert not [file for file in files if file.startswith(str(REPOSITORY))]
        assert read_memory_kib(server) < 120 * 1024
