import weakref
from collections.abc import Iterator
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


@dataclass(frozen=True)
class Result:
    """A training and its predictions."""

    training: Trained
    predictions: Predictions


MADE = {
    4: predict(0.25, 0.75, 0.75),
    5: predict(0.75, 0.75, 0.25),
    6: predict(0.25, 0.25, 0.25),
}


@pytest.mark.parametrize("order", [(4, 5, 6), (6, 5, 4), (5, 6, 4)])
def test_the_chosen_seed_keeps_its_probabilities(order: tuple[int, ...]) -> None:
    """The others keep predicted classes and the probability of the true class, in the order of their seeds."""
    losses = {4: 0.5, 5: 0.25, 6: 0.25}
    results = [Result(Trained(seed, val_loss=losses[seed]), MADE[seed]) for seed in order]
    runs, kept, chosen = collect_seeds(iter(results))
    assert [(run.seed, run.training_s, run.val_accuracy, run.val_loss) for run in runs] == [
        (seed, 2.5, 0.5, losses[seed]) for seed in (4, 5, 6)
    ]
    assert [run.accuracy for run in runs] == pytest.approx([1, 1 / 3, 1 / 3])
    assert runs[0].loss == pytest.approx(-np.log(0.75))
    assert chosen.training.seed == 5
    assert kept.probabilities.tolist() == MADE[5].probabilities.tolist()
    assert kept.other_seeds is not None
    assert kept.other_seeds.seeds == (4, 6)
    assert kept.other_seeds.y_pred.tolist() == [[0, 0], [1, 0], [1, 0]]
    assert kept.other_seeds.p_true.tolist() == [[0.75, 0.75], [0.75, 0.25], [0.75, 0.25]]


@pytest.mark.parametrize("order", [(4, 5, 6), (6, 5, 4), (5, 4, 6)])
def test_without_validation_the_first_seed_is_chosen(order: tuple[int, ...]) -> None:
    """In whatever order the results come."""
    results = (Result(Trained(seed, val_accuracy=None), MADE[seed]) for seed in order)
    assert collect_seeds(results)[2].training.seed == 4


def test_one_seed_has_no_others() -> None:
    """Its predictions stay as they are."""
    assert collect_seeds([Result(Trained(4), MADE[4])])[1] is MADE[4]


def test_only_the_chosen_result_is_kept() -> None:
    """The memory for further seeds does not grow with their networks."""
    alive: list[weakref.ref[Result]] = []

    def make_results() -> Iterator[Result]:
        for seed in range(10):
            result = Result(Trained(seed, val_loss=abs(seed - 5.0)), predict(0.25, 0.75, 0.75))
            alive.append(weakref.ref(result))
            yield result
            del result
            assert sum(each() is not None for each in alive) <= 2

    assert collect_seeds(make_results())[2].training.seed == 5


def test_no_result_is_a_bug() -> None:
    """At least one seed is trained."""
    with pytest.raises(ValueError, match="no result"):
        collect_seeds(list[Result]())
