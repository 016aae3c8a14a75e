"""The gates of a sweep, with stubs in place of the trainings."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from stubs import StubbedSweep, make_stubbed_sweep
from support import edit_metrics, make_run
from sweep_runs import make_swept_run, write_runs

from job.__main__ import main
from job.config.gate import Gate
from job.errors import UsageError
from job.evaluation.gate_result import GateResult
from job.evaluation.gated_runs import GatedRuns, measure_run
from job.evaluation.intervals import Interval
from job.evaluation.sweep_gates import SweepGate, evaluate_sweep_gates
from job.evaluation.sweep_summary import SweepSummary, summarize_sweep
from job.execution.executor import Outcome
from job.report.sweep_page.findings import list_sweep_findings
from job.report.sweep_page.gate_rows import list_gate_rows
from job.report.sweep_page.page import render_sweep_page
from job.results.run import Run
from job.sweep.attempts import Attempts
from job.sweep.collection import collect_runs, report_gates
from job.sweep.plan import PlannedRun

EN_DASH = "\N{EN DASH}"
FOUR = ("--seeds", "0-3", "--parallel", "2")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two recipes with two seeds each; mlp is better."""
    levels = {"baseline": 1.0, "mlp": 1.6}
    runs = [make_swept_run(level, seed, recipe=recipe) for recipe, level in levels.items() for seed in range(2)]
    return write_runs(tmp_path_factory.mktemp("sweep"), runs)


def summarize(folders: list[Path], *gates: Gate) -> SweepSummary:
    return summarize_sweep(collect_runs(folders, {}, gates=gates))


def test_a_gate_of_every_run(folders: list[Path]) -> None:
    """Each run is compared; the one farthest beyond the threshold comes first."""
    runs = [Run.read(path).evaluation for path in folders]
    threshold = (max(each.accuracy for each in runs[:2]) + min(each.accuracy for each in runs[2:])) / 2
    (gate,) = summarize(folders, Gate("accuracy", "under", threshold)).gates
    assert list(gate.results) == [path.name for path in folders]
    assert [gate.results[path.name].value for path in folders] == [each.accuracy for each in runs]
    worst_first = sorted(range(2), key=lambda index: runs[index].accuracy)
    assert list(gate.missed) == [folders[index].name for index in worst_first]
    assert gate.is_error
    assert (
        f"in 2 of 4 runs, worst: {folders[worst_first[0]].name}, {runs[worst_first[0]].accuracy:.4f}" in gate.sentence
    )


def test_a_gate_of_the_best_configuration(folders: list[Path]) -> None:
    """The mean of its runs; that of the accuracy has the interval of the page."""
    runs = [Run.read(path).evaluation for path in folders[2:]]
    gates = [
        Gate("accuracy", "under", 0.5, "interval", scope="best"),
        Gate("macro.f1", "under", 0.99, severity="warning", scope="best"),
        Gate("roc_auc.Shirt", "over", 0.1, scope="best"),
    ]
    summary = summarize(folders, *gates)
    (accuracy,), (f1,), (auc,) = (each.results.values() for each in summary.gates)
    assert list(summary.gates[0].results) == ["mlp"]
    assert accuracy.value == pytest.approx((runs[0].accuracy + runs[1].accuracy) / 2)
    assert summary.ranking.interval is not None
    assert accuracy.compared == summary.ranking.interval.lower
    assert f1.value == pytest.approx((runs[0].macro.f1 + runs[1].macro.f1) / 2)
    assert auc.value is not None
    assert [each.is_error for each in summary.gates] == [False, False, True]


def test_the_interval_of_the_best_allows_for_the_choice(folders: list[Path]) -> None:
    """The gate compares the interval of the ranking, which begins lower than that of the configuration."""
    gate = Gate("accuracy", "under", 0.5, "interval", scope="best")
    results = collect_runs(folders, {}, gates=[gate])
    summary = summarize_sweep(results)
    ranking = replace(summary.ranking, optimism=0.2, interval=Interval(0.4, 0.9))
    (found,) = evaluate_sweep_gates(results.gated, summary.best, summary.best_mean, ranking)
    assert found.results["mlp"].compared == 0.4
    assert found.is_error
    assert found.sentence.startswith("missed: mean accuracy of the best configuration is ")


@pytest.mark.parametrize("written", [{"accuracy": 0.999}, {"accuracy": "high"}, {"accuracy": None, "macro": []}])
def test_a_gate_agrees_with_the_predictions(folders: list[Path], tmp_path: Path, written: dict[str, Any]) -> None:
    """As the page does: what metrics.json says of the evaluation does not matter."""
    run = make_swept_run(1.6, 1)
    (folder,) = write_runs(tmp_path, [run])
    edit_metrics(folder, lambda content: content["evaluation"].update(written))
    (gate,) = summarize([folders[0], folder], Gate("accuracy", "under", 0.99)).gates
    result = gate.results[str(folder)]
    assert (result.value, result.passed) == (run.evaluation.accuracy, False)


def test_runs_of_version_0_5_0_with_a_reference(tmp_path: Path) -> None:
    """Their comparison does not know recipes; it is made again, so a gate on it works."""
    run = make_run(n=400, with_reference=True)
    (folder,) = write_runs(tmp_path, [run])

    def age(content: dict[str, Any]) -> None:
        for name in ("loss", "brier", "overconfidence", "recipes", "reseed_difference", "reseed_side"):
            del content["comparison"][name]

    edit_metrics(folder, age)
    accuracy, worse = summarize([folder], Gate("accuracy", "under", 0.01), Gate("accuracy", "worse", 0.0)).gates
    assert run.comparison is not None
    assert accuracy.results[folder.name].value == run.evaluation.accuracy
    assert worse.results[folder.name].value == run.comparison.counts.difference


def make_losses(folders: list[Path], *p_values: float) -> list[bool]:
    """Whether each of as many runs passes `worse`, if it lost 2 points with this p-value."""
    gate = Gate("accuracy", "worse", 0.0)
    results = collect_runs(folders, {})
    summary = summarize_sweep(results)
    metrics = {"difference": -0.02, "interval": {"lower": -0.03, "upper": -0.01}}
    runs = [
        measure_run(str(index), "", [gate], {"comparison": {"recipes": None, "counts": metrics, "p_value": p_value}})
        for index, p_value in enumerate(p_values)
    ]
    (found,) = evaluate_sweep_gates(GatedRuns([gate], runs), summary.best, summary.best_mean, summary.ranking)
    return [each.passed for each in found.results.values()]


def test_worse_is_corrected_for_the_number_of_runs(folders: list[Path]) -> None:
    """By Holm's method: among 20 equal runs, one is significant without a correction."""
    assert make_losses(folders, 0.03) == [False]
    assert make_losses(folders, 0.03, *[0.5] * 19) == [True] * 20
    assert make_losses(folders, 0.002, 0.0026, *[0.5] * 18) == [False, False, *[True] * 18]


def test_the_worst_result_misses_the_gate() -> None:
    """Although a larger loss of another run is not significant."""
    gate = Gate("accuracy", "worse", 0.0)
    results = {
        name: GateResult(gate=gate, value=value, interval=None, compared=value, margin=value, passed=passed)
        for name, value, passed in (("a", -0.022, True), ("b", -0.016, False), ("c", 0.01, True))
    }
    assert SweepGate(gate, results, {}).worst is results["b"]
    assert SweepGate(gate, {name: results[name] for name in "ac"}, {}).worst is results["a"]


def test_the_first_finding_names_missed_gates(folders: list[Path], tmp_path: Path) -> None:
    """The page shows their number in the colour of errors; the error of the command leaves out those that only warn."""
    gates = [
        Gate("accuracy", "under", 0.99),
        Gate("accuracy", "under", 0.98, scope="best"),
        Gate("ece", "over", 0.0, severity="warning"),
        Gate("accuracy", "under", 0.1),
    ]
    results = collect_runs(folders, {}, gates=gates)
    mean = summarize_sweep(results).best_mean.accuracy
    finding = list_sweep_findings(summarize_sweep(results))[0]
    assert "".join(finding.text) == (
        "2 gates missed, 1 warning (of 4 gates): accuracy ≥ 0.99 in 4 of 4 runs, "
        f"best:accuracy ≥ 0.98 ({mean:.4f}) and ece ≤ 0 in 4 of 4 runs."
    )
    page = render_sweep_page(summarize_sweep(results), tmp_path).decode()
    assert '<b class="error">2 gates missed, 1 warning (of 4 gates)</b>: accuracy ≥ 0.99 in 4 of 4 runs' in page
    text = report_gates(results)
    assert text.startswith("2 gates missed, 1 warning (of 4 gates): accuracy ≥ 0.99 in 4 of 4 runs, worst: run-")
    assert text.endswith("(mlp)")
    assert report_gates(collect_runs(folders, {}, gates=[gates[3]])) == report_gates(collect_runs(folders, {})) == ""


def test_runs_of_one_name_are_told_apart(folders: list[Path], tmp_path: Path) -> None:
    """Collected folders may have the same name; then the whole path names them."""
    other = write_runs(tmp_path, [make_swept_run(1.0, 7)])[0]
    (gate,) = summarize([*folders, other], Gate("accuracy", "under", 0.99)).gates
    assert len(gate.results) == 5
    assert {str(folders[0]), str(other), "run-1"} <= set(gate.results)


def test_a_class_that_does_not_exist(folders: list[Path]) -> None:
    """It is refused, with the nearest one."""
    with pytest.raises(UsageError, match=r"unknown metric recall\.Shrt; did you mean recall\.Shirt\?"):
        summarize(folders, Gate("recall.Shrt", "under", 0.5))


def test_a_missed_gate_is_no_failure(tmp_path: Path) -> None:
    """The status is 1 at the end, but all runs are finished and none is repeated; gates are not part of the plan."""
    sweep: StubbedSweep = make_stubbed_sweep(tmp_path)
    names = [f"baseline-seed{seed}" for seed in range(4)]
    sweep.behave({names[1]: ["status 70", "succeed"]})
    gates = ("--fail-under", "accuracy=0.999", "--fail-over", "best:accuracy=0.999")
    both = sweep.run(*FOUR, *gates)
    assert both.returncode == 1
    error = both.stderr.splitlines()[-1]
    assert "1 of 4 runs failed, the first, baseline-seed1: " in error
    assert re.search(
        r": 1 gate missed \(of 2 gates\): accuracy ≥ 0\.999 in [1-3] of 3 runs, worst: baseline-seed", error
    )
    done = sweep.run(*FOUR, *gates)
    assert done.returncode == 1
    error = done.stderr.splitlines()[-1]
    assert re.match(
        r"fashion-job: error: 1 gate missed \(of 2 gates\): accuracy ≥ 0\.999 in [1-4] of 4 runs, worst: ", error
    )
    assert re.fullmatch(
        rf"baseline, mean test accuracy 0\.\d{{4}} \(4 seeds\): {sweep.output / 'index.html'}\n", done.stdout
    )
    assert "index.html" not in error
    assert sweep.names() == sorted([*names, names[1]])
    assert sweep.finished() == names
    page = (sweep.output / "index.html").read_text()
    assert "every run finishes" in page[page.index('id="gates"') :]
    stored = json.loads((sweep.output / "sweep.json").read_text())["gates"]
    assert [(each["label"], each["passed"], each["n_results"]) for each in stored] == [
        ("accuracy ≥ 0.999", False, 4),
        ("best:accuracy ≤ 0.999", True, 1),
    ]
    assert set(stored[0]["missed"]) <= set(names)
    assert sweep.run(*FOUR).returncode == 0
    assert 'id="gates"' not in (sweep.output / "index.html").read_text()


def test_the_summary_of_a_sweep(folders: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--summary json` prints the best configuration, its accuracy and the gates, also if one is missed."""
    words = ["sweep", "--collect", str(folders[0].parent), "--output", str(tmp_path / "sweep"), "-q"]
    gates = ["--fail-under", "accuracy=0.999:interval", "--warn-under", "best:accuracy=0.1"]
    status = main([*words, "--summary", "json", *gates])
    printed = capsys.readouterr()
    assert "1 gate missed (of 2 gates)" in printed.err
    found = json.loads(printed.out)
    best = summarize(folders, Gate("accuracy", "under", 0.999, "interval"))
    assert found["accuracy"] == best.best_mean.accuracy
    assert best.ranking.interval is not None
    assert found["accuracy_interval"] == {"lower": best.ranking.interval.lower, "upper": best.ranking.interval.upper}
    expected = {"configuration": "mlp", "n_seeds": 2, "n_runs": 4, "n_failures": 0, "exit_status": 1}
    expected |= {"n_test": len(Run.read(folders[0]).predictions.y_true), "output": str(tmp_path / "sweep")}
    assert {name: found[name] for name in expected} == expected
    assert status == 1
    first, second = found["gates"]
    worst = min(best.gates[0].results.values(), key=lambda each: each.margin or 0)
    assert (first["metric"], first["bound"], first["threshold"], first["passed"]) == ("accuracy", "under", 0.999, False)
    assert (first["n_results"], first["n_missed"], first["margin"]) == (4, 4, worst.margin)
    assert (second["metric"], second["value"], second["passed"]) == ("best:accuracy", found["accuracy"], True)


def test_the_form_of_the_summary_is_not_part_of_the_plan(tmp_path: Path) -> None:
    """As FASHION_JOB_LOG is not: a finished sweep is found again, and prints one object."""
    sweep: StubbedSweep = make_stubbed_sweep(tmp_path)
    assert sweep.run("--seeds", "0-1").returncode == 0
    names = sweep.names()
    (tmp_path / "fashion-job.yaml").write_text("summary: json\nlog: mlflow\n")
    done = sweep.run("--seeds", "0-1")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["configuration"] == "baseline"
    assert sweep.names() == names


def test_a_gate_of_the_best_has_a_value_and_no_number_of_runs(folders: list[Path], tmp_path: Path) -> None:
    """In a column of its own, which is there only if it is needed; narrow screens show the name of each value."""
    of_run, of_best = Gate("accuracy", "under", 0.1), Gate("accuracy", "under", 0.1, scope="best")
    summary = summarize(folders, of_run, of_best)
    rows = list_gate_rows(summary, tmp_path)
    best = f"{summary.best_mean.accuracy:.4f}"
    assert [(row.count, row.value) for row in rows] == [("4 of 4", ""), ("4 of 4", ""), ("", best)]
    page = render_sweep_page(summary, tmp_path).decode()
    assert f'<td data-label="Runs that pass" class="empty">{EN_DASH}</td><td data-label="Value">{best}</td>' in page
    assert "Value of the best" not in render_sweep_page(summarize(folders, of_run), tmp_path).decode()


def test_what_misses_a_gate_is_named_with_the_compared_end(folders: list[Path], tmp_path: Path) -> None:
    """Each run with its link, and the best configuration."""
    gates = Gate("accuracy", "under", 0.99, "interval"), Gate("accuracy", "under", 0.99, "interval", scope="best")
    summary = summarize(folders, *gates)
    _, of_runs, of_best = list_gate_rows(summary, tmp_path)
    expected = {
        path.name: f"{evaluation.accuracy:.4f}, lower end of the interval {evaluation.accuracy_interval.lower:.4f}"
        for path in folders
        for evaluation in [Run.read(path).evaluation]
    }
    assert {run.name: run.value for run in of_runs.missed} == expected
    assert summary.ranking.interval is not None
    best = f"{summary.best_mean.accuracy:.4f}, lower end of the interval {summary.ranking.interval.lower:.4f}"
    assert [(run.name, run.value, run.href) for run in of_best.missed] == [("mlp", best, "")]


def test_an_unusual_gate_is_named_as_such(folders: list[Path], tmp_path: Path) -> None:
    """In the log and on the page."""
    summary = summarize(folders, Gate("accuracy", "over", 1.0))
    words = "higher is better, so a lower bound is usual"
    assert summary.gates[0].sentence == f"passed: accuracy ≤ 1 in all 4 runs; {words}"
    assert [row.note for row in list_gate_rows(summary, tmp_path)] == ["", words]
    assert words in render_sweep_page(summary, tmp_path).decode()


def test_gates_of_collected_runs(folders: list[Path], tmp_path: Path) -> None:
    """`--collect` evaluates them, too."""
    words = ["sweep", "--collect", str(folders[0].parent), "--output", str(tmp_path / "sweep"), "-q"]
    assert main([*words, "--fail-under", "accuracy=0.999"]) == 1
    assert (tmp_path / "sweep" / "index.html").exists()
    assert main([*words, "--fail-under", "accuracy=0.1"]) == 0


def test_worse_needs_runs_with_a_reference(
    folders: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Collected runs may have none."""
    words = ["sweep", "--collect", str(folders[0].parent), "--output", str(tmp_path / "sweep"), "-q"]
    assert main([*words, "--fail-if-worse"]) == 64
    assert f"{folders[0]} was not compared with a reference; collect only runs that were" in capsys.readouterr().err


def test_gates_are_checked_before_any_run_starts(tmp_path: Path) -> None:
    """An unknown class ends with 64, and so does an interval that the best does not have."""
    sweep = make_stubbed_sweep(tmp_path)
    for gate in ("recall.Shirt=0.5", "best:macro.f1=0.5:interval"):
        done = sweep.run(*FOUR, "--fail-under", gate)
        assert done.returncode == 64
        assert "fashion-job: error: the gate " in done.stderr.splitlines()[-1]
    assert sweep.names() == []


def test_a_run_that_ends_with_1_is_finished_if_its_folder_is_complete(folders: list[Path], tmp_path: Path) -> None:
    """It may have missed a gate of its own; any other status is a failure."""
    run = Run.read(folders[0])
    assert run.training is not None
    config = replace(run.training.config, output=str(tmp_path / "runs" / "one"))
    planned = PlannedRun("one", "baseline", config)
    run.write(tmp_path / "runs" / "one")
    attempts = Attempts(tmp_path)
    assert attempts.judge(Outcome(planned, 1, "a gate")) is not None
    assert attempts.failures == {}
    assert attempts.judge(Outcome(planned, 70, "a bug")) is None
    assert attempts.failures == {"one": "a bug (status 70)"}
