"""Checks the options of a run against each other."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from job.config.recipes import RECIPES
from job.errors import UsageError

MAX_SEED = 2**32 - 1  # NumPy's largest


def check_combinations(values: Mapping[str, Any], labels: Mapping[str, str] = {}) -> None:
    """Check the valid values of all options against each other; `labels` names the options where they were set.

    Raises:
        UsageError: if two values exclude each other.
    """
    run = SimpleNamespace(**values)
    stop, decayed_adam = run.early_stopping > 0, run.optimizer == "adam" and run.weight_decay > 0
    plateau, no_split = run.schedule == "plateau", run.validation_split == 0
    calibrated = run.calibrate != "none"
    for is_excluded, first, second, remedy in (
        (run.early_stopping >= run.epochs, "early_stopping", "epochs", "set fewer than all epochs"),
        (run.seed + run.runs - 1 > MAX_SEED, "seed", "runs", f"the last seed would exceed {MAX_SEED}"),
        (run.batch_size % run.replicas, "batch_size", "replicas", f"set --batch-size to a multiple of {run.replicas}"),
        (decayed_adam, "weight_decay", "optimizer", "choose another optimizer, or --weight-decay 0"),
        (stop and no_split, "early_stopping", "validation_split", "hold out some images, or set --early-stopping 0"),
        (plateau and no_split, "schedule", "validation_split", "hold out some images, or choose --schedule constant"),
        (calibrated and no_split, "calibrate", "validation_split", "hold out some images, or set --calibrate none"),
        (plateau and run.warm_up > 0, "warm_up", "schedule", "set --warm-up 0, or choose --schedule cosine"),
        (stop and run.average > 0, "average", "early_stopping", "each chooses the final parameters; set one to 0"),
    ):
        if is_excluded:
            pair = [f"{labels.get(name, '--' + name.replace('_', '-'))} {values[name]}" for name in (first, second)]
            if first not in labels and RECIPES[run.recipe].get(first) == values[first]:
                pair[0] += f" (from --recipe {run.recipe})"
            raise UsageError(f"{pair[0]} cannot be combined with {pair[1]}: {remedy}")
