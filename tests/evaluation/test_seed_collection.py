from dataclasses import dataclass

import numpy as np
import pytest

from job.evaluation.predictions import Predictions
from job.evaluation.seed_collection import collect_seeds

LABELS = np.array([0, 1, 1], np.int16)


@dataclass(frozen=True)
class Trained:
    """A training of some seed."""

    seed: int
    wall_time_s: float = 2.5
    val_accuracy: float | None = 0.5
    val_loss: float | None = None


def predict(*p_of_class_1: float) -> Predictions:
    second = np.array(p_of_class_1, np.float32)
    return Predictions(LABELS, np.stack([1 - second, second], axis=1))


def test_the_chosen_seed_keeps_its_probabilities() -> None:
    """The others keep predicted classes and the probability of the true class, in the order of their seeds."""
    made = [predict(0.25, 0.75, 0.75), predict(0.75, 0.75, 0.25), predict(0.25, 0.25, 0.25)]
    runs, kept = collect_seeds([Trained(4), Trained(5), Trained(6)], iter(made), 1)
    assert [(run.seed, run.training_s, run.val_accuracy, run.val_loss) for run in runs] == [
        (seed, 2.5, 0.5, None) for seed in (4, 5, 6)
    ]
    assert [run.accuracy for run in runs] == pytest.approx([1, 1 / 3, 1 / 3])
    assert runs[0].loss == pytest.approx(-np.log(0.75))
    assert kept.probabilities.tolist() == made[1].probabilities.tolist()
    assert kept.other_seeds is not None
    assert kept.other_seeds.seeds == (4, 6)
    assert kept.other_seeds.y_pred.tolist() == [[0, 0], [1, 0], [1, 0]]
    assert kept.other_seeds.p_true.tolist() == [[0.75, 0.75], [0.75, 0.25], [0.75, 0.25]]


def test_one_seed_has_no_others() -> None:
    """Its predictions stay as they are."""
    made = predict(0.25, 0.75, 0.75)
    assert collect_seeds([Trained(0)], iter([made]), 0)[1] is made


def test_a_seed_that_was_not_trained_is_a_bug() -> None:
    """Only the trainings that are there can be chosen."""
    with pytest.raises(ValueError, match="no training number 1"):
        collect_seeds([Trained(0)], iter([predict(0.25, 0.75, 0.75)]), 1)
