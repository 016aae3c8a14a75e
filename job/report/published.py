"""Published accuracies on the test images of Fashion-MNIST, each with its source and caveat.

They are all rows of the README of the data set; of the paper all logistic regressions and MLPs, the best random forest
and the best SVM; and the highest accuracy that Papers with Code lists.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from job.config.recipes import ModelName
from job.evaluation.intervals import Interval
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
        entries: Entries of one source and kind.
        source: Where they were published.
        caveat: How they were measured, and what the source does not say.
    """

    name: str
    entries: tuple[Entry, ...]
    source: str
    caveat: str


N_TEST = 10_000
"""Number of test images of Fashion-MNIST."""

PAPER = "arXiv 1708.07747, table 3"
PAPER_CAVEAT = "Mean of five trainings; the paper gives no spread."
README = "README of Fashion-MNIST (March 2022), section Benchmark"
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
        Entry("logistic regression, C = 1, L1 penalty", 0.842),
        Entry("logistic regression, C = 1, L2 penalty", 0.841),
        Entry("logistic regression, C = 10, L2 penalty", 0.839),
        Entry("logistic regression, C = 10, L1 penalty", 0.839),
        Entry("logistic regression, C = 100, L2 penalty", 0.836),
    ),
    PAPER,
    f"LogisticRegression of scikit-learn. {PAPER_CAVEAT}",
)
SCIKIT_LEARN_MLP = Published(
    "MLPs, scikit-learn",
    (
        Entry("MLP 100, ReLU", 0.871),
        Entry("MLP 100-10, ReLU", 0.870),
        Entry("MLP 100, tanh", 0.868),
        Entry("MLP 100-10, tanh", 0.863),
        Entry("MLP 10-10, ReLU", 0.850),
        Entry("MLP 10, ReLU", 0.848),
        Entry("MLP 10-10, tanh", 0.841),
        Entry("MLP 10, tanh", 0.840),
    ),
    PAPER,
    f"MLPClassifier of scikit-learn, with these hidden layers. {PAPER_CAVEAT}",
)
OTHER_CLASSIFIERS = Published(
    "random forest, SVM",
    (Entry("random forest", 0.873), Entry("SVM, RBF kernel", 0.897)),
    PAPER,
    f"Not networks. The best entry of each; the table lists further classifiers of scikit-learn. {PAPER_CAVEAT}",
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
OTHER_MODELS = Published(
    "other models",
    (
        Entry("CNN with shortcuts; augmentation, random erasing", 0.947),
        Entry("GRU, SVM", 0.888),
        Entry("GRU, SVM, dropout", 0.897),
        Entry("WRN-40-4; augmentation", 0.967),
        Entry("DenseNet-BC; augmentation", 0.954),
        Entry("MobileNet; horizontal flips", 0.950),
        Entry("ResNet-18; flips, translation, rotation", 0.949),
        Entry("GoogLeNet", 0.937),
        Entry("AlexNet, triplet loss", 0.899),
        Entry("SqueezeNet", 0.900),
        Entry("dual-path WRN-28-10; augmentation", 0.957),
        Entry("VGG16", 0.935),
        Entry("WRN-28-10; augmentation", 0.959),
        Entry("WRN-28-10; augmentation, random erasing", 0.963),
        Entry("capsule network; shifts, horizontal flips", 0.936),
        Entry("SVM on HOG features", 0.926),
        Entry("XGBoost", 0.898),
        Entry("DENSER", 0.953),
        Entry("Dyra-Net", 0.906),
        Entry("Google AutoML, 24 hours", 0.939),
        Entry("fastai, fine-tuned ResNet-50", 0.9312),
    ),
    README,
    f"Not similar to this model: larger or pretrained networks, searched architectures, no networks. {README_CAVEAT}",
)
DARTS = Published(
    "fine-tuned DARTS",
    (Entry("architecture search, Fine-Tuning DARTS", 0.9691),),
    "arXiv 2006.09042",
    "The value as Papers with Code lists it; we have not checked how many trainings it describes. It is the limit of "
    "what was published, not a similar network.",
)

PUBLISHED = (
    PEOPLE,
    LOGISTIC_REGRESSION,
    OTHER_CLASSIFIERS,
    SCIKIT_LEARN_MLP,
    OTHER_MLP,
    CNNS,
    OTHER_MODELS,
    DARTS,
)
"""All of them, in the order of the table."""

MOST_SIMILAR: Mapping[ModelName, Entry] = {"mlp": SCIKIT_LEARN_MLP.entries[1], "cnn": CNNS.entries[-1]}
"""The published network with the most similar layers, for each model; its accuracy played no part in the choice."""


def is_comparable(run: Run) -> bool:
    """Whether the published accuracies are about the test images of this run: all those of Fashion-MNIST."""
    return run.provenance.data.is_fashion_mnist and run.evaluation.n_test == N_TEST


def locate(accuracy: float, interval: Interval) -> Literal["below", "inside", "above"]:
    """Where a published accuracy lies relative to the confidence interval of a run."""
    if accuracy < interval.lower:
        return "below"
    return "above" if accuracy > interval.upper else "inside"


@dataclass(frozen=True)
class PublishedView:
    """What the page says about published accuracies.

    Attributes:
        groups: All of them.
        most_similar: The most similar published network; None if the model is unknown.
        place: Where its accuracy lies relative to the confidence interval of the run.
    """

    groups: tuple[Published, ...]
    most_similar: Entry | None
    place: str


def view_published(run: Run) -> PublishedView:
    """Relate the accuracy of a run to the most similar published network."""
    most_similar = MOST_SIMILAR[run.training.config.model] if run.training else None
    place = locate(most_similar.accuracy, run.evaluation.accuracy_interval) if most_similar else ""
    return PublishedView(PUBLISHED, most_similar, place)
