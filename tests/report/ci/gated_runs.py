"""Runs with gates, for the tests of what CI services read."""

from collections.abc import Sequence
from typing import Any

from support import make_run

from job.config.gate import Gate
from job.results.run import Run

PASSED = Gate("accuracy", "under", 0.5)
MISSED = Gate("recall.Shirt", "under", 0.99)
WARNING = Gate("ece", "over", 0.001, severity="warning")
GATES = (PASSED, MISSED, WARNING)

HOSTILE = "|<b>x</b> & `@team` #7 ![](a) *b* _c_ ~d~ $e$ \\ www.example.org https://example.org :tada: \"q\" 'r' ]]>"
"""A name with what means something in Markdown, HTML, XML, OpenMetrics and on GitHub."""


def make_gated_run(gates: Sequence[Gate] = GATES, **options: Any) -> Run:  # noqa: ANN401 - those of make_run
    """A run whose gates were evaluated."""
    run = make_run(**{"n": 1000} | options)
    return run.with_gates(gates)
