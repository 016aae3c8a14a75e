"""Published accuracies on the test images of Fashion-MNIST: every comparable entry of each source, with its caveat."""

from collections.abc import Mapping
from dataclasses import dataclass

from job.config.recipes import ModelName
from job.results.run import Run


@dataclass(frozen=True)
class Entry:
    """One published accuracy: what was run, as its source describes it, and the accuracy as a fraction."""

    name: str
    accuracy: float


@dataclass(frozen=True)
class Published:
    """Accuracies that were published together.

    Attributes:
        name: What was measured, short enough for a chart.
        entries: All comparable entries of the source, in its order.
        source: Where they were published.
        caveat: How they were measured, and what the source does not say.
    """

    name: str
    entries: tuple[Entry, ...]
    source: str
    caveat: str


PAPER = "arXiv 1708.07747, table 3"
PAPER_CAVEAT = "Mean of five trainings; the paper gives no spread."
README = "README of zalandoresearch/fashion-mnist (March 2022), section Benchmark"
README_CAVEAT = (
    "Submitted by users and not tested by the authors of the README, which gives neither the number of trainings nor "
    "how the epoch was chosen."
)

PEOPLE = Published(
    "crowd workers",
    (Entry("majority of three labels per image", 0.835),),
    README,
    "People without fashion expertise, on 1,000 random test images instead of all 10,000. The README cites no "
    "publication and says neither who they were nor how often they disagreed.",
)
LOGISTIC_REGRESSION = Published(
    "logistic regression",
    (
        Entry("C = 1, L1 penalty", 0.842),
        Entry("C = 1, L2 penalty", 0.841),
        Entry("C = 10, L2 penalty", 0.839),
        Entry("C = 10, L1 penalty", 0.839),
        Entry("C = 100, L2 penalty", 0.836),
    ),
    PAPER,
    f"LogisticRegression of scikit-learn. {PAPER_CAVEAT}",
)
SCIKIT_LEARN_MLP = Published(
    "MLPs, scikit-learn",
    (
        Entry("one hidden layer of 100 units, ReLU", 0.871),
        Entry("hidden layers of 100 and 10 units, ReLU", 0.870),
        Entry("one hidden layer of 100 units, tanh", 0.868),
        Entry("hidden layers of 100 and 10 units, tanh", 0.863),
        Entry("hidden layers of 10 and 10 units, ReLU", 0.850),
        Entry("one hidden layer of 10 units, ReLU", 0.848),
        Entry("hidden layers of 10 and 10 units, tanh", 0.841),
        Entry("one hidden layer of 10 units, tanh", 0.840),
    ),
    PAPER,
    f"MLPClassifier of scikit-learn. {PAPER_CAVEAT}",
)
OTHER_MLP = Published("MLP 256-128-100", (Entry("MLP 256-128-100", 0.8833),), README, README_CAVEAT)
CNNS = Published(
    "2 to 5 convolutions",
    (
        Entry("2 conv, pooling; Keras", 0.876),
        Entry("2 conv, pooling; TensorFlow", 0.916),
        Entry("2 conv, pooling, ELU; PyTorch", 0.903),
        Entry("2 conv; flips, translation, rotation", 0.919),
        Entry("2 conv, fewer than 100K parameters", 0.925),
        Entry("2 conv, about 113K parameters", 0.922),
        Entry("2 conv, 3 dense, about 1.8M parameters", 0.932),
        Entry("2 conv, 3 dense, about 500K parameters; augmentation, batch normalization", 0.934),
        Entry("2 conv, pooling, batch normalization", 0.934),
        Entry("2 conv, 2 dense; horizontal flips", 0.939),
        Entry("3 conv, 2 dense", 0.907),
        Entry("3 conv, pooling, batch normalization", 0.903),
        Entry("3 conv, pooling, 2 dense, dropout", 0.926),
        Entry("3 conv, batch normalization, pooling", 0.921),
        Entry("5 conv, batch normalization, pooling", 0.931),
    ),
    README,
    README_CAVEAT,
)
DARTS = Published(
    "fine-tuned DARTS",
    (Entry("architecture search, Fine-Tuning DARTS", 0.9691),),
    "arXiv 2006.09042",
    "The highest accuracy in this table. Its authors compare it with the state of the art of June 2020.",
)

PUBLISHED = (PEOPLE, LOGISTIC_REGRESSION, SCIKIT_LEARN_MLP, OTHER_MLP, CNNS, DARTS)
"""All of them, in the order of the table."""

MOST_SIMILAR: Mapping[ModelName, Entry] = {"mlp": SCIKIT_LEARN_MLP.entries[0], "cnn": CNNS.entries[-1]}
"""The published network that is most similar to each model in layers and number of parameters, chosen before any run."""


def is_comparable(run: Run) -> bool:
    """Whether the published accuracies are about the test images of this run."""
    return run.provenance.data.is_fashion_mnist
