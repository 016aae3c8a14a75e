"""Renders a page of its own to try the model, whose predictions come from the server."""

from pathlib import Path

import jinja2

from job.report.inline_code import hash_for_policy, remove_indents
from job.serving.engine import NAME
from job.serving.messages import Response
from job.serving.served_model import ServedModel

TEMPLATES = Path(__file__).resolve().parents[2] / "templates" / "report"


def render_try_it(model: ServedModel) -> Response:
    """Answer `GET /try-it.html`, for a report without such a page."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"csp_hash": hash_for_policy, "compact": remove_indents}
    content = {"classes": model.class_names, "labels": {}}
    view = {"model": content, "place": "server", "images": [], "name": NAME, "report": "./"}
    section = {"title": "Try the model"}
    page = environment.get_template("try-it.html").render(layout="single", view=view, section=section)
    return Response(page.encode(), "text/html; charset=utf-8")
