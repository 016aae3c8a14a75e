"""Accuracies that others published for Fashion-MNIST, each with its source."""

from dataclasses import dataclass

from job.evaluation.intervals import Interval, wilson


@dataclass(frozen=True)
class Published:
    """One point of comparison, or a range of them.

    Attributes:
        name: what was measured.
        lowest: accuracy, a fraction.
        highest: the same as `lowest` for a single result.
        source: where it can be read.
        n: of the images judged.
    """

    name: str
    lowest: float
    highest: float
    source: str
    n: int = 10_000

    def interval(self) -> Interval:
        """What it says of all such images: the 95 % interval of a single result, both ends of a range."""
        if self.lowest < self.highest:
            return Interval(self.lowest, self.highest)
        return wilson(round(self.lowest * self.n), self.n)


HUMAN = Published(
    "people", 0.835, 0.835, "1,000 of the images, three labels each; README of zalandoresearch/fashion-mnist", n=1000
)
MLPS = Published(
    "MLPs",
    0.87,
    0.89,
    "networks of this size; arXiv 1708.07747 has 0.871, the benchmark in README of zalandoresearch/fashion-mnist 0.883",
)
CNNS = Published(
    "two convolutions",
    0.925,
    0.939,
    "fewer than 100,000 weights; with pooling, batch normalisation and flips at most; README of "
    "zalandoresearch/fashion-mnist",
)
NETWORKS = {"mlp": MLPS, "cnn": CNNS}
"""By the names of the models that they are to be compared with."""

PUBLISHED = (
    HUMAN,
    Published("logistic regression", 0.842, 0.842, "arXiv 1708.07747"),
    MLPS,
    CNNS,
    Published("best", 0.969, 0.969, "DARTS, fine-tuned; arXiv 2006.09042"),
)
