"""Writes the model card that comes with exported models, from the results of their run.

Its headings are those of Mitchell et al. 2019, Model Cards for Model Reporting, arXiv 1810.03993; the block above them
is what Hugging Face reads.
"""

import re
from dataclasses import dataclass, fields
from pathlib import Path

import jinja2
import numpy as np
from markupsafe import Markup

from job.config import export_formats
from job.config.run_config import Config
from job.data.fashion_mnist import FILES
from job.data.fashion_mnist import NAME as FASHION_MNIST
from job.evaluation.evaluate import ClassMetrics
from job.evaluation.intervals import Interval
from job.results.schema import Results

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
MARKUP = re.compile(r"([\\`*_\[\]<>|~&$#@:])")
"""What can begin a mark of Markdown, HTML, a formula, a mention or a link within a line."""

NO_SETTINGS = ("data", "threads", "baseline", "export", "layout", "output")
"""What of the settings changes where and how a run takes place, but not what it trains."""


@dataclass(frozen=True)
class View:
    """All that the template shows, ready to be formatted.

    Attributes:
        figures: of all test images: name, value and interval.
        rows: of the classes: number, figures, and how many test images were predicted as it.
        hashes: of the data set's files, by their names.
        names: of the formats exported.
    """

    results: Results
    figures: list[tuple[str, float, Interval]]
    rows: list[tuple[int, ClassMetrics, int]]
    is_fashion_mnist: bool
    settings: dict[str, object]
    hashes: dict[str, str]
    names: tuple[str, ...]


def write(folder: Path, outcome: Results) -> None:
    """Write the card into `folder`."""
    (folder / export_formats.CARD).write_text(render(outcome), encoding="utf-8")


def render(outcome: Results) -> str:
    """The card of the model with these results, as Markdown; names in it mean themselves, whatever they hold."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=False,  # noqa: S701 - Markdown, not HTML: `finalize` escapes
        finalize=_escaped,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "count": lambda value: f"{value:,}",
        "percent": lambda fraction: f"{fraction:.1%}",
        "percent2": lambda fraction: f"{fraction:.2%}",
        "points2": lambda fraction: f"{100 * fraction:.2f}",
        "decimal": lambda value: f"{value:.3f}",
        "percents": lambda interval: _range(interval, ".1%"),
        "decimals": lambda interval: _range(interval, ".3f"),
        "date": lambda moment: Markup(moment.replace("T", " ").removesuffix("+00:00") + " UTC"),  # noqa: S704 - ours
        "code": Markup,
    }
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False}
    return environment.get_template(export_formats.CARD).render(view=_view(outcome))


def _escaped(value: object) -> str:
    """The text of a value within a line of Markdown; Markup is what it is."""
    return value if isinstance(value, Markup) else MARKUP.sub(r"\\\1", " ".join(str(value).split()))


def _range(interval: Interval, form: str) -> str:
    return f"{interval.lower:{form}}\N{EN DASH}{interval.upper:{form}}"


def _view(outcome: Results) -> View:
    n_predicted = outcome.matrix.sum(axis=0).tolist()
    return View(
        results=outcome,
        figures=_figures(outcome),
        rows=[(number, *row) for number, row in enumerate(zip(outcome.per_class, n_predicted, strict=True))],
        is_fashion_mnist=outcome.data.name == FASHION_MNIST,
        settings=_settings(outcome.config),
        hashes={FILES[role]: digest for role, digest in outcome.data.sha256.items()},
        names=outcome.config.export,
    )


def _figures(outcome: Results) -> list[tuple[str, float, Interval]]:
    n_right, macro = int(np.trace(outcome.matrix)), outcome.macro
    return [
        (f"accuracy ({n_right:,} of {outcome.data.n_test:,} right)", outcome.accuracy, outcome.accuracy_interval),
        ("macro precision", macro.precision, macro.precision_interval),
        ("macro recall", macro.recall, macro.recall_interval),
        ("macro F1", macro.f1, macro.f1_interval),
        ("loss", outcome.loss, outcome.loss_interval),
        ("calibration error", outcome.calibration.ece, outcome.calibration.ece_interval),
    ]


def _settings(config: Config) -> dict[str, object]:
    """By their names in words."""
    names = [field.name for field in fields(config) if field.name not in NO_SETTINGS]
    return {name.replace("_", " "): getattr(config, name) for name in names}
