"""Names the networks, optimizers and schedules, and the recipes: proven sets of option values."""

from collections.abc import Mapping
from typing import Any, Literal, get_args

ModelName = Literal["mlp", "cnn"]
OptimizerName = Literal["adam", "adamw", "sgd", "muon"]
Schedule = Literal["constant", "cosine", "plateau"]
TestTime = Literal["none", "flip", "flip-shift"]
RecipeName = Literal["baseline", "mlp", "cnn"]

OPTIMIZERS: tuple[OptimizerName, ...] = get_args(OptimizerName)
AUGMENTATIONS = ("flip", "shift", "erase")
NO_AUGMENTATION = "none"

RECIPES: Mapping[RecipeName, Mapping[str, Any]] = {
    "baseline": {},
    "mlp": {
        "epochs": 50,
        "batch_size": 128,
        "optimizer": "adamw",
        "learning_rate": 0.002,
        "weight_decay": 0.1,
        "schedule": "cosine",
        "warm_up": 0.05,
        "label_smoothing": 0.1,
        "augment": "flip",
        "test_time": "flip",
    },
    "cnn": {
        "model": "cnn",
        "epochs": 10,
        "batch_size": 128,
        "optimizer": "muon",
        "learning_rate": 0.02,
        "weight_decay": 0.05,
        "schedule": "cosine",
        "warm_up": 0.1,
        "label_smoothing": 0.1,
        "augment": "flip,erase",
        "test_time": "flip-shift",
    },
}
"""The values that differ from the defaults, by field of `Config`."""
