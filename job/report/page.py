"""Renders a run as a page: one file, or one with its style sheet and images in files of their own."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from job.config.run_config import Config, Layout
from job.evaluation.calibration import Coverage
from job.evaluation.evaluate import ClassMetrics, Evaluation
from job.report import findings
from job.report.charts.confusion_matrix import MAX_ANNOTATED
from job.report.comparison_view import ComparisonView, view_comparison
from job.report.findings import Fit, PublishedComparison
from job.report.formatting import FILTERS, TEMPLATES
from job.report.gallery import Gallery, view_gallery
from job.report.images import Pictures, Sheet
from job.report.page_charts import PageCharts, draw_charts
from job.report.published import PUBLISHED, Published
from job.results.file_names import AUGMENTED, PAGE, STYLE
from job.results.run import Run
from job.results.schema import Training

FOLDER = TEMPLATES / "report"
COVERAGE = 0.8  # for the sentence on the accuracy if the model may abstain
MAX_LISTED = 400  # cells in the table of the confusion matrix: all cells of 20 classes


@dataclass(frozen=True)
class Inline:
    """What a page of one file contains.

    Attributes:
        style: The style sheet.
        script: The script that makes tables sortable.
        policy: The Content-Security-Policy, which forbids network access and all code but these two.
    """

    style: Markup
    script: Markup
    policy: str


@dataclass(frozen=True)
class AugmentedSheet(Sheet):
    """Augmented training images in one picture: a row per image, a column per epoch after the original image."""

    n_images: int
    n_epochs: int


@dataclass(frozen=True, kw_only=True)
class TrainingView:
    """What the page shows of a training in addition to its record.

    Attributes:
        fit: What the losses show about the fit, or None without validation.
        n_epochs: Number of epochs, which early stopping can reduce.
        wall_time_s: Wall time of the training of the reported model in seconds.
        lowest_accuracy: Lowest test accuracy over all seeds; None for a single training.
        highest_accuracy: Highest test accuracy over all seeds; None for a single training.
        augmented: Examples of augmented images, or None without augmentation.
        settings: Settings by name.
    """

    fit: Fit | None
    n_epochs: int
    wall_time_s: float
    lowest_accuracy: float | None
    highest_accuracy: float | None
    augmented: AugmentedSheet | None
    settings: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class PageView:
    """What the templates show of a run in addition to its records.

    Attributes:
        inline: Style sheet and script; None if they are in files of their own.
        n_wrong: Number of incorrect predictions.
        weakest: Class of the lowest recall, or None if all are equal.
        versus_published: Comparison with published accuracies, or None.
        published: Published accuracies; empty without that comparison.
        cells: Largest cells of the confusion matrix as (true, predicted, n, share of the true class).
        lists_all: Whether these are all cells that contain images.
        links_all: Whether each of those links to its images.
        shows_counts: Whether the heatmap has room for numbers.
        mean_confidence: Mean probability of the predicted class.
        abstention: Accuracy on the most confident 80 % of the predictions.
    """

    inline: Inline | None
    n_wrong: int
    weakest: ClassMetrics | None
    versus_published: PublishedComparison | None
    published: Sequence[Published]
    comparison: ComparisonView | None
    gallery: Gallery
    charts: PageCharts
    cells: list[tuple[str, str, int, float]]
    lists_all: bool
    links_all: bool
    shows_counts: bool
    mean_confidence: float
    abstention: Coverage
    training: TrainingView | None


def render_page(run: Run, layout: Layout) -> dict[str, bytes]:
    """Render the files of the report; the same arguments give the same bytes.

    Args:
        run: The run to report.
        layout: One file, or a page with its style sheet and images in files of their own.

    Returns:
        Content of each file by its name, relative to the folder of the report.
    """
    environment = _create_environment()
    pictures = Pictures(run.images, embedded=layout == "single")
    style = _read_source(environment, "style.css")
    inline = _inline(style, _read_source(environment, "sort.js")) if layout == "single" else None
    page = environment.get_template("report.html").render(run=run, view=_view_run(run, pictures, inline))
    files = {PAGE: page.encode()}
    return files if inline else files | {STYLE: style.encode()} | pictures.files


def _create_environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= FILTERS
    return environment


def _read_source(environment: jinja2.Environment, name: str) -> Markup:
    try:
        return Markup(environment.get_template(name).render())  # noqa: S704 - our own file
    except jinja2.TemplateNotFound as error:  # an OSError, but not of the output folder
        raise RuntimeError(f"the template {error} is not in {FOLDER}") from error


def _inline(style: Markup, script: Markup) -> Inline:
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)]
    policy = (
        f"default-src 'none'; img-src data:; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return Inline(style, script, policy)


def _view_run(run: Run, pictures: Pictures, inline: Inline | None) -> PageView:
    evaluation, calibration = run.evaluation, run.evaluation.calibration
    versus_published = findings.compare_with_published(run)
    cells = _list_cells(evaluation)
    return PageView(
        inline=inline,
        n_wrong=evaluation.n_test - evaluation.n_correct,
        weakest=_find_weakest(evaluation.per_class),
        versus_published=versus_published,
        published=PUBLISHED if versus_published else (),
        comparison=view_comparison(run, pictures),
        gallery=view_gallery(run, pictures),
        charts=draw_charts(run, with_published=versus_published is not None),
        cells=cells[:MAX_LISTED],
        lists_all=len(cells) <= MAX_LISTED,
        links_all=len(cells) == len(evaluation.samples.cells),
        shows_counts=len(evaluation.per_class) <= MAX_ANNOTATED,
        mean_confidence=sum(each.n * each.confidence for each in calibration.bins) / evaluation.n_test,
        abstention=findings.accuracy_at_coverage(calibration, COVERAGE),
        training=_view_training(run, run.training, pictures) if run.training else None,
    )


def _find_weakest(classes: Sequence[ClassMetrics]) -> ClassMetrics | None:
    recalls = [row.recall for row in classes]
    return classes[recalls.index(min(recalls))] if min(recalls) < max(recalls) else None


def _list_cells(evaluation: Evaluation) -> list[tuple[str, str, int, float]]:
    """Every cell of the confusion matrix that contains images, largest first."""
    names = evaluation.class_names
    cells = [
        (names[true], names[predicted], n, n / row.support)
        for true, row in enumerate(evaluation.per_class)
        for predicted, n in enumerate(evaluation.confusion_matrix[true])
        if n
    ]
    return sorted(cells, key=lambda cell: -cell[2])


def _view_training(run: Run, training: Training, pictures: Pictures) -> TrainingView:
    variation = training.seed_variation
    accuracies = [seed_run.accuracy for seed_run in variation.runs] if variation else []
    return TrainingView(
        fit=findings.assess_fit(training.history),
        n_epochs=len(training.history.loss),
        wall_time_s=variation.reported.training_s if variation else run.provenance.timings_s["training"],
        lowest_accuracy=min(accuracies, default=None),
        highest_accuracy=max(accuracies, default=None),
        augmented=_add_augmented(run.augmented, pictures) if len(run.augmented) else None,
        settings=_list_settings(training.config),
    )


def _add_augmented(images: NDArray[np.uint8], pictures: Pictures) -> AugmentedSheet:
    sheet = pictures.add_sheet(images, AUGMENTED)
    return AugmentedSheet(**vars(sheet), n_images=len(images), n_epochs=images.shape[1] - 1)


def _list_settings(config: Config) -> dict[str, str]:
    settings = {name: _format_setting(value) for name, value in config.settings().items()}
    if changes := config.changes():
        settings["recipe"] += f"; changed: {', '.join(changes).replace('_', ' ')}"
    return {name.replace("_", " "): value for name, value in settings.items()}


def _format_setting(value: Any) -> str:  # noqa: ANN401 - a setting is a number or a text
    return f"{value:g}" if isinstance(value, float) else str(value)
