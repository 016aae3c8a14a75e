"""Arranges the trials of a search for the page."""

from dataclasses import dataclass

from markupsafe import Markup

from job.evaluation.sweep_trials import SweptTrials
from job.report.charts.sweep_search import draw_searched, draw_trials
from job.text import count_noun

MAX_SETTINGS = 11


@dataclass(frozen=True)
class SearchView:
    """How a search went.

    Attributes:
        states: How many trials ended in which way, such as `6 trials: 5 complete, 1 pruned`.
        objective: What the search looks for, such as `highest validation accuracy`.
        trials: Chart of the objective by trial.
        settings: Name of each searched setting, and chart of the objective by its value.
    """

    states: str
    objective: str
    trials: Markup
    settings: list[tuple[str, Markup]]


def view_search(search: SweptTrials) -> SearchView:
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
    )
