"""Renders the model card of exported models.

The headings follow Mitchell et al. 2019, Model Cards for Model Reporting, arXiv 1810.03993. The block above them is the
metadata that Hugging Face reads.
"""

import re

from markupsafe import Markup

from job.config.recipes import TestTime
from job.report.formatting import FILTERS
from job.report.templates import TEMPLATES, create_environment
from job.results.file_names import CARD
from job.results.run import Run

FOLDER = TEMPLATES / "model_card"
MARKUP = re.compile(r"([\\`*_\[\]<>|~&$#@:])")
"""Characters that can begin Markdown, HTML, a formula, a mention or a link within a line."""

VIEWS: dict[TestTime, str] = {
    "none": "",
    "flip": "2 views (as it is and mirrored)",
    "flip-shift": "10 views (as it is, shifted by one pixel in each of four directions, and each of these mirrored; "
    "the 2 unshifted views count as much as the 8 shifted ones)",
}
"""The views in which the model classifies each image, by the value of `--test-time`."""


def render_model_card(run: Run) -> str:
    """Render the card as Markdown; markup in names, such as those of classes, is escaped.

    Raises:
        ValueError: If this job did not train the model.
    """
    if run.training is None:
        raise ValueError("a model card describes a training")
    environment = create_environment(FOLDER, FILTERS, autoescape=False, finalize=_escape, keep_trailing_newline=True)
    environment.filters |= {
        "date": lambda moment: Markup(FILTERS["date"](moment)),  # noqa: S704 - its colons are not markup
        "code": Markup,
    }
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False}
    return environment.get_template(CARD).render(
        run=run,
        views=VIEWS[run.training.config.test_time],
        n_predicted=run.evaluation.matrix.sum(axis=0).tolist(),
    )


def _escape(value: object) -> str:
    """Escape a value for a line of Markdown; Markup stays as it is."""
    return value if isinstance(value, Markup) else MARKUP.sub(r"\\\1", " ".join(str(value).split()))
