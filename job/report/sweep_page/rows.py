"""Arranges the configurations of a sweep and their differences in the rows of tables."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from urllib.parse import quote

from matplotlib.ticker import MaxNLocator

from job.evaluation.sweep_means import ConfigurationMean
from job.evaluation.sweep_networks import Configuration
from job.evaluation.sweep_pairs import PairDifference
from job.evaluation.sweep_summary import SweepSummary
from job.report.charts.sweep_scale import find_range
from job.results.file_names import PAGE

STRIP_WIDTH, STRIP_HEIGHT, STRIP_END = 220, 20, 18
"""Size of a strip with the accuracies of a configuration, and the room at both ends, as in the template."""
MAX_LINKS = 20
MAX_DIFFERENCES = 50
MAX_ALL_PAIRS = 105  # those of 15 configurations


@dataclass(frozen=True)
class SeedLink:
    """A network: its seed, and the report of its run, relative to the page; empty if there is none."""

    seed: int
    href: str


@dataclass(frozen=True)
class Row:
    """A configuration in the table; `dots` and `mean` are places on its strip."""

    rank: int
    configuration: Configuration
    mean: ConfigurationMean
    dots: Sequence[float]
    mean_place: float
    links: Sequence[SeedLink]
    n_unlinked: int


@dataclass(frozen=True)
class DifferenceRow:
    """A pair of configurations; the difference is that of `first` minus `second`."""

    pair: PairDifference
    first: str
    second: str


@dataclass(frozen=True)
class Frontier:
    """The configurations that no other one beats in accuracy and in this cost, by rising cost."""

    cost: str
    rows: "Sequence[FrontierRow]"


@dataclass(frozen=True)
class FrontierRow:
    """A configuration on the frontier."""

    rank: int
    configuration: Configuration
    mean: ConfigurationMean


@dataclass(frozen=True)
class Strips:
    """The axis that the strips share: labels with their places, and how many accuracies are below it."""

    ticks: Sequence[tuple[float, str]]
    n_below: int


def view_strips(summary: SweepSummary) -> tuple[tuple[float, float], Strips]:
    """The range of accuracies that all charts share, and the axis of the strips."""
    accuracies = [accuracy for each in summary.results.configurations for accuracy in each.accuracies]
    low, high = limits = find_range(accuracies)
    ticks = [tick for tick in MaxNLocator(3, steps=[1, 2, 5, 10]).tick_values(low, high) if low <= tick <= high]
    places = [(_place(tick, limits), f"{100 * tick:.4g}%") for tick in ticks]
    return limits, Strips(places, sum(accuracy < low for accuracy in accuracies))


def _place(accuracy: float, limits: tuple[float, float]) -> float:
    low, high = limits
    share = min(max((accuracy - low) / (high - low), 0.0), 1.0)
    return round(STRIP_END + share * (STRIP_WIDTH - 2 * STRIP_END), 1)


def list_rows(summary: SweepSummary, limits: tuple[float, float], folder: Path) -> list[Row]:
    """The configurations in the order of their ranks; links lead from `folder` to the reports of the runs."""
    return [
        _make_row(rank, summary.results.configurations[index], summary.means[index], limits, folder)
        for rank, index in summary.ranking.ranked
    ]


def _make_row(
    rank: int, configuration: Configuration, mean: ConfigurationMean, limits: tuple[float, float], folder: Path
) -> Row:
    networks = configuration.networks
    return Row(
        rank=rank,
        configuration=configuration,
        mean=mean,
        dots=[_place(accuracy, limits) for accuracy in configuration.accuracies],
        mean_place=_place(mean.accuracy, limits),
        links=[SeedLink(each.seed, find_report(Path(each.folder), folder)) for each in networks[:MAX_LINKS]],
        n_unlinked=max(len(networks) - MAX_LINKS, 0),
    )


def find_report(run: Path, folder: Path) -> str:
    """The address of the report of a run, relative to the page in `folder`; empty if there is no report."""
    page = run.resolve() / PAGE
    return quote(Path(os.path.relpath(page, folder.resolve())).as_posix()) if page.is_file() else ""


def list_frontiers(summary: SweepSummary) -> list[Frontier]:
    """The frontier by training time, and by the number of parameters if it varies."""
    ranks = {index: rank for rank, index in summary.ranking.ranked}
    frontiers = {"training time": summary.time_frontier}
    if vary_in_size(summary):
        frontiers["parameters"] = summary.size_frontier
    return [
        Frontier(
            cost,
            [FrontierRow(ranks[each], summary.results.configurations[each], summary.means[each]) for each in frontier],
        )
        for cost, frontier in frontiers.items()
    ]


def vary_in_size(summary: SweepSummary) -> bool:
    """Whether all numbers of parameters are known, and are not the same."""
    return bool(summary.size_frontier) and len({each.n_parameters for each in summary.results.configurations}) > 1


def list_difference_rows(summary: SweepSummary) -> list[DifferenceRow]:
    """The best minus each other configuration, at most 50, in the order of their ranks."""
    return [_name(summary, pair) for pair in summary.differences[:MAX_DIFFERENCES]]


def list_other_pairs(summary: SweepSummary) -> list[DifferenceRow]:
    """The pairs without the best, if they are few, in the order of their ranks."""
    if summary.pairs is None or summary.pairs.n_pairs > MAX_ALL_PAIRS:
        return []
    pairs = summary.pairs
    return [_name(summary, pairs.describe(*each)) for each in combinations(summary.ranking.order[1:], 2)]


def _name(summary: SweepSummary, pair: PairDifference) -> DifferenceRow:
    first, second = (summary.results.configurations[index].label for index in (pair.first, pair.second))
    return DifferenceRow(pair, first, second)
