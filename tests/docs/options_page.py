"""Generates docs/options.md; `make docs` runs this module."""

from collections.abc import Iterator

from job.config.options import Option
from job.config.prediction_files import PREDICTION_OPTIONS
from job.config.run_config import OPTIONS
from job.config.serve_config import SERVE_OPTIONS
from job.config.sweep_config import SWEEP_OPTIONS

BEFORE = """\
# Options

<!-- `make docs` generates this page from job/config/run_config.py. -->

These are the options of `python -m job`. With `make`, pass them in `ARGS`: `make run ARGS="--epochs 10"`. With Docker,
put them after the name of the image. Without any option the job trains the [baseline](training.md#the-baseline): pixels
scaled to [0, 1], one-hot labels, categorical cross-entropy, Flatten → Dense(128, relu) → Dense(64, relu) →
Dense(10, softmax), Adam, 5 epochs with batches of 32 images, and the last 6,000 training images held out for
validation.
"""

HEADER = "| option | variable | default | meaning |\n|---|---|---|---|"

AFTER = """\
These options exist only on the command line:

| option | meaning |
|---|---|
| `--config FILE` | read this settings file instead of `fashion-job.yaml` |
| `--print-config` | print the resulting settings, in the format of a settings file, and exit |
| `--quiet`, `-q` | print only the result, warnings and errors |
| `--verbose`, `-v` | also print what TensorFlow logs |
| `--help-metrics` | print the metrics that [gates](gates.md) can name, and exit |
| `--version` | print the version |
| `--help`, `-h` | print all options |

## Where settings come from

Each option is taken from the first of these places that sets it:

1. the command line: `--batch-size 64`
2. the environment: `FASHION_JOB_BATCH_SIZE=64`
3. the settings file: `batch-size: 64`
4. the recipe, for the options from `--model` to `--test-time`
5. the default

You can set the recipe in any of the first three places. `python -m job --print-config` shows the resulting values.

## Settings file

The job reads `fashion-job.yaml` in the working directory if it exists, or the file that `--config` names. With
`--config /dev/null`, it reads none. In the image the working directory is `/app`. The file is YAML with one option per
line. An option has the same name as on the command line, without the leading dashes; `_` may replace `-`:

```yaml
recipe: cnn
epochs: 20
augment: flip,shift
export: [onnx, litert]
fail-under: {accuracy: 0.9, recall.Shirt: 0.7}
```

To create a file with all options, run `.venv/bin/python -m job --recipe cnn --print-config > fashion-job.yaml`. Keep
only the lines that you want to set: a value in the file overrides every recipe, also one that you choose later.

The job refuses an unknown or repeated key, a value of the wrong type or out of range, a custom YAML tag, and a file
above 64 KiB (exit status 64).

## Environment

A variable that begins with `FASHION_JOB_` and is not an option is an error, except for these:

| variable | meaning |
|---|---|
| `FASHION_JOB_REVISION` | the revision that the report shows, for example the commit of your project |
| `FASHION_JOB_IMAGE` | the image that the report shows |
| `FASHION_JOB_IMAGE_REVISION` | the revision of the job in the image, which sets it |
| `FASHION_JOB_COMMAND` | the command that the report shows; a sweep sets it on the nodes of a cluster |
| `FASHION_JOB_SERVICE_HOST`, … | what Kubernetes sets for a service named `fashion-job`; ignored |

Separate several export formats or gates by commas: `FASHION_JOB_EXPORT=onnx,litert`.

The job ignores settings that you made for other programs: `keras.json`, `KERAS_BACKEND` and Keras's other variables
(but it uses `KERAS_HOME` to find the data set), `matplotlibrc`, `MPLBACKEND`, `PYTHONWARNINGS`, `PYTHONIOENCODING` and
`SOURCE_DATE_EPOCH`. TensorFlow's own variables still apply, and some of them change the results, such as `XLA_FLAGS`
and `TF_ENABLE_ONEDNN_OPTS`. If TensorFlow refuses `XLA_FLAGS` or `TF_XLA_FLAGS`, the job exits with 64.

## Render

`python -m job render` rebuilds the report from the results in the output folder, without training, TensorFlow or the
data set. It has the options `--output`, `--layout`, `--no-try-it`, `--summary`, `--log`, `--quiet` and `--verbose`, and
those of [gates](gates.md), from `--fail-under` to `--tolerance`. It ignores all other settings in the environment and
in `fashion-job.yaml`, but exits with 64 if one is invalid.

## Report

`python -m job report` makes the report of [the predictions of any program](predictions.md). It has the options below,
`--reference`, those of [gates](gates.md) from `--fail-under` to `--history`, `--summary`, `--log`, `--name`,
`--layout`, `--output`, `--config`, `--help-metrics`, `--quiet` and `--verbose`. The environment and the settings file
set those that are options of a run, too. Other settings there are ignored, but an invalid one exits with 64. Only the
command line sets these options:

{REPORT_TABLE}

## Serve

`python -m job serve` [serves](serving.md) the report and the model in the output folder. It has the options below,
`--quiet` and `--verbose`. A settings file can set only `output` and `threads`. If a service is named `fashion-job`,
Kubernetes sets `FASHION_JOB_PORT` to an address such as `tcp://10.0.0.1:8000`, which the job ignores.

"""

SWEEP_SET = "Values of an option of a run, such as `learning-rate=0.001,0.002`; may be repeated, and all are combined."

SWEEP = f"""
## Sweep

`python -m job sweep` trains [many configurations and seeds](sweep.md). Options of a run that the environment or
`fashion-job.yaml` sets apply to all its runs, `data` and `threads` too; [gates](gates.md#sweeps) and `summary` apply to
the sweep. Only the command line sets the other options:

| option | default | meaning |
|---|---|---|
| `--recipe` | `baseline` | Recipe; may be repeated. |
| `--set NAME=VALUES` | no parameter | {SWEEP_SET} |
| `--seeds LIST` | `0` | Seeds of each configuration, such as `0-9`. |
| `--config FILE` | no file | File with the keys `parameters`, `seeds` and `search`. |
| `--collect DIR` | train | Train nothing; make the page from the runs in this folder; may be repeated. |
"""


def generate_page() -> str:
    """The text of docs/options.md."""
    sweep = [SWEEP.removesuffix("\n"), *(sweep_row(option) for option in SWEEP_OPTIONS.values()), ""]
    serve = [HEADER, *(row(option) for option in SERVE_OPTIONS.values()), ""]
    training = table("Training options", "recipe", "training")
    report = ["| option | default | meaning |", "|---|---|---|", *map(sweep_row, PREDICTION_OPTIONS.values())]
    after = AFTER.replace("{REPORT_TABLE}", "\n".join(report))
    return "\n".join([BEFORE, *training, *table("Run options", "run"), after + "\n".join([*serve[:-1], *sweep])])


def table(title: str, *roles: str) -> Iterator[str]:
    """The lines of a section with the options of some roles."""
    yield f"## {title}\n"
    yield HEADER
    yield from (row(option) for option in OPTIONS.values() if option.role in roles)
    yield ""


def row(option: Option) -> str:
    """The line of an option."""
    choices = f" One of {', '.join(f'`{choice}`' for choice in option.choices)}." if option.choices else ""
    default = option.unset or f"`{str(option.default).lower() if option.kind is bool else option.default}`"
    flag = option.flag if option.choices or option.kind is bool else f"{option.flag} {option.placeholder}"
    return f"| `{flag}` | `{option.variable}` | {default} | {option.help}{choices} |"


def sweep_row(option: Option) -> str:
    """The line of an option that has no variable."""
    flag, _, default, text = row(option).strip("| ").split(" | ")
    return f"| {flag} | {default} | {text} |"


if __name__ == "__main__":
    print(generate_page(), end="")
