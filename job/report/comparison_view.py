"""What a comparison with an earlier run means, and the pictures of the images won and lost."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from job.evaluation.paired_comparison import Comparison
from job.report.images import Pictures
from job.results.run import Predictions
from job.results.schema import Results

SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Change:
    """One test image that just one of the two models got right.

    Attributes:
        true: its class.
        now: what this model takes it for.
        confidence: the probability of that.
        before: what the earlier model took it for.
    """

    index: int
    picture: str
    true: str
    now: str
    confidence: float
    before: str


@dataclass(frozen=True)
class Changes:
    """What changed since the earlier run.

    Attributes:
        sign: better or worse only where the interval of the difference excludes 0 and the test agrees; else `open`.
        won: surest first.
        lost: surest first.
    """

    sign: Literal["better", "worse", "open"]
    won: list[Change]
    lost: list[Change]


def arrange(results: Results, predictions: Predictions, pictures: Pictures) -> Changes | None:
    """The changes of one run; None where it was compared with none.

    Args:
        results: of the run.
        predictions: of both models.
        pictures: of the images won and lost.
    """
    if results.comparison is None or predictions.y_earlier is None:
        return None
    names, earlier = results.class_names, predictions.y_earlier

    def show(indices: Sequence[int]) -> list[Change]:
        return [
            Change(
                index=index,
                picture=pictures.address(index),
                true=names[predictions.y_true[index]],
                now=names[predictions.y_pred[index]],
                confidence=float(predictions.confidence[index]),
                before=names[earlier[index]],
            )
            for index in indices
        ]

    return Changes(_sign(results.comparison), show(results.comparison.won), show(results.comparison.lost))


def _sign(comparison: Comparison) -> Literal["better", "worse", "open"]:
    interval = comparison.pairs.interval
    if comparison.p_value >= SIGNIFICANT or interval.lower <= 0 <= interval.upper:
        return "open"
    return "better" if comparison.pairs.difference > 0 else "worse"
