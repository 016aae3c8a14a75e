"""Represents the networks of a sweep, grouped into configurations."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from job.config.run_config import Config
from job.evaluation.gated_runs import GatedRuns
from job.evaluation.predictions import Floats, Labels
from job.evaluation.recipe_comparison import CrossedMean, summarize_networks
from job.evaluation.seed_variation import choose_run
from job.evaluation.sweep_trials import SearchHistory

Value = str | int | float | bool


def write_label(recipe: str, values: Mapping[str, Value]) -> str:
    """The label of a configuration: its recipe and the other values that vary, such as `mlp, learning rate 0.002`."""
    others = (f"{name.replace('_', ' ')} {value}" for name, value in values.items() if name != "recipe")
    return ", ".join([recipe, *others])


@dataclass(frozen=True, kw_only=True, eq=False)
class SweptNetwork:
    """A trained network and its predictions.

    Attributes:
        run: Name of the run that trained it, which is the name of the run's folder.
        folder: Output folder of that run. A run with `--runs` has several networks.
        val_accuracy: Validation accuracy, or None without validation.
        val_loss: Validation loss, or None without validation.
        training_s: Wall time of the training in seconds.
        command: Command that repeats its run.
        loss: Mean cross-entropy on the test images, in nats.
        y_pred: Most probable class of each test image, shape (n,).
        work: What decides how long the training takes, but not how fast the machine was at that moment; networks with
            equal work should take equally long. None if unknown.
    """

    run: str
    folder: str
    seed: int
    val_accuracy: float | None
    val_loss: float | None
    training_s: float
    command: str
    loss: float
    y_pred: NDArray[np.uint8]
    work: Hashable = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Configuration:
    """Networks that differ only by their seed.

    Attributes:
        label: The recipe and the values of the parameters, such as `mlp, learning rate 0.002`.
        values: Value of each parameter of the sweep, by its name in `Config`.
        config: Settings of the first network.
        n_parameters: Number of parameters of the network; None if unknown.
        networks: Its networks in the order of their seeds.
        y_true: True class of each test image, shape (n,).
    """

    label: str
    values: Mapping[str, Value]
    config: Config
    n_parameters: int | None
    networks: Sequence[SweptNetwork]
    y_true: Labels

    @property
    def n_seeds(self) -> int:
        """Number of its networks."""
        return len(self.networks)

    @property
    def has_seeds(self) -> bool:
        """Whether it has several networks, which show how much the seed matters."""
        return len(self.networks) > 1

    @cached_property
    def accuracies(self) -> list[float]:
        """Test accuracy of each network."""
        return [float(np.mean(each.y_pred == self.y_true)) for each in self.networks]

    @property
    def losses(self) -> list[float]:
        """Mean cross-entropy of each network on the test images, in nats."""
        return [each.loss for each in self.networks]

    @cached_property
    def reported(self) -> int:
        """Index of the network that stands for the configuration: that of the lowest validation loss, else the first.

        The test images play no part in the choice.
        """
        return choose_run([each.val_loss for each in self.networks])[0]

    @property
    def reported_network(self) -> SweptNetwork:
        """The network that stands for the configuration."""
        return self.networks[self.reported]

    @property
    def crossed(self) -> CrossedMean:
        """Mean accuracy over seeds and images; for several networks only. It is computed each time to save memory."""
        return summarize_networks(self._list_correctness())

    def _list_correctness(self) -> "list[Floats]":
        return [(each.y_pred == self.y_true).astype(np.float64) for each in self.networks]


@dataclass(frozen=True, kw_only=True, eq=False)
class SweepResults:
    """The runs of a sweep, grouped into configurations.

    Attributes:
        configurations: At least one.
        parameters: Values of the settings that vary, by their names in `Config`, in the order of the options. One value
            if the plan varies a setting, but only one of its values has results.
        settings: Settings that are the same in all runs, but not those of a recipe, by their names in `Config`.
        failures: Why there is no result, by the name of the run, or of the trial of a search.
        class_names: Class names in label order.
        y_true: True class of each test image, shape (n,).
        n_validation: Number of validation images; None if it differs between the runs.
        data: Name of the data set.
        started: Start of the first and of the last run, UTC, ISO 8601.
        revisions: Git revisions of the code, each once; an unknown one is empty.
        machines: Device and number of threads, each once.
        search: The trials, if a search chose the configurations.
        gated: The gates of the sweep, and what they need of its runs.
    """

    configurations: Sequence[Configuration]
    parameters: Mapping[str, Sequence[Value]]
    settings: Mapping[str, Value]
    failures: Mapping[str, str]
    class_names: Sequence[str]
    y_true: Labels
    n_validation: int | None
    data: str
    started: tuple[str, str]
    revisions: Sequence[str]
    machines: Sequence[str]
    search: SearchHistory | None = None
    gated: GatedRuns = field(default_factory=GatedRuns)

    @property
    def varying(self) -> list[str]:
        """The parameters of which several values have results."""
        return [name for name, values in self.parameters.items() if len(values) > 1]

    @property
    def n_test(self) -> int:
        """Number of test images."""
        return len(self.y_true)

    @property
    def n_networks(self) -> int:
        """Number of trained networks."""
        return sum(each.n_seeds for each in self.configurations)

    @property
    def n_runs(self) -> int:
        """Number of finished runs, some of which may have several networks."""
        return len({network.folder for each in self.configurations for network in each.networks})
