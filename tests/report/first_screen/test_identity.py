from dataclasses import replace
from typing import Any

import pytest
from support import make_run

from job.config.run_config import Config
from job.config.run_name import name_run
from job.report.first_screen.identity import identify_run


def test_a_run_is_identified_by_what_is_known_of_it() -> None:
    """Data set, model, date, revision and name."""
    run = make_run(epochs=5)
    assert identify_run(run) == ["Fashion-MNIST", "MLP 784-128-10", "3 Feb 2026", "0123456", "baseline, seed 0"]


def test_unknown_parts_are_left_out() -> None:
    """The job did not train the model, and runs without a revision."""
    run = make_run(trained=False, is_fashion_mnist=False)
    provenance = replace(run.provenance, environment=replace(run.provenance.environment, revision=""))
    assert identify_run(replace(run, provenance=provenance)) == ["blocks", "3 Feb 2026"]


def test_a_revision_with_changes_says_so() -> None:
    """Seven digits are enough to find it."""
    run = make_run()
    environment = replace(run.provenance.environment, revision=f"{'abcdef0123' * 4}-dirty")
    assert "abcdef0-dirty" in identify_run(replace(run, provenance=replace(run.provenance, environment=environment)))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "baseline, seed 0"),
        ({"seed": 3, "recipe": "mlp"}, "mlp, seed 3"),
        ({"runs": 5, "seed": 2}, "baseline, seeds 2 to 6"),
        ({"batch_size": 64}, "baseline with batch size 64, seed 0"),
        ({"recipe": "cnn", "epochs": 3, "augment": "none"}, "cnn with epochs 3 and augment none, seed 0"),
        ({"recipe": "mlp", "epochs": 3, "augment": "none", "dropout": 0.5}, "mlp with 3 changed options, seed 0"),
        ({"name": "a first try", "recipe": "mlp", "epochs": 3}, "a first try"),
    ],
)
def test_the_name_of_a_run(settings: dict[str, Any], expected: str) -> None:
    """`--name`, else recipe, changes and seeds."""
    assert name_run(Config(**settings)) == expected
