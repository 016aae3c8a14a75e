from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support import make_predictions, make_run

from job.data.dataset import Dataset
from job.data.fashion_mnist import FILES
from job.data.sources import IMAGE_FILES, Source
from job.errors import DataError
from job.results.reference_run import ReferenceRun
from job.results.schema import RunRecord
from job.trained_run import _match_reference

N = 6
NAMES = [f"test/{'ab'[number // 3]}/{number}.png" for number in range(N)]
ORDER = [3, 5, 0, 4, 2, 1]
SHA256 = {role: f"{number}" * 64 for number, role in enumerate(FILES)}


def make_dataset(names: Sequence[str] | None, sha256: dict[str, str] = SHA256) -> Dataset:
    """The data set on which the reference was evaluated, whose labels are those of `make_predictions`."""
    images, labels = np.zeros((N, 28, 28), np.uint8), make_predictions(N, 2).y_true.astype(np.uint8)
    source = Source(Path("pets"), IMAGE_FILES)
    return Dataset("pets", ("class 0", "class 1"), images, labels, images, labels, source, sha256, names)


def make_reference(names: Sequence[str] | None, *, trained: bool, order: Sequence[int] = range(N)) -> ReferenceRun:
    """A run with the images in some order."""
    predictions = replace(make_predictions(N, 2), names=names).take(np.array(order))
    run = make_run(predictions=predictions, trained=trained)
    data = replace(run.provenance.data, sha256={FILES[role]: digest for role, digest in SHA256.items()})
    record = RunRecord(
        class_names=run.evaluation.class_names,
        seed=0,
        reference=None,
        training=run.training,
        provenance=replace(run.provenance, data=data),
    )
    return ReferenceRun("before", record, predictions)


@pytest.mark.parametrize("theirs", [NAMES, None, NAMES[::-1]])
@pytest.mark.parametrize("ours", [NAMES, None])
def test_a_training_on_the_same_files_has_the_same_order(
    theirs: list[str] | None, ours: list[str] | None, caplog: pytest.LogCaptureFixture
) -> None:
    """The hashes decide, as they do for IDX files, so that a renamed image is no other image."""
    run = make_reference(theirs, trained=True)
    reference, predictions = _match_reference(run, make_dataset(ours))
    assert reference.accuracy == run.predictions.accuracy
    assert predictions.probabilities is run.predictions.probabilities
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        ([*NAMES[:-1], "test/b/6.png"], "image 'test/b/6.png' is only in this run, and image 'test/b/5.png' is only"),
        (NAMES, "was evaluated on another t10k-images-idx3-ubyte.gz"),
    ],
)
def test_a_training_on_other_images_is_refused(names: list[str], problem: str) -> None:
    """The error names the images that differ, or else the files."""
    dataset = make_dataset(names, SHA256 | {"test_images": "f" * 64})
    with pytest.raises(DataError, match=f"^--reference before: {problem}"):
        _match_reference(make_reference(NAMES, trained=True), dataset)


def test_predictions_of_others_are_paired_by_name(caplog: pytest.LogCaptureFixture) -> None:
    """Their images may have another order than the data set."""
    run = make_reference(NAMES, trained=False, order=ORDER)
    _, predictions = _match_reference(run, make_dataset(NAMES))
    assert predictions.names == NAMES
    assert predictions.y_pred.tolist() == make_predictions(N, 2).y_pred.tolist()
    assert caplog.messages == []


def test_predictions_of_others_without_names_are_paired_by_order(caplog: pytest.LogCaptureFixture) -> None:
    """A warning says so, because the image files have names."""
    run = make_reference(None, trained=False)
    _, predictions = _match_reference(run, make_dataset(NAMES))
    assert predictions.y_pred.tolist() == run.predictions.y_pred.tolist()
    (warning,) = caplog.messages
    assert warning.endswith("before does not name the images, so they are paired by their order")
