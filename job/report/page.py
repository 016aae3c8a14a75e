"""Writes the report of a run: one file, or a page with a separate style sheet and images."""

import re
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

from job.config.run_config import Config, Layout
from job.evaluation.evaluate import Evaluation
from job.report import assessment
from job.report.charts.class_recall import strip
from job.report.charts.confusion_matrix import choose_cell_text
from job.report.ci.files import write_ci_files
from job.report.class_figures import CURVE_COLUMNS, view_clusters, view_curves
from job.report.comparison_view import view_comparison
from job.report.first_layer_view import view_learnt
from job.report.first_screen.confidence_findings import COVERAGE
from job.report.first_screen.identity import identify_run
from job.report.first_screen.statements import Alert, ClassName
from job.report.first_screen.tiles import list_tiles
from job.report.first_screen.top_findings import list_findings
from job.report.formatting import FILTERS
from job.report.gallery import list_images, list_links, view_gallery
from job.report.gate_view import view_gates
from job.report.images import Pictures, Sheet, have_black_background
from job.report.inline_code import hash_for_policy, remove_indents
from job.report.packed_network import pack_network
from job.report.page_charts import draw_charts
from job.report.published import is_comparable, view_published
from job.report.sections import TRY_IT, list_sections
from job.report.temperature_view import view_temperature
from job.report.templates import TEMPLATES, create_environment
from job.report.trend_view import view_trend
from job.results.file_names import (
    AUGMENTED,
    METRICS,
    NETWORK,
    PAGE,
    PREDICTIONS,
    SAMPLES,
    STYLE,
    TRY_IT_PAGE,
)
from job.results.run import Run

FOLDER = TEMPLATES / "report"
SHEET_ROWS = 4  # augmented images in a sheet
NO_MODEL: dict[str, Any] = {"model": None, "place": None}
MAX_LISTED = 400  # cells in the table of the confusion matrix: all cells of 20 classes


def write_report(run: Run, folder: Path, layout: Layout, *, try_it: bool = True) -> None:
    """Write the report and the files for CI into `folder`; with `try_it`, it contains the model if the run has one."""
    for name, content in render_page(run, layout, try_it=try_it).items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    write_ci_files(run, folder)


def render_page(
    run: Run, layout: Layout, *, try_it: bool = True, is_alone: bool = False, is_framed: bool = False
) -> dict[str, bytes]:
    """Render the files of the report: content by name, relative to its folder. The same run gives the same bytes.

    With `try_it`, a single file contains the model, and a folder has a page of its own for it: it needs a script, and
    servers such as Jenkins report a script that they block. `is_alone`: the page is in no folder with the results.
    `is_framed`: it is the `srcdoc` of a frame.
    """
    filters = {**FILTERS, "csp_hash": hash_for_policy, "options": _mark_options, "compact": remove_indents}
    environment = create_environment(FOLDER, filters, autoescape=True)
    environment.tests["class_name"] = lambda part: isinstance(part, ClassName)
    environment.tests["alert"] = lambda part: isinstance(part, Alert)
    pictures = Pictures(run.images, embedded=layout == "single")
    model = _view_model(run) if try_it else NO_MODEL
    view = _view_run(run, pictures) | {"sections": list_sections(run, has_model=bool(model["model"]))} | model
    view["files"] = [] if is_alone else [*view["files"], *([NETWORK] if model["model"] else [])]
    view["is_framed"] = is_framed
    try:
        page = environment.get_template("report.html").render(run=run, layout=layout, view=view)
        style = environment.get_template("style.css").render()
    except jinja2.TemplateNotFound as error:  # an OSError, but not of the output folder
        raise RuntimeError(f"the template {error} is not in {FOLDER}") from error
    files = {PAGE: page.encode()}
    if layout == "single":
        return files
    if model["model"]:
        name = run.provenance.data.name
        view = {**model, "place": "folder", "images": list_images(run), "name": name, "report": PAGE}
        template = environment.get_template("try-it.html")
        files[TRY_IT_PAGE] = template.render(layout="single", view=view, section=TRY_IT).encode()
    return files | {STYLE: style.encode()} | pictures.files


def _mark_options(text: str) -> Markup:
    """Mark the options of the command line in a text as code."""
    return Markup(re.sub(r"--[a-z][a-z-]*", r"<code>\g<0></code>", str(escape(text))))  # noqa: S704 - escaped


def _view_model(run: Run) -> dict[str, Any]:
    """What the section to try the model needs: `model`, None without a model, its `data`, and the `place` of both."""
    if not run.network:
        return NO_MODEL
    description, data = pack_network(run.network, np.stack([*run.images.values()]))
    y_true, y_pred = run.predictions.y_true, run.predictions.y_pred
    labels = {index: (int(y_true[index]), int(y_pred[index])) for index in run.images}
    is_clothing = run.provenance.data.is_fashion_mnist
    model = {"classes": list(run.evaluation.class_names), "labels": labels, **description}
    return {"model": model, "data": Markup(data), "place": "report", "is_clothing": is_clothing}  # noqa: S704 - it has no "<"


def _view_run(run: Run, pictures: Pictures) -> dict[str, Any]:
    """Values for the templates that are derived from a run."""
    evaluation, calibration, training = run.evaluation, run.evaluation.calibration, run.training
    cells, sections = _list_cells(evaluation), list_sections(run)
    n_runs, n_wrong = training.config.runs if training else 0, evaluation.n_test - evaluation.n_correct
    return {
        "identity": identify_run(run),
        "tiles": list_tiles(run),
        "findings": list_findings(run),
        "sections": sections,
        "titles": {section.anchor: section.title for section in sections},
        "n_wrong": n_wrong,
        "gates": view_gates(run),
        "trend": view_trend(run.trend) if run.trend else None,
        "published": view_published(run) if is_comparable(run) else None,
        "comparison": view_comparison(run.comparison, evaluation.class_names, n_runs) if run.comparison else None,
        "gallery": view_gallery(run, pictures),
        "curves": view_curves(run),
        "curve_columns": CURVE_COLUMNS,
        "clusters": view_clusters(run),
        "learnt": view_learnt(run, pictures),
        "charts": draw_charts(run),
        "recall_strips": [strip(position) for position in range(len(evaluation.per_class) + 1)],
        "cells": cells[:MAX_LISTED],
        "lists_all": len(cells) <= MAX_LISTED,
        "links_all": len(cells) == len(list_links(run)),  # whether each cell links to its images
        "cell_text": choose_cell_text(evaluation.matrix, evaluation.class_names),
        "abstention": assessment.accuracy_at_coverage(calibration, COVERAGE) if calibration else None,
        "temperature": view_temperature(run),
        "fit": assessment.assess_fit(training, is_perfect=not n_wrong) if training else None,
        "tested_epoch": assessment.find_tested_epoch(training) if training else None,
        "settings": _list_settings(training.config) if training else None,
        "augmented": _add_augmented(run.augmented, pictures),
        "natural": not (run.training or have_black_background(list(run.images.values()))),
        "files": [METRICS, PREDICTIONS, *([SAMPLES] if run.images else [])],
    }


def _add_augmented(images: NDArray[np.uint8], pictures: Pictures) -> list[Sheet]:
    """Add sheets of augmented images, shape (n, 1 + n_epochs, height, width); the page shows them side by side."""
    parts = [images[start : start + SHEET_ROWS] for start in range(0, len(images), SHEET_ROWS)]
    return [pictures.add_sheet(part, f"{AUGMENTED}-{number}") for number, part in enumerate(parts, 1)]


def _list_cells(evaluation: Evaluation) -> list[tuple[str, str, int, float]]:
    """True class, predicted class, n and share of the true class of every cell with images, largest first."""
    names = evaluation.class_names
    cells = [
        (names[true], names[predicted], n, n / row.support)
        for true, row in enumerate(evaluation.per_class)
        for predicted, n in enumerate(evaluation.confusion_matrix[true])
        if n
    ]
    return sorted(cells, key=lambda cell: -cell[2])


def _list_settings(config: Config) -> dict[str, str]:
    """Settings by name, as texts."""
    settings = {
        name: f"{value:g}" if isinstance(value, float) else str(value) for name, value in config.settings().items()
    }
    if changes := config.changes():
        settings["recipe"] += f"; changed: {', '.join(changes).replace('_', ' ')}"
    return {name.replace("_", " "): value for name, value in settings.items()}
