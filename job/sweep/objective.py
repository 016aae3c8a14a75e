"""Reads what a search judges a run by: its validation images, and nothing of its test images."""

import re
from collections.abc import Sequence
from pathlib import Path

from job.config.search_space import Objective
from job.errors import DataError
from job.results.metrics_json import read_record

EPOCH = re.compile(
    r"epoch (?P<epoch>[0-9]+) of [0-9]+: .*\bval_accuracy (?P<accuracy>[0-9.]+), val_loss (?P<loss>[0-9.]+)"
)
"""What job/training/train.py logs after each epoch."""


def read_objective(folder: Path, objective: Objective) -> float:
    """The validation accuracy or loss of the network in an output folder.

    Raises:
        DataError: If the folder cannot be read, or no images were held out.
    """
    training = read_record(folder).training
    if training is None or not training.history.val_loss:
        raise DataError(f"{folder}: held out no images for validation")
    losses, accuracies = training.history.val_loss, training.history.val_accuracy
    epoch = losses.index(min(losses)) if training.config.early_stopping else -1  # whose parameters the network has
    return accuracies[epoch] if objective == "accuracy" else losses[epoch]


def read_epochs(log: Path, objective: Objective) -> Sequence[tuple[int, float]]:
    """The epochs that a run has logged so far, from 1, each with its validation accuracy or loss."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    lines = text[: text.rfind("\n") + 1].splitlines()  # the last line may be incomplete
    return [(int(match["epoch"]), float(match[objective])) for line in lines if (match := EPOCH.search(line))]
