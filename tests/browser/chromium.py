"""Starts Chromium, serves a report like Jenkins, and records the requests and messages of a page."""

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

import numpy as np
from playwright.sync_api import Browser, Page, expect

from job.results.network_npz import PlainNetwork, build_network

JENKINS = "sandbox allow-same-origin; default-src 'none'; img-src 'self'; style-src 'self';"
"""The Content-Security-Policy with which Jenkins serves the files of a build."""

HEIGHT = 900
SCRIPTED = "#try-it, .try-hint, nav [href*=try-it]"
"""The parts of a page that need a script."""


def executable() -> str:
    """The path of the system's Chromium."""
    paths = map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))
    return next(filter(None, paths))


class _Handler(http.server.SimpleHTTPRequestHandler):
    policy: str | None = None

    def end_headers(self) -> None:
        if self.policy:
            self.send_header("Content-Security-Policy", self.policy)
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """Logs nothing, because the browser records the requests."""


class _JenkinsHandler(_Handler):
    policy = JENKINS


@contextmanager
def served(folder: Path, *, like_jenkins: bool) -> Iterator[str]:
    """Serves a folder, with the policy of Jenkins or without one; yields its address."""
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
    """A page, the addresses that it requested, and the messages on its console."""

    page: Page
    requests: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)


@contextmanager
def visit(
    browser: Browser,
    address: str,
    *,
    width: int = 1440,
    with_model: bool = False,
    **options: Any,  # noqa: ANN401
) -> Iterator[Visit]:
    """Opens a page in a new window; the options are those of Playwright's `new_context`.

    With `with_model`, it waits until the section "Try the model" shows a prediction.
    """
    with browser.new_context(viewport={"width": width, "height": HEIGHT}, **options) as context:
        opened = Visit(context.new_page())
        opened.page.on("request", lambda request: opened.requests.append(request.url))
        opened.page.on("console", lambda message: opened.messages.append(f"{message.text} ({message.location['url']})"))
        opened.page.on("pageerror", lambda error: opened.messages.append(str(error)))
        opened.page.goto(address)
        if with_model:
            expect(opened.page.locator("#try-answer b")).not_to_be_empty()
        yield opened


def words(page: Page) -> Counter[str]:
    """The visible words of a page, without those of buttons and of the section that needs a script."""
    page.locator(SCRIPTED).evaluate_all("all => all.forEach(element => element.remove())")
    visible = Counter(page.inner_text("body").split())
    for button in page.locator("button").all_inner_texts():
        visible -= Counter(button.split())
    return visible


def make_network(n_classes: int) -> PlainNetwork:
    """A network with one layer of random parameters."""
    random = np.random.default_rng(0)
    kernel = random.normal(size=(784, n_classes)).astype(np.float32) / 10
    dense = {"kind": "dense", "activation": "softmax", "kernel": kernel, "bias": np.zeros(n_classes, np.float32)}
    means = np.zeros((n_classes, 14, 14), np.float32)
    return build_network([{"kind": "flatten"}, dense], "flip-shift", means, 9.0)


def letters(page: Page) -> str:
    """The visible text of a page without white space, which depends on the style."""
    return "".join(page.inner_text("body").split())
