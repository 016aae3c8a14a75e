"""Renders the API of the server as a page for readers."""

from pathlib import Path
from typing import Any

import jinja2

from job.serving.engine import NAME
from job.serving.messages import Response
from job.serving.open_inference import INPUT, OUTPUT
from job.serving.openapi import ERRORS

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"}


def describe_for_readers(api: dict[str, Any], origin: str) -> Response:
    """Answer `GET /docs`.

    Args:
        api: The OpenAPI document.
        origin: Scheme, host and port of the server, as the client names them.
    """
    loader = jinja2.FileSystemLoader(TEMPLATES)
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    template = environment.get_template("serving/docs.html")
    names = {"model_name": NAME, "input": INPUT, "output": OUTPUT}
    page = template.render(api=api, errors=ERRORS, origin=origin, **names)
    return Response(page.encode(), "text/html; charset=utf-8", headers=HEADERS)
