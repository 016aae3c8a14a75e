import numpy as np
import pytest
from sklearn import metrics
from support import make_predictions

from job.evaluation.predictions import Predictions
from job.evaluation.ranking import measure_ranking

DELONG_SCORES = ([0.8, 0.4, 0.6, 0.9], [0.5, 0.4, 0.1])
"""Of images of the class, and of others."""


def rank(own: list[float], others: list[float]) -> Predictions:
    """Predictions of two classes; the first scores are the probability of class 1 for images of class 1."""
    scores = np.array([*own, *others], np.float32)
    y_true = np.array([1] * len(own) + [0] * len(others))
    return Predictions(y_true, np.stack([1 - scores, scores], axis=1))


def test_areas_worked_by_hand() -> None:
    """Of twelve pairs, ten are in order and one is tied; the precisions are 1, 1, 1 and 4 / 6."""
    ranking = measure_ranking(rank(*DELONG_SCORES))
    assert ranking.roc_auc == pytest.approx([10.5 / 12] * 2)
    assert ranking.average_precision[1] == pytest.approx((1 + 1 + 1 + 4 / 6) / 4)


@pytest.mark.parametrize("n_classes", [2, 10])
@pytest.mark.parametrize("decimals", [1, 7])
def test_both_metrics_equal_those_of_scikit_learn(n_classes: int, decimals: int) -> None:
    """Probabilities with one decimal have many ties."""
    predictions = make_predictions(500, n_classes)
    probabilities = np.round(predictions.probabilities, decimals)
    ranking = measure_ranking(Predictions(predictions.y_true, probabilities))
    for label, (area, precision) in enumerate(zip(ranking.roc_auc, ranking.average_precision, strict=True)):
        is_class, scores = predictions.y_true == label, probabilities[:, label]
        assert area == pytest.approx(metrics.roc_auc_score(is_class, scores))
        assert precision == pytest.approx(metrics.average_precision_score(is_class, scores))
    assert ranking.mean_roc_auc == pytest.approx(np.mean([area for area in ranking.roc_auc if area is not None]))


def test_the_variance_is_that_of_delong() -> None:
    """The variance of each side's fractions of pairs in order, each over its number of images."""
    random = np.random.default_rng(0)
    own, others = random.normal(1, 1, 40), random.normal(0, 1, 60)
    scores = 1 / (1 + np.exp(-np.concatenate([own, others])))
    predictions = rank(scores[:40].tolist(), scores[40:].tolist())
    in_order = own[:, np.newaxis] > others
    variance = in_order.mean(axis=1).var() / 40 + in_order.mean(axis=0).var() / 60
    area = in_order.mean()
    n_effective = area * (1 - area) / variance
    interval = measure_ranking(predictions).mean_roc_auc_interval
    assert interval is not None
    for bound in (interval.lower, interval.upper):  # Wilson's equation
        assert n_effective * (area - bound) ** 2 == pytest.approx(1.959964**2 * bound * (1 - bound), rel=1e-4)


def test_few_images_and_perfect_ranks_have_no_interval() -> None:
    """Of four images of a class, nothing certain follows; of perfect ranks, no variance."""
    assert measure_ranking(rank(*DELONG_SCORES)).mean_roc_auc_interval is None
    perfect = measure_ranking(rank([0.9] * 30, [0.2] * 30))
    assert (perfect.mean_roc_auc, perfect.mean_roc_auc_interval) == (1, None)
    assert (perfect.mean_average_precision, perfect.mean_average_precision_interval) == (1, None)
