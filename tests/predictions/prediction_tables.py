"""What the tests of predictions share: small tables of two classes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from job.errors import PredictionsError
from job.predictions.assemble import Assembled, assemble_predictions
from job.predictions.tables import Table, read_table

GOOD = "true,p_0,p_1\n0,0.75,0.25\n1,0.125,0.875\n"


def make_table(name: str = "table", /, **columns: Any) -> Table:  # noqa: ANN401 - any array
    """A table of arrays; `unnamed` is the array without a name."""
    return Table(name, {"" if key == "unnamed" else key: np.asarray(values) for key, values in columns.items()})


def write(folder: Path, text: str | bytes, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(folder: Path, text: str | bytes) -> Table:
    return read_table(write(folder, text))


def assemble_text(folder: Path, text: str | bytes, labels: str | None = None, **options: Any) -> Assembled:  # noqa: ANN401
    table = None if labels is None else read_table(write(folder, labels, "labels.csv"))
    return assemble_predictions(read(folder, text), table, **options)


def error_of_text(folder: Path, text: str | bytes, labels: str | None = None, **options: Any) -> str:  # noqa: ANN401
    """The one line with which a table is refused, without the folder."""
    with pytest.raises(PredictionsError) as caught:
        assemble_text(folder, text, labels, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message.replace(f"{folder}/", "")
