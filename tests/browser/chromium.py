"""What the browser tests need: Chromium, a server like Jenkins, and a visit to a page that remembers what happened."""

import http.server
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

JENKINS = "sandbox allow-same-origin; default-src 'none'; img-src 'self'; style-src 'self';"
"""The Content-Security-Policy under which Jenkins shows what a build has archived."""

HEIGHT = 900


def executable() -> str:
    """The path of the system's Chromium."""
    found = filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    return next(found)


class _Handler(http.server.SimpleHTTPRequestHandler):
    policy: str | None = None

    def end_headers(self) -> None:
        if self.policy:
            self.send_header("Content-Security-Policy", self.policy)
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing: what is asked for is seen in the browser."""


class _JenkinsHandler(_Handler):
    policy = JENKINS


@contextmanager
def served(folder: Path, *, like_jenkins: bool) -> Iterator[str]:
    """The address of a folder on a server of its own, which sends Jenkins's policy or none."""
    handler = partial(_JenkinsHandler if like_jenkins else _Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


@dataclass
class Visit:
    """A page, and since it was opened: the addresses it asked for, and what stood on the console."""

    page: Page
    requests: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)


@contextmanager
def visit(browser: Browser, address: str, *, width: int = 1440, **options: Any) -> Iterator[Visit]:  # noqa: ANN401
    """Opens a page in a window of its own; the options are those of Playwright's `new_context`."""
    with browser.new_context(viewport={"width": width, "height": HEIGHT}, **options) as context:
        made = Visit(context.new_page())
        made.page.on("request", lambda request: made.requests.append(request.url))
        made.page.on("console", lambda message: made.messages.append(f"{message.text} ({message.location['url']})"))
        made.page.on("pageerror", lambda error: made.messages.append(str(error)))
        made.page.goto(address)
        yield made


def words(page: Page) -> Counter[str]:
    """The words that can be seen on a page; a button's are not among them."""
    seen = Counter(page.inner_text("body").split())
    for button in page.locator("button").all_inner_texts():
        seen -= Counter(button.split())
    return seen


def letters(page: Page) -> str:
    """The text that can be seen on a page, without any white space, which depends on the style."""
    return "".join(page.inner_text("body").split())
