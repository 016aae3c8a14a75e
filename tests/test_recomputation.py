import msgspec
import numpy as np
import pytest

from job import audit
from job.evaluation import evaluate
from job.recomputation import recompute
from job.results.run import Predictions


@pytest.mark.parametrize("n_classes", [2, 10, 30])
@pytest.mark.parametrize("n", [1, 43, 3001])
def test_both_ways_give_the_same(n: int, n_classes: int) -> None:
    """Random predictions with equal confidences, images and classes few and many; all but what chance is in."""
    random = np.random.default_rng(n)
    probabilities = np.round(random.dirichlet([0.2] * n_classes, n), 2).astype(np.float32)
    y_pred, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    y_true = np.where(random.random(n) < confidence, y_pred, random.integers(0, n_classes, n))
    judgement = evaluate.judge(y_true, probabilities, [""] * n_classes, seed=0)
    of_truth = probabilities[np.arange(n), y_true]
    predictions = Predictions(y_true.astype(np.int16), y_pred.astype(np.int16), confidence, of_truth, {})
    ours = dict(audit._flat(msgspec.to_builtins(judgement)))
    theirs = dict(audit._flat(recompute(predictions, n_classes)))
    assert {name: ours[name] for name in theirs} == pytest.approx(theirs, rel=1e-9, abs=1e-12)
    left = {name for name in ours if name not in theirs and not name.endswith((".lower", ".upper", ".name"))}
    assert {name.split("[")[0] for name in left} <= {"n_resamples", "samples.right", "samples.wrong"}
