"""Prepares the comparison with a reference for the page: its verdict, and the images fixed and broken."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from job.evaluation.paired_comparison import Comparison
from job.report.images import Pictures
from job.results.run import Run

SIGNIFICANCE_LEVEL = 0.05

Verdict = Literal["better", "worse", "no significant difference"]


@dataclass(frozen=True)
class ChangedImage:
    """A test image that exactly one of the two models predicts correctly.

    Attributes:
        picture: Address of its picture.
        true: Its class.
        current: Class that this model predicts.
        confidence: Probability of that class.
        reference: Class that the reference predicts.
    """

    index: int
    picture: str
    true: str
    current: str
    confidence: float
    reference: str


@dataclass(frozen=True)
class ComparisonView:
    """What the page shows of a comparison in addition to its metrics.

    Attributes:
        verdict: Better or worse only if the interval of the difference excludes 0 and the p-value is below 0.05.
        fixed: Most confident predictions first.
        broken: Most confident predictions first.
    """

    verdict: Verdict
    fixed: list[ChangedImage]
    broken: list[ChangedImage]


def view_comparison(run: Run, pictures: Pictures) -> ComparisonView | None:
    """Prepare the comparison of a run; None without a reference."""
    predictions, names = run.predictions, run.evaluation.class_names
    if run.comparison is None or predictions.y_reference is None:
        return None
    y_reference = predictions.y_reference

    def view(indices: Sequence[int]) -> list[ChangedImage]:
        return [
            ChangedImage(
                index=index,
                picture=pictures.add_image(index),
                true=names[predictions.y_true[index]],
                current=names[predictions.y_pred[index]],
                confidence=float(predictions.confidence[index]),
                reference=names[y_reference[index]],
            )
            for index in indices
        ]

    return ComparisonView(assess_difference(run.comparison), view(run.comparison.fixed), view(run.comparison.broken))


def assess_difference(comparison: Comparison) -> Verdict:
    """Decide whether this model is better than the reference."""
    interval = comparison.counts.interval
    if comparison.p_value >= SIGNIFICANCE_LEVEL or interval.lower <= 0 <= interval.upper:
        return "no significant difference"
    return "better" if comparison.counts.difference > 0 else "worse"
