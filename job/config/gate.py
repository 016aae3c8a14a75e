"""Gate: a bound on a metric that decides about the exit status."""

from dataclasses import dataclass
from typing import Literal

from job.config.gate_metrics import find_gate_metric

Bound = Literal["under", "over", "worse"]
End = Literal["estimate", "interval"]
Severity = Literal["error", "warning"]
Against = Literal["reference", "history"]
Scope = Literal["run", "best"]

BEST = "best:"
"""What the name of a metric begins with if a gate is for the best configuration of a sweep."""

MAX_POINTS = 50
"""The most runs in a trend, this run included; the best of them is the one to compare with."""


@dataclass(frozen=True)
class Gate:
    """A bound on a metric of a run.

    Attributes:
        metric: Name of the metric, such as `accuracy` or `recall.Shirt`; see `job.config.gate_metrics`.
        bound: `under` misses the gate if the metric is below the threshold, `over` if it is above, and `worse` if the
            accuracy is significantly lower than that of another run, by more than the threshold.
        end: What is compared with the threshold: the estimate, or the end of its 95 % confidence interval that is
            nearer to missing the gate.
        severity: Whether a missed gate sets the exit status.
        against: What `worse` compares with: the reference, or the best of the last runs in the history.
        scope: In a sweep, whether the gate is for every run or for the best configuration.
    """

    metric: str
    bound: Bound
    threshold: float
    end: End = "estimate"
    severity: Severity = "error"
    against: Against = "reference"
    scope: Scope = "run"

    @property
    def label(self) -> str:
        """The gate in a few words, such as `accuracy ≥ 0.88`."""
        return f"{self.bare_label}{' (95% interval)' if self.end == 'interval' else ''}"

    @property
    def name(self) -> str:
        """The metric as the user names it; that of the best configuration begins with `best:`."""
        return f"{BEST}{self.metric}" if self.scope == "best" else self.metric

    @property
    def bare_label(self) -> str:
        """The gate without a word about intervals."""
        name = self.name
        if self.bound == "worse":
            tolerance = f" by more than {format_threshold(self.threshold)}" if self.threshold else ""
            return f"{name} not worse than {self.other_run}{tolerance}"
        sign = "≥" if self.bound == "under" else "≤"
        return f"{name} {sign} {format_threshold(self.threshold)}"

    @property
    def caution(self) -> str:
        """That the gate limits the better values of its metric, which is unusual; empty if it does not."""
        metric = find_gate_metric(self.metric)
        if metric and (self.bound, metric.better) == ("over", "higher"):
            return "higher is better, so a lower bound is usual"
        if metric and (self.bound, metric.better) == ("under", "lower"):
            return "lower is better, so an upper bound is usual"
        return ""

    @property
    def other_run(self) -> str:
        """What `worse` compares with, in words."""
        return "the reference" if self.against == "reference" else f"the best of the last {MAX_POINTS - 1} runs"


def format_threshold(threshold: float) -> str:
    """A threshold as text, with up to 12 digits."""
    return f"{threshold:.12g}"
