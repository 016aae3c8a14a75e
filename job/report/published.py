"""Published accuracies on Fashion-MNIST, each with its source."""

from collections.abc import Mapping
from dataclasses import dataclass

from job.config.recipes import ModelName
from job.evaluation.intervals import Interval, wilson_interval


@dataclass(frozen=True)
class Published:
    """A published accuracy, or a range of accuracies.

    Attributes:
        name: What was measured.
        lowest: Accuracy, as a fraction, or the lowest one of a range.
        highest: Highest accuracy of a range; equals `lowest` for a single result.
        source: Where it was published.
        n: Number of test images.
    """

    name: str
    lowest: float
    highest: float
    source: str
    n: int = 10_000

    def interval(self) -> Interval:
        """The 95 % confidence interval of a single result; the bounds of a range."""
        if self.lowest < self.highest:
            return Interval(self.lowest, self.highest)
        return wilson_interval(round(self.lowest * self.n), self.n)


README = "README of zalandoresearch/fashion-mnist"
HUMAN = Published("people", 0.835, 0.835, f"1,000 of the images, three labels for each; {README}", n=1000)
MLPS = Published(
    "MLPs", 0.87, 0.89, f"networks of this size; 0.871 in arXiv 1708.07747, 0.883 in the benchmark in the {README}"
)
CNNS = Published(
    "two convolutions",
    *(0.925, 0.939),
    f"fewer than 100,000 parameters, with at most pooling, batch normalization and flips; {README}",
)
NETWORKS: Mapping[ModelName, Published] = {"mlp": MLPS, "cnn": CNNS}
"""The published networks that each model is compared with."""

PUBLISHED = (
    HUMAN,
    Published("logistic regression", 0.842, 0.842, "arXiv 1708.07747"),
    MLPS,
    CNNS,
    Published("best", 0.969, 0.969, "DARTS, fine-tuned; arXiv 2006.09042"),
)
