"""Reads and writes predictions.csv: one line per test image."""

import itertools
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from job.evaluation.predictions import AnyPredictions, LabelPredictions, Predictions, SeedPredictions
from job.results.file_names import PREDICTIONS
from job.results.metrics_json import Option, as_data_error, damaged
from job.system.regular_file import open_regular
from job.text import find_bad_image_name

if TYPE_CHECKING:
    import pandas as pd


class Group(NamedTuple):
    """Columns of one kind.

    Attributes:
        pattern: Their names; `#` stands for each class number, or for each further seed.
        type: Type of their values in memory; float32 are probabilities, integers are class numbers.
    """

    pattern: str
    type: type


GROUPS = {
    "index": Group("index", np.int64),
    "true": Group("true", np.int16),
    "predicted": Group("predicted", np.int16),
    "p": Group("p_#", np.float32),  # missing if a model of others predicted only classes
    "reference": Group("reference", np.int16),  # with --reference
    "reference_p": Group("reference_p_#", np.float32),  # with --reference, since version 0.6.0
    "seed": Group("seed_#", np.uint8),  # with --runs, since version 0.6.0
    "seed_p_true": Group("seed_#_p_true", np.float32),  # with --runs, since version 0.6.0
    "reference_seed": Group("reference_seed_#", np.uint8),  # with --reference to a run with --runs, since 0.6.0
    "reference_seed_p_true": Group("reference_seed_#_p_true", np.float32),  # with --reference to a run with --runs
    "name": Group("name", str),  # if the images have names, since version 0.9.0
}
"""All columns in the order of the file.

`seed_7` is the class that the network of seed 7 predicted, and `seed_7_p_true` its probability of the true class. The
network that the report describes has all of its probabilities in the file instead.
"""

MAX_BYTES = 2**34  # 100 million images of ten classes
MAX_HEADER = 2**20  # bytes
MAX_DEVIATION = 1.002e-3  # of the sum of the probabilities of an image from 1: 0.001, and rounding to float32
N_WRITTEN_AT_ONCE = 200_000  # values in memory as text, 128 bytes each
N_READ_AT_ONCE = 2_000_000  # values in memory in the types of pandas

Blocks = dict[str, NDArray[Any]]
"""The values of some lines by the name of their group, shape (n_lines, n_columns) each."""


def write_predictions(folder: Path, predictions: AnyPredictions) -> None:
    """Write predictions.csv; each probability has enough digits to restore the exact float32."""
    n, n_classes = len(predictions.y_true), predictions.n_classes
    blocks = _split(predictions)
    seeds = [others.seeds if others else () for others in (predictions.other_seeds, predictions.reference_other_seeds)]
    header = itertools.chain.from_iterable(_name_columns(list(blocks), n_classes, *seeds).values())
    n_lines = max(N_WRITTEN_AT_ONCE // sum(block.shape[1] for block in blocks.values()), 1)
    with (folder / PREDICTIONS).open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(header) + "\n")
        for start in range(0, n, n_lines):
            parts = (block[start : start + n_lines] for block in blocks.values())
            texts = (part if part.dtype == object else part.astype(str) for part in parts)
            file.writelines(",".join(itertools.chain(*line)) + "\n" for line in zip(*texts, strict=True))


def _split(predictions: AnyPredictions) -> Blocks:
    """The values of the whole file, without copies of the large arrays."""
    n, others, before = len(predictions.y_true), predictions.other_seeds, predictions.reference_other_seeds
    values = {
        "index": np.arange(n)[:, None],
        "true": predictions.y_true[:, None],
        "predicted": predictions.y_pred[:, None],
        "p": predictions.probabilities,
        "reference": None if predictions.y_reference is None else predictions.y_reference[:, None],
        "reference_p": predictions.p_reference,
        "seed": others.y_pred if others else None,
        "seed_p_true": others.p_true if others else None,
        "reference_seed": before.y_pred if before else None,
        "reference_seed_p_true": before.p_true if before else None,
        "name": None if predictions.names is None else np.array([*map(_quote, predictions.names)], object)[:, None],
    }
    return {name: block for name, block in values.items() if block is not None}


def _quote(name: str) -> str:
    """A name as a value of a CSV file."""
    return '"' + name.replace('"', '""') + '"' if {",", '"'} & set(name) else name


def _name_columns(
    names: Sequence[str], n_classes: int, seeds: Sequence[int], reference_seeds: Sequence[int]
) -> dict[str, list[str]]:
    """The columns of each group in `names`, in the order of the file."""
    numbers: dict[str, Sequence[int]] = {"p": range(n_classes), "reference_p": range(n_classes)}
    numbers |= dict.fromkeys(("seed", "seed_p_true"), seeds)
    numbers |= dict.fromkeys(("reference_seed", "reference_seed_p_true"), reference_seeds)
    return {
        name: [group.pattern.replace("#", str(number)) for number in numbers.get(name, (0,))]
        for name, group in GROUPS.items()
        if name in names
    }


def read_predictions(
    folder: Path, n_classes: int, *, has_reference: bool = False, option: Option = "--output"
) -> Predictions:
    """Read predictions.csv from the output folder of a training, which `option` named.

    `has_reference` says whether it has the column of a reference; the header says which of the other columns it has.
    The file is read in parts, so that the wide types of pandas need little memory.

    Raises:
        DataError: If the file is missing, damaged, contradicts itself, or has no probabilities.
    """
    predictions = read_any_predictions(folder, n_classes, has_reference=has_reference, option=option)
    if isinstance(predictions, LabelPredictions):
        raise damaged(folder / PREDICTIONS, f"its columns are not those of {n_classes} classes")
    return predictions


def read_any_predictions(
    folder: Path, n_classes: int, *, has_reference: bool = False, option: Option = "--output"
) -> AnyPredictions:
    """Read predictions.csv as `read_predictions` does, also without probabilities."""
    import pandas as pd

    path = folder / PREDICTIONS
    with as_data_error(path, option), open_regular(path, MAX_BYTES) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about values that the job refuses below
        try:
            header = file.readline(MAX_HEADER).decode().rstrip("\r\n").split(",")
            columns = _recognize_columns(header, n_classes, has_reference=has_reference)
            types = {column: _type_to_read(name) for name, group in columns.items() for column in group}
            file.seek(0)
            n_lines = max(N_READ_AT_ONCE // len(header), 1)
            has_missing = "name" not in columns  # a name may be NA
            with pd.read_csv(file, dtype=types, keep_default_na=has_missing, chunksize=n_lines) as tables:
                parts = [_read_lines(table, columns, n_classes) for table in tables]
            return _join(parts, columns, n_classes)
        except (ValueError, OverflowError) as error:
            raise damaged(path, error) from error


def _type_to_read(name: str) -> type:
    """Wide integers, so that a number out of range is found rather than cut."""
    return {np.float32: np.float32, str: object}.get(GROUPS[name].type, np.int64)


def _recognize_columns(header: Sequence[str], n_classes: int, *, has_reference: bool) -> dict[str, list[str]]:
    """The columns of a file by group; the seeds are those that the header names."""
    seeds: dict[str, list[int]] = {"": [], "reference_": []}
    for column in header:
        if match := re.fullmatch(r"(reference_)?seed_(0|[1-9]\d{0,9})", column):
            seeds[match[1] or ""].append(int(match[2]))
    names = ["index", "true", "predicted", *(["p"] if "p_0" in header else [])]
    names += ["reference"] if has_reference else []
    names += ["reference_p"] if "reference_p_0" in header else []
    names += ["seed", "seed_p_true"] if seeds[""] else []
    names += ["reference_seed", "reference_seed_p_true"] if seeds["reference_"] else []
    names += ["name"] if header[-1] == "name" else []
    columns = _name_columns(names, n_classes, seeds[""], seeds["reference_"])
    if list(header) != list(itertools.chain.from_iterable(columns.values())) or len(set(header)) < len(header):
        extra = " and reference" if has_reference else ""
        raise ValueError(f"its columns are not those of {n_classes} classes{extra}")
    return columns


def _read_lines(table: "pd.DataFrame", columns: dict[str, list[str]], n_classes: int) -> Blocks:
    """The values of some lines in small types, after a check of each line."""
    blocks = {name: table[names].to_numpy() for name, names in columns.items()}
    numbers, image_names = blocks.pop("index")[:, 0], blocks.pop("name", None)
    for name, block in blocks.items():
        highest = 1 if GROUPS[name].type is np.float32 else n_classes - 1
        if not ((block >= 0) & (block <= highest)).all():
            raise ValueError("a label or a probability is out of range")
        blocks[name] = block.astype(GROUPS[name].type, order="C", copy=False)
    if (numbers != table.index).any():
        raise ValueError("its lines are not numbered from 0")
    for name, predicted in (("p", "predicted"), ("reference_p", "reference")):
        if name in blocks:
            _check_probabilities(blocks[name], blocks[predicted][:, 0], numbers)
    return blocks if image_names is None else blocks | {"name": image_names}


def _check_probabilities(
    probabilities: NDArray[np.float32], y_pred: NDArray[np.int16], numbers: NDArray[np.int64]
) -> None:
    deviations = np.abs(probabilities.sum(axis=1, dtype=np.float64) - 1)
    if (deviations > MAX_DEVIATION).any():
        raise ValueError(f"the probabilities of image {numbers[deviations.argmax()]} do not sum to 1")
    if (probabilities.argmax(axis=1) != y_pred).any():
        raise ValueError("a predicted class is not the most probable one")


def _join(parts: Sequence[Blocks], columns: dict[str, list[str]], n_classes: int) -> AnyPredictions:
    """The predictions of the whole file; each block is released as soon as it is joined."""

    def join(name: str) -> NDArray[Any]:
        return np.concatenate([part.pop(name) for part in parts])

    def join_seeds(prefix: str) -> SeedPredictions | None:
        if f"{prefix}seed" not in columns:
            return None
        seeds = tuple(int(column.rsplit("_", 1)[1]) for column in columns[f"{prefix}seed"])
        return SeedPredictions(seeds, join(f"{prefix}seed"), join(f"{prefix}seed_p_true"))

    y_true = join("true")[:, 0]
    if not len(y_true):
        raise ValueError("it has no image")
    if not (n_images := np.bincount(y_true, minlength=n_classes)).all():
        raise ValueError(f"class {n_images.argmin()} has no image")
    y_reference = join("reference")[:, 0] if "reference" in columns else None
    image_names = join("name")[:, 0].tolist() if "name" in columns else None
    if image_names and (bad := find_bad_image_name(image_names)):
        raise ValueError(f"the name of image {bad[0]} {bad[1]}")
    if "p" not in columns:
        return LabelPredictions(y_true, join("predicted")[:, 0], n_classes, y_reference, image_names)
    return Predictions(
        y_true,
        join("p"),
        y_reference=y_reference,
        p_reference=join("reference_p") if "reference_p" in columns else None,
        other_seeds=join_seeds(""),
        reference_other_seeds=join_seeds("reference_"),
        names=image_names,
    )
