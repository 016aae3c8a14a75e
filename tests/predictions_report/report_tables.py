"""What the tests of the command `report` share: tables of predictions, and the command itself."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from support import make_predictions

from job.__main__ import main
from job.evaluation.predictions import Predictions

N = 200
PREDICTIONS = make_predictions(N, 4)
NAMES = ["cat", "dog", "cow", "hen"]
CI = {f"ci/{name}" for name in ("badge.json", "badge.svg", "junit.xml", "metrics.txt", "summary.md")}


def table_of(predictions: Predictions = PREDICTIONS, names: Sequence[str] | None = None) -> str:
    """A CSV file: the columns `true`, and `p_0` and so on or the names of the classes."""
    n_classes = predictions.n_classes
    header = ["true", *(names or [f"p_{label}" for label in range(n_classes)])]
    rows = [
        [names[label] if names else str(label), *map(repr, row)]
        for label, row in zip(predictions.y_true.tolist(), predictions.probabilities.tolist(), strict=True)
    ]
    return "\n".join(",".join(row) for row in [header, *rows]) + "\n"


def labels_of(predictions: Predictions = PREDICTIONS) -> str:
    """A CSV file of true and predicted classes, without probabilities."""
    rows = zip(predictions.y_true, predictions.y_pred, strict=True)
    return "\n".join(["true,predicted", *(f"{true},{predicted}" for true, predicted in rows)])


def report(*arguments: object, status: int = 0) -> None:
    """Run the command, which ends with a status."""
    assert main(["report", "-q", *map(str, arguments)]) == status


def read_metrics(folder: Path) -> Any:  # noqa: ANN401 - JSON
    return json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
