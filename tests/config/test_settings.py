import pytest

from job.config import settings
from job.config.options import PREFIX
from job.config.run_config import OPTIONS
from job.errors import UsageError


def test_every_option_has_a_variable() -> None:
    """The default of each option, as a text, is a valid value."""
    texts = {option.variable: str(option.default) for option in OPTIONS.values() if option.default not in (None, ())}
    read = settings.from_environment(texts)
    assert {name: each.value for name, each in read.items()} == {
        name: option.default for name, option in OPTIONS.items() if option.variable in texts
    }


def test_lists_and_folders_in_the_environment() -> None:
    """Commas separate formats."""
    environment = {"FASHION_JOB_EXPORT": "onnx,litert", "FASHION_JOB_THREADS": "2", "FASHION_JOB_DATA": "a b"}
    read = settings.from_environment(environment)
    assert {name: each.value for name, each in read.items()} == {
        "export": ("onnx", "litert"),
        "threads": 2,
        "data": "a b",
    }


def test_variables_that_are_not_options() -> None:
    """Provenance, what Kubernetes sets for a service named fashion-job, and other programs' variables are ignored."""
    names = ["IMAGE", "IMAGE_REVISION", "REVISION", "SERVICE_HOST", "SERVICE_PORT_HTTP", "PORT_80_TCP_ADDR"]
    environment = {f"{PREFIX}{name}": "x" for name in names} | {
        f"{PREFIX}PORT": "tcp://10.0.0.1:80",
        "PATH": "x",
        "FASHION_JOBS": "x",
        "EPOCHS": "x",
    }
    assert settings.from_environment(environment) == {}
    assert (
        settings.from_environment({f"{PREFIX}REVISION": "x" * settings.MAX_REVISION, f"{PREFIX}IMAGE": "x" * 999}) == {}
    )


@pytest.mark.parametrize(
    ("variable", "text", "words"),
    [
        ("EPOCH", "3", "unknown environment variable FASHION_JOB_EPOCH; did you mean FASHION_JOB_EPOCHS?"),
        ("XYZ", "3", "unknown environment variable FASHION_JOB_XYZ; `python -m job --help` lists the options"),
        ("A\nB", "3", r"unknown environment variable 'FASHION_JOB_A\nB'; "),
        ("EPOCHS", "0", "FASHION_JOB_EPOCHS is 0, but must be a whole number from 1 to 2147483647"),
        ("EPOCHS", "", "FASHION_JOB_EPOCHS is '', but must be a whole number"),
        ("EPOCHS", " 3", "FASHION_JOB_EPOCHS is ' 3', but must be a whole number"),
        ("DATA", "", "FASHION_JOB_DATA is '', but must be a folder's name"),
        ("IMAGE", "a\nb", r"FASHION_JOB_IMAGE is 'a\nb', but must be UTF-8 text without control characters"),
        ("REVISION", "\udcff", r"FASHION_JOB_REVISION is '\udcff', but must be UTF-8 text"),
        ("REVISION", "x" * 301, "xxx', but must have at most 300 characters"),
        ("IMAGE_REVISION", "x" * 301, "FASHION_JOB_IMAGE_REVISION is 'xxx"),
        ("EXPORT", "onnx,", "FASHION_JOB_EXPORT is 'onnx,', but must be one or more of"),
    ],
)
def test_bad_variables(variable: str, text: str, words: str) -> None:
    """The error names the variable."""
    with pytest.raises(UsageError) as error:
        settings.from_environment({f"{PREFIX}{variable}": text})
    assert words in str(error.value)
