"""Writes the model card of exported models from the results of their run.

The headings follow Mitchell et al. 2019, Model Cards for Model Reporting, arXiv 1810.03993. The block above them is the
metadata that Hugging Face reads.
"""

import re
from dataclasses import dataclass, fields
from pathlib import Path

import jinja2
import numpy as np
from markupsafe import Markup

from job.config.recipes import TestTime
from job.config.run_config import Config
from job.data.dataset import FASHION_MNIST
from job.data.sources import FILES
from job.evaluation.evaluate import ClassMetrics
from job.evaluation.intervals import Interval
from job.results.file_names import CARD
from job.results.schema import Results

TEMPLATES = Path(__file__).resolve().parents[2] / "templates" / "model_card"
MARKUP = re.compile(r"([\\`*_\[\]<>|~&$#@:])")
"""Characters that can begin markup within a line: of Markdown, HTML, a formula, a mention or a link."""

NO_SETTINGS = ("data", "threads", "baseline", "export", "layout", "output")
"""Settings that change where and how a run takes place, but not the trained model."""

VIEWS: dict[TestTime, str] = {
    "none": "",
    "flip": "2 views (as it is and mirrored)",
    "flip-shift": "10 views (as it is, shifted by one pixel in each of four directions, and each of these mirrored; "
    "the 2 unshifted views have half of the weight)",
}
"""The views in which the model classifies each image, by the value of `--test-time`."""


@dataclass(frozen=True)
class View:
    """Everything that the template shows, before formatting.

    Attributes:
        metrics: Name, value and interval of each metric of all test images.
        rows: Label, metrics and number of predictions of each class.
        hashes: SHA-256 of the data set's files, by file name.
        formats: Names of the exported formats.
        views: The views in which the model classifies each image; empty for one view.
    """

    results: Results
    metrics: list[tuple[str, float, Interval]]
    rows: list[tuple[int, ClassMetrics, int]]
    is_fashion_mnist: bool
    settings: dict[str, object]
    hashes: dict[str, str]
    formats: tuple[str, ...]
    views: str


def write(folder: Path, results: Results) -> None:
    """Write the card into `folder`."""
    (folder / CARD).write_text(render(results), encoding="utf-8")


def render(results: Results) -> str:
    """Render the card as Markdown; markup in names, such as those of classes, is escaped."""
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
    return environment.get_template(CARD).render(view=_view(results))


def _escaped(value: object) -> str:
    """Escape a value for a line of Markdown; Markup stays as it is."""
    return value if isinstance(value, Markup) else MARKUP.sub(r"\\\1", " ".join(str(value).split()))


def _range(interval: Interval, form: str) -> str:
    return f"{interval.lower:{form}}\N{EN DASH}{interval.upper:{form}}"


def _view(results: Results) -> View:
    n_predicted = results.matrix.sum(axis=0).tolist()
    return View(
        results=results,
        metrics=_metrics(results),
        rows=[(label, *row) for label, row in enumerate(zip(results.per_class, n_predicted, strict=True))],
        is_fashion_mnist=results.data.name == FASHION_MNIST,
        settings=_settings(results.config),
        hashes={FILES[role]: digest for role, digest in results.data.sha256.items()},
        formats=results.config.export,
        views=VIEWS[results.config.test_time],
    )


def _metrics(results: Results) -> list[tuple[str, float, Interval]]:
    n_right, macro = int(np.trace(results.matrix)), results.macro
    return [
        (f"accuracy ({n_right:,} of {results.data.n_test:,} correct)", results.accuracy, results.accuracy_interval),
        ("macro precision", macro.precision, macro.precision_interval),
        ("macro recall", macro.recall, macro.recall_interval),
        ("macro F1", macro.f1, macro.f1_interval),
        ("loss", results.loss, results.loss_interval),
        ("calibration error", results.calibration.ece, results.calibration.ece_interval),
    ]


def _settings(config: Config) -> dict[str, object]:
    """The settings that decide what is trained, by name."""
    names = [field.name for field in fields(config) if field.name not in NO_SETTINGS]
    return {name.replace("_", " "): getattr(config, name) for name in names}
