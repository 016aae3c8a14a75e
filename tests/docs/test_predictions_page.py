"""The examples of docs/predictions.md work as they are written."""

import csv
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from support import REPOSITORY

from job.predictions.roles import NAMES, find_role
from job.predictions_report import Report, report

PAGE = (REPOSITORY / "docs" / "predictions.md").read_text(encoding="utf-8")


def example_of(heading: str) -> str:
    """The first example below a heading."""
    _, text = PAGE.split(f"# {heading}\n", 1)
    found = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert found
    return found[1]


def run_example(heading: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **names: Any) -> Report:  # noqa: ANN401
    monkeypatch.chdir(folder)
    exec(compile(example_of(heading), heading, "exec"), names)  # noqa: S102 - our own page
    result = names["result"]
    assert isinstance(result, Report)
    return result


def test_scikit_learn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The digits, with their images; the accuracy is that of the model itself."""
    names: dict[str, Any] = {}
    monkeypatch.chdir(tmp_path)
    exec(compile(example_of("scikit-learn"), "scikit-learn", "exec"), names)  # noqa: S102 - our own page
    digits, test = names["digits"], names["test"]
    expected = names["model"].score(digits.data[test] / 16, digits.target[test])
    assert names["result"].metrics["accuracy"] == expected > 0.95
    assert "images are shown as negatives" in (tmp_path / "digits.html").read_text(encoding="utf-8").lower()


def test_keras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, configured_device: None) -> None:  # noqa: ARG001
    """A model that is trained for one epoch."""
    assert run_example("Keras", tmp_path, monkeypatch).metrics["n_test"] == 100
    assert (tmp_path / "keras.html").exists()


@pytest.mark.torch
def test_pytorch(tmp_path: Path) -> None:
    """A model that learns whether an image is light; its logits have gradients.

    A process of its own, because Triton aborts in the one that has imported all tests.
    """
    folder = os.environ.get("TORCH_PACKAGES", "")
    lines = [
        f"import sys; sys.path += {[str(REPOSITORY), folder]!r}",  # after the packages of the job
        example_of("PyTorch"),
        "print(result.metrics['accuracy'], *(row['name'] for row in result.metrics['per_class']))",
    ]
    words = [sys.executable, "-c", "\n".join(lines)]
    done = subprocess.run(words, cwd=tmp_path, check=True, stdout=subprocess.PIPE, text=True)
    accuracy, *class_names = done.stdout.split()
    assert float(accuracy) > 0.9
    assert class_names == ["dark", "light"]
    assert (tmp_path / "pytorch.html").exists()


def test_hugging_face(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trainer's output, without the library: it has these attributes (transformers.trainer_utils)."""
    labels, random = np.arange(60) % 3, np.random.default_rng(0)
    logits = random.normal(size=(60, 3)).astype(np.float32) + 3 * np.eye(3, dtype=np.float32)[labels]
    trainer = SimpleNamespace(predict=lambda _: SimpleNamespace(label_ids=labels, predictions=logits))
    config = SimpleNamespace(id2label={0: "cat", 1: "dog", 2: "cow"}, num_labels=3)
    names = {"trainer": trainer, "test_set": None, "model": SimpleNamespace(config=config), "report": report}
    result = run_example("Hugging Face", tmp_path, monkeypatch, **names)
    assert result.metrics["accuracy"] == np.mean(logits.argmax(axis=1) == labels)
    assert [row["name"] for row in result.metrics["per_class"]] == ["cat", "dog", "cow"]


def test_the_names_of_columns_on_the_page() -> None:
    """Each has the role that the page states."""
    rows = re.findall(
        r"^\| (`[^|]+`) \| ([^|]+) \|$", PAGE.split("### Columns and arrays")[1].split("###")[0], re.MULTILINE
    )
    roles = [{find_role(name) for name in re.findall(r"`([a-z_]+)`", names)} for names, _ in rows]
    assert {"true"} in roles
    assert {"predicted"} in roles
    assert {"id"} in roles
    assert {"probabilities", "logits"} in roles
    assert sum(map(len, NAMES.values())) > 20


def test_the_table_on_the_page(tmp_path: Path) -> None:
    """It is one that the command reads."""
    from job.predictions.assemble import assemble_predictions
    from job.predictions.tables import read_table

    found = re.search(r"```csv\n(.*?)```", PAGE, re.DOTALL)
    assert found
    (tmp_path / "table.csv").write_text(found[1])
    assert assemble_predictions(read_table(tmp_path / "table.csv")).predictions.accuracy == 1
    assert len(list(csv.reader(found[1].splitlines()))) == 3
