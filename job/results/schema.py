"""Defines the content of metrics.json: evaluation, comparison, training and provenance of a run."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

from msgspec import Meta

from job.config.gate import Gate
from job.config.run_config import MAX_TEMPERATURE, MIN_TEMPERATURE, Config
from job.evaluation.intervals import Amount, Count, Fraction, Positive
from job.evaluation.paired_comparison import Reference
from job.evaluation.seed_variation import SeedVariation
from job.evaluation.trend import EarlierRuns, Trend
from job.results.provenance import Provenance

SCHEMA_VERSION = 5
Rate = Annotated[float, Meta(ge=0)]
Temperature = Annotated[float, Meta(ge=MIN_TEMPERATURE, le=MAX_TEMPERATURE)]


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
        temperature: Temperature that calibrates the model; None if it is not calibrated.
    """

    config: Config
    network: str
    n_train: Positive
    n_validation: Count
    history: History
    seed_variation: SeedVariation | None = None
    temperature: Temperature | None = None


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """The content of metrics.json that does not follow from the predictions.

    Attributes:
        class_names: Class names in label order.
        seed: Seed of the bootstrap and of the random samples.
        training: None if this job did not train the model.
        gates: The gates that the run is to meet.
        earlier: The earlier runs of its history; None without a history, and for a finished run.
        trend: The trend of a finished run; None without a history.
    """

    class_names: Sequence[str]
    seed: int
    reference: Reference | None
    training: Training | None
    provenance: Provenance
    gates: Sequence[Gate] = ()
    earlier: EarlierRuns | None = None
    trend: Trend | None = None


@dataclass(frozen=True)
class StoredClass:
    """What the job reads of the metrics of a class."""

    name: str


@dataclass(frozen=True)
class StoredEvaluation:
    """What the job reads of an evaluation; it computes the metrics from the predictions again."""

    per_class: list[StoredClass]
    seed: Count


@dataclass(frozen=True)
class StoredComparison:
    """What the job reads of a comparison."""

    reference: Reference


@dataclass(frozen=True)
class StoredGate:
    """What the job reads of the result of a gate."""

    gate: Gate


@dataclass(frozen=True)
class StoredRun:
    """What the job reads of metrics.json: the content that does not follow from the predictions."""

    evaluation: StoredEvaluation
    comparison: StoredComparison | None
    training: Training | None
    provenance: Provenance
    gates: Sequence[StoredGate] = ()
    trend: Trend | None = None

    def record(self) -> RunRecord:
        """The run without its predictions."""
        return RunRecord(
            class_names=[row.name for row in self.evaluation.per_class],
            seed=self.evaluation.seed,
            reference=self.comparison.reference if self.comparison else None,
            training=self.training,
            provenance=self.provenance,
            gates=[each.gate for each in self.gates],
            trend=self.trend,
        )
