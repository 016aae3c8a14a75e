"""Checks the options of a run against each other."""

from collections.abc import Mapping
from typing import Any

from job.config.recipes import RECIPES
from job.errors import UsageError

MAX_SEED = 2**32 - 1  # NumPy's largest


def check_combinations(values: Mapping[str, Any], labels: Mapping[str, str] = {}) -> None:
    """Check the options against each other.

    Args:
        values: valid values of all options, by field name.
        labels: how to name options that were set elsewhere than on the command line, by field name.

    Raises:
        UsageError: if two values exclude each other.
    """
    decay, stop, plateau = values["weight_decay"] > 0, values["early_stopping"] > 0, values["schedule"] == "plateau"
    no_validation = values["validation_split"] == 0
    for is_excluded, first, second, remedy in (
        (
            stop and values["early_stopping"] >= values["epochs"],
            "early_stopping",
            "epochs",
            "set fewer than all epochs",
        ),
        (values["seed"] + values["runs"] - 1 > MAX_SEED, "seed", "runs", f"the last seed would exceed {MAX_SEED}"),
        (
            values["batch_size"] % values["replicas"] != 0,
            "batch_size",
            "replicas",
            "replicas take equal shares, so set a multiple",
        ),
        (
            decay and values["optimizer"] == "adam",
            "weight_decay",
            "optimizer",
            "choose another optimizer, or --weight-decay 0",
        ),
        (
            stop and no_validation,
            "early_stopping",
            "validation_split",
            "hold out some images, or set --early-stopping 0",
        ),
        (
            plateau and no_validation,
            "schedule",
            "validation_split",
            "hold out some images, or choose --schedule constant",
        ),
        (plateau and values["warm_up"] > 0, "warm_up", "schedule", "set --warm-up 0, or choose --schedule cosine"),
        (
            stop and values["average"] > 0,
            "average",
            "early_stopping",
            "each chooses the final parameters; set one to 0",
        ),
    ):
        if is_excluded:
            pair = [f"{labels.get(name, _flag(name))} {values[name]}" for name in (first, second)]
            recipe = values["recipe"]
            if first not in labels and RECIPES[recipe].get(first) == values[first]:
                pair[0] += f" (from --recipe {recipe})"
            raise UsageError(f"{pair[0]} cannot be combined with {pair[1]}: {remedy}")


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
