import numpy as np
from numpy.typing import NDArray

from job.training import augmentation
from job.training.augmentation import Augmentation

IMAGES = np.random.default_rng(0).integers(1, 256, (40, 28, 28), np.uint8)  # without a black pixel


def run_epochs(*names: str, n: int = 4, seed: int = 0) -> list[tuple[NDArray[np.int8], NDArray[np.uint8]]]:
    """Returns the parameters and the augmented images of each epoch."""
    augmentation = Augmentation(names, len(IMAGES), seed)
    samples = [augmentation.sample_parameters() for _ in range(n)]
    return [(parameters, augmentation.apply(IMAGES, parameters).numpy()) for parameters in samples]


def test_each_image_is_mirrored_in_every_other_epoch() -> None:
    """About half of the images are mirrored in the first epoch, the others in the second, and so on."""
    mirrored = IMAGES[:, :, ::-1]
    results = [augmented for _, augmented in run_epochs("flip")]
    in_first = (results[0] == mirrored).all(axis=(1, 2))
    assert 5 < in_first.sum() < 35
    for epoch, augmented in enumerate(results):
        expected = np.where((in_first ^ (epoch % 2 == 1))[:, None, None], mirrored, IMAGES)
        assert np.array_equal(augmented, expected)


def test_a_shift_moves_by_up_to_two_pixels_and_fills_with_black() -> None:
    """All 25 shifts occur, and each equals a slice of the padded image."""
    seen = set()
    for parameters, augmented in run_epochs("shift", n=10):
        for image, result, row in zip(IMAGES, augmented, parameters, strict=True):
            down, right = (int(number) for number in row[augmentation.DOWN : augmentation.RIGHT + 1])
            padded = np.pad(image, 2)
            assert np.array_equal(result, padded[2 - down : 30 - down, 2 - right : 30 - right])
            seen.add((down, right))
    assert seen == {(down, right) for down in range(-2, 3) for right in range(-2, 3)}


def test_half_of_the_images_lose_a_rectangle() -> None:
    """The rectangle is black, its sides are at most 14 pixels, and the other pixels are unchanged."""
    shares = []
    for _, augmented in run_epochs("erase", n=10):
        erased = augmented == 0
        assert np.array_equal(np.where(erased, 0, IMAGES), augmented)
        shares.append(erased.any(axis=(1, 2)).mean())
        for mask in erased[erased.any(axis=(1, 2))]:
            rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
            assert len(rows) <= 14
            assert len(columns) <= 14
            assert mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
    assert 0.35 < np.mean(shares) < 0.65


def test_all_sides_are_erased_equally_often() -> None:
    """A pixel is erased as often as its mirror images, within sampling error."""
    images = np.ones((20_000, 28, 28), np.uint8)
    augmentation = Augmentation(["erase"], len(images), 0)
    erased = (augmentation.apply(images, augmentation.sample_parameters()).numpy() == 0).mean(axis=0)
    for mirrored in (erased[::-1], erased[:, ::-1], erased.T):
        np.testing.assert_allclose(erased, mirrored, atol=0.012)
    assert erased.min() > 0.2 * erased.max()


def test_the_seed_determines_the_augmentation() -> None:
    """The same seed gives the same images, another seed gives others, with all three augmentations."""
    names = ("flip", "shift", "erase")
    first, again, other = ([augmented for _, augmented in run_epochs(*names, seed=seed)] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_examples_are_what_training_sees() -> None:
    """The examples are the first images and their augmented versions in the first epochs."""
    examples = augmentation.build_examples(("flip", "shift"), IMAGES, seed=0, n_epochs=9)
    seen = [augmented[:8] for _, augmented in run_epochs("flip", "shift", n=5)]
    assert np.array_equal(examples, np.stack([IMAGES[:8], *seen], axis=1))
    assert augmentation.build_examples(("flip",), IMAGES, seed=0, n_epochs=2).shape == (8, 3, 28, 28)
    assert augmentation.build_examples((), IMAGES, seed=0, n_epochs=9).shape == (0, 6, 28, 28)
