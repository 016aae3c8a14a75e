import numpy as np

from job.evaluation import evaluate, intervals
from job.evaluation.intervals import Interval

NAMES = ("a", "b", "c")


def test_judges_a_case_worked_by_hand() -> None:
    """Four images, one of class a taken for b."""
    y_true = np.array([0, 0, 1, 2])
    probabilities = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.8, 0.1], [0.0, 0.1, 0.9]], np.float32)
    judgement = evaluate.judge(y_true, probabilities, NAMES, seed=0)
    assert judgement.accuracy == 0.75
    assert judgement.confusion_matrix == [[1, 1, 0], [0, 1, 0], [0, 0, 1]]
    assert [one.name for one in judgement.per_class] == ["a", "b", "c"]
    assert [one.recall for one in judgement.per_class] == [0.5, 1, 1]
    assert [one.precision for one in judgement.per_class] == [1, 0.5, 1]
    assert [one.support for one in judgement.per_class] == [2, 1, 1]
    assert judgement.samples.wrong == [1]
    assert judgement.samples.right == [0, 2, 3]


def test_shares_worked_by_hand_have_the_intervals_of_their_counts() -> None:
    """Four images, one of class a taken for b, none predicted as c; the calibration is that of the same images."""
    y_true = np.array([0, 0, 1, 2])
    probabilities = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.8, 0.1], [0.5, 0.25, 0.25]], np.float32)
    judgement = evaluate.judge(y_true, probabilities, NAMES, seed=0)
    assert judgement.accuracy_interval == judgement.weighted.recall_interval == intervals.wilson(2, 4)
    first, second, third = judgement.per_class
    assert (first.precision_interval, first.recall_interval) == (intervals.wilson(1, 2), intervals.wilson(1, 2))
    assert (second.precision_interval, second.recall_interval) == (intervals.wilson(1, 2), intervals.wilson(1, 1))
    assert (third.precision_interval, third.recall_interval) == (Interval(0, 1), intervals.wilson(0, 1))
    assert [one.f1_interval for one in judgement.per_class] == [intervals.f1(*n) for n in ((1, 3), (1, 2), (0, 1))]
    assert [(one.n, one.accuracy) for one in judgement.calibration.bins] == [(1, 0), (1, 0), (2, 1)]
    assert judgement.n_resamples == 1000


def test_every_interval_holds_its_figure() -> None:
    """That of the calibration error aside, which lies below an error that is chance alone."""
    random = np.random.default_rng(0)
    probabilities = random.dirichlet([0.5] * 3, 2000).astype(np.float32)
    y_true = np.array([random.choice(3, p=row / row.sum()) for row in probabilities.astype(np.float64)])
    judgement = evaluate.judge(y_true, probabilities, NAMES, seed=0)
    for one in (judgement.macro, judgement.weighted, *judgement.per_class, *judgement.calibration.bins):
        for name, interval in vars(one).items():
            if name.endswith("_interval"):
                assert interval.lower < getattr(one, name.removesuffix("_interval")) < interval.upper
    for value, interval in (
        (judgement.accuracy, judgement.accuracy_interval),
        (judgement.loss, judgement.loss_interval),
    ):
        assert interval.lower < value < interval.upper
    assert judgement.calibration.ece_interval.lower < judgement.calibration.ece_interval.upper
