"""The command `sweep` with a search, with stubs in place of the trainings.

The stubs are best at the learning rate 0.001, see stub_job.py.
"""

import csv
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from stubs import StubbedSweep, make_stubbed_sweep
from support import REPOSITORY, ErrorOf, is_alive, wait_until, write_idx

from job.data.fashion_mnist import FILES
from job.sweep.objective import read_epochs

if TYPE_CHECKING:
    import subprocess

RANGE = "{low: 1e-5, high: 1e-1, log: true}"
SLOW = {"*": ["learn 10"]}


@pytest.fixture
def sweep(tmp_path: Path) -> StubbedSweep:
    """A sweep with stubs, all of which learn at once."""
    return make_learning_sweep(tmp_path)


def make_learning_sweep(folder: Path) -> StubbedSweep:
    made = make_stubbed_sweep(folder)
    made.behave({"*": ["learn 0"]})
    return made


def write_search(sweep: StubbedSweep, trials: int, *lines: str, rate: str = RANGE) -> tuple[str, ...]:
    """Write a search of the learning rate; returns the options to start it."""
    text = "".join(f"  {line}\n" for line in (f"trials: {trials}", f"parameters: {{learning-rate: {rate}}}", *lines))
    (sweep.folder / "sweep.yaml").write_text(f"search:\n{text}")
    return ("--config", str(sweep.folder / "sweep.yaml"), "--parallel", "1")


def read_trials(sweep: StubbedSweep) -> list[dict[str, str]]:
    with (sweep.output / "trials.csv").open() as file:
        return list(csv.DictReader(file))


def last_line(done: "subprocess.CompletedProcess[str]") -> str:
    return done.stderr.splitlines()[-1]


def test_a_search_names_the_best_by_validation_accuracy(sweep: StubbedSweep) -> None:
    """The mean over the seeds, in full precision; each run is an ordinary output folder with its own log."""
    options = write_search(sweep, 20, "pruning: false")
    done = sweep.run(*options[:2], "--parallel", "3", "--seeds", "0-1")
    assert done.returncode == 0, done.stderr
    reached = {}
    for number in range(20):
        accuracies = []
        for seed in range(2):
            training = json.loads((sweep.output / f"runs/trial-{number:04}-seed{seed}/metrics.json").read_text())
            accuracies.append(training["training"]["history"]["val_accuracy"][-1])
        reached[f"trial-{number:04}"] = sum(accuracies) / 2
    best = max(reached, key=lambda name: reached[name])
    assert done.stdout.startswith(f"best of 20 trials (20 complete): {best}, baseline, learning rate ")
    assert f"mean validation accuracy {reached[best]:.4f} (2 seeds): {sweep.output / 'index.html'}" in done.stdout
    trials = read_trials(sweep)
    assert {trial["trial"]: float(trial["validation accuracy"]) for trial in trials} == pytest.approx(reached)
    rates = [abs(math.log10(float(trial["learning-rate"])) + 3) for trial in trials]
    assert sum(rates[10:]) < sum(rates[:10]), "the choices after the first ten are no better than random ones"
    assert len(sweep.finished()) == len(list(sweep.output.glob("logs/*.txt"))) == 40


def test_the_lowest_loss(sweep: StubbedSweep) -> None:
    """The objective of the stub is 1 minus the accuracy, so the same trial is best."""
    done = sweep.run(*write_search(sweep, 6, "objective: loss", "pruning: false"))
    assert done.returncode == 0, done.stderr
    losses = {trial["trial"]: float(trial["validation loss"]) for trial in read_trials(sweep)}
    best = min(losses, key=lambda name: losses[name])
    assert f"{best}, " in done.stdout
    assert f"mean validation loss {losses[best]:.4f} (1 seed)" in done.stdout


def test_the_test_images_play_no_part(tmp_path: Path) -> None:
    """With other test labels every test accuracy is another; each choice, pruning and the best remain the same."""
    results = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        sweep = make_learning_sweep(tmp_path / name)
        if name == "other":
            write_idx(sweep.data / FILES["test_labels"], (np.arange(100) + 3).astype(np.uint8) % 10)
        done = sweep.run(*write_search(sweep, 16))
        assert done.returncode == 0, done.stderr
        runs = sorted(sweep.output.glob("runs/*/metrics.json"))
        accuracies = [json.loads(path.read_text())["evaluation"]["accuracy"] for path in runs]
        results.append((read_trials(sweep), done.stdout.rsplit(":", 1)[0], accuracies))
    assert results[0][:2] == results[1][:2]
    assert set(results[0][2]).isdisjoint(results[1][2])
    assert {trial["state"] for trial in results[0][0]} == {"complete", "pruned"}


def test_a_killed_search_continues_as_if_nothing_had_happened(tmp_path: Path) -> None:
    """The interrupted trial is told as failed and repeated; finished trials are not. All choices are the same."""
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    whole, killed = (make_learning_sweep(tmp_path / name) for name in ("whole", "killed"))
    assert whole.run(*write_search(whole, 14)).returncode == 0
    killed.behave({"*": ["learn 0"], "trial-0012-seed0": ["sleep 60"]})
    process = killed.start(*write_search(killed, 14))
    wait_until(lambda: "trial-0012-seed0" in killed.names())
    process.kill()
    process.communicate()
    wait_until(lambda: not any(is_alive(attempt.pid) for attempt in killed.attempts()), timeout_s=10)
    with (killed.output / "search.log").open("a") as file:
        file.write('{"op_code":')  # what a kill may cut off
    killed.behave({"*": ["learn 0"]})
    done = killed.run(*write_search(killed, 14))
    assert done.returncode == 0, done.stderr
    assert read_trials(killed) == read_trials(whole)
    assert sorted({*killed.names()}) == whole.names()
    assert [name for name in whole.names() if killed.names().count(name) > 1] == ["trial-0012-seed0"]
    states = [json.loads(line).get("state") for line in (killed.output / "search.log").read_text().splitlines()]
    assert states.count(3) == 1, "Optuna's state 3 is FAIL"


def test_a_signal_stops_the_search(sweep: StubbedSweep) -> None:
    """It stops its run, says what is finished, and leaves a study that the same command continues."""
    sweep.behave({"*": ["learn 0"], "trial-0001-seed0": ["sleep 60"]})
    process = sweep.start(*write_search(sweep, 3))
    wait_until(lambda: "trial-0001-seed0" in sweep.names())
    process.terminate()
    _, stderr = process.communicate()
    assert process.returncode == 143
    assert "1 of 3 trials are finished; the same command does the others" in stderr.splitlines()[-1]
    assert not any(is_alive(attempt.pid) for attempt in sweep.attempts())
    sweep.behave({"*": ["learn 0"]})
    assert sweep.run(*write_search(sweep, 3)).returncode == 0
    assert [trial["state"] for trial in read_trials(sweep)] == ["complete"] * 3


def test_a_second_start_does_nothing_and_more_trials_continue(sweep: StubbedSweep) -> None:
    """Fewer trials than there are are refused."""
    assert sweep.run(*write_search(sweep, 4)).returncode == 0
    for _ in range(2):
        assert sweep.run(*write_search(sweep, 4)).returncode == 0
        assert len(sweep.names()) == 4
    first = read_trials(sweep)
    texts = {"validation accuracy": "`{}` or `validation loss`", "learning-rate": "one for each searched setting"}
    columns = ", ".join(texts.get(name, "`{}`").format(name) for name in first[0])
    assert f"| `trials.csv` | {columns} |" in (REPOSITORY / "docs" / "sweep.md").read_text(encoding="utf-8")
    assert sweep.run(*write_search(sweep, 6)).returncode == 0
    assert read_trials(sweep)[:4] == first
    assert len(read_trials(sweep)) == len(sweep.names()) == 6
    done = sweep.run(*write_search(sweep, 2))
    assert done.returncode == 64
    assert last_line(done).endswith(f"--output {sweep.output}: has 6 trials, so trials cannot be 2; set 6 or more")


def test_a_pruned_trial_is_stopped_and_is_no_failure(sweep: StubbedSweep) -> None:
    """Five trials are complete. The next two are below their median: each ends, without its other seed or a retry."""
    sweep.behave({f"trial-{number:04}-seed{seed}": ["learn 0"] for number in range(5) for seed in (0, 1)} | SLOW)
    done = sweep.run(*write_search(sweep, 7, "seed: 0"), "--seeds", "0-1")
    assert done.returncode == 0, done.stderr
    assert [trial["state"] for trial in read_trials(sweep)] == ["complete"] * 5 + ["pruned"] * 2
    for number in (5, 6):
        [attempt] = [each for each in sweep.attempts() if each.name.startswith(f"trial-{number:04}")]
        assert attempt.name.endswith("seed0")
        assert attempt.ended is None, "the run was not stopped"
        trial = read_trials(sweep)[number]
        assert (trial["validation accuracy"], trial["reported epochs"], trial["error"]) == ("", "1", "")
        assert f"trial-{number:04}  pruned: validation accuracy 0." in done.stderr
        assert f"trial-{number:04}" not in (sweep.output / "index.html").read_text()
    assert "failed" not in done.stderr
    assert "(5 complete, 2 pruned)" in done.stdout


def test_without_pruning_every_trial_is_complete(sweep: StubbedSweep) -> None:
    """Also those that the median would stop."""
    assert sweep.run(*write_search(sweep, 12, "pruning: false")).returncode == 0
    assert {trial["state"] for trial in read_trials(sweep)} == {"complete"}


def test_a_trial_that_diverges_is_a_result(sweep: StubbedSweep) -> None:
    """It stops its other seeds and is not repeated; the search is a success and says so."""
    sweep.behave({"*": ["learn 0"], "trial-0001-seed0": ["status 79"]})
    for _ in range(2):
        done = sweep.run(*write_search(sweep, 3), "--seeds", "0-1")
        assert done.returncode == 0, done.stderr
        assert "(2 complete, 1 diverged)" in done.stdout
        assert "trial-0001-seed1" not in sweep.names()
        assert sweep.names().count("trial-0001-seed0") == 1
    assert read_trials(sweep)[1]["error"] == "trial-0001-seed0: the stub fails with 79"


def test_a_trial_that_fails_is_repeated_by_the_same_command(sweep: StubbedSweep) -> None:
    """With the same number and values; its finished seed is kept. The status is 1 until then."""
    sweep.behave({"*": ["learn 0"], "trial-0001-seed1": ["status 73", "learn 0"]})
    done = sweep.run(*write_search(sweep, 3), "--seeds", "0-1")
    assert done.returncode == 1
    error = "trial-0001-seed1: the stub fails with 73 (status 73)"
    advice = f"the same command repeats them; page of the others: {sweep.output / 'index.html'}"
    assert last_line(done).endswith(f"1 of 3 trials failed, the first, trial-0001: {error}; {advice}")
    assert done.stdout.startswith("best of 3 trials (2 complete, 1 failed): trial-000")
    before = read_trials(sweep)
    assert (before[1]["state"], before[1]["error"]) == ("failed", error)
    assert sweep.run(*write_search(sweep, 3), "--seeds", "0-1").returncode == 0
    after = read_trials(sweep)
    assert [trial["state"] for trial in after] == ["complete"] * 3
    assert [trial["learning-rate"] for trial in after] == [trial["learning-rate"] for trial in before]
    assert [sweep.names().count(f"trial-0001-seed{seed}") for seed in (0, 1)] == [1, 2]


def test_a_run_that_is_killed_is_repeated_twice(sweep: StubbedSweep) -> None:
    """Then its trial has failed; if all fail there is no page."""
    sweep.behave({"*": ["kill"]})
    done = sweep.run(*write_search(sweep, 1))
    assert done.returncode == 1
    assert sweep.names() == ["trial-0000-seed0"] * 3
    assert "no trial is complete (1 failed), the first error is trial-0000-seed0: " in last_line(done)
    assert not (sweep.output / "index.html").exists()


def test_fail_fast_stops_at_the_first_failure(sweep: StubbedSweep) -> None:
    """The same command repeats the trial."""
    sweep.behave({"*": ["learn 0"], "trial-0001-seed0": ["status 65", "learn 0"]})
    done = sweep.run(*write_search(sweep, 3), "--fail-fast")
    assert done.returncode == 1
    assert "trial-0001-seed0 failed: the stub fails with 65 (status 65); the other runs were stopped" in last_line(done)
    assert sweep.names() == ["trial-0000-seed0", "trial-0001-seed0"]
    assert sweep.run(*write_search(sweep, 3), "--fail-fast").returncode == 0


def test_values_that_exclude_each_other_are_refused(sweep: StubbedSweep) -> None:
    """Such a trial is none of the complete ones; the search continues, and Optuna learns to avoid it."""
    options = write_search(sweep, 12, "seed: 1")
    file = sweep.folder / "sweep.yaml"
    file.write_text(
        file.read_text().replace("learning-rate:", "optimizer: [adam, adamw], weight-decay: [0, 0.1], learning-rate:")
    )
    done = sweep.run(*options)
    assert done.returncode == 0, done.stderr
    trials = read_trials(sweep)
    assert len(trials) == 12
    for trial in trials:
        is_excluded = (trial["optimizer"], float(trial["weight-decay"])) == ("adam", 0.1)
        assert is_excluded == (trial["state"] == "refused")
    refused = [trial for trial in trials if trial["state"] == "refused"]
    assert "weight-decay 0.1 cannot be combined with optimizer adam" in refused[0]["error"]


@pytest.mark.parametrize(
    ("rate", "line", "difference"),
    [
        ("{low: 1e-4, high: 1e-1, log: true}", "", "learning-rate is "),
        (RANGE, "objective: loss", "search objective is accuracy there and loss now"),
        (RANGE, "seed: 3", "search seed is 0 there and 3 now"),
    ],
)
def test_another_search_is_refused(sweep: StubbedSweep, rate: str, line: str, difference: str) -> None:
    """The line names the difference, and nothing runs. `--fresh` starts over, with the first choice again."""
    assert sweep.run(*write_search(sweep, 2)).returncode == 0
    done = sweep.run(*write_search(sweep, 2, *filter(None, [line]), rate=rate))
    assert done.returncode == 64
    assert f"plan.json is of another sweep: {difference}" in last_line(done)
    assert len(sweep.names()) == 2
    first = read_trials(sweep)
    assert sweep.run(*write_search(sweep, 2), "--fresh").returncode == 0
    assert read_trials(sweep) == first
    assert len(sweep.names()) == 4


def test_a_sweep_is_no_search(sweep: StubbedSweep) -> None:
    """Neither continues the other."""
    assert sweep.run(*write_search(sweep, 2)).returncode == 0
    done = sweep.run("--seeds", "0-1")
    assert done.returncode == 64
    assert "plan.json is of another sweep: " in last_line(done)


def test_list_writes_nothing(sweep: StubbedSweep) -> None:
    """It prints the parameters, the number of trials and an estimate."""
    done = sweep.run(*write_search(sweep, 50), "--seeds", "0-2", "--list")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "learning-rate: 1e-05 to 0.1, log"
    assert lines[1].startswith("50 trials with 3 seeds; at most about ")
    assert not sweep.output.exists()


def test_a_search_without_optuna(sweep: StubbedSweep, error_of: ErrorOf, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line says how to install it; nothing is written."""
    monkeypatch.setitem(sys.modules, "optuna", None)
    options = ("--data", str(sweep.data), "--output", str(sweep.output))
    error = error_of(69, "sweep", *write_search(sweep, 2), *options)
    assert "a search needs Optuna, which is not installed; run `make search`" in error
    assert not sweep.output.exists()


def test_a_damaged_study_is_one_line(sweep: StubbedSweep) -> None:
    """It names the file and the remedy."""
    assert sweep.run(*write_search(sweep, 1)).returncode == 0
    (sweep.output / "search.log").write_text("{}\nnonsense\n{}\n")
    done = sweep.run(*write_search(sweep, 2))
    assert done.returncode == 65
    assert f"{sweep.output / 'search.log'}: is damaged (" in last_line(done)
    assert last_line(done).endswith("start over with --fresh")


def test_only_whole_lines_are_epochs(tmp_path: Path) -> None:
    """The end of a log may be cut off in the middle of a number."""
    log = tmp_path / "log.txt"
    assert read_epochs(log, "accuracy") == []
    line = "training    epoch {} of 5: accuracy 0.8, loss 0.5, val_accuracy 0.8125, val_loss 0.4375 (1.2 s)\n"
    log.write_text("data        60,000 images\n" + line.format(1) + line.format(2)[:-30])
    assert read_epochs(log, "accuracy") == [(1, 0.8125)]
    assert read_epochs(log, "loss") == [(1, 0.4375)]
