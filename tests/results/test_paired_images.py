from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from support import make_predictions, make_run

from job.errors import DataError
from job.evaluation.predictions import LabelPredictions
from job.results.paired_images import pair_images, warn_of_order
from job.results.reference_run import ReferenceRun
from job.results.schema import RunRecord

N = 6
NAMES = [f"{letter}.png" for letter in "abcdef"]
ORDER = np.array([5, 0, 3, 1, 2, 4])


def make_reference(names: Sequence[str] | None, *, runs: int = 1) -> ReferenceRun:
    run = make_run(predictions=replace(make_predictions(N, 2, with_reference=True), names=names), runs=runs)
    record = RunRecord(
        class_names=run.evaluation.class_names,
        seed=0,
        reference=None,
        training=run.training,
        provenance=run.provenance,
    )
    return ReferenceRun("before", record, run.predictions)


def test_images_are_paired_by_name() -> None:
    """Every prediction of the reference, also of its other seeds, goes with its image."""
    reference = make_reference(NAMES, runs=3)
    before, after = reference.predictions, pair_images(reference, [NAMES[row] for row in ORDER]).predictions
    assert before.probabilities is not None
    assert before.other_seeds is not None
    assert after.probabilities is not None
    assert after.other_seeds is not None
    assert after.names == [NAMES[row] for row in ORDER]
    assert after.y_true.tolist() == before.y_true[ORDER].tolist()
    assert after.probabilities.tolist() == before.probabilities[ORDER].tolist()
    assert after.other_seeds.seeds == before.other_seeds.seeds
    assert after.other_seeds.y_pred.tolist() == before.other_seeds.y_pred[ORDER].tolist()
    assert after.other_seeds.p_true.tolist() == before.other_seeds.p_true[ORDER].tolist()


def test_predicted_classes_are_paired_by_name() -> None:
    """Without probabilities, too."""
    reference = make_reference(NAMES)
    before = LabelPredictions(reference.predictions.y_true, reference.predictions.y_pred, 2, names=NAMES)
    after = pair_images(replace(reference, predictions=before), [NAMES[row] for row in ORDER]).predictions
    assert after.names == [NAMES[row] for row in ORDER]
    assert (after.y_true.tolist(), after.y_pred.tolist()) == (
        before.y_true[ORDER].tolist(),
        before.y_pred[ORDER].tolist(),
    )


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["x", *NAMES], "image 'x' is only in this run"),
        (NAMES[2:], "image 'a.png' and 1 more are only in the reference"),
        (
            [*NAMES[1:], "x", "y", "z"],
            "image 'x' and 2 more are only in this run, and image 'a.png' is only in the reference",
        ),
        (
            [*NAMES[1:], "/long" * 30 + "/a.png"],
            f"image '…{'/long' * 14}/a.png' is only in this run, and image 'a.png' is only in the reference",
        ),
    ],
)
def test_other_images(names: list[str], problem: str) -> None:
    """One line names the first image that only one of the runs has, and says how many there are."""
    with pytest.raises(DataError) as caught:
        pair_images(make_reference(NAMES), names)
    remedy = "only runs on the same test images can be compared, so name them alike in both, or leave the names out"
    assert str(caught.value) == f"--reference before: {problem}; {remedy}"


WITHOUT = "predictions.csv of the reference before does not name the images, so they are paired by their order"
ONLY_THERE = (
    "predictions.csv of the reference before names the images, but this run does not, so they are paired by their order"
)


@pytest.mark.parametrize(
    ("theirs", "ours", "is_numbered", "warning"),
    [
        (None, NAMES, False, WITHOUT),
        (None, NAMES, True, None),
        (NAMES, None, False, ONLY_THERE),
        (NAMES, None, True, ONLY_THERE),
        (None, None, False, None),
    ],
)
def test_images_without_names_are_paired_by_position(
    caplog: pytest.LogCaptureFixture,
    theirs: list[str] | None,
    ours: list[str] | None,
    is_numbered: bool,  # noqa: FBT001 - a parameter
    warning: str | None,
) -> None:
    """A warning says so if one run has names, unless the positions are numbers of the images."""
    reference = make_reference(theirs)
    paired = pair_images(reference, ours, ORDER).predictions
    assert paired.y_pred.tolist() == reference.predictions.y_pred[ORDER].tolist()
    assert paired.names is None
    warn_of_order(reference, ours, is_numbered=is_numbered)
    assert caplog.messages == ([warning] if warning else [])


def test_names_in_both_runs_need_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    """Their images are paired by name."""
    warn_of_order(make_reference(NAMES), NAMES, is_numbered=False)
    assert caplog.messages == []


def test_the_order_of_a_training_is_that_of_the_reference() -> None:
    """It has neither names nor other positions."""
    reference = make_reference(None)
    assert pair_images(reference).predictions.y_pred.tolist() == reference.predictions.y_pred.tolist()


def test_another_number_of_images_is_not_paired() -> None:
    """The check of the test set refuses it later."""
    reference = make_reference(None)
    assert len(pair_images(reference, NAMES[1:], ORDER[1:]).predictions.y_true) == N
