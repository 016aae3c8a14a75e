import io
import threading
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from served import running, write_served

from job.log import log
from job.serving import docs_page, photo_formats, try_it_page
from job.serving.application import Application
from job.serving.messages import Request, Response
from job.serving.served_model import read_model


@pytest.mark.parametrize("path", ["/predict", "/%70redict"])
def test_photos_have_a_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """The event loop decodes no picture, however its path is written: other clients would have to wait."""
    threads = []

    def record(*_: Any) -> None:  # noqa: ANN401 - as `decode_photo`
        threads.append(threading.current_thread().name)

    monkeypatch.setattr(photo_formats, "decode_photo", record)
    file = io.BytesIO()
    Image.new("L", (28, 28)).save(file, "PNG")
    with running(write_served(tmp_path / "report")) as server:
        server.post(path, file.getvalue(), {"Content-Type": "image/png"})
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


@pytest.mark.parametrize(("module", "path"), [(docs_page, "/docs"), (try_it_page, "/try-it.html")])
def test_a_page_is_rendered_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: Any, path: str) -> None:  # noqa: ANN401
    """Later requests get the same page, with the host that each of them names."""
    calls: list[str] = []
    render = module._render

    def record(argument: Any) -> Any:  # noqa: ANN401 - as `_render`
        calls.append(path)
        return render(argument)

    monkeypatch.setattr(module, "_render", record)
    with running(write_served(tmp_path / "report")) as server:
        pages = [server.ask("GET", path, headers={"Host": host}) for host in ("a.example", "<b>.example", "a.example")]
    assert [page.status for page in pages] == [200] * 3
    assert calls == [path]
    assert pages[0].body == pages[2].body
    if module is docs_page:
        assert b"http://a.example/predict" in pages[0].body
        assert b"http://&lt;b&gt;.example/predict" in pages[1].body
        assert b"{origin}" not in pages[0].body


def test_the_pixels_in_the_description(tmp_path: Path) -> None:
    """It names the limit of this server, which depends on its memory."""
    model = read_model(write_served(tmp_path / "report"))
    application = Application(model, 1, max_pixels=1_234_567)
    for path in ("/openapi.json", "/docs"):
        response = application.answer(Request("GET", path))
        assert isinstance(response, Response)
        assert b"16 image files, 1,234,567 pixels in each and 50,000,000 in all" in response.body
    application.queue.stop()
