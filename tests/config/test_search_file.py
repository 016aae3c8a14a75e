"""The key `search` in the file of a sweep."""

from pathlib import Path
from typing import Any

import pytest
from support import ErrorOf

from job.config import cli
from job.config.run_config import OPTIONS
from job.config.search_space import Range, Search
from job.config.sweep_config import SweepRequest
from job.sweep.search_trials import configure_values, probe_space

RATE = "learning-rate: {low: 1e-4, high: 1e-2, log: true}"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working directory is empty, and no variable of the environment is the job's."""
    monkeypatch.chdir(tmp_path)
    for option in OPTIONS.values():
        monkeypatch.delenv(option.variable, raising=False)


def parse(text: str, *words: str) -> SweepRequest:
    Path("sweep.yaml").write_text(text)
    request = cli.parse(["sweep", "--config", "sweep.yaml", *words]).sweep
    assert request
    return request


def test_a_range_has_the_type_of_its_option() -> None:
    """A list is of values without an order, in the form of `parameters`."""
    request = parse(
        "seeds: 0-2\nparameters: {recipe: mlp}\nsearch:\n  trials: 50\n  objective: loss\n  pruning: no\n  seed: 7\n"
        f"  parameters:\n    {RATE}\n    epochs: {{low: 5, high: 20}}\n    dropout: {{low: 0, high: 0.5}}\n"
        "    batch_size: [64, 128]\n    augment: [none, 'flip,shift']\n"
    )
    parameters: dict[str, Range | list[Any]] = {
        "learning_rate": Range(1e-4, 1e-2, log=True),
        "epochs": Range(5, 20),
        "dropout": Range(0.0, 0.5),
        "batch_size": [64, 128],
        "augment": ["none", "flip,shift"],
    }
    assert request.search == Search(trials=50, parameters=parameters, objective="loss", pruning=False, seed=7)
    assert [type(end) for end in request.search.values("dropout")] == [float, float]
    assert [type(end) for end in request.search.values("epochs")] == [int, int]
    assert request.seeds == (0, 1, 2)


def test_the_environment_and_single_values_apply_to_all_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is searched overrides the environment, as a parameter does; the recipe may be searched, too."""
    monkeypatch.setenv("FASHION_JOB_LEARNING_RATE", "0.5")
    monkeypatch.setenv("FASHION_JOB_DROPOUT", "0.25")
    request = parse(
        f"search: {{trials: 2, parameters: {{{RATE}, recipe: [baseline, mlp]}}}}", "--set", "epochs=3", "--seeds", "4"
    )
    configuration = configure_values(request, {"learning_rate": 0.002, "recipe": "mlp"})
    config = configuration.config
    assert (config.recipe, config.learning_rate, config.dropout, config.epochs) == ("mlp", 0.002, 0.25, 3)
    assert configuration.label == "mlp, learning rate 0.002"
    assert request.seeds == (4,)


def test_probes_have_the_ends_of_a_range_and_every_value() -> None:
    """Combinations that are refused are none of them."""
    request = parse(f"search: {{trials: 9, parameters: {{{RATE}, optimizer: [adam, adamw], weight-decay: [0, 0.1]}}}}")
    assert request.search
    configs = [each.config for each in probe_space(request, request.search)]
    assert {1e-4, 1e-2} <= {config.learning_rate for config in configs}
    pairs = {(config.optimizer, config.weight_decay) for config in configs}
    assert pairs == {("adam", 0.0), ("adamw", 0.0), ("adamw", 0.1)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("trails: 3", "sweep.yaml, line 2: unknown key trails; did you mean trials?"),
        ("trials: 3", "sweep.yaml, line 2: search has no parameters; add, for example, `parameters: "),
        (f"parameters: {{{RATE}}}", "sweep.yaml, line 2: search has no trials; add, for example, `trials: 50`"),
        ("trials: 0", "sweep.yaml: search trials is 0, but must be a whole number from 1 to 1000000"),
        ("trials: many", "sweep.yaml: search trials is 'many', but must be a whole number"),
        ("objective: test", "sweep.yaml: search objective is 'test', but must be accuracy or loss"),
        ("pruning: median", "sweep.yaml: search pruning is 'median', but must be true or false"),
        ("parameters: {learning-rat: [1, 2]}", "line 2: unknown parameter learning-rat; did you mean learning-rate?"),
        ("parameters: {seed: [1, 2]}", "line 2: seed cannot be a parameter of a sweep: the seeds have an option"),
        ("parameters: {layout: [single, folder]}", "layout must be the same in all runs; it cannot be searched"),
        ("parameters: {epochs: {low: 9, high: 3}}", "line 2: epochs has low 9 and high 3; low must be the lower one"),
        ("parameters: {epochs: {low: 3}}", "line 2: epochs must be a list of values, or a range such as {low: 1e-4"),
        ("parameters: {epochs: {low: 1, high: 9, step: 2}}", "line 2: epochs must be a list of values, or a range"),
        ("parameters: {epochs: 3}", "line 2: epochs must be a list of values, or a range such as {low: 1e-4"),
        ("parameters: {epochs: {low: 1.5, high: 9}}", "search epochs low is '1.5', but must be a whole number from 1"),
        (
            "parameters: {dropout: {low: 0, high: 1}}",
            "search dropout high is 1.0, but must be a number from 0 to below 1",
        ),
        (
            "parameters: {dropout: {low: 0, high: 0.5, log: true}}",
            "dropout has low 0.0, but with log it must be above 0",
        ),
        ("parameters: {optimizer: {low: 1, high: 2}}", "line 2: optimizer has no range; list its values"),
        ("parameters: {batch-size: [64, 64]}", "sweep.yaml: search batch-size lists 64 twice"),
        ("parameters: {epochs: [1, 2], epochs: [3, 4]}", "line 2: epochs is set twice"),
    ],
)
def test_a_bad_search_is_one_line(error_of: ErrorOf, text: str, message: str) -> None:
    """It names the file and the line or the key; nothing is written."""
    Path("sweep.yaml").write_text(f"search:\n  {text}\n")
    assert message in error_of(64, "sweep", "--config", "sweep.yaml")
    assert not Path("sweep").exists()


@pytest.mark.parametrize(
    ("parameters", "words", "message"),
    [
        (RATE, ("--set", "learning-rate=0.1"), "--set learning-rate is set, but search chooses learning-rate"),
        (RATE, ("--set", "epochs=2,3"), "--set epochs has 2 values; with search, list them in `search: parameters`"),
        (RATE, ("--recipe", "mlp,cnn"), "--recipe has 2 values; with search, list them in `search: parameters`"),
        (RATE, ("--only-index", "3"), "--only-index does a run of a plan, but search plans while it runs"),
        (RATE, ("--collect", "runs"), "--collect trains nothing; combine it only with --output"),
        (RATE, ("--seeds", "0-9999"), "the search has 40,000 runs; make fewer trials, or add --yes"),
        (RATE, ("--seeds", "0-999998", "--yes"), "the search has 3,999,996 runs, but a sweep has at most 1,000,000"),
        (RATE, ("--set", "validation-split=0"), "a search judges by validation images; hold out some"),
        ("weight-decay: {low: 0.1, high: 1}", (), "weight-decay 0.1 cannot be combined with --optimizer adam"),
        ("validation-split: [0.1, 0.2]", (), "the validation accuracy, which validation-split changes by itself"),
    ],
)
def test_a_search_that_cannot_be(error_of: ErrorOf, parameters: str, words: tuple[str, ...], message: str) -> None:
    """One line says what excludes what; nothing is written."""
    Path("sweep.yaml").write_text(f"search: {{trials: 4, parameters: {{{parameters}}}}}\n")
    assert message in error_of(64, "sweep", "--config", "sweep.yaml", *words)
    assert not Path("sweep").exists()


def test_losses_of_other_label_smoothing_are_not_compared(error_of: ErrorOf) -> None:
    """They are on another scale, also if only the recipe differs; accuracies are comparable."""
    text = "search: {trials: 4, objective: %s, parameters: {recipe: [baseline, mlp]}}\n"
    Path("sweep.yaml").write_text(text % "loss")
    error = error_of(64, "sweep", "--config", "sweep.yaml")
    assert "search compares the validation loss, which label-smoothing changes by itself; set one value" in error
    request = parse(text % "accuracy")
    assert request.search
    assert probe_space(request, request.search)
