"""Drives a search: asks for trials, starts their runs, stops those that are not promising, and reports each."""

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

from job.config.search_space import Search
from job.errors import DivergenceError, UsageError
from job.execution.executor import Executor, Outcome
from job.log import log, log_stage
from job.sweep.attempts import Attempts
from job.sweep.folder import LOGS, RUNS, describe_damage, read_finished
from job.sweep.objective import read_epochs, read_objective
from job.sweep.plan import PlannedRun
from job.sweep.search_trials import name_trial
from job.sweep.study import State, Study, Trial
from job.system import signals
from job.training.progress_bar import show_progress

POLL_S = 0.5
"""How often the driver reads what the runs have logged."""


@dataclass
class _OpenTrial:
    """A trial some of whose runs wait or run.

    Attributes:
        open: Names of these runs.
        values: The objective of each finished run, by name.
        n_reported: Epochs of the first run that the study knows.
        end: How the trial ends, if not complete, and why.
    """

    trial: Trial
    runs: Sequence[PlannedRun]
    open: set[str] = field(default_factory=set)
    values: dict[str, float] = field(default_factory=dict)
    n_reported: int = 0
    end: tuple[State, str] | None = None


class SearchDriver:
    """Makes the missing trials of a study.

    Args:
        folder: Folder of the sweep.
        build_runs: Makes the runs of a trial; a `UsageError` refuses its values.
        attempts: Judges how an attempt of a run ended.

    A trial whose first seed is pruned, or one of whose runs fails, ends without its other seeds.
    """

    def __init__(  # noqa: PLR0913 - what a search consists of
        self,
        folder: Path,
        search: Search,
        study: Study,
        executor: Executor[PlannedRun],
        build_runs: Callable[[Trial], Sequence[PlannedRun]],
        *,
        attempts: Attempts,
    ) -> None:
        self._folder, self._search, self._study, self._executor = folder, search, study, executor
        self._build_runs = build_runs
        self._attempts = attempts
        self._is_pruning = search.pruning and executor.has_live_logs
        self._waiting: deque[PlannedRun] = deque()
        self._trials: dict[str, _OpenTrial] = {}  # by the name of each open run
        self._n_running = 0
        self._n_done = len(study.ended())

    def run(self) -> None:
        """Make all trials.

        Raises:
            GateError: If a run fails and the others are to be stopped.
            OutputError: If the disk is full.
        """
        with ExitStack() as stack:
            stack.enter_context(signals.on_exit(self._executor.stop))
            show = stack.enter_context(show_progress(self._search.trials))
            self._set_exit_note()
            while self._start_runs():
                for outcome in self._executor.wait(POLL_S if self._is_pruning else None):
                    self._end_run(outcome)
                for opened in {id(each): each for each in self._trials.values()}.values():
                    self._judge_epochs(opened)
                show(self._n_done)

    def _start_runs(self) -> bool:
        """Use the free slots; returns whether anything runs, or waits until there is a slot."""
        while self._n_running < self._executor.n_slots and (self._waiting or self._open_trial()):
            if self._waiting:
                self._executor.start(self._waiting.popleft())
                self._n_running += 1
        is_waiting = self._executor.n_slots == 0 and self._n_done < self._search.trials
        return self._n_running > 0 or is_waiting

    def _open_trial(self) -> bool:
        """Let the runs of the next trial wait; returns whether there was one."""
        trial = self._study.ask()
        if trial is None:
            return False
        try:
            opened = _OpenTrial(trial, self._build_runs(trial))
        except UsageError as error:
            self._close(_OpenTrial(trial, (), end=("refused", str(error))))
            return True
        for run in opened.runs:
            if read_finished(self._folder, run):
                opened.values[run.name] = read_objective(self._folder / RUNS / run.name, self._search.objective)
            else:
                if damage := describe_damage(self._folder, run):
                    log.warning("%s %s; it is trained again", self._folder / RUNS / run.name, damage)
                opened.open.add(run.name)
                self._trials[run.name] = opened
                self._waiting.append(run)
        if opened.runs[0].name in opened.values:
            self._judge_epochs(opened)
        self._close_if_ended(opened)
        return True

    def _end_run(self, outcome: Outcome[PlannedRun]) -> None:
        self._n_running -= 1
        run, opened = outcome.run, self._trials[outcome.run.name]
        if opened.end is None:
            if outcome.status == DivergenceError.exit_status:
                self._end_early(opened, "diverged", f"{run.name}: {outcome.error}")
            elif self._attempts.judge(outcome):
                opened.values[run.name] = read_objective(self._folder / RUNS / run.name, self._search.objective)
                self._judge_epochs(opened)
            elif error := self._attempts.failures.get(run.name):
                self._end_early(opened, "failed", f"{run.name}: {error}")
            else:
                self._waiting.appendleft(run)
                return
        del self._trials[run.name]
        opened.open.discard(run.name)
        self._close_if_ended(opened)

    def _judge_epochs(self, opened: _OpenTrial) -> None:
        """Tell the study what the first seed has reached after each epoch, and prune the trial if it says so.

        Also after the run: whether a trial is pruned does not depend on how fast it was.
        """
        if opened.end or not self._is_pruning:
            return
        first = opened.runs[0]
        for epoch, value in read_epochs(self._folder / LOGS / f"{first.name}.txt", self._search.objective):
            if epoch <= opened.n_reported:
                continue
            opened.n_reported = epoch
            if self._study.report(opened.trial, epoch, value) and epoch < first.config.epochs:
                reached = (
                    f"validation {self._search.objective} {value:.4f} after epoch {epoch} of {first.config.epochs}"
                )
                self._end_early(opened, "pruned", reached)
                return

    def _end_early(self, opened: _OpenTrial, state: State, reason: str) -> None:
        """Stop the runs of a trial, and start no more of them."""
        opened.end = state, reason
        for run in [run for run in self._waiting if run.name in opened.open]:
            self._waiting.remove(run)
            opened.open.discard(run.name)
            del self._trials[run.name]
        for run in opened.runs:
            if run.name in opened.open:
                self._executor.stop_run(run)

    def _close_if_ended(self, opened: _OpenTrial) -> None:
        if not opened.open:
            self._close(opened)

    def _close(self, opened: _OpenTrial) -> None:
        """Tell the study how a trial ended, and report it."""
        self._n_done += 1
        name = name_trial(opened.trial.number)
        place = f"{self._n_done:,}/{self._search.trials:,}  {name}"
        if opened.end is None:
            objective = fmean(opened.values[run.name] for run in opened.runs)
            self._study.tell(opened.trial, "complete", objective)
            reached = f"validation {self._search.objective} {objective:.4f}"
            log_stage("trial", f"{place}  {reached}  {opened.runs[0].configuration}")
        else:
            state, reason = opened.end
            self._study.tell(opened.trial, state, error="" if state == "pruned" else reason)
            if state in ("pruned", "diverged"):
                log_stage("trial", f"{place}  {state}: {reason}")
            else:
                log.warning("%s %s: %s", name, state, reason)
        self._set_exit_note()

    def _set_exit_note(self) -> None:
        text = f"{self._n_done:,} of {self._search.trials:,} trials are finished; the same command does the others"
        signals.set_exit_note(text)
