"""Chooses the range of accuracies that the charts of a sweep share."""

import statistics
from collections.abc import Sequence

MIN_SPAN = 0.004  # as an accuracy; a narrower range would make chance look large
FAR = 4.0  # how often the distance from the best to the median fits below the best
MIN_DEPTH = 0.02
MARGIN = 0.05  # of the range, on both sides


def find_range(accuracies: Sequence[float]) -> tuple[float, float]:
    """The range of an axis that shows these accuracies.

    It leaves out those far below the others, such as of networks that learned nothing, because they would squeeze the
    others into a corner. They are drawn at the lower end.
    """
    highest = max(accuracies)
    depth = max(FAR * (highest - statistics.median(accuracies)), MIN_DEPTH)
    lowest = max(min(accuracies), highest - depth)
    missing = max(MIN_SPAN - (highest - lowest), 0.0)
    margin = MARGIN * (highest - lowest + missing) + missing / 2
    return max(lowest - margin, 0.0), min(highest + margin, 1.0)
