"""Renders the results of a run as a page: one file, or one with its style sheet and pictures beside it."""

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from job import changes, figures, gallery, intervals, published, sources, verdict
from job.calibration import Coverage
from job.changes import Changes
from job.comparison import Comparison
from job.config import Config
from job.evaluation import ClassMetrics
from job.gallery import Gallery
from job.intervals import Interval
from job.layout import PAGE, STYLE, Layout
from job.pictures import Pictures
from job.results import Results
from job.saved import Predictions
from job.verdict import Fit, Standing

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"
COVERAGE = 0.8  # of the images, for the sentence on what the model does if it may abstain
MAX_LISTED = 400  # cells of the confusion matrix in its table: all of 20 classes


@dataclass(frozen=True)
class Figures:
    """The pictures of the report, as inline SVG; None where there is none."""

    scale: Markup | None
    confusion_matrix: Markup
    differences: Markup | None
    recall: Markup
    reliability: Markup
    coverage: Markup
    loss: Markup
    accuracy: Markup
    stages: Markup


@dataclass(frozen=True)
class Inline:
    """What a page holds that has nothing beside it.

    Attributes:
        style: its style sheet.
        script: what makes tables sortable.
        policy: its Content-Security-Policy, which forbids all network, and all code but these two.
    """

    style: Markup
    script: Markup
    policy: str


@dataclass(frozen=True)
class View:
    """All that the templates show, ready to be formatted.

    Attributes:
        inline: None where the style sheet and the pictures lie beside the page.
        cells: the largest cells of the confusion matrix as (true, predicted, n, share of the true class).
        lists_all: whether these are all cells that hold images.
        links_all: whether each of those leads to images.
        shows_counts: whether the heatmap has room for numbers.
    """

    results: Results
    inline: Inline | None
    n_right: int
    n_wrong: int
    lowest: ClassMetrics | None
    standing: Standing | None
    changes: Changes | None
    published: tuple[published.Published, ...]
    gallery: Gallery
    figures: Figures
    cells: list[tuple[str, str, int, float]]
    lists_all: bool
    links_all: bool
    shows_counts: bool
    mean_confidence: float
    abstention: Coverage
    fit: Fit | None
    settings: Mapping[str, object]
    data_files: Mapping[str, str]


def render(
    results: Results, predictions: Predictions, images: Mapping[int, NDArray[np.uint8]], layout: Layout
) -> dict[str, bytes]:
    """The files of the report by name; the same arguments give the same bytes.

    Args:
        results: of one run.
        predictions: of its test images.
        images: by the index of their test image, shape (28, 28) each, for every index in `results.samples`.
        layout: one file that holds all, or a page with its style sheet and pictures beside it.
    """
    environment = _environment()
    embedded = layout == "single"
    pictures = Pictures(images, embedded=embedded)
    style = _source(environment, "style.css")
    inline = _inline(style, _source(environment, "sort.js")) if embedded else None
    page = environment.get_template("report.html").render(view=_view(results, predictions, pictures, inline))
    files = {PAGE: page.encode()}
    return files if embedded else files | {STYLE: style.encode()} | pictures.files


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": lambda value: f"{value:,}",
        "percent": lambda fraction: f"{fraction:.1%}",
        "percent0": lambda fraction: f"{fraction:.0%}",
        "percent2": lambda fraction: f"{fraction:.2%}",
        "points": lambda fraction: f"{100 * abs(fraction):.1f}",
        "decimal": lambda value: f"{value:.3f}",
        "bar": lambda fraction: f"{100 * fraction:.1f}",
        "seconds": lambda value: f"{value:.1f} s",
        "date": lambda moment: moment.replace("T", " ").removesuffix("+00:00") + " UTC",
        "decimals": _range(lambda value: f"{value:.3f}"),
        "wilson": intervals.wilson,
        "percents": _range(lambda value: f"{value:.1%}"),
    }
    environment.filters |= changes.FILTERS
    return environment


def _range(form: Callable[[float], str]) -> Callable[[Interval], str]:
    return lambda interval: f"{form(interval.lower)}\N{EN DASH}{form(interval.upper)}"


def _source(environment: jinja2.Environment, name: str) -> Markup:
    """A file of the templates, as it is."""
    try:
        return Markup(environment.get_template(name).render())  # noqa: S704 - our own file
    except jinja2.TemplateNotFound as error:  # an OSError, but not of the output folder
        raise RuntimeError(f"the template {error} is not in {TEMPLATES}") from error


def _view(results: Results, predictions: Predictions, pictures: Pictures, inline: Inline | None) -> View:
    n_right = int(np.trace(results.matrix))
    recalls = [one.recall for one in results.per_class]
    standing = verdict.compare(results)
    cells = _cells(results)
    return View(
        results=results,
        inline=inline,
        n_right=n_right,
        n_wrong=results.data.n_test - n_right,
        lowest=results.per_class[recalls.index(min(recalls))] if min(recalls) < max(recalls) else None,
        standing=standing,
        changes=changes.arrange(results, predictions, pictures),
        published=published.PUBLISHED if standing else (),
        gallery=gallery.arrange(results, predictions, pictures),
        figures=_figures(results, with_scale=standing is not None),
        cells=cells[:MAX_LISTED],
        lists_all=len(cells) <= MAX_LISTED,
        links_all=len(cells) == len(results.samples.cells),
        shows_counts=len(results.per_class) <= figures.MAX_ANNOTATED,
        mean_confidence=sum(one.n * one.confidence for one in results.calibration.bins) / results.data.n_test,
        abstention=verdict.abstain(results.calibration, COVERAGE),
        fit=verdict.fit(results.history),
        settings=_settings(results.config),
        data_files={sources.FILES[role]: digest for role, digest in results.data.sha256.items()},
    )


def _inline(style: Markup, script: Markup) -> Inline:
    allowed = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)]
    policy = (
        f"default-src 'none'; img-src data:; style-src 'sha256-{allowed[0]}'; script-src 'sha256-{allowed[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return Inline(style, script, policy)


def _cells(results: Results) -> list[tuple[str, str, int, float]]:
    names = results.class_names
    cells = [
        (names[true], names[predicted], n, n / row.support)
        for true, row in enumerate(results.per_class)
        for predicted, n in enumerate(results.confusion_matrix[true])
        if n
    ]
    return sorted(cells, key=lambda cell: -cell[2])


def _figures(results: Results, *, with_scale: bool) -> Figures:
    def safe(drawn: str) -> Markup:
        return Markup(drawn)  # noqa: S704 - our own SVG, whose text an XML library escaped

    bins, points, recalls = results.calibration.bins, results.calibration.coverage, results.per_class
    accuracy = results.accuracy_interval
    others = [(one.name, (one.lowest, one.highest)) for one in published.PUBLISHED]
    links = [(cell.true, cell.predicted) for cell in results.samples.cells]
    return Figures(
        scale=safe(figures.scale(results.accuracy, accuracy.lower, accuracy.upper, others)) if with_scale else None,
        confusion_matrix=safe(figures.confusion_matrix(results.matrix, results.class_names, links)),
        differences=safe(_differences(results.comparison, results.class_names)) if results.comparison else None,
        recall=safe(
            figures.recall(
                [one.recall for one in recalls],
                [one.recall_interval.lower for one in recalls],
                [one.recall_interval.upper for one in recalls],
                results.class_names,
            )
        ),
        reliability=safe(
            figures.reliability(
                [one.confidence for one in bins],
                [one.accuracy for one in bins],
                [one.accuracy_interval.lower for one in bins],
                [one.accuracy_interval.upper for one in bins],
                [one.n for one in bins],
            )
        ),
        coverage=safe(figures.coverage([point.coverage for point in points], [point.accuracy for point in points])),
        loss=safe(figures.learning(results.history, "loss")),
        accuracy=safe(figures.learning(results.history, "accuracy")),
        stages=safe(figures.stages({stage: time_s for stage, time_s in results.timings_s.items() if stage != "total"})),
    )


def _differences(comparison: Comparison, class_names: Sequence[str]) -> str:
    return figures.differences(
        [one.difference for one in comparison.per_class],
        [one.interval.lower for one in comparison.per_class],
        [one.interval.upper for one in comparison.per_class],
        class_names,
    )


def _settings(config: Config) -> dict[str, object]:
    return {
        "epochs": config.epochs,
        "batch size": config.batch_size,
        "learning rate": f"{config.learning_rate:g} (Adam)",
        "validation split": f"{config.validation_split:g}",
        "seed": config.seed,
        "device asked for": config.device,
        "replicas": config.replicas,
    }
