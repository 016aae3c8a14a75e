import pytest

from job import cli
from job.config import Config
from job.errors import UsageError


def test_the_defaults_are_the_baseline() -> None:
    """Five epochs, batches of 32, Adam's usual rate, the last tenth for validation."""
    config = Config()
    assert (config.epochs, config.batch_size, config.learning_rate, config.validation_split) == (5, 32, 0.001, 0.1)
    assert (config.seed, config.device, config.data, config.output) == (0, "auto", None, "report")


def test_the_command_repeats_the_run() -> None:
    """Read by the job's own command line, it gives the same settings, odd folder names included."""
    import shlex

    config = Config(epochs=7, learning_rate=0.25, data="a folder; rm", export=("onnx", "litert"), output="--x")
    words = shlex.split(config.command())
    assert words[:3] == ["python", "-m", "job"]
    assert cli.parse(words[3:]).config == config


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
        ({"validation_split": 1}, "--validation-split is 1, but must be from 0 to below 1"),
        ({"validation_split": -0.1}, "--validation-split is -0.1"),
        ({"seed": 2**32}, "--seed is 4294967296"),
        ({"replicas": 0}, "--replicas is 0, but must be from 1 to 64"),
        ({"replicas": 3}, "--batch-size is 32, but must be a multiple of --replicas 3"),
        ({"output": ""}, "--output is ''"),
        ({"export": ("pickle",)}, "--export is pickle, but must be tf_saved_model or onnx or litert"),
        ({"export": ("onnx", "onnx")}, "--export is onnx, but must be named once"),
    ],
)
def test_values_out_of_range(values: dict[str, float], words: str) -> None:
    """The option, its value and what it must be."""
    with pytest.raises(UsageError, match=words):
        Config(**values)  # type: ignore[arg-type]
