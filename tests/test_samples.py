import numpy as np

from job import samples

Y_TRUE = np.arange(1000) % 10
Y_PRED = np.where(np.arange(1000) % 3 == 0, (Y_TRUE + 1) % 10, Y_TRUE)


def test_right_and_wrong_are_what_they_say() -> None:
    """The full number of each, no image twice, in class order."""
    chosen = samples.choose(Y_TRUE, Y_PRED, seed=0)
    for indices, hit in ((chosen.right, True), (chosen.wrong, False)):
        assert len(set(indices)) == samples.N_SHOWN
        assert all((Y_TRUE[index] == Y_PRED[index]) == hit for index in indices)
        assert Y_TRUE[indices].tolist() == sorted(Y_TRUE[indices])
    assert chosen.indices() == sorted(chosen.right + chosen.wrong)


def test_the_seed_gives_the_choice() -> None:
    """The same seed the same images, another seed others."""
    assert samples.choose(Y_TRUE, Y_PRED, seed=1) == samples.choose(Y_TRUE, Y_PRED, seed=1)
    assert samples.choose(Y_TRUE, Y_PRED, seed=1) != samples.choose(Y_TRUE, Y_PRED, seed=2)


def test_fewer_images_than_places() -> None:
    """All there are; none where there is none."""
    chosen = samples.choose(np.array([0, 1]), np.array([0, 1]), seed=0)
    assert (chosen.right, chosen.wrong) == ([0, 1], [])
