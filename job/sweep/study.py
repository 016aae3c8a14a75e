"""Chooses the settings of trials with Optuna, whose storage is a file in the folder of the sweep."""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from job.config.run_config import OPTIONS
from job.config.search_space import Range, Search
from job.errors import DataError, PackageError
from job.results.output_folder.os_errors import as_output_error
from job.sweep.folder import STUDY
from job.system.packages import write_install

N_DIGITS = 4
"""Significant digits of a searched number; more would only make names and commands longer."""

State = Literal["complete", "pruned", "diverged", "refused", "failed"]
NUMBER, STATE, ERROR = "trial", "state", "error"
"""What the study stores about a trial besides Optuna's own values."""


@dataclass(frozen=True)
class Trial:
    """A trial that was asked for.

    Attributes:
        number: Its number, which remains the same if it is repeated.
        values: The chosen values, by field of `Config`.
        handle: Optuna's trial.
    """

    number: int
    values: Mapping[str, Any]
    handle: Any


@dataclass(frozen=True)
class EndedTrial:
    """A trial that has ended.

    Attributes:
        objective: Mean of the objective over the seeds; None if the trial is not complete.
        n_epochs: Epochs after which it was pruned, or that its first seed reported.
        error: Why it is neither complete nor pruned, in one line.
    """

    number: int
    values: Mapping[str, Any]
    state: State
    objective: float | None
    n_epochs: int
    error: str


class Study:
    """The trials so far, and the choice of the next.

    A choice depends on the seed of the search, the number of the trial and the trials that have ended, but not on
    whether the search was stopped in between.

    Args:
        search: What to choose from.
        folder: Folder of the sweep; the caller has its lock.

    Raises:
        PackageError: If Optuna is not installed.
        DataError: If the storage is damaged.
    """

    def __init__(self, search: Search, folder: Path) -> None:
        self._search = search
        self._optuna: Any = import_optuna()
        self._optuna.logging.set_verbosity(self._optuna.logging.ERROR)
        path = folder / STUDY
        with as_output_error(path):
            _drop_cut_line(path)
            try:
                self._study = self._open(path)
            except (ValueError, KeyError) as error:
                raise DataError(f"{path}: is damaged ({error}); start over with --fresh") from error
        self._repeat_interrupted()

    def _open(self, path: Path) -> Any:  # noqa: ANN401 - Optuna is not installed everywhere, so nothing checks its types
        optuna, journal = self._optuna, self._optuna.storages.journal
        pruner = optuna.pruners.MedianPruner() if self._search.pruning else optuna.pruners.NopPruner()
        return optuna.create_study(
            storage=optuna.storages.JournalStorage(journal.JournalFileBackend(str(path), _FolderLock())),
            study_name="sweep",
            direction="maximize" if self._search.objective == "accuracy" else "minimize",
            pruner=pruner,
            load_if_exists=True,
        )

    def _repeat_interrupted(self) -> None:
        """Tell trials that something interrupted as failed, and let `ask` return those that failed again."""
        for trial in self._study.get_trials(deepcopy=False, states=(self._optuna.trial.TrialState.RUNNING,)):
            self._study.tell(trial.number, state=self._optuna.trial.TrialState.FAIL)
        for number, trial in sorted(self._latest().items()):
            if trial.state == self._optuna.trial.TrialState.FAIL:
                self._study.enqueue_trial(trial.params, user_attrs={NUMBER: number})

    def _latest(self) -> dict[int, Any]:
        """Optuna's latest trial of each number."""
        trials = self._study.get_trials(deepcopy=False)
        return {trial.user_attrs[NUMBER]: trial for trial in trials if NUMBER in trial.user_attrs}

    @property
    def n_trials(self) -> int:
        """Number of trials that have begun."""
        return len(self._latest())

    def ask(self) -> Trial | None:
        """The next trial: one to be repeated, or a new one; None if there are as many as the search has."""
        latest = self._latest()
        is_waiting = any(trial.state == self._optuna.trial.TrialState.WAITING for trial in latest.values())
        if len(latest) >= self._search.trials and not is_waiting:
            return None
        seed = (self._search.seed * 1_000_003 + len(latest)) % 2**32
        self._study.sampler = self._optuna.samplers.TPESampler(seed=seed)
        handle = self._study.ask()
        number = handle.user_attrs.get(NUMBER)
        if number is None:
            number = len(latest)
            handle.set_user_attr(NUMBER, number)
        values = {name: self._suggest(handle, name) for name in self._search.parameters}
        return Trial(number, values, handle)

    def _suggest(self, handle: Any, name: str) -> Any:  # noqa: ANN401
        space = self._search.parameters[name]
        if not isinstance(space, Range):
            return handle.suggest_categorical(name, list(space))
        if OPTIONS[name].kind is int:
            return handle.suggest_int(name, space.low, space.high, log=space.log)
        return round_value(handle.suggest_float(name, space.low, space.high, log=space.log), space)

    def report(self, trial: Trial, epoch: int, value: float) -> bool:
        """Report the objective of the first seed after an epoch, counted from 1; returns whether to prune the trial."""
        trial.handle.report(value, epoch)
        return bool(trial.handle.should_prune())

    def tell(self, trial: Trial, state: State, objective: float | None = None, error: str = "") -> None:
        """Say how a trial ended.

        Optuna ranks diverged and refused trials behind all pruned ones, and ignores failed ones.
        """
        trial.handle.set_user_attr(STATE, state)
        trial.handle.set_user_attr(ERROR, error)
        states = self._optuna.trial.TrialState
        told = {"complete": states.COMPLETE, "failed": states.FAIL}.get(state, states.PRUNED)
        self._study.tell(trial.handle, objective, told)

    def ended(self) -> Sequence[EndedTrial]:
        """The trials that have ended, in the order of their numbers."""
        latest = sorted(self._latest().items())
        return [self._describe(number, trial) for number, trial in latest if STATE in trial.user_attrs]

    def _describe(self, number: int, trial: Any) -> EndedTrial:  # noqa: ANN401
        values = {}
        for name, value in trial.params.items():
            space = self._search.parameters[name]
            values[name] = round_value(value, space) if isinstance(space, Range) else value
        state, error = trial.user_attrs[STATE], trial.user_attrs[ERROR]
        return EndedTrial(
            number=number,
            values=values,
            state=state,
            objective=trial.value if state == "complete" else None,
            n_epochs=trial.last_step or 0,
            error=error,
        )


class _FolderLock:
    """Locks nothing: the lock of the folder keeps other sweeps out. Optuna's own would survive a kill."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass


def import_optuna() -> Any:  # noqa: ANN401
    """The module `optuna`."""
    try:
        return importlib.import_module("optuna")
    except ModuleNotFoundError as error:
        if error.name != "optuna":
            raise
        remedy = f"run `make search` or {write_install('optuna')}"
        raise PackageError(f"a search needs Optuna, which is not installed; {remedy}") from error


def round_value(value: float, space: Range) -> float:
    """A number of the range with at most `N_DIGITS` significant digits; whole numbers stay as they are."""
    if isinstance(value, int):
        return value
    return min(max(float(f"{value:.{N_DIGITS}g}"), space.low), space.high)


def _drop_cut_line(path: Path) -> None:
    """Remove the line that a kill cut off; Optuna would append to it."""
    if path.exists() and not (content := path.read_bytes()).endswith(b"\n"):
        with path.open("r+b") as file:
            file.truncate(content.rfind(b"\n") + 1)
