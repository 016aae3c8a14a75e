"""The options of `sweep`, its file, and the plan that follows."""

from pathlib import Path

import pytest
from support import ErrorOf

from job.config import cli
from job.config.run_config import OPTIONS, Config
from job.config.sweep_config import SweepRequest
from job.config.sweep_grid import read_seeds
from job.sweep.plan import Plan, build_plan, describe_plan
from job.sweep.plan_file import write_seeds
from job.sweep.preparation import build_words


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working directory is empty, and no variable of the environment is the job's."""
    monkeypatch.chdir(tmp_path)
    for option in OPTIONS.values():
        monkeypatch.delenv(option.variable, raising=False)


def parse(*words: str) -> SweepRequest:
    request = cli.parse(["sweep", *words]).sweep
    assert request
    return request


def plan(*words: str) -> Plan:
    return build_plan(parse(*words))


def test_the_plan_has_every_combination_once() -> None:
    """The seeds of a configuration are in a row; a run has the settings that its own command would have."""
    runs = plan("--recipe", "baseline", "--recipe", "mlp", "--seeds", "0-1", "--set", "learning_rate=0.001,0.002").runs
    assert [run.name for run in runs] == [
        f"{recipe}-learning-rate-{rate}-seed{seed}"
        for recipe in ("baseline", "mlp")
        for rate in (0.001, 0.002)
        for seed in (0, 1)
    ]
    assert runs[-1].configuration == "mlp, learning rate 0.002"
    output = "sweep/runs/mlp-learning-rate-0.002-seed1"
    assert runs[-1].config == Config(recipe="mlp", learning_rate=0.002, seed=1, output=output)
    assert runs[7] == runs[-1] == list(runs)[7] == runs[7:][0]


def test_a_run_gets_every_setting() -> None:
    """Also the defaults; a settings file in the working directory changes none and gives no gates."""
    words = build_words(plan("--set", "layout=single").runs[0])
    assert words[words.index("--layout") + 1] == "single"
    expected = plan().runs[0].config
    Path("fashion-job.yaml").write_text("epochs: 7\nfail-under: {'best:accuracy': 0.9}\nname: mine\n")
    assert cli.parse(words[3:]).config == expected


def test_only_what_varies_is_named() -> None:
    """A parameter with one value is the same in all runs."""
    planned = plan("--set", "epochs=2", "--set", "augment=none;flip,shift")
    assert planned.parameters == {"recipe": ["baseline"], "augment": ["none", "flip,shift"]}
    assert [run.name for run in planned.runs] == ["baseline-augment-none-seed0", "baseline-augment-flip+shift-seed0"]
    assert {run.config.epochs for run in planned.runs} == {2}


def test_the_order_of_the_settings_is_that_of_the_page() -> None:
    """Whatever the order of the command line; numbers have separators."""
    planned = plan("--set", "learning-rate=0.001,0.002", "--set", "batch-size=32,64", "--seeds", "0-1199")
    assert planned.runs[0].name == "baseline-batch-size-32-learning-rate-0.001-seed0"
    assert planned.runs[0].configuration == "baseline, batch size 32, learning rate 0.001"
    assert describe_plan(planned) == "4,800 runs: 4 configurations with 1,200 seeds"


def test_the_environment_and_the_settings_file_apply_to_all_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parameters override them."""
    Path("fashion-job.yaml").write_text("epochs: 7\nthreads: 2\n")
    monkeypatch.setenv("FASHION_JOB_DROPOUT", "0.25")
    request = parse("--set", "dropout=0.5,0")
    assert [run.config.dropout for run in build_plan(request).runs] == [0.5, 0.0]
    config = build_plan(request).runs[0].config
    assert (config.epochs, config.seed, config.runs, config.name, config.threads) == (7, 0, 1, None, 2)
    assert config.output == "sweep/runs/baseline-dropout-0.5-seed0"


def test_a_file_is_the_command_line() -> None:
    """The command line overrides it."""
    Path("sweep.yaml").write_text(
        "seeds: 0-2\nparameters:\n  recipe: [baseline, mlp]\n  learning-rate: [0.001, 2e-3]\n"
        "  augment: ['flip,shift', none]\n  epochs: 3\n"
    )
    request = parse("--config", "sweep.yaml")
    words = ("--recipe", "baseline,mlp", "--set", "learning-rate=0.001,0.002", "--set", "augment=flip,shift;none")
    assert request.values() == parse(*words, "--set", "epochs=3").values()
    assert request.seeds == (0, 1, 2)
    changed = parse("--config", "sweep.yaml", "--seeds", "9", "--recipe", "cnn", "--set", "epochs=4,5")
    assert changed.seeds == (9,)
    assert (changed.values()["recipe"], changed.values()["epochs"]) == (["cnn"], [4, 5])
    assert changed.values()["augment"] == ["flip,shift", "none"]


@pytest.mark.parametrize("text", ["0", "0-9", "3,5-7", "0-1,3,10-20"])
def test_seeds_are_written_as_they_are_read(text: str) -> None:
    """Also in plan.json."""
    assert write_seeds(read_seeds(text)) == text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--set", "epoch=2"), "unknown parameter epoch; did you mean epochs?"),
        (("--set", "epochs"), "--set 'epochs' has no value; write --set learning-rate=0.001,0.002"),
        (("--set", "epochs=2,x"), "--set epochs is 'x', but must be a whole number from 1"),
        (("--set", "epochs=2,02"), "--set epochs lists 2 twice"),
        (("--set", "dropout=0,0.0"), "--set dropout lists 0.0 twice"),
        (("--set", "=3"), "--set '=3' names no option; write --set learning-rate=0.001,0.002"),
        (("--set", "epochs=2", "--set", "epochs=3"), "--set epochs is given twice"),
        (("--set", "seed=3"), "seed cannot be a parameter of a sweep: the seeds have an option of their own"),
        (("--set", "split-seed=1"), "all runs use the same test images; the split has an option of its own"),
        (("--set", "layout=single,folder"), "--set layout has 2 values, but must be the same in all runs"),
        (("--recipe", "mpl"), "--recipe is 'mpl', but must be baseline, mlp or cnn"),
        (("--recipe", "mlp,mlp"), "--recipe lists mlp twice"),
        (("--recipe", "mlp", "--set", "recipe=cnn"), "--recipe cannot be combined with --set recipe"),
        (("--seeds", "3-1"), "--seeds is '3-1', but must be seeds from 0 to 4294967295"),
        (("--seeds", "0-4294967296"), "--seeds is '0-4294967296', but must be seeds"),
        (("--seeds", "0-4,3"), "--seeds lists the seed 3 twice"),
        (("--seeds", "0,0"), "--seeds lists the seed 0 twice"),
        (("--seeds", "0-1,0"), "--seeds lists the seed 0 twice"),
        (("--seeds", "0-1000000"), "are 1,000,001 seeds; a sweep has at most 1,000,000 runs"),
        (("--seeds", "0-9999", "--set", "epochs=2,3,4"), "the plan has 30,000 runs; list fewer values, or add --yes"),
        (("--seeds", "0-999999"), "the plan has 1,000,000 runs; list fewer values, or add --yes"),
        (("--seeds", "0-999999", "--set", "epochs=2,3", "--yes"), "2,000,000 runs, but a sweep has at most 1,000,000"),
        (("--set", "early-stopping=2,9"), "--set early-stopping 9 cannot be combined with --epochs 5"),
        (("--set", "weight-decay=0,0.1"), "--set weight-decay 0.1 cannot be combined with --optimizer adam"),
        (("--parallel", "0"), "--parallel is 0, but must be a whole number from 1"),
        (("--output", "-"), "--output - is only for a single run"),
        (("--gpus-per-run", "1"), "--gpus-per-run is only for a cluster; add --cluster ADDRESS"),
        (("--cluster", "here"), "--cluster is 'here', but must be auto, HOST:PORT or ray://HOST:PORT"),
        (("--cluster", "auto", "--only-index", "1"), "--only-index runs one process here; leave out --cluster"),
        (("--fresh", "--only-index", "1"), "--only-index runs one of the sweep's runs, so --fresh would remove"),
        (("--list", "--only-index", "1"), "--list prints the whole plan; leave out --only-index"),
        (("--cluster", "auto", "--set", "reference=run"), "reference cannot be combined with --cluster"),
        (("--collect", ""), "--collect is empty, but must be a folder's name"),
        (("--collect", "runs", "--seeds", "0-3"), "--collect trains nothing; combine it only with --output"),
        (("--epochs", "3"), "unknown option --epochs; set it for all runs: --set epochs=VALUE"),
        (
            ("--set", "summary=json"),
            "summary cannot be a parameter of a sweep: that of a sweep has an option of its own",
        ),
        (("--history", "a"), "unknown option --history: a history follows one configuration over time, and a sweep"),
        (("--runs=3",), "unknown option --runs: each run of a sweep trains one network: --seeds 0-9; leave it out"),
        (("--zap",), "unknown option --zap; `python -m job sweep --help` lists the options"),
        (("extra",), "unknown argument extra"),
    ],
)
def test_bad_input_is_one_line(error_of: ErrorOf, words: tuple[str, ...], message: str) -> None:
    """It says what is wrong, where, and what to do; nothing is written."""
    assert message in error_of(64, "sweep", *words)
    assert not Path("sweep").exists()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("seed: 3", "seed cannot be set for a sweep: the seeds have an option of their own: --seeds 0-9; remove it"),
        ("runs: 3", "runs cannot be set for a sweep: each run of a sweep trains one network"),
        ("name: mine", "name cannot be set for a sweep: the report of a run names its recipe and seed"),
        ("output: report", "output cannot be set for a sweep, whose folder is --output; remove it there"),
    ],
)
def test_what_a_sweep_sets_itself_is_refused_in_the_settings_file(error_of: ErrorOf, text: str, reason: str) -> None:
    """It would be ignored. --collect trains nothing, so it reads no settings."""
    Path("fashion-job.yaml").write_text(text)
    assert f"fashion-job.yaml: {reason}" in error_of(64, "sweep")
    assert parse("--collect", "runs").collect == ("runs",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("runs: 3\n", "sweep.yaml, line 1: unknown key runs; `python -m job sweep --help` lists the options"),
        ("seed: 3\n", "sweep.yaml, line 1: unknown key seed; did you mean seeds?"),
        ("\nparameters:\n  epoch: 3\n", "sweep.yaml, line 3: unknown parameter epoch; did you mean epochs?"),
        ("parameters:\n  seed: [1, 2]\n", "sweep.yaml, line 2: seed cannot be a parameter of a sweep"),
        ("parameters:\n  epochs: [1, x]\n", "sweep.yaml: epochs is 'x', but must be a whole number"),
        ("parameters:\n  epochs: []\n", "sweep.yaml: epochs has no value; list at least one"),
        ("parameters: [1]\n", "sweep.yaml, line 1: is not a mapping with keys such as `learning-rate:`"),
        ("seeds: x\n", "sweep.yaml: seeds is 'x', but must be seeds from 0"),
        ("seeds: 1\nseeds: 2\n", "sweep.yaml, line 2: seeds is set twice"),
        ("search: {trials: 1, trials: 2}\n", "sweep.yaml, line 1: trials is set twice"),
        ("parameters: {batch-size: 1, batch_size: 2}\n", "sweep.yaml, line 1: batch_size is set twice"),
        ("parameters: {epochs: 1, epochs: 2}\n", "sweep.yaml, line 1: epochs is set twice"),
    ],
)
def test_a_bad_file_is_one_line(error_of: ErrorOf, text: str, message: str) -> None:
    """It names the file and the line."""
    Path("sweep.yaml").write_text(text)
    assert message in error_of(64, "sweep", "--config", "sweep.yaml")


def test_long_names_fit_into_a_folder() -> None:
    """They end in a hash, which keeps them apart."""
    words = [
        f"{name}=0.1234567890123456,0.2234567890123456" for name in ("dropout", "label-smoothing", "warm-up", "average")
    ]
    runs = plan(*(word for text in words for word in ("--set", text))).runs
    assert len({run.name for run in runs}) == 16
    assert max(len(run.name) for run in runs) <= 200


@pytest.mark.parametrize("variable", [None, "FASHION_JOB_SPLIT_SEED"])
def test_all_runs_have_the_same_split(monkeypatch: pytest.MonkeyPatch, variable: str | None) -> None:
    """Whatever their own seeds, and also if the environment sets it."""
    if variable:
        monkeypatch.setenv(variable, "7")
    command = cli.parse(["sweep", "--seeds", "0-1", *([] if variable else ["--split-seed", "7"])])
    assert command.sweep
    assert [run.config.split_seed for run in build_plan(command.sweep).runs] == [7, 7]
    assert command.sweep.config.split_seed == 7
