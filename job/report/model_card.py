"""Writes the model card of exported models.

The headings follow Mitchell et al. 2019, Model Cards for Model Reporting, arXiv 1810.03993. The block above them is the
metadata that Hugging Face reads.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import jinja2
from markupsafe import Markup

from job.config.recipes import TestTime
from job.evaluation.evaluate import ClassMetrics, Evaluation
from job.evaluation.intervals import Interval
from job.report.formatting import FILTERS, TEMPLATES
from job.results.file_names import CARD
from job.results.run import Run
from job.results.schema import Training

FOLDER = TEMPLATES / "model_card"
MARKUP = re.compile(r"([\\`*_\[\]<>|~&$#@:])")
"""Characters that can begin markup within a line: of Markdown, HTML, a formula, a mention or a link."""

VIEWS: dict[TestTime, str] = {
    "none": "",
    "flip": "2 views (as it is and mirrored)",
    "flip-shift": "10 views (as it is, shifted by one pixel in each of four directions, and each of these mirrored; "
    "the 2 unshifted views have half of the weight)",
}
"""The views in which the model classifies each image, by the value of `--test-time`."""


@dataclass(frozen=True)
class CardView:
    """Everything that the template shows, before formatting.

    Attributes:
        metrics: Name, value and interval of each metric of all test images.
        rows: Label, metrics and number of predictions of each class.
        settings: Settings that decide what is trained, by name.
        views: The views in which the model classifies each image; empty for one view.
    """

    run: Run
    training: Training
    metrics: list[tuple[str, float, Interval]]
    rows: list[tuple[int, ClassMetrics, int]]
    settings: dict[str, object]
    views: str


def write_model_card(folder: Path, run: Run) -> None:
    """Write the card of a trained run into `folder`."""
    (folder / CARD).write_text(render_model_card(run), encoding="utf-8")


def render_model_card(run: Run) -> str:
    """Render the card as Markdown; markup in names, such as those of classes, is escaped.

    Raises:
        ValueError: If this job did not train the model.
    """
    if run.training is None:
        raise ValueError("a model card describes a training")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=False,  # noqa: S701 - Markdown, not HTML: `finalize` escapes
        finalize=_escape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= dict(FILTERS) | {
        "date": lambda moment: Markup(FILTERS["date"](moment)),  # noqa: S704 - its colons are no markup
        "code": Markup,
    }
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False}
    return environment.get_template(CARD).render(view=_view_run(run, run.training))


def _escape(value: object) -> str:
    """Escape a value for a line of Markdown; Markup stays as it is."""
    return value if isinstance(value, Markup) else MARKUP.sub(r"\\\1", " ".join(str(value).split()))


def _view_run(run: Run, training: Training) -> CardView:
    n_predicted = run.evaluation.matrix.sum(axis=0).tolist()
    rows = enumerate(zip(run.evaluation.per_class, n_predicted, strict=True))
    return CardView(
        run=run,
        training=training,
        metrics=_list_metrics(run.evaluation),
        rows=[(label, *row) for label, row in rows],
        settings={name.replace("_", " "): value for name, value in training.config.settings().items()},
        views=VIEWS[training.config.test_time],
    )


def _list_metrics(evaluation: Evaluation) -> list[tuple[str, float, Interval]]:
    accuracy, macro = f"accuracy ({evaluation.n_correct:,} of {evaluation.n_test:,} correct)", evaluation.macro
    return [
        (accuracy, evaluation.accuracy, evaluation.accuracy_interval),
        ("macro precision", macro.precision, macro.precision_interval),
        ("macro recall", macro.recall, macro.recall_interval),
        ("macro F1", macro.f1, macro.f1_interval),
        ("loss", evaluation.loss, evaluation.loss_interval),
        ("calibration error", evaluation.calibration.ece, evaluation.calibration.ece_interval),
    ]
