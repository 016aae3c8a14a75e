"""Renders the results of a run as a page: one file, or one with its style sheet and pictures beside it."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import jinja2
import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from job.config.recipes import RECIPES, Recipe
from job.config.run_config import Config
from job.data import fashion_mnist
from job.evaluation.calibration import Coverage
from job.evaluation.evaluate import ClassMetrics
from job.report import comparison_view, findings, formatting, gallery, published
from job.report.charts import drawings, figures
from job.report.charts.drawings import Drawings
from job.report.comparison_view import Changes
from job.report.findings import Fit, Standing
from job.report.gallery import Gallery
from job.report.images import Pictures, Sheet
from job.results.file_names import AUGMENTED, PAGE, STYLE, Layout
from job.results.run import Predictions
from job.results.schema import Results

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
COVERAGE = 0.8  # of the images, for the sentence on what the model does if it may abstain
SHOWN = ("validation_split", "seed", "runs", "replicas")
"""The settings beside the recipe that the page shows."""

MAX_LISTED = 400  # cells of the confusion matrix in its table: all of 20 classes


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
class Augmented(Sheet):
    """Training images as they are and as training saw them, in one picture: a row each, a column an epoch."""

    n_images: int
    n_epochs: int


@dataclass(frozen=True)
class View:
    """All that the templates show, ready to be formatted.

    Attributes:
        inline: None where the style sheet and the pictures lie beside the page.
        cells: the largest cells of the confusion matrix as (true, predicted, n, share of the true class).
        lists_all: whether these are all cells that hold images.
        links_all: whether each of those leads to images.
        shows_counts: whether the heatmap has room for numbers.
        n_epochs: that the model trained for.
        training_s: how long that took, in seconds.
        lowest_trial: the least accuracy of all seeds, and `highest_trial` the highest, where there were several.
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
    figures: Drawings
    cells: list[tuple[str, str, int, float]]
    lists_all: bool
    links_all: bool
    shows_counts: bool
    mean_confidence: float
    abstention: Coverage
    fit: Fit | None
    n_epochs: int
    training_s: float
    lowest_trial: float
    highest_trial: float
    augmented: Augmented | None
    settings: Mapping[str, object]
    data_files: Mapping[str, str]


def render(
    results: Results,
    predictions: Predictions,
    images: Mapping[int, NDArray[np.uint8]],
    augmented: NDArray[np.uint8],
    layout: Layout,
) -> dict[str, bytes]:
    """The files of the report by name; the same arguments give the same bytes.

    Args:
        results: of one run.
        predictions: of its test images.
        images: by the index of their test image, shape (28, 28) each, for every index in `results.samples`.
        augmented: training images and what training saw of them, shape (n, 1 + n_epochs, 28, 28).
        layout: one file that holds all, or a page with its style sheet and pictures beside it.
    """
    environment = _environment()
    embedded = layout == "single"
    pictures = Pictures(images, embedded=embedded)
    style = _source(environment, "style.css")
    inline = _inline(style, _source(environment, "sort.js")) if embedded else None
    view = _view(results, predictions, pictures, augmented, inline)
    page = environment.get_template("report.html").render(view=view)
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
    environment.filters |= formatting.FILTERS
    return environment


def _source(environment: jinja2.Environment, name: str) -> Markup:
    """A file of the templates, as it is."""
    try:
        return Markup(environment.get_template(name).render())  # noqa: S704 - our own file
    except jinja2.TemplateNotFound as error:  # an OSError, but not of the output folder
        raise RuntimeError(f"the template {error} is not in {TEMPLATES}") from error


def _view(
    results: Results,
    predictions: Predictions,
    pictures: Pictures,
    augmented: NDArray[np.uint8],
    inline: Inline | None,
) -> View:
    trials = {one.seed: one for one in results.spread.trials} if results.spread else {}
    n_right = int(np.trace(results.matrix))
    recalls = [one.recall for one in results.per_class]
    standing = findings.compare(results)
    cells = _cells(results)
    return View(
        results=results,
        inline=inline,
        n_right=n_right,
        n_wrong=results.data.n_test - n_right,
        lowest=results.per_class[recalls.index(min(recalls))] if min(recalls) < max(recalls) else None,
        standing=standing,
        changes=comparison_view.arrange(results, predictions, pictures),
        published=published.PUBLISHED if standing else (),
        gallery=gallery.arrange(results, predictions, pictures),
        figures=drawings.draw(results, with_scale=standing is not None),
        cells=cells[:MAX_LISTED],
        lists_all=len(cells) <= MAX_LISTED,
        links_all=len(cells) == len(results.samples.cells),
        shows_counts=len(results.per_class) <= figures.MAX_ANNOTATED,
        mean_confidence=sum(one.n * one.confidence for one in results.calibration.bins) / results.data.n_test,
        abstention=findings.abstain(results.calibration, COVERAGE),
        fit=findings.fit(results.history),
        n_epochs=len(results.history.loss),
        training_s=trials[results.spread.reported].training_s if results.spread else results.timings_s["training"],
        lowest_trial=min((one.accuracy for one in trials.values()), default=results.accuracy),
        highest_trial=max((one.accuracy for one in trials.values()), default=results.accuracy),
        augmented=_augmented(augmented, pictures),
        settings=_settings(results.config),
        data_files={fashion_mnist.FILES[role]: digest for role, digest in results.data.sha256.items()},
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


def _settings(config: Config) -> Mapping[str, object]:
    changed = [name for name, value in vars(RECIPES[config.recipe]).items() if getattr(config, name) != value]
    own = f"; changed: {', '.join(changed)}" if changed else ""
    shown = {"recipe": f"{config.recipe}{own}".replace("_", " ")}
    for field in (*fields(Recipe), *(field for field in fields(Config) if field.name in SHOWN)):
        value = getattr(config, field.name)
        shown[field.name.replace("_", " ")] = f"{value:g}" if isinstance(value, float) else str(value)
    return shown | {"device asked for": config.device}


def _augmented(images: NDArray[np.uint8], pictures: Pictures) -> Augmented | None:
    """What training saw, in one picture; None where it saw the images as they are."""
    if not len(images):
        return None
    return Augmented(**vars(pictures.sheet(images, AUGMENTED)), n_images=len(images), n_epochs=images.shape[1] - 1)
