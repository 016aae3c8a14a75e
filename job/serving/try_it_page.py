"""Renders a page of its own to try the model, whose predictions come from the server."""

from functools import cache

from job.serving.engine import NAME
from job.serving.messages import HTML, Handler, Response
from job.serving.served_model import ServedModel


def send_try_it(model: ServedModel) -> Handler:
    """The handler of `GET /try-it.html` for a report without such a page; the first request renders it."""
    render = cache(lambda: Response(_render(model).encode(), HTML))
    return lambda _: render()


def _render(model: ServedModel) -> str:
    from job.report.inline_code import hash_for_policy, remove_indents
    from job.report.templates import TEMPLATES, create_environment  # loads Jinja

    filters = {"csp_hash": hash_for_policy, "compact": remove_indents}
    environment = create_environment(TEMPLATES / "report", filters, autoescape=True)
    content = {"classes": model.class_names, "labels": {}}
    view = {"model": content, "place": "server", "is_clothing": False, "images": [], "name": NAME, "report": "./"}
    section = {"title": "Try the model"}
    return environment.get_template("try-it.html").render(layout="single", view=view, section=section)
