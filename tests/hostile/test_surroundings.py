import json
import shutil
from collections.abc import Callable

import pytest
from hostile_world import Case, World, check_outcome, run_case

DONE = r"^accuracy \d\.\d+ on 100 test images: \S+/réport/index\.html$"
TRAIN = ("--data", "{data}", "--epochs", "2", "--output", "{root}/réport")
"""Trains as the earlier report was trained."""

KERAS_VARIABLES = {
    "KERAS_BACKEND": "jax",
    "KERAS_MAX_EPOCHS": "1",
    "KERAS_MAX_STEPS_PER_EPOCH": "1",
    "KERAS_NNX_ENABLED": "true",
}
KERAS_SETTINGS = {"backend": "torch", "floatx": "float64", "epsilon": 0.5, "image_data_format": "channels_first"}
OTHER_VARIABLES = {
    "GIT_DIR": "/elsewhere",
    "MATPLOTLIBRC": "/dev/full",
    "MPLCONFIGDIR": "/proc/matplotlib",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "PANDAS_FUTURE": "odd",
    "PYTHONIOENCODING": "ascii",
    "PYTHONWARNINGS": "error",
    "SOURCE_DATE_EPOCH": "",
}


def set_keras(world: World) -> None:
    world.environment |= KERAS_VARIABLES
    (world.home / ".keras").mkdir()
    (world.home / ".keras" / "keras.json").write_text(json.dumps(KERAS_SETTINGS))


def set_others(world: World) -> None:
    world.environment |= OTHER_VARIABLES
    (world.root / "matplotlibrc").write_text("text.usetex: true\nlines.linewidth: 9\n")


def set_variable(name: str, value: str) -> Callable[[World], object]:
    return lambda world: world.environment.update({name: value})


def copy_report(world: World) -> None:
    set_others(world)
    shutil.copytree(world.report, world.root / "réport")


def check_results(world: World) -> None:
    """The predictions have the same bytes as without the settings, and Keras's folder is as it was."""
    report = world.root / "réport"
    assert (report / "predictions.csv").read_bytes() == (world.report / "predictions.csv").read_bytes()
    environments = [
        json.loads((folder / "metrics.json").read_text())["provenance"]["environment"]
        for folder in (report, world.report)
    ]
    assert environments[0] == environments[1]
    assert environments[0]["keras"] == {
        "backend": "tensorflow",
        "floatx": "float32",
        "epsilon": 1e-7,
        "image_data_format": "channels_last",
    }
    assert [path.name for path in world.home.glob(".keras/*")] in ([], ["keras.json"])


def check_page(world: World) -> None:
    assert (world.root / "réport" / "index.html").read_bytes() == (world.report / "index.html").read_bytes()


CASES = (
    Case(what="all settings of Keras", status=0, line=DONE, arguments=TRAIN, prepare=set_keras, check=check_results),
    Case(what="settings of others", status=0, line=DONE, arguments=TRAIN, prepare=set_others, check=check_results),
    Case(
        what="settings of others, render",
        status=0,
        line=DONE,
        arguments=("render", "--output", "{root}/réport"),
        prepare=copy_report,
        check=check_page,
    ),
    *(
        pytest.param(
            Case(
                what=f"{name}={value}",
                status=64,
                line=f"^fashion-job: error: TensorFlow refuses {name}='{value}' .*{reason}.*; correct or unset it$",
                prepare=set_variable(name, value),
            ),
            marks=pytest.mark.hostile,
        )
        for name, value, reason in (
            ("XLA_FLAGS", "--odd=1", "Unknown flag in XLA_FLAGS: --odd=1"),
            ("TF_XLA_FLAGS", "odd", 'Could not open file "odd"'),
        )
    ),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_settings_of_other_programs(case: Case, world: World) -> None:
    """They change neither results nor page, and no library prints about them."""
    outcome = run_case(case, world)
    check_outcome(case, outcome)
    assert "Warning" not in outcome.stderr
    case.check(world)
