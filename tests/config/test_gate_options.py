import shlex
from pathlib import Path

import pytest

from job.config import cli, settings_file
from job.config.gate import Bound, Gate
from job.config.gate_metrics import GATE_METRICS, OTHER_NAMES, describe_metrics, find_gate_metric
from job.config.gate_options import list_gates, read_gate
from job.config.run_config import Config
from job.errors import UsageError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("accuracy=0.88", Gate("accuracy", "under", 0.88)),
        (" accuracy = 0.88 ", Gate("accuracy", "under", 0.88)),
        ("macro.f1=.85:interval", Gate("macro.f1", "under", 0.85, "interval")),
        ("recall.T-shirt/top=0.8", Gate("recall.T-shirt/top", "under", 0.8)),
        ("recall.a=b:c,d=1:interval", Gate("recall.a=b:c,d", "under", 1, "interval")),
        ("mcc=-0.5", Gate("mcc", "under", -0.5)),
        ("timings_s.total=1e3", Gate("timings_s.total", "under", 1000)),
        ("best:accuracy=0.9", Gate("accuracy", "under", 0.9, scope="best")),
        ("evaluation.confusion_matrix.0.1=40", Gate("evaluation.confusion_matrix.0.1", "under", 40)),
    ],
)
def test_a_gate_is_read_from_a_text(text: str, expected: Gate) -> None:
    """A name, a threshold and the end that is compared; the name of a class may contain any sign."""
    assert read_gate(text, "under", "error") == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("accuracy", "is not METRIC=VALUE, such as accuracy=0.88"),
        ("=0.88", "is not METRIC=VALUE, such as accuracy=0.88"),
        ("", "is not METRIC=VALUE, such as accuracy=0.88"),
        ("accuracy=", "the threshold is '', but must be a number, such as accuracy=0.88"),
        ("accuracy=high", "the threshold is 'high', but must be a number, such as accuracy=0.88"),
        ("accuracy=88%", "the threshold is '88%', but must be a number; write 0.88 for 88%"),
        ("accuracy=high%", "the threshold is 'high%', but must be a number, such as accuracy=0.88"),
        ("accuracy=nan", "the threshold is 'nan', but must be a number, such as accuracy=0.88"),
        ("loss=1e999", "the threshold is '1e999', but must be a number, such as accuracy=0.88"),
        ("accuracy=88", "accuracy is between 0 and 1; write 0.88 for 88%"),
        ("evaluation.accuracy=-1", "evaluation.accuracy is between 0 and 1; choose another threshold"),
        ("recall.Shirt=60", "recall.Shirt is between 0 and 1; write 0.6 for 60%"),
        ("accuracy=87.654321", "accuracy is between 0 and 1; write 0.87654321 for 87.654321%"),
        ("accuracy=101", "accuracy is between 0 and 1; choose another threshold"),
        ("mcc=50", "mcc is between -1 and 1; choose another threshold"),
        ("loss=-1", "loss is at least 0; choose another threshold"),
        ("accuracy=0,86", "the threshold is '0,86', but must be a number; write 0.86 with a point"),
        ("accuracy=0.88:lower", "the end 'lower' is unknown; write accuracy=0.88:interval, or leave it out"),
        ("ece=0.05:interval", "ece has no confidence interval; leave out :interval"),
        ("acuracy=0.9", "unknown metric acuracy; did you mean accuracy?"),
        ("recall=0.9", "unknown metric recall; did you mean macro.recall?"),
        ("f1=0.9", "unknown metric f1; did you mean macro.f1?"),
        ("balanced_accuracy=0.9", "unknown metric balanced_accuracy; did you mean macro.recall?"),
        ("auc=0.9", "unknown metric auc; did you mean roc_auc?"),
        ("acc=0.9", "unknown metric acc; did you mean accuracy?"),
        ("best=0.9", "unknown metric best; `python -m job --help-metrics` lists the metrics"),
        ("zzz=0.9", "unknown metric zzz; `python -m job --help-metrics` lists the metrics"),
    ],
)
def test_bad_gates(text: str, words: str) -> None:
    """One line says what is wrong and what to write; it begins with the option."""
    with pytest.raises(UsageError) as error:
        Config(fail_under=(text,))
    assert str(error.value).endswith(f": {words}")
    assert str(error.value).startswith("--fail-under ")


def test_gates_are_listed_with_those_that_fail_first() -> None:
    """In the order of the options; the tolerance belongs to those about another run."""
    config = Config(
        warn_under=("mcc=0.8",),
        fail_over=("ece=0.05", "loss=0.4:interval"),
        fail_under=("accuracy=0.88",),
        fail_if_worse=True,
        warn_if_worse=True,
        tolerance=0.01,
        reference="before",
    )
    assert list_gates(config, "history") == [
        Gate("accuracy", "under", 0.88),
        Gate("ece", "over", 0.05),
        Gate("loss", "over", 0.4, "interval"),
        Gate("accuracy", "worse", 0.01, against="history"),
        Gate("mcc", "under", 0.8, severity="warning"),
        Gate("accuracy", "worse", 0.01, severity="warning", against="history"),
    ]
    assert [each.label for each in list_gates(config)] == [
        "accuracy ≥ 0.88",
        "ece ≤ 0.05",
        "loss ≤ 0.4 (95% interval)",
        "accuracy not worse than the reference by more than 0.01",
        "mcc ≥ 0.8",
        "accuracy not worse than the reference by more than 0.01",
    ]
    assert list_gates(Config()) == []


@pytest.mark.parametrize(
    ("name", "bound", "caution"),
    [
        ("accuracy", "over", "higher is better, so a lower bound is usual"),
        ("recall.Shirt", "over", "higher is better, so a lower bound is usual"),
        ("evaluation.loss", "under", "lower is better, so an upper bound is usual"),
        ("brier.Shirt", "under", "lower is better, so an upper bound is usual"),
        ("accuracy", "under", ""),
        ("ece", "over", ""),
        ("overconfidence", "under", ""),
        ("overconfidence", "over", ""),
        ("evaluation.confusion_matrix.0.1", "under", ""),
        ("accuracy", "worse", ""),
    ],
)
def test_a_gate_on_the_better_values_is_unusual(name: str, bound: Bound, caution: str) -> None:
    """It says which bound is usual."""
    assert Gate(name, bound, 0.5).caution == caution


def test_a_contradiction_names_where_the_gates_were_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In a variable, and on a line of a settings file."""
    (tmp_path / "a.yaml").write_text("fail-over:\n  accuracy: 0.8\n")
    monkeypatch.setenv("FASHION_JOB_FAIL_UNDER", "accuracy=0.9")
    with pytest.raises(UsageError) as error:
        cli.parse(["--config", str(tmp_path / "a.yaml")])
    assert "both gates accuracy ≥ 0.9 (FASHION_JOB_FAIL_UNDER) and accuracy ≤ 0.8 (" in str(error.value)
    assert "a.yaml: fail-over); leave out or change one" in str(error.value)


@pytest.mark.parametrize(
    ("better", "names"),
    [
        (
            "lower",
            {
                *("loss", "brier", "ece", "brier.CLASS", "calibration_error.CLASS", "timings_s.total"),
                *("timings_s.training", "comparison.loss.difference", "training.seed_variation.sd"),
            },
        ),
        ("", {"overconfidence", "n_test"}),
    ],
)
def test_higher_is_not_always_better(better: str, names: set[str]) -> None:
    """Errors, losses and times should be low."""
    assert {each.name for each in GATE_METRICS if each.better == better} == names


def test_the_suggested_metrics_exist() -> None:
    """Each other name leads to a metric, and is none itself."""
    assert set(OTHER_NAMES.values()) <= {each.name for each in GATE_METRICS}
    assert not OTHER_NAMES.keys() & {each.name for each in GATE_METRICS}


def test_gates_may_bound_a_metric_on_both_sides() -> None:
    """Also at one value, and one metric for the runs and for the best."""
    for under, over in (("ece=0.01", "ece=0.05"), ("ece=0.05", "ece=0.05"), ("best:ece=0.05", "ece=0.01")):
        cli.parse(["sweep", "--fail-under", under, "--fail-over", over])


def test_the_command_repeats_the_gates() -> None:
    """Also those whose class has a comma."""
    config = Config(fail_under=("accuracy=0.88", "recall.a, b=0.5:interval"), warn_over=("ece=0.05",))
    assert cli.parse(shlex.split(config.command())[3:]).config == config
    assert "--tolerance" not in config.command()


def test_gates_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commas separate them after their values."""
    monkeypatch.setenv("FASHION_JOB_FAIL_UNDER", "accuracy=0.88,recall.a,b=0.5:interval")
    monkeypatch.setenv("FASHION_JOB_FAIL_OVER", "loss=0.4")
    config = cli.parse(["--fail-over", "ece=0.05", "--fail-over", "loss=0.3"]).config
    assert config.fail_under == ("accuracy=0.88", "recall.a,b=0.5:interval")
    assert config.fail_over == ("ece=0.05", "loss=0.3")


def test_a_decimal_comma_in_the_environment_and_on_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error shows the whole number, also with an end or before another gate."""
    for text in ("accuracy=0,86", "accuracy=0,86:interval", "ece=0.1,accuracy=0,86,recall.a,b=0.5"):
        with pytest.raises(UsageError, match=r"accuracy=0,86.*write 0\.86 with a point"):
            cli.parse(["--fail-under", text])
        monkeypatch.setenv("FASHION_JOB_FAIL_UNDER", text)
        with pytest.raises(UsageError, match=r"FASHION_JOB_FAIL_UNDER accuracy=0,86.*write 0\.86 with a point"):
            cli.parse([])
        monkeypatch.delenv("FASHION_JOB_FAIL_UNDER")


def test_a_gate_that_needs_another_run_is_named_where_it_was_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the settings file or the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FASHION_JOB_TOLERANCE", "0.1")
    with pytest.raises(UsageError, match=r"^FASHION_JOB_TOLERANCE is only for --fail-if-worse"):
        cli.parse([])
    Path("fashion-job.yaml").write_text("fail-if-worse: true\n")
    for words in ([], ["sweep"], ["report", "--predictions", "a.csv"]):
        with pytest.raises(UsageError, match=r"^fashion-job\.yaml: fail-if-worse needs another run to compare with"):
            cli.parse(words)


def test_gates_in_a_settings_file(tmp_path: Path) -> None:
    """As a table, or as on the command line; `--print-config` writes a table that can be read again."""
    path = tmp_path / "a.yaml"
    path.write_text(
        "fail-under:\n  accuracy: 0.88\n  recall.T-shirt/top: {interval: 0.6, estimate: 0.7}\n"
        "fail-over: [ece=0.05]\nwarn-under: mcc=0.8,accuracy=0.9\nwarn-over: {}\n"
    )
    expected = Config(
        fail_under=("accuracy=0.88", "recall.T-shirt/top=0.6:interval", "recall.T-shirt/top=0.7"),
        fail_over=("ece=0.05",),
        warn_under=("mcc=0.8", "accuracy=0.9"),
    )
    config = cli.parse(["--config", str(path)]).config
    assert config == expected
    path.write_text(settings_file.write(config))
    assert "  recall.T-shirt/top:\n    estimate: 0.7\n    interval: 0.6\n" in path.read_text()
    assert set(list_gates(cli.parse(["--config", str(path)]).config)) == set(list_gates(expected))


@pytest.mark.parametrize("last", ["accuracy=0.8", "accuracy=0.8:interval"])
def test_print_config_keeps_two_gates_on_one_metric(tmp_path: Path, last: str) -> None:
    """As a list of texts if a table has no place for both."""
    config = Config(fail_under=("accuracy=0.9", "recall.a,b=0.5", "accuracy=0.7:interval", last))
    (tmp_path / "a.yaml").write_text(settings_file.write(config))
    found = list_gates(cli.parse(["--config", str(tmp_path / "a.yaml")]).config)
    assert len(found) == 4
    assert set(found) == set(list_gates(config))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fail-under: {accuracy: 0.8, accuracy: 0.9}\n", "a.yaml, line 1: accuracy is set twice"),
        ("fail-under:\n  accuracy: {lower: 0.8}\n", "a.yaml, line 2: accuracy must be a number, or a table with est"),
        ("fail-under: {accuracy: [1]}\n", "a.yaml, line 1: accuracy must be a number, or a table with est"),
        ("fail-under: {accuracy: {[a]: 1}}\n", "a.yaml, line 1: accuracy must be a number, or a table with est"),
        ("fail-under: {accuracy: {interval: {a: b}}}\n", "a.yaml, line 1: accuracy must be a number, or a table with"),
        ("fail-under: {accuracy: {}}\n", "a.yaml, line 1: accuracy must be a number, or a table with est"),
        ("fail-under: {a: {interval: 1, interval: 2}}\n", "a.yaml, line 1: interval of a is set twice"),
        ("fail-under: {[a]: 3}\n", "a.yaml, line 1: a key must be a name"),
        ("fail-under: {accuracy: 88}\n", "a.yaml: fail-under accuracy=88: accuracy is between 0 and 1; write 0.88"),
        ("fail-under: {accuracy: }\n", "a.yaml: fail-under accuracy=: the threshold is '', but must be a number"),
        ("fail-under: 3\n", "a.yaml: fail-under 3: is not METRIC=VALUE"),
        ("fail-under: {accuracy: '0,9'}\n", "a.yaml: fail-under accuracy=0,9: the threshold is '0,9', but must be a n"),
        ("fail-under:\n  accuracy: 0,9\n", "write 0.9 with a point"),
        ("fail-under: {acuracy: 0.8}\n", "a.yaml: fail-under acuracy=0.8: unknown metric acuracy; did you mean acc"),
    ],
)
def test_bad_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, words: str) -> None:
    """One line names the file and the line, or the gate."""
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_text(text)
    with pytest.raises(UsageError) as error:
        settings_file.read("a.yaml")
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (
            ["--fail-if-worse"],
            "--fail-if-worse needs another run to compare with: add --reference DIR or --history FILE",
        ),
        (
            ["--warn-if-worse"],
            "--warn-if-worse needs another run to compare with: add --reference DIR or --history FILE",
        ),
        (["--tolerance", "0.1"], "--tolerance is only for --fail-if-worse and --warn-if-worse; add one of them, or"),
        (["--fail-under", "best:accuracy=0.9"], "the gate best:accuracy ≥ 0.9 is only for sweeps; leave out best:"),
        (["render", "--fail-under", "best:accuracy=0.9"], "is only for sweeps; leave out best:"),
        (
            ["--fail-under", "accuracy=0.9", "--warn-over", "accuracy=0.8:interval"],
            "accuracy ≥ 0.9 (--fail-under) and accuracy ≤ 0.8 (95% interval) (--warn-over); leave out or change one",
        ),
        (
            ["--fail-under", "evaluation.accuracy=0.9", "--fail-over", "accuracy=0.8"],
            "both gates evaluation.accuracy ≥ 0.9 (--fail-under) and accuracy ≤ 0.8 (--fail-over)",
        ),
        (
            ["sweep", "--fail-under", "best:ece=0.5", "--fail-over", "best:ece=0.4"],
            "no run can meet both gates best:ece ≥ 0.5 (--fail-under) and best:ece ≤ 0.4 (--fail-over)",
        ),
        (["sweep", "--fail-if-worse"], "--fail-if-worse needs another run to compare with: add --set reference=DIR"),
        (["sweep", "--set", "fail-under=accuracy=0.9"], "the gates of a sweep have options of their own: --fail-under"),
        (["sweep", "--set", "history=a"], "a history follows one configuration over time, and a sweep compares many"),
    ],
)
def test_gates_that_do_not_fit_the_command(words: list[str], problem: str) -> None:
    """They are refused before anything is read."""
    with pytest.raises(UsageError) as error:
        cli.parse(words)
    assert problem in str(error.value)


def test_the_gates_of_a_sweep_come_from_the_same_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are those of the whole sweep; its runs have none, so that the runs stay the same."""
    monkeypatch.setenv("FASHION_JOB_FAIL_UNDER", "accuracy=0.88,best:accuracy=0.9")
    request = cli.parse(["sweep", "--warn-over", "ece=0.05"]).sweep
    assert request is not None
    assert request.config.fail_under == ("accuracy=0.88", "best:accuracy=0.9")
    assert request.config.warn_over == ("ece=0.05",)
    assert request.base == {}
    request = cli.parse(["sweep", "--collect", "a", "--fail-under", "accuracy=0.9"]).sweep
    assert request is not None
    assert request.config.fail_under == ("accuracy=0.9",)


def test_help_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each metric, with an example and whether it has an interval; for `report` only those that it has."""
    for words in ([], ["render"], ["sweep"]):
        with pytest.raises(SystemExit) as exit_info:
            cli.parse([*words, "--help-metrics"])
        assert not exit_info.value.code
        assert capsys.readouterr().out == f"{describe_metrics()}\n"
    with pytest.raises(SystemExit):
        cli.parse(["report", "--help-metrics"])
    text = capsys.readouterr().out
    assert "training" not in text
    assert "temperature_scaling" not in text
    assert text.splitlines()[1:17] == describe_metrics().splitlines()[1:17]
    lines = describe_metrics().splitlines()
    assert len(GATE_METRICS) + 1 == lines.index("")
    assert "ece                             0.016  no        expected calibration error over 15 bins" in lines
    assert find_gate_metric("provenance.timings_s.total") == find_gate_metric("timings_s.total")
