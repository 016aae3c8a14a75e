"""Reads the gates that options set, such as `--fail-under accuracy=0.88`."""

import math
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, Protocol, get_args

from job.config.gate import BEST, Against, Bound, Gate, Scope, Severity, format_threshold
from job.config.gate_metrics import FIRST_WORDS, OTHER_NAMES, describe_unknown_metric, find_gate_metric, shorten_name
from job.config.options import NUMERALS, option
from job.errors import UsageError

EXAMPLE = "accuracy=0.88"
GATE_OPTIONS = ("fail_under", "fail_over", "warn_under", "warn_over", "fail_if_worse", "warn_if_worse", "tolerance")


class GateConfig(Protocol):
    """Settings that have gates; the other ones have the names in `GATE_OPTIONS`, too."""

    @property
    def tolerance(self) -> float | None:
        """The loss in accuracy that `worse` allows."""


def read_gate(text: str, bound: Bound, severity: Severity) -> Gate:
    """The gate in a text such as `accuracy=0.88` or `macro.f1=0.85:interval`; in a sweep also `best:accuracy=0.9`.

    Raises:
        UsageError: If it has another form, names an unknown metric, or its threshold is out of range. The message does
            not name the option.
    """
    scope: Scope = "best" if text.startswith(BEST) else "run"
    name, equals, value = text.removeprefix(BEST).rpartition("=")
    number, colon, end = value.partition(":")
    name, number = name.strip(), number.strip()
    if not equals or not name:
        raise UsageError(f"is not METRIC=VALUE, such as {EXAMPLE}")
    if name.partition(".")[0] not in FIRST_WORDS or name in OTHER_NAMES:
        raise UsageError(describe_unknown_metric(name))
    if not NUMERALS[float].fullmatch(number) or not math.isfinite(float(number)):
        raise UsageError(f"the threshold is {number[:80]!r}, but must be a number{_suggest_number(number)}")
    if colon and end != "interval":
        raise UsageError(f"the end {end[:80]!r} is unknown; write {name}={number}:interval, or leave it out")
    gate = Gate(name, bound, float(number), "interval" if colon else "estimate", severity, scope=scope)
    _check(gate)
    return gate


def _suggest_number(text: str) -> str:
    """What to write in place of a text that is no number."""
    with_point, percent = text.replace(",", "."), text.removesuffix("%").rstrip()
    if "," in text and NUMERALS[float].fullmatch(with_point):
        return f"; write {with_point} with a point"
    if percent != text and NUMERALS[float].fullmatch(percent) and math.isfinite(float(percent)):
        return f"; write {format_threshold(float(percent) / 100)} for {percent}%"
    return f", such as {EXAMPLE}"


def _check(gate: Gate) -> None:
    metric = find_gate_metric(gate.metric)
    if metric is None:
        return
    if not metric.lowest <= gate.threshold <= metric.highest:
        is_percent = (metric.lowest, metric.highest) == (0, 1) and 1 < gate.threshold <= 100  # noqa: PLR2004 - percent
        percent, fraction = format_threshold(gate.threshold), format_threshold(gate.threshold / 100)
        remedy = f"write {fraction} for {percent}%" if is_percent else "choose another threshold"
        raise UsageError(f"{gate.metric} is {metric.range}; {remedy}")
    if gate.end == "interval" and not metric.has_interval:
        raise UsageError(f"{gate.metric} has no confidence interval; leave out :interval")


def find_problem(text: str) -> str:
    """What is wrong with the text of a gate; empty if nothing is."""
    try:
        read_gate(text, "under", "error")
    except UsageError as error:
        return str(error)
    return ""


def gate_option(text: str) -> Any:  # noqa: ANN401 - as `dataclasses.field`
    """A field of gates such as `accuracy=0.88`."""
    return option((), "run", text, metavar="METRIC=VALUE", unset="no gate", find_problem=find_problem)


def list_gates(config: GateConfig, against: Against = "reference") -> list[Gate]:
    """The gates that the options set, those that set the exit status first; `against` is for `worse`."""
    gates = []
    severities: dict[str, Severity] = {"fail": "error", "warn": "warning"}
    for word, severity in severities.items():
        for bound in get_args(Bound):
            if bound != "worse":
                gates += [read_gate(text, bound, severity) for text in getattr(config, f"{word}_{bound}")]
            elif getattr(config, f"{word}_if_worse"):
                gates.append(Gate("accuracy", "worse", config.tolerance or 0.0, severity=severity, against=against))
    return gates


def check_gate_options(
    config: GateConfig, labels: Mapping[str, str], *, has_other: bool, remedy: str, is_sweep: bool = False
) -> None:
    """Check the gates of a command against its other options.

    Args:
        config: The settings of the command.
        labels: Where each setting was set, by its name; by default its option.
        has_other: Whether the command has another run to compare with.
        remedy: How it gets one.
        is_sweep: Whether the command is `sweep`.

    Raises:
        UsageError: If a gate needs another run and there is none, a tolerance belongs to no gate, two gates contradict
            each other, or a gate is only for sweeps.
    """
    labels = {**{name: f"--{name.replace('_', '-')}" for name in GATE_OPTIONS}, **labels}
    names = [name for name in ("fail_if_worse", "warn_if_worse") if getattr(config, name)]
    if config.tolerance is not None and not names:
        raise UsageError(
            f"{labels['tolerance']} is only for --fail-if-worse and --warn-if-worse; add one of them, or leave it out"
        )
    if names and not has_other:
        raise UsageError(f"{labels[names[0]]} needs another run to compare with: {remedy}")
    gates = list_gates(config)
    _refuse_contradiction(gates, labels)
    if not is_sweep and (gate := next((each for each in gates if each.scope == "best"), None)):
        raise UsageError(f"the gate {gate.label} is only for sweeps; leave out {BEST}")


def _refuse_contradiction(gates: Sequence[Gate], labels: Mapping[str, str]) -> None:
    """Refuse a lower bound of a metric above an upper bound of it."""
    for lower, upper in product(gates, gates):
        are_alike = (lower.scope, shorten_name(lower.metric)) == (upper.scope, shorten_name(upper.metric))
        if are_alike and (lower.bound, upper.bound) == ("under", "over") and lower.threshold > upper.threshold:
            low, high = (f"{each.label} ({labels[_find_option(each)]})" for each in (lower, upper))
            raise UsageError(f"no run can meet both gates {low} and {high}; leave out or change one")


def _find_option(gate: Gate) -> str:
    """The name of the option that sets a gate."""
    return f"{'fail' if gate.severity == 'error' else 'warn'}_{gate.bound}"
