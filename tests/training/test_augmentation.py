import numpy as np
from numpy.typing import NDArray

from job.training import augmentation
from job.training.augmentation import Augmentation

IMAGES = np.random.default_rng(0).integers(1, 256, (40, 28, 28), np.uint8)  # without a black pixel


def epochs(*names: str, n: int = 4, seed: int = 0) -> list[tuple[NDArray[np.int8], NDArray[np.uint8]]]:
    """What is drawn for each image and what comes of it, epoch by epoch."""
    augmentation = Augmentation(names, len(IMAGES), seed)
    return [(drawn, augmentation.apply(IMAGES, drawn).numpy()) for drawn in (augmentation.draw() for _ in range(n))]


def test_each_image_is_mirrored_in_every_other_epoch() -> None:
    """Some in the first, the others in the second, as they are in between."""
    mirrored = IMAGES[:, :, ::-1]
    results = [changed for _, changed in epochs("flip")]
    in_first = (results[0] == mirrored).all(axis=(1, 2))
    assert 5 < in_first.sum() < 35
    for number, changed in enumerate(results):
        expected = np.where((in_first ^ (number % 2 == 1))[:, None, None], mirrored, IMAGES)
        assert np.array_equal(changed, expected)


def test_a_shift_moves_by_up_to_two_pixels_and_brings_in_black() -> None:
    """Every shift of the 25 comes, each as slicing by hand has it."""
    seen = set()
    for drawn, changed in epochs("shift", n=10):
        for image, result, row in zip(IMAGES, changed, drawn, strict=True):
            down, right = (int(number) for number in row[augmentation.DOWN : augmentation.RIGHT + 1])
            padded = np.pad(image, 2)
            assert np.array_equal(result, padded[2 - down : 30 - down, 2 - right : 30 - right])
            seen.add((down, right))
    assert seen == {(down, right) for down in range(-2, 3) for right in range(-2, 3)}


def test_half_of_the_images_lose_a_rectangle() -> None:
    """Black within, at most 14 pixels long and wide, untouched around it."""
    shares = []
    for _, changed in epochs("erase", n=10):
        erased = changed == 0
        assert np.array_equal(np.where(erased, 0, IMAGES), changed)
        shares.append(erased.any(axis=(1, 2)).mean())
        for one in erased[erased.any(axis=(1, 2))]:
            rows, columns = np.flatnonzero(one.any(axis=1)), np.flatnonzero(one.any(axis=0))
            assert len(rows) <= 14
            assert len(columns) <= 14
            assert one[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
    assert 0.35 < np.mean(shares) < 0.65


def test_every_side_is_erased_alike() -> None:
    """A pixel as often as its mirror images, to chance."""
    images = np.ones((20_000, 28, 28), np.uint8)
    augmentation = Augmentation(["erase"], len(images), 0)
    erased = (augmentation.apply(images, augmentation.draw()).numpy() == 0).mean(axis=0)
    for mirrored in (erased[::-1], erased[:, ::-1], erased.T):
        np.testing.assert_allclose(erased, mirrored, atol=0.012)
    assert erased.min() > 0.2 * erased.max()


def test_the_seed_gives_the_changes() -> None:
    """The same seed the same, another seed others; all three together."""
    names = ("flip", "shift", "erase")
    first, again, other = ([changed for _, changed in epochs(*names, seed=seed)] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_examples_are_what_training_sees() -> None:
    """The first images, and each as it is in the first epochs."""
    shown = augmentation.examples(("flip", "shift"), IMAGES, seed=0, n_epochs=9)
    seen = [changed[:8] for _, changed in epochs("flip", "shift", n=5)]
    assert np.array_equal(shown, np.stack([IMAGES[:8], *seen], axis=1))
    assert augmentation.examples(("flip",), IMAGES, seed=0, n_epochs=2).shape == (8, 3, 28, 28)
    assert augmentation.examples((), IMAGES, seed=0, n_epochs=9).shape == (0, 6, 28, 28)
