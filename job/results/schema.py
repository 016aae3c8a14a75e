"""Defines the content of metrics.json: evaluation, comparison, training and provenance of a run."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

from msgspec import Meta

from job.config.run_config import Config
from job.evaluation.evaluate import Evaluation
from job.evaluation.intervals import Amount, Count, Fraction, Positive
from job.evaluation.paired_comparison import Comparison, Reference
from job.evaluation.seed_variation import SeedVariation
from job.results.provenance import Provenance

SCHEMA_VERSION = 5
Rate = Annotated[float, Meta(ge=0)]


@dataclass(frozen=True)
class History:
    """One value per epoch; the `val_` lists are empty if no images were held out for validation.

    The training values are Keras's: averages over the epoch while the parameters change. The learning rate and the
    validation values are those at the end of the epoch.
    """

    loss: list[Amount]
    accuracy: list[Fraction]
    learning_rate: list[Rate]
    val_loss: list[Amount] = field(default_factory=list)
    val_accuracy: list[Fraction] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Training:
    """How the model was trained.

    Attributes:
        network: The network in one line.
        n_train: Number of training images, without those held out for validation.
        seed_variation: Variation over the seeds; None if there was only one training.
    """

    config: Config
    network: str
    n_train: Positive
    n_validation: Count
    history: History
    seed_variation: SeedVariation | None = None


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """The content of metrics.json that does not follow from the predictions.

    Attributes:
        class_names: Class names in label order.
        seed: Seed of the bootstrap and of the random samples.
        training: None if this job did not train the model.
    """

    class_names: Sequence[str]
    seed: int
    reference: Reference | None
    training: Training | None
    provenance: Provenance


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """The content of metrics.json, as in `Run`."""

    schema_version: int = SCHEMA_VERSION
    evaluation: Evaluation
    comparison: Comparison | None
    training: Training | None
    provenance: Provenance

    def record(self) -> RunRecord:
        """The content that does not follow from the predictions."""
        return RunRecord(
            class_names=self.evaluation.class_names,
            seed=self.evaluation.seed,
            reference=self.comparison.reference if self.comparison else None,
            training=self.training,
            provenance=self.provenance,
        )
