import pytest

from job.config import cli
from job.config.recipes import RECIPES
from job.config.run_config import Config
from job.errors import UsageError


def test_the_defaults_are_the_baseline() -> None:
    """Five epochs, batches of 32, Adam's usual rate, the last tenth for validation."""
    config = Config()
    assert (config.epochs, config.batch_size, config.learning_rate, config.validation_split) == (5, 32, 0.001, 0.1)
    assert (config.seed, config.device, config.data, config.output) == (0, "auto", None, "report")


def test_the_command_repeats_the_run() -> None:
    """Read by the job's own command line, it gives the same settings, odd folder names included."""
    import shlex

    config = Config(
        recipe="cnn",
        epochs=7,
        learning_rate=0.25,
        augment="flip,shift",
        data="a folder; rm",
        baseline="-before",
        export=("onnx", "litert"),
        output="--x",
    )
    words = shlex.split(config.command())
    assert words[:3] == ["python", "-m", "job"]
    assert cli.parse(words[3:]).config == config


def test_every_option_overrides_the_recipe() -> None:
    """The others are the recipe's, and without one the baseline's."""
    assert vars(RECIPES["cnn"]).items() <= vars(cli.parse(["--recipe", "cnn"]).config).items()
    config = cli.parse(["--recipe", "cnn", "--model", "mlp", "--epochs", "3", "--average", "0"]).config
    assert (config.recipe, config.model, config.epochs, config.average) == ("cnn", "mlp", 3, 0)
    assert config.schedule == RECIPES["cnn"].schedule
    assert cli.parse([]).config == Config()


def test_an_error_says_which_values_are_the_recipes() -> None:
    """Those that nobody typed."""
    with pytest.raises(UsageError, match=r"--weight-decay 0\.1 \(of --recipe mlp\) excludes --optimizer adam: take"):
        cli.parse(["--recipe", "mlp", "--optimizer", "adam"])
    assert cli.parse(["--recipe", "mlp", "--optimizer", "adam", "--weight-decay", "0"]).config.optimizer == "adam"


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_can_be_cut_to_one_epoch(name: str) -> None:
    """So that it can be tried."""
    assert cli.parse(["--recipe", name, "--epochs", "1"]).config.epochs == 1


def test_a_format_given_twice_counts_once() -> None:
    """On the command line, where the first place is the one it keeps."""
    words = ["--export", "litert", "--export", "onnx", "--export", "litert"]
    assert cli.parse(words).config.export == ("litert", "onnx")
    assert cli.parse([]).config.export == cli.parse(["render"]).config.export == ()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"epochs": 0}, "--epochs is 0, but must be from 1 to"),
        ({"batch_size": -1}, "--batch-size is -1"),
        ({"learning_rate": 0}, "--learning-rate is 0, but must be a number above 0"),
        ({"learning_rate": float("nan")}, "--learning-rate is nan"),
        ({"learning_rate": float("inf")}, "--learning-rate is inf"),
        ({"recipe": "best"}, "--recipe is best, but must be baseline or mlp or cnn"),
        ({"model": "rnn"}, "--model is rnn, but must be mlp or cnn"),
        ({"warm_up": 1}, "--warm-up is 1, but must be from 0 to below 1"),
        ({"weight_decay": -1}, "--weight-decay is -1, but must be a number from 0 on"),
        ({"dropout": 1.0}, "--dropout is 1.0, but must be from 0 to below 1"),
        ({"label_smoothing": -0.1}, "--label-smoothing is -0.1"),
        ({"average": float("nan")}, "--average is nan"),
        ({"augment": "flip,turn"}, "--augment is flip,turn, but must be none, or some of flip, shift, erase"),
        ({"augment": "flip,flip"}, "--augment is flip,flip"),
        ({"augment": ""}, "--augment is ''"),
        ({"early_stopping": 5}, "--early-stopping is 5, but must be from 0 to below --epochs 5"),
        ({"early_stopping": -1}, "--early-stopping is -1"),
        (
            {"weight_decay": 0.1},
            "--weight-decay 0.1 excludes --optimizer adam: take another optimizer, or --weight-decay 0",
        ),
        ({"early_stopping": 2, "validation_split": 0}, "--early-stopping 2 excludes --validation-split 0: hold some"),
        ({"schedule": "plateau", "validation_split": 0}, "--schedule plateau excludes --validation-split 0: hold"),
        ({"schedule": "plateau", "warm_up": 0.1}, "--warm-up 0.1 excludes --schedule plateau: take --warm-up 0, or"),
        ({"average": 0.9, "early_stopping": 2}, "--average 0.9 excludes --early-stopping 2: each"),
        ({"validation_split": 1}, "--validation-split is 1, but must be from 0 to below 1"),
        ({"validation_split": -0.1}, "--validation-split is -0.1"),
        ({"seed": 2**32}, "--seed is 4294967296"),
        ({"replicas": 0}, "--replicas is 0, but must be from 1 to 64"),
        ({"replicas": 3}, "--batch-size is 32, but must be a multiple of --replicas 3"),
        ({"output": ""}, "--output is ''"),
        ({"reference": ""}, "--reference is ''"),
        ({"reference": "a\x00"}, r"--reference is 'a\\x00', but must be a folder's name"),
        ({"export": ("pickle",)}, "--export is pickle, but must be tf_saved_model or onnx or litert"),
        ({"export": ("onnx", "onnx")}, "--export is onnx, but must be named once"),
    ],
)
def test_values_out_of_range(values: dict[str, object], words: str) -> None:
    """The option, its value and what it must be."""
    with pytest.raises(UsageError, match=words):
        Config(**values)  # type: ignore[arg-type]
