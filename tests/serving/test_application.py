import threading
from pathlib import Path
from typing import Any

import pytest
from served import running, write_served

from job.log import log
from job.serving import photo_formats


@pytest.mark.parametrize("path", ["/predict", "/%70redict"])
def test_photos_have_a_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """The event loop decodes no picture, however its path is written: other clients would have to wait."""
    threads = []

    def record(*_: Any) -> None:  # noqa: ANN401 - as `decode_photo`
        threads.append(threading.current_thread().name)

    monkeypatch.setattr(photo_formats, "decode_photo", record)
    with running(write_served(tmp_path / "report")) as server:
        server.post(path, b"?", {"Content-Type": "image/png"})
    assert [name.startswith("work") for name in threads] == [True]


def test_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each request has one line, which its path cannot end."""
    lines: list[str] = []
    monkeypatch.setattr(log, "debug", lambda text, *values: lines.append(text % values))
    with running(write_served(tmp_path / "report")) as server:
        server.get("/v2/health/ready?probe=1")
        server.post("/a%0Ab", b"")
        server.ask("GET", "/a", headers={"Transfer-Encoding": "gzip"})
    assert lines == [
        "GET /v2/health/ready: 200",
        "POST /a%0Ab: 404",
        "refused: this is not an HTTP/1.1 request: Request has invalid `Transfer-Encoding`",
    ]


def test_the_version_of_the_model(tmp_path: Path) -> None:
    """A client that asks for another model or version learns what there is."""
    with running(write_served(tmp_path / "report")) as server:
        (version,) = server.get("/v2/models/fashion-job").content["versions"]
        error = server.get("/v1/models/fashion-job/versions/1").error
        assert error.endswith(
            f"does not exist; the model is named fashion-job, version {version}; see /docs for all paths"
        )
