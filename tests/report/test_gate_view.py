import re
from dataclasses import replace
from typing import Literal

import html5lib
import pytest
from support import calibration_of, make_run

from job.config.gate import Gate
from job.evaluation.intervals import Interval
from job.evaluation.trend import BestRun, EarlierRuns, Trend, measure_trend
from job.report.ci.summary import render_summary
from job.report.first_screen.gate_findings import find_missed_gates
from job.report.first_screen.top_findings import list_findings
from job.report.gate_view import view_gates
from job.report.page import render_page
from job.report.sections import list_sections
from job.results.gate_outcome import describe_missed, log_gates
from job.results.run import Run

MINUS = "\N{MINUS SIGN}"
RUN = make_run()  # accuracy 0.83


def gated(*gates: Gate) -> Run:
    return RUN.with_gates(gates)


def gate(threshold: float, severity: Literal["error", "warning"] = "error") -> Gate:
    return Gate("accuracy", "under", threshold, severity=severity)


@pytest.mark.parametrize(
    ("gates", "summary"),
    [
        ((gate(0.8),), "The run passes its gate."),
        ((gate(0.8), gate(0.7)), "The run passes its 2 gates."),
        ((gate(0.9),), "1 gate missed. The job exits with status 1."),
        ((gate(0.9), gate(0.7)), "1 gate missed (of 2 gates). The job exits with status 1."),
        ((gate(0.9, "warning"),), "1 warning. The job exits with status 0."),
        ((gate(0.9, "warning"), gate(0.95, "warning")), "2 warnings (of 2 gates). The job exits with status 0."),
        (
            (gate(0.9), gate(0.95, "warning"), gate(0.7)),
            "1 gate missed, 1 warning (of 3 gates). The job exits with status 1.",
        ),
    ],
)
def test_the_summary(gates: tuple[Gate, ...], summary: str) -> None:
    """How many gates are missed or only warn, in the same words in the page, in summary.md and in the error."""
    seen = view_gates(gated(*gates))
    assert seen is not None
    assert seen.summary == summary
    counts = summary.partition(". The job")[0]
    is_missed = any(each.is_error for each in gated(*gates).gates)
    assert describe_missed(gated(*gates).gates).startswith(f"{counts}: accuracy is " if is_missed else "")
    assert bool(describe_missed(gated(*gates).gates)) == is_missed
    assert counts in render_summary(gated(*gates))


def test_the_rows() -> None:
    """Value, interval, margin and result of each gate, with a true minus; what is unknown is empty."""
    interval = RUN.evaluation.accuracy_interval
    bounds = f"{interval.lower:.4f} to {interval.upper:.4f}"
    run = gated(
        Gate("accuracy", "under", 0.9),
        Gate("accuracy", "over", 0.9, "interval", "warning"),
        Gate("ece", "over", 1.0),
        Gate("accuracy", "worse", 0.0),
        Gate("accuracy", "worse", 0.0, against="history"),
    )
    seen = view_gates(run)
    assert seen is not None
    rows = [(row.label, row.note, row.value, row.interval, row.margin, row.outcome) for row in seen.rows]
    ece = calibration_of(RUN.evaluation).ece
    assert rows == [
        ("accuracy ≥ 0.9", "", "0.8300", bounds, f"{MINUS}0.0700", "missed"),
        (
            *("accuracy ≤ 0.9 (95% interval)", "higher is better, so a lower bound is usual", "0.8300", bounds),
            *(f"+{0.9 - interval.upper:.4f}", "passed"),
        ),
        ("ece ≤ 1", "", f"{ece:.4f}", "", f"+{1 - ece:.4f}", "passed"),
        ("accuracy not worse than the reference", "this run has no such number", "", "", "", "missed"),
        (
            *("accuracy not worse than the best of the last 49 runs", "the history has no earlier run"),
            *("", "", "", "passed"),
        ),
    ]


def test_a_difference_has_a_sign_and_a_verdict() -> None:
    """The page says whether a difference is significant."""
    result = replace(
        gated(Gate("accuracy", "worse", 0.0)).gates[0],
        value=-0.02,
        compared=-0.02,
        margin=-0.02,
        interval=Interval(-0.03, -0.01),
        is_significant=True,
    )
    seen = view_gates(replace(RUN, gates=[result]))
    assert seen is not None
    (row,) = seen.rows
    assert (row.value, row.interval) == (f"{MINUS}0.0200", f"{MINUS}0.0300 to {MINUS}0.0100")
    assert row.note == "difference in accuracy, significant"
    means = view_gates(replace(RUN, gates=[replace(result, is_significant=False, is_mean=True)]))
    assert means is not None
    assert means.rows[0].note == "difference in mean accuracy, not significant"
    finding = find_missed_gates([result])
    assert finding is not None
    assert "".join(finding.text) == (
        f"1 gate missed: accuracy not worse than the reference (difference {MINUS}2.00 points)."
    )


def test_a_difference_from_the_history_is_corrected() -> None:
    """The note says for how many results, because the trend corrects its steps otherwise."""
    best = BestRun(
        started=RUN.provenance.started,
        revision="",
        name="",
        accuracy=0.85,
        difference=-0.02,
        interval=Interval(-0.05, 0.01),
        p_adjusted=0.1,
        n_candidates=3,
        n_networks=(1, 1),
    )
    notes = []
    for n in (1, 3):
        trend = Trend([RUN.describe_entry().point], [], replace(best, n_candidates=n), 0)
        run = replace(RUN, trend=trend).with_gates([Gate("accuracy", "worse", 0.0, against="history")])
        seen = view_gates(run)
        assert seen is not None
        notes.append(seen.rows[0].note)
    plain = "difference in accuracy, not significant"
    assert notes == [plain, f"{plain} (corrected for the choice among 3 earlier results)"]


def test_missed_gates_are_the_first_finding() -> None:
    """Those that only warn are named if no other one is missed; with passed gates, nothing is said."""
    plain = list_findings(RUN)
    run = gated(gate(0.9), gate(0.95, "warning"), gate(0.7))
    first, *others = list_findings(run)
    assert "".join(first.text) == "1 gate missed, 1 warning (of 3 gates): accuracy ≥ 0.9 (0.8300)."
    assert first.anchor == "gates"
    assert (
        '<b class="error">1 gate missed, 1 warning (of 3 gates)</b>: '
        in render_page(run, "single")["index.html"].decode()
    )
    assert others == plain[: len(others)]
    warned = list_findings(gated(gate(0.9, "warning")))[0]
    assert "".join(warned.text) == "1 warning: accuracy ≥ 0.9 (0.8300)."
    assert list_findings(gated(gate(0.7))) == plain


@pytest.mark.parametrize(("bound", "severity", "end"), [("under", "error", "lower"), ("over", "warning", "upper")])
def test_the_finding_quotes_what_was_compared(
    bound: Literal["under", "over"], severity: Literal["error", "warning"], end: Literal["lower", "upper"]
) -> None:
    """Of a gate on the interval, that is an end of the interval."""
    threshold = {"under": 0.99, "over": 0.01}[bound]
    finding = find_missed_gates(gated(Gate("accuracy", bound, threshold, "interval", severity)).gates)
    assert finding is not None
    value = getattr(RUN.evaluation.accuracy_interval, end)
    sign = {"under": "≥", "over": "≤"}[bound]
    count = {"error": "1 gate missed", "warning": "1 warning"}[severity]
    assert "".join(finding.text) == f"{count}: accuracy {sign} {threshold} ({end} end of the interval {value:.4f})."


@pytest.mark.parametrize(
    ("n", "reason"),
    [
        (1, "the only earlier run in the history has another test set"),
        (49, "none of the last 49 runs in the history has the same test set"),
    ],
)
def test_a_gate_that_compares_nothing_warns(caplog: pytest.LogCaptureFixture, n: int, reason: str) -> None:
    """The history has runs, but all have another test set: log, page and findings say so."""
    trend = measure_trend(EarlierRuns(n_others=n), RUN.describe_entry())
    run = replace(RUN, trend=trend).with_gates([Gate("accuracy", "worse", 0.0, against="history")])
    assert describe_missed(run.gates) == ""
    log_gates(run.gates)
    assert [(each.levelname, each.getMessage()) for each in caplog.records] == [
        ("WARNING", f"gate passed: {reason}, so accuracy is not compared")
    ]
    seen = view_gates(run)
    assert seen is not None
    assert (seen.summary, seen.rows[0].note) == ("1 warning. The job exits with status 0.", reason)
    assert seen.rows[0].outcome == "warning"
    text = f"1 warning: accuracy not worse than the best of the last 49 runs ({reason})."
    assert "".join(list_findings(run)[0].text) == text


def test_a_gate_without_an_earlier_run_warns_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """So that `-q` shows it, too: a history that CI lost would pass every run."""
    run = replace(RUN, trend=measure_trend(EarlierRuns(), RUN.describe_entry()))
    log_gates(run.with_gates([Gate("accuracy", "worse", 0.0, against="history")]).gates)
    assert [(each.levelname, each.getMessage()) for each in caplog.records] == [
        ("WARNING", "gate passed: the history has no earlier run, so accuracy is not compared")
    ]


def test_the_section_is_above_the_metrics_if_there_are_gates() -> None:
    """A class name is escaped; without gates, the section and its words do not appear."""
    names = ["<b>", *(f"class {label}" for label in range(1, 10))]
    run = make_run(class_names=names).with_gates([Gate("recall.<b>", "under", 0.1)])
    page = render_page(run, "single")["index.html"].decode()
    assert [section.anchor for section in list_sections(run)][:2] == ["gates", "metrics"]
    html5lib.HTMLParser(strict=True).parse(page)
    section = page[page.index('<section id="gates"') : page.index('<section id="metrics"')]
    assert "<bdi>recall.&lt;b&gt; ≥ 0.1</bdi>" in section
    assert re.search(r'<td data-label="Value">(1\.0000|0\.\d{4})</td>', section)
    assert "gates" not in re.sub(
        "<style.*?</style>", "", render_page(RUN, "single")["index.html"].decode(), flags=re.DOTALL
    )
