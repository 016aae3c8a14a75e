"""Renders the results of a run as one self-contained HTML page."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray
from PIL import Image

from job import figures, sources
from job.config import Config
from job.evaluation import ClassMetrics
from job.results import Results
from job.saved import Predictions

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"
N_SHOWN_PROBABILITIES = 3


@dataclass(frozen=True)
class Guess:
    """One class's probability for one image."""

    name: str
    probability: float
    is_true: bool


@dataclass(frozen=True)
class Sample:
    """One test image with what the model made of it.

    Attributes:
        picture: a PNG as a data URI.
        guesses: the most probable classes, and the true one in any case, most probable first.
    """

    index: int
    picture: str
    true: str
    predicted: str
    guesses: list[Guess]


@dataclass(frozen=True)
class Confusion:
    """How often one class was taken for another; `support` is the number of test images of the true class."""

    true: str
    predicted: str
    n: int
    support: int


@dataclass(frozen=True)
class Figures:
    """The pictures of the report, as inline SVG."""

    confusion_matrix: Markup
    recall: Markup
    loss: Markup
    accuracy: Markup


@dataclass(frozen=True)
class View:
    """All that the templates show, ready to be formatted."""

    results: Results
    n_right: int
    n_wrong: int
    lowest: ClassMetrics
    highest: ClassMetrics
    worst_confusion: Confusion | None
    right: list[Sample]
    wrong: list[Sample]
    figures: Figures
    settings: Mapping[str, object]
    data_files: Mapping[str, str]
    shows_counts: bool


def render(results: Results, predictions: Predictions, pictures: Mapping[int, NDArray[np.uint8]]) -> str:
    """The report as HTML; the same arguments give the same text.

    Args:
        results: of one run.
        predictions: of the same run, with the probabilities of every index in `results.samples`.
        pictures: by the index of their test image, shape (28, 28) each, for every index in `results.samples`.
    """
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
        "percent2": lambda fraction: f"{fraction:.2%}",
        "decimal": lambda value: f"{value:.3f}",
        "bar": lambda fraction: f"{100 * fraction:.1f}",
        "seconds": lambda value: f"{value:.1f} s",
        "date": lambda moment: moment.replace("T", " ").removesuffix("+00:00") + " UTC",
    }
    try:
        template = environment.get_template("report.html")
    except jinja2.TemplateNotFound as error:  # an OSError, but not of the output folder
        raise RuntimeError(f"the template {error} is not in {TEMPLATES}") from error
    return template.render(view=_view(results, predictions, pictures))


def _view(results: Results, predictions: Predictions, pictures: Mapping[int, NDArray[np.uint8]]) -> View:
    n_right = int(np.trace(results.matrix))
    by_recall = sorted(results.per_class, key=lambda one: one.recall)

    def show(indices: Sequence[int]) -> list[Sample]:
        return [_sample(index, predictions, pictures[index], results.class_names) for index in indices]

    return View(
        results=results,
        n_right=n_right,
        n_wrong=results.data.n_test - n_right,
        lowest=by_recall[0],
        highest=by_recall[-1],
        worst_confusion=_worst_confusion(results),
        right=show(results.samples.right),
        wrong=show(results.samples.wrong),
        figures=_figures(results),
        settings=_settings(results.config),
        data_files={sources.FILES[role]: digest for role, digest in results.data.sha256.items()},
        shows_counts=len(results.per_class) <= figures.MAX_ANNOTATED,
    )


def _sample(index: int, predictions: Predictions, picture: NDArray[np.uint8], class_names: Sequence[str]) -> Sample:
    true, predicted = int(predictions.y_true[index]), int(predictions.y_pred[index])
    probabilities = predictions.rows[index].tolist()
    ranked = sorted(range(len(class_names)), key=lambda label: -probabilities[label])
    shown = ranked[:N_SHOWN_PROBABILITIES]
    if true not in shown:
        shown[-1] = true
    return Sample(
        index=index,
        picture=_data_uri(picture),
        true=class_names[true],
        predicted=class_names[predicted],
        guesses=[Guess(class_names[label], probabilities[label], label == true) for label in shown],
    )


def _data_uri(picture: NDArray[np.uint8]) -> str:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def _worst_confusion(results: Results) -> Confusion | None:
    """The largest count off the diagonal; None if no image was mistaken."""
    errors = results.matrix - np.diag(np.diag(results.matrix))
    true, predicted = np.unravel_index(errors.argmax(), errors.shape)
    if not errors.any():
        return None
    row = results.per_class[true]
    return Confusion(row.name, results.class_names[predicted], int(errors[true, predicted]), row.support)


def _figures(results: Results) -> Figures:
    def safe(drawn: str) -> Markup:
        return Markup(drawn)  # noqa: S704 - our own SVG, whose text an XML library escaped

    recalls = [one.recall for one in results.per_class]  # and their intervals, once the evaluation gives some
    return Figures(
        confusion_matrix=safe(figures.confusion_matrix(results.matrix, results.class_names)),
        recall=safe(figures.recall(recalls, recalls, recalls, results.class_names)),
        loss=safe(figures.learning(results.history, "loss")),
        accuracy=safe(figures.learning(results.history, "accuracy")),
    )


def _settings(config: Config) -> dict[str, object]:
    return {
        "epochs": config.epochs,
        "batch size": config.batch_size,
        "learning rate": f"{config.learning_rate:g} (Adam)",
        "validation split": f"{config.validation_split:g}",
        "seed": config.seed,
        "device asked for": config.device,
    }
