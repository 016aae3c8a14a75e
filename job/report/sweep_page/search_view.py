"""Arranges the trials of a search for the page."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from job.evaluation.sweep_trials import SearchHistory
from job.report.charts.sweep_search import draw_searched, draw_trials
from job.text import count_noun

MAX_SETTINGS = 11
"""With the chart of the trials, these are twelve: as many as a section shows of effects."""


@dataclass(frozen=True)
class SearchView:
    """How a search went.

    Attributes:
        states: How many trials ended in which way, such as `6 trials: 5 complete, 1 pruned`.
        objective: What the search looks for, such as `highest validation accuracy`.
        trials: Chart of the objective by trial.
        settings: Name of each of the first settings, and chart of the objective by its value.
        left_out: Names of the other settings.
    """

    states: str
    objective: str
    trials: Markup
    settings: list[tuple[str, Markup]]
    left_out: Sequence[str]


def view_search(search: SearchHistory) -> SearchView:
    """The trials of a search in words and charts."""
    complete = [(trial, trial.objective) for trial in search.trials if trial.objective is not None]
    reached = [objective for _, objective in complete]
    states = ", ".join(f"{n:,} {state}" for state, n in search.states.items())
    settings = []
    for name in search.parameters[:MAX_SETTINGS]:
        words, values = name.replace("_", " "), [trial.values[name] for trial, _ in complete]
        svg = draw_searched(words, values, reached, search.objective, is_log=search.ranges.get(name))
        settings.append((words, Markup(svg)))  # noqa: S704 - our own, escaped by an XML library
    trials = draw_trials([trial.objective for trial in search.trials], search.best_so_far, search.objective)
    return SearchView(
        states=f"{count_noun(len(search.trials), 'trial')}: {states}",
        objective=f"{'highest' if search.objective == 'accuracy' else 'lowest'} validation {search.objective}",
        trials=Markup(trials),  # noqa: S704 - our own
        settings=settings,
        left_out=[name.replace("_", " ") for name in search.parameters[MAX_SETTINGS:]],
    )
