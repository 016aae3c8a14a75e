import re
import subprocess
import sys
from pathlib import Path

import pytest

import job
from job.__main__ import main
from job.config import cli, settings_file
from job.config.run_config import OPTIONS, Config
from job.errors import UsageError

REPOSITORY = Path(job.__file__).parents[1]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working directory is empty, and no variable of the environment is the job's."""
    monkeypatch.chdir(tmp_path)
    for option in OPTIONS.values():
        monkeypatch.delenv(option.variable, raising=False)


def test_command_line_environment_file_recipe_and_default_in_this_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each source overrides those after it; any source may name the recipe."""
    Path("fashion-job.yaml").write_text("recipe: mlp\nepochs: 11\nseed: 11\nruns: 11\n")
    monkeypatch.setenv("FASHION_JOB_EPOCHS", "12")
    monkeypatch.setenv("FASHION_JOB_SEED", "12")
    config = cli.parse(["--epochs", "13"]).config
    assert config == Config(recipe="mlp", epochs=13, seed=12, runs=11)
    monkeypatch.setenv("FASHION_JOB_RECIPE", "cnn")
    assert cli.parse([]).config == Config(recipe="cnn", epochs=12, seed=12, runs=11)
    assert cli.parse(["--recipe", "baseline"]).config == Config(recipe="baseline", epochs=12, seed=12, runs=11)


def test_the_command_names_the_file_and_the_variables_that_set_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each once, so that the log can name them; the command line is not among them."""
    assert cli.parse(["--epochs", "2"]).sources == ()
    Path("fashion-job.yaml").write_text("epochs: 11\nseed: 11\n")
    monkeypatch.setenv("FASHION_JOB_RUNS", "2")
    assert cli.parse(["--epochs", "13"]).sources == ("fashion-job.yaml", "FASHION_JOB_RUNS")


def test_config_names_another_file() -> None:
    """`fashion-job.yaml` is then not read."""
    Path("fashion-job.yaml").write_text("nonsense")
    Path("other.yaml").write_text("batch_size: 64\n")
    assert cli.parse(["--config", "other.yaml"]).config == Config(batch_size=64)


def test_print_config_is_a_settings_file(capsys: pytest.CaptureFixture[str]) -> None:
    """What it prints gives the same settings again, against recipe and defaults."""
    words = ["--recipe", "cnn", "--learning-rate", "1e-5", "--data", "null", "--output", "a: #b", "--threads", "3"]
    words += ["--export", "onnx", "--export", "litert", "--reference", "- 5"]
    config = cli.parse(words).config
    with pytest.raises(SystemExit) as exit_:
        cli.parse([*words, "--print-config"])
    assert exit_.value.code == 0
    Path("printed.yaml").write_text(capsys.readouterr().out)
    assert cli.parse(["--config", "printed.yaml"]).config == config


@pytest.mark.parametrize("words", ["--print-config", "--help", "--version", "render --help"])
def test_printing_to_a_full_disk(words: str) -> None:
    """Status 73 and one line."""
    command = f"{sys.executable} -m job {words} > /dev/full"
    environment = {"PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == "fashion-job: error: stdout cannot be written (No space left on device)\n"
    assert done.returncode == 73


@pytest.mark.parametrize("config", [Config(), Config(recipe="mlp", data="1e3", output="no"), Config(no_try_it=True)])
def test_a_written_file_gives_the_same_settings(config: Config) -> None:
    """Unset values, lists and folders named like numbers or booleans included."""
    Path("fashion-job.yaml").write_text(settings_file.write(config))
    assert cli.parse([]).config == config


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` prints name and version."""
    with pytest.raises(SystemExit):
        cli.parse(["--version"])
    assert capsys.readouterr().out == f"fashion-job {job.__version__}\n"


def test_help_lists_every_option_with_its_default(capsys: pytest.CaptureFixture[str]) -> None:
    """The texts are those of the fields of `Config`."""
    with pytest.raises(SystemExit):
        cli.parse(["--help"])
    text = " ".join(capsys.readouterr().out.split())
    for option in OPTIONS.values():
        words = f"{option.flag} {option.placeholder} {option.help.removesuffix('.')} (default: "
        expected = (
            f"{option.flag} {option.help}" if option.kind is bool else f"{words}{option.unset or option.default})"
        )
        assert expected in text


def test_help_and_print_config_load_nothing_heavy() -> None:
    """Neither NumPy nor TensorFlow, and `--help` not even PyYAML."""
    code = (
        "import sys; from job.__main__ import main\ntry: main(sys.argv[1:])\n"
        "except SystemExit: print(sorted({'numpy', 'tensorflow', 'msgspec', 'yaml'} & set(sys.modules)))"
    )
    for option, expected in (("--help", "[]"), ("--print-config", "['yaml']")):
        command = (sys.executable, "-c", code, option)
        done = subprocess.run(command, env={"PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == expected


def test_render_takes_output_and_layout_from_any_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ignores the other settings, which are for training."""
    Path("fashion-job.yaml").write_text("output: there\nepochs: 7\n")
    monkeypatch.setenv("FASHION_JOB_LAYOUT", "folder")
    command = cli.parse(["render"])
    assert (command.name, command.config) == ("render", Config(output="there", layout="folder"))
    monkeypatch.setenv("FASHION_JOB_OUTPUT", "-")
    with pytest.raises(UsageError, match="render reads and writes a folder"):
        cli.parse(["render"])
    assert cli.parse(["render", "--output", "here"]).config.output == "here"


def test_a_flag_from_any_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the command line it has no value, elsewhere true or false; a higher source overrides a lower one."""
    assert cli.parse(["--no-try-it"]).config == Config(no_try_it=True)
    assert cli.parse(["render", "--no-try-it"]).config.no_try_it
    Path("fashion-job.yaml").write_text("no-try-it: yes")
    assert cli.parse([]).config.no_try_it
    monkeypatch.setenv("FASHION_JOB_NO_TRY_IT", "False")
    assert cli.parse([]).config == Config()
    monkeypatch.setenv("FASHION_JOB_NO_TRY_IT", "1")
    with pytest.raises(UsageError, match="FASHION_JOB_NO_TRY_IT is '1', but must be true or false"):
        cli.parse([])


def test_a_format_given_twice_counts_once() -> None:
    """The first place is the one it keeps; commas separate formats as well."""
    assert cli.parse(["--export", "litert", "--export", "onnx,litert"]).config.export == ("litert", "onnx")
    assert cli.parse([]).config.export == cli.parse(["render"]).config.export == ()


def test_an_explicit_value_is_not_called_the_recipes() -> None:
    """Only values that nobody typed are."""
    with pytest.raises(UsageError, match=r"^--weight-decay 0\.1 \(from --recipe mlp\) cannot be combined with"):
        cli.parse(["--recipe", "mlp", "--optimizer", "adam"])
    with pytest.raises(UsageError, match=r"^--weight-decay 0\.1 cannot be combined with --optimizer adam"):
        cli.parse(["--recipe", "mlp", "--optimizer", "adam", "--weight-decay", "0.1"])
    Path("fashion-job.yaml").write_text("weight-decay: 0.1")
    with pytest.raises(UsageError, match=r"^fashion-job\.yaml: weight-decay 0\.1 cannot be combined with --optimizer"):
        cli.parse(["--optimizer", "adam"])
    assert cli.parse(["--recipe", "mlp", "--optimizer", "adam", "--weight-decay", "0"]).config.optimizer == "adam"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--epochs 0", "--epochs is 0, but must be a whole number from 1 to 2147483647"),
        ("--epochs many", "--epochs is 'many', but must be a whole number from 1 to"),
        ("--epochs 1_000", "--epochs is '1_000', but must be a whole number"),
        ("--seed \N{ARABIC-INDIC DIGIT THREE}", "--seed is '\N{ARABIC-INDIC DIGIT THREE}', but must be"),
        ("--dropout \N{ARABIC-INDIC DIGIT THREE}", "--dropout is '\N{ARABIC-INDIC DIGIT THREE}', but must be a number"),
        ("--learning-rate nan", "--learning-rate is 'nan', but must be a number above 0"),
        ("--learning-rate 1e999", "--learning-rate is inf, but must be a number above 0"),
        ("--validation-split 1", "--validation-split is 1.0, but must be a number from 0 to below 1"),
        ("--batch-size 99999999999999999999", "--batch-size is 99999999999999999999, but must be a whole number from"),
        (f"--seed {'9' * 5000}", "--seed is '99999"),
        ("--data=", "--data is '', but must be a folder's name"),
        ("--reference a --output a", "--reference a is the folder of --output"),
        ("--output a\x07b", r"--output is 'a\x07b', but must be"),
        ("--device tpu", "--device is 'tpu', but must be auto, cpu or gpu"),
        ("--epoch 3", "unknown option --epoch; did you mean --epochs?"),
        ("--epoch=3", "unknown option --epoch; did you mean --epochs?"),
        ("--zzz", "unknown option --zzz; `python -m job --help` lists the options"),
        ("--\x1b[31m", r"unknown option '--\x1b[31m'; `python"),
        ("rendr", "unknown argument rendr; did you mean render?"),
        ("train", "unknown argument train; `python -m job --help` lists"),
        ("--epochs", "argument --epochs: expected one argument; `python -m job --help` lists"),
        ("-q -v", "not allowed with"),
        ("--no-try-it=yes", "argument --no-try-it: ignored explicit argument 'yes'"),
        ("--export torch", "--export is 'torch', but must be one or more of tf_saved_model, onnx or litert"),
        ("render --export onnx", "unknown option --export; `python -m job render --help` lists the options"),
        ("render --epochs 3", "unknown option --epochs; `python -m job render --help` lists the options"),
        ("render --print-config", "unknown option --print-config; `python -m job render --help`"),
    ],
)
def test_usage_errors(capsys: pytest.CaptureFixture[str], arguments: str, words: str) -> None:
    """Status 64 and one line."""
    assert main(arguments.split(" ")) == 64
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("fashion-job: error: ")
    assert words in line
    assert len(line) < 300


def test_a_value_cannot_forge_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A line break is shown escaped."""
    assert main(["--data", "a\nfashion-job: error: forged", "--model", "cnn"]) == 64
    assert r"--data is 'a\nfashion-job: error: forged'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "package"), [("", "msgspec|numpy"), ("render", "msgspec|numpy"), ("--print-config", "yaml")]
)
def test_a_python_without_the_packages(arguments: str, package: str) -> None:
    """Status 69 and one line that names the package and `make run`."""
    command = (sys.executable, "-S", "-m", "job", *arguments.split())
    done = subprocess.run(command, env={"PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (69, "")
    (line,) = done.stderr.splitlines()
    assert re.search(f"this Python lacks the package ({package}); start the job with `make run`", line)
