"""Renders the API of the server as a page for readers."""

from functools import cache
from html import escape
from typing import Any

from job.serving.engine import NAME
from job.serving.messages import HTML, Handler, Request, Response
from job.serving.open_inference import INPUT, OUTPUT

HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"}
ORIGIN = "{origin}"
"""Placeholder for scheme, host and port of the server, as a client names them."""


def send_docs(api: dict[str, Any]) -> Handler:
    """The handler of `GET /docs`; the first request renders the OpenAPI document `api`."""

    def send(request: Request) -> Response:
        origin = "http://" + escape(request.headers.get("host", "localhost"))
        return Response(render().replace(ORIGIN, origin).encode(), HTML, headers=HEADERS)

    render = cache(lambda: _render(api))
    return send


def _render(api: dict[str, Any]) -> str:
    from job.report.templates import TEMPLATES, create_environment  # loads Jinja

    template = create_environment(TEMPLATES, {}, autoescape=True).get_template("serving/docs.html")
    return template.render(api=api, origin=ORIGIN, model_name=NAME, input=INPUT, output=OUTPUT)
