"""The card is read by parsers of Markdown, YAML and Python that are not the job's."""

import dataclasses
import itertools
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from job.config.export_formats import CARD, FORMATS
from job.data.fashion_mnist import NAME as FASHION_MNIST
from job.report import model_card
from job.results.schema import Results

IMAGES = "t10k-images-idx3-ubyte.gz"
TOLERANCE = 1e-5
"""Of a probability: 1.7e-6 was the most that any format differed by on 10,000 test images."""


def split(text: str) -> tuple[object, list[Token]]:
    """The block above the first heading, and the rest in tokens."""
    _, front, body = re.split(r"^---$", text, maxsplit=2, flags=re.MULTILINE)
    return yaml.safe_load(front), MarkdownIt("commonmark").enable("table").parse(body)


def shown(token: Token) -> str:
    """What a line shows; fails where it shows anything but plain text, code and links."""
    children = token.children or []
    assert {child.type for child in children} <= {
        "text",
        "text_special",
        "code_inline",
        "softbreak",
        "link_open",
        "link_close",
    }
    return "".join(child.content for child in children)


def table(tokens: list[Token], first: str) -> list[list[str]]:
    """The rows of the table whose first column has that name."""
    rows: list[list[str]] = []
    for token, following in itertools.pairwise(tokens):
        if token.type == "tr_open":
            rows.append([])
        if token.type in ("th_open", "td_open"):
            rows[-1].append(shown(following))
    start = next(number for number, row in enumerate(rows) if row[0] == first)
    width = len(rows[start])
    rest = rows[start + 1 :]
    stop = next((number for number, row in enumerate(rest) if row[0] in ("file", "setting", "figure", "class")), None)
    assert all(len(row) == width for row in rest[:stop])
    return rest[:stop]


def codes(text: str, language: str) -> list[str]:
    return [token.content for token in split(text)[1] if token.type == "fence" and token.info == language]


def test_has_the_headings_of_model_cards(exported_run: Path) -> None:
    """All nine of Mitchell et al. 2019, in their order, and how to use it."""
    _, tokens = split((exported_run / CARD).read_text())
    pairs = itertools.pairwise(tokens)
    headings = [following.content for token, following in pairs if token.type == "heading_open" and token.tag == "h2"]
    headings.remove("How to use it")
    assert headings == [
        *("Model details", "Intended use", "Factors", "Metrics", "Evaluation data", "Training data"),
        *("Quantitative analyses", "Ethical considerations", "Caveats and recommendations"),
    ]


@pytest.mark.parametrize("package", ["keras", "tensorflow", "onnxruntime", "ai_edge_litert"])
def test_its_code_gives_the_predictions_of_the_run(exported_run: Path, tmp_path: Path, package: str) -> None:
    """Each exported model, run by the card's own lines in a new process, as its reader would; the n is free."""
    reading, *running = codes((exported_run / CARD).read_text(), "python")
    (lines,) = [lines for lines in running if re.match(rf"(import|from) {package}\b", lines)]
    folder = tmp_path / "elsewhere"
    shutil.copytree(exported_run, folder)
    shutil.copy(exported_run.parent / "blocks" / IMAGES, folder)
    save = "np.save(f'{len(images)}.npy', probabilities)"
    code = f"{reading}\n{lines}\n{save}\nimages = images[:1]\n{lines}\n{save}"
    subprocess.run((sys.executable, "-c", code), cwd=folder, check=True, capture_output=True)
    probabilities = np.load(folder / "100.npy")
    written = np.loadtxt(folder / "predictions.csv", delimiter=",", skiprows=1)
    assert probabilities.dtype == np.float32
    assert probabilities.argmax(axis=1).tolist() == written[:, 2].tolist()
    np.testing.assert_allclose(probabilities, written[:, 3:], rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(np.load(folder / "1.npy"), written[:1, 3:], rtol=0, atol=TOLERANCE)


def test_tells_how_to_run_what_was_exported_and_nothing_else(finished_results: Results) -> None:
    """A block of code for each format, besides reading the images and Keras's own."""
    for names in ([], ["onnx"], list(FORMATS)):
        config = dataclasses.replace(finished_results.config, export=tuple(names))
        text = model_card.render(dataclasses.replace(finished_results, config=config))
        assert len(codes(text, "python")) == 2 + len(names)
        assert all((f"`{form.path}" in text) == (name in names) for name, form in FORMATS.items())


def test_its_figures_are_those_of_the_results(finished_results: Results) -> None:
    """With their n and intervals, for all images and by class, as rounded here."""
    results = finished_results
    front, tokens = split(model_card.render(results))
    rows = {row[0]: row[1:] for row in table(tokens, "figure")}
    interval = results.accuracy_interval
    n_right = sum(row[label] for label, row in enumerate(results.confusion_matrix))
    assert rows[f"accuracy ({n_right} of 100 right)"] == [
        f"{results.accuracy:.3f}",
        f"{interval.lower:.3f}–{interval.upper:.3f}",  # noqa: RUF001 - a range
    ]
    others = {"calibration error": results.calibration.ece, "loss": results.loss} | {
        f"macro {name}": getattr(results.macro, name.lower()) for name in ("precision", "recall", "F1")
    }
    assert {name: row[0] for name, row in list(rows.items())[1:]} == {
        name: f"{value:.3f}" for name, value in others.items()
    }
    classes = table(tokens, "class")
    assert [row[0] for row in classes] == [str(label) for label in range(10)]
    assert [int(row[2]) for row in classes] == [one.support for one in results.per_class]
    assert [int(row[3]) for row in classes] == np.sum(results.confusion_matrix, axis=0).tolist()
    for row, one in zip(classes, results.per_class, strict=True):
        for cell, name in zip(row[4:], ("recall", "precision", "f1"), strict=True):
            bounds = getattr(one, f"{name}_interval")
            assert cell == f"{getattr(one, name):.3f} ({bounds.lower:.3f}–{bounds.upper:.3f})"  # noqa: RUF001
    assert isinstance(front, dict)
    (entry,) = front["model-index"][0]["results"]
    assert [metric["value"] for metric in entry["metrics"]] == [results.accuracy, results.macro.f1]
    assert [row[1] for row in table(tokens, "file")] == list(results.data.sha256.values())
    assert codes(model_card.render(results), "sh") == [results.command + "\n"]


def test_tells_the_settings_of_the_training(finished_results: Results) -> None:
    """All but those that change only where it takes place."""
    rows = dict(table(split(model_card.render(finished_results))[1], "setting"))
    assert rows["epochs"] == "2"
    assert {name.replace(" ", "_") for name in rows} == {
        field.name for field in dataclasses.fields(finished_results.config)
    } - set(model_card.NO_SETTINGS)


ODD = (
    *(
        "a|b",
        "*bold*",
        "_x_",
        "`code`",
        "[a](http://b.c)",
        "<b>&amp;",
        "![i](j)",
        r"\| back\slash",
        "$x$ ~~y~~",
        "# :bag:",
    ),
)


def test_odd_names_mean_themselves(finished_results: Results) -> None:
    """Class names, and the names of data set and folders, with all that Markdown, HTML and YAML have a meaning for."""
    per_class = [dataclasses.replace(one, name=name) for one, name in zip(finished_results.per_class, ODD, strict=True)]
    name = "```|<x> \"quoted\" 'y': \N{SNOWMAN}\U0001f600 *z*"
    data = dataclasses.replace(finished_results.data, name=name)
    command = "python -m job --data '``` <x>'"
    results = dataclasses.replace(finished_results, per_class=per_class, data=data, command=command)
    front, tokens = split(model_card.render(results))
    assert [row[1] for row in table(tokens, "class")] == list(ODD)
    title = next(following for token, following in itertools.pairwise(tokens) if token.type == "heading_open")
    assert shown(title).startswith(f"Model card: {name}, ")
    assert isinstance(front, dict)
    assert front["model-index"][0]["results"][0]["dataset"]["name"] == name
    assert codes(model_card.render(results), "sh") == [command + "\n"]
    assert all(shown(token) for token in tokens if token.type == "inline")
    assert not any(token.type == "html_block" for token in tokens)


def test_says_whose_the_data_set_is(finished_results: Results) -> None:
    """Fashion-MNIST's licence, and of another that it is not known."""
    own = model_card.render(finished_results)
    assert "The licence of the data set is not known here" in own
    assert "Zalando" not in own
    data = dataclasses.replace(finished_results.data, name=FASHION_MNIST)
    known = model_card.render(dataclasses.replace(finished_results, data=data))
    assert "© Zalando SE, under the MIT licence" in known
    assert "not known here" not in known
    assert "datasets: [zalando-datasets/fashion_mnist]" in known
