import shlex

import pytest

from job.config import cli
from job.config.recipes import RECIPES
from job.config.run_config import OPTIONS, Config
from job.errors import UsageError


def test_the_defaults_are_the_baseline() -> None:
    """Five epochs, batches of 32, Adam's usual rate, the last tenth for validation."""
    config = Config()
    assert (config.epochs, config.batch_size, config.learning_rate, config.validation_split) == (5, 32, 0.001, 0.1)
    assert (config.seed, config.device, config.data, config.output) == (0, "auto", None, "report")
    assert config == Config() == cli.parse([]).config


def test_the_command_repeats_the_run() -> None:
    """The command line reads the same settings from it, odd folder names included."""
    config = Config(
        recipe="cnn",
        epochs=7,
        learning_rate=0.25,
        augment="flip,shift",
        data="a folder; rm",
        reference="-before",
        export=("onnx", "litert"),
        name="-1: a 'first' try",
        output="--x",
    )
    words = shlex.split(config.command())
    assert words[:3] == ["python", "-m", "job"]
    assert cli.parse(words[3:]).config == config


def test_the_command_leaves_out_defaults_that_change_no_result() -> None:
    """It keeps those of the training, because another version may have others."""
    command = Config(summary="json", layout="folder").command()
    assert command.endswith(" --replicas 1 --summary json --layout folder")
    assert "--epochs 5 " in command
    assert Config().command().endswith(" --replicas 1")


def test_a_recipe_sets_the_options_from_model_to_test_time() -> None:
    """Overrides win, and `changes` names them."""
    keys = list(OPTIONS)
    shapers = keys[keys.index("model") : keys.index("test_time") + 1]
    assert [name for name, option in OPTIONS.items() if option.role == "recipe"] == shapers
    assert all(set(values) <= set(shapers) for values in RECIPES.values())
    config = Config(recipe="cnn", model="mlp", epochs=3)
    assert (config.recipe, config.model, config.epochs, config.schedule) == ("cnn", "mlp", 3, "cosine")
    assert config.changes() == ["model", "epochs"]
    assert Config(recipe="mlp").changes() == Config().changes() == []


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_can_be_cut_to_one_epoch(name: str) -> None:
    """A first try of a recipe takes one epoch."""
    assert cli.parse(["--recipe", name, "--epochs", "1"]).config.epochs == 1


def test_settings_are_the_values_that_decide_what_is_trained() -> None:
    """Folders, threads and formats are not among them."""
    settings = Config().settings()
    assert {"recipe", "epochs", "validation_split", "seed", "device"} <= set(settings)
    assert not {"threads", "data", "reference", "export", "name", "layout", "output"} & set(settings)
    assert Config(recipe="mlp", seed=3).settings()["seed"] == 3


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"epochs": 0}, "--epochs is 0, but must be a whole number from 1 to 2147483647"),
        ({"epochs": True}, "--epochs is True, but must be a whole number"),
        ({"epochs": 2.0}, "--epochs is 2.0, but must be a whole number"),
        ({"seed": None}, "--seed is empty, but must be a whole number"),
        ({"learning_rate": "0.1"}, "--learning-rate is '0.1', but must be a number above 0"),
        ({"weight_decay": True}, "--weight-decay is True, but must be a number of at least 0"),
        ({"threads": 0}, "--threads is 0, but must be a whole number from 1 to 1024"),
        ({"data": 3}, "--data is 3, but must be a folder's name"),
        ({"batch_size": -1}, "--batch-size is -1"),
        ({"learning_rate": 0}, "--learning-rate is 0, but must be a number above 0"),
        ({"learning_rate": float("nan")}, "--learning-rate is nan"),
        ({"learning_rate": float("inf")}, "--learning-rate is inf"),
        ({"recipe": "best"}, "--recipe is 'best', but must be baseline, mlp or cnn"),
        ({"model": "rnn"}, "--model is 'rnn', but must be mlp or cnn"),
        ({"warm_up": 1}, "--warm-up is 1, but must be a number from 0 to below 1"),
        ({"weight_decay": -1}, "--weight-decay is -1, but must be a number of at least 0"),
        ({"dropout": 1.0}, "--dropout is 1.0, but must be a number from 0 to below 1"),
        ({"label_smoothing": -0.1}, "--label-smoothing is -0.1"),
        ({"average": float("nan")}, "--average is nan"),
        ({"augment": "flip,turn"}, "--augment is 'flip,turn', but must be none, or some of flip, shift, erase"),
        ({"augment": "flip,flip"}, "--augment is 'flip,flip'"),
        ({"augment": ""}, "--augment is ''"),
        ({"early_stopping": 5}, "--early-stopping 5 cannot be combined with --epochs 5: set fewer"),
        ({"early_stopping": -1}, "--early-stopping is -1"),
        (
            {"weight_decay": 0.1},
            "--weight-decay 0.1 cannot be combined with --optimizer adam: choose another optimizer, or --weight-decay",
        ),
        (
            {"recipe": "mlp", "optimizer": "adam"},
            r"--weight-decay 0.1 \(from --recipe mlp\) cannot be combined with --optimizer adam",
        ),
        (
            {"early_stopping": 2, "validation_split": 0},
            "--early-stopping 2 cannot be combined with --validation-split 0: hold out",
        ),
        (
            {"schedule": "plateau", "validation_split": 0},
            "--schedule plateau cannot be combined with --validation-split 0: hold out",
        ),
        (
            {"calibrate": "temperature", "validation_split": 0},
            "--calibrate temperature cannot be combined with --validation-split 0: hold out some images, or set",
        ),
        ({"calibrate": "isotonic"}, "--calibrate is 'isotonic', but must be none or temperature"),
        (
            {"schedule": "plateau", "warm_up": 0.1},
            "--warm-up 0.1 cannot be combined with --schedule plateau: set --warm-up 0, or",
        ),
        ({"average": 0.9, "early_stopping": 2}, "--average 0.9 cannot be combined with --early-stopping 2: each"),
        ({"validation_split": 1}, "--validation-split is 1, but must be a number from 0 to below 1"),
        ({"validation_split": -0.1}, "--validation-split is -0.1"),
        ({"seed": 2**32}, "--seed is 4294967296"),
        ({"seed": 2**32 - 1, "runs": 2}, "--seed 4294967295 cannot be combined with --runs 2: the last seed"),
        ({"replicas": 0}, "--replicas is 0, but must be a whole number from 1 to 64"),
        ({"replicas": 3}, "--batch-size 32 cannot be combined with --replicas 3: set --batch-size to a multiple of 3"),
        ({"output": ""}, "--output is ''"),
        ({"reference": ""}, "--reference is ''"),
        ({"reference": "a\x00"}, r"--reference is 'a\\x00', but must be a folder's name"),
        ({"name": ""}, "--name is '', but must be 1 to 60 printable characters, not only spaces"),
        ({"name": " "}, "--name is ' '"),
        ({"name": "a\nb"}, r"--name is 'a\\nb'"),
        ({"name": "x" * 61}, "--name is 'x{61}'"),
        ({"export": ("pickle",)}, "--export is 'pickle', but must be one or more of tf_saved_model, onnx or litert"),
        ({"export": ("onnx", "onnx")}, "--export is 'onnx,onnx', but must be .* each once"),
    ],
)
def test_values_out_of_range(values: dict[str, object], words: str) -> None:
    """The error names the option, its value and what the value must be."""
    with pytest.raises(UsageError, match=words):
        Config(**values)  # type: ignore[arg-type]
