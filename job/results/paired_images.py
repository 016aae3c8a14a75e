"""Brings the images of a reference run into the order of this run, by their names."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from job.errors import DataError
from job.log import log
from job.results.file_names import PREDICTIONS
from job.results.reference_run import ReferenceRun
from job.text import shorten_path


def pair_images(
    run: ReferenceRun,
    names: Sequence[str] | None = None,
    positions: NDArray[np.intp] | None = None,
) -> ReferenceRun:
    """The reference with its images in the order of this run.

    Images are paired by their names if both runs have them, otherwise by their positions. It then has no names.

    Args:
        run: The reference.
        names: Names of the images of this run, None if they are unknown.
        positions: The position that each image would have without its name, shape (n,); None for the order of `names`.

    Raises:
        DataError: If only one of the runs has an image of some name.
    """
    theirs = run.predictions.names
    if names is not None and theirs is not None:
        if difference := _find_difference(names, theirs):
            raise DataError(
                f"--reference {run.folder}: {difference}; only runs on the same test images can be compared, so "
                "name them alike in both, or leave the names out"
            )
        rows = {name: row for row, name in enumerate(theirs)}
        return replace(run, predictions=run.predictions.take(np.array([rows[name] for name in names])))
    predictions = replace(run.predictions, names=None)
    if positions is not None and len(positions) == len(predictions.y_true):
        predictions = predictions.take(positions)
    return replace(run, predictions=predictions)


def warn_of_order(run: ReferenceRun, names: Sequence[str] | None, *, is_numbered: bool = True) -> None:
    """Warn that the images are paired by their order, if only one of the runs names them.

    Args:
        run: The reference, before its images were paired.
        names: Names of the images of this run, None if they are unknown.
        is_numbered: Whether the images of this run have numbers, too, which are as good as names.
    """
    theirs = run.predictions.names
    if (names is None) == (theirs is None) or (theirs is None and is_numbered):
        return
    problem = "does not name the images" if theirs is None else "names the images, but this run does not"
    log.warning("%s of the reference %s %s, so they are paired by their order", PREDICTIONS, run.folder, problem)


def _find_difference(ours: Sequence[str], theirs: Sequence[str]) -> str:
    """Which images are in only one of the runs; empty if they have the same."""
    own, foreign = set(ours), set(theirs)
    sides = [
        ("this run", [name for name in ours if name not in foreign]),
        ("the reference", [name for name in theirs if name not in own]),
    ]
    return ", and ".join(
        f"image {shorten_path(names[0])!r}{f' and {len(names) - 1:,} more' if names[1:] else ''} "
        f"{'are' if names[1:] else 'is'} only in {where}"
        for where, names in sides
        if names
    )
