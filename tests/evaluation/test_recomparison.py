import msgspec
import numpy as np
import pytest
from test_paired_comparison import EARLIER

from job import audit, recomparison
from job.evaluation import paired_comparison
from job.evaluation.paired_comparison import Baseline
from job.results.run import Predictions


@pytest.mark.parametrize("n_classes", [2, 10, 30])
@pytest.mark.parametrize("n_extra", [0, 43, 3001])
def test_both_ways_give_the_same(n_extra: int, n_classes: int) -> None:
    """Random predictions of two models with equal confidences; all but what the earlier run says of itself."""
    random = np.random.default_rng(n_extra)
    y_true = np.concatenate([np.arange(n_classes), random.integers(0, n_classes, n_extra)])
    n = len(y_true)
    probabilities = np.round(random.dirichlet([0.2] * n_classes, n), 2).astype(np.float32)
    before = np.where(random.random(n) < 0.6, y_true, random.integers(0, n_classes, n))
    y_pred, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    of_truth = probabilities[np.arange(n), y_true]
    true, predicted, earlier = (one.astype(np.int16) for one in (y_true, y_pred, before))
    predictions = Predictions(true, predicted, confidence, of_truth, {}, earlier)
    found = paired_comparison.compare(Baseline(EARLIER, before), y_true, probabilities)
    ours = dict(audit._flat(msgspec.to_builtins(found)))
    theirs = dict(audit._flat(recomparison.recompute(predictions, n_classes)))
    ours, theirs = (
        {name: value for name, value in figures.items() if not name.startswith("earlier.")}
        for figures in (ours, theirs)
    )
    assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-12)
