"""Lists the image files of a data set in folders: train/CLASS/ and, unless train/ is to be split, test/CLASS/."""

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from job.data.sources import TEST, TRAIN
from job.errors import DataError
from job.text import IMAGE_KINDS, IMAGE_SUFFIXES, find_bad_name, natural_key

IGNORED = {"thumbs.db", "desktop.ini", "__macosx"}
"""What systems leave in folders, besides hidden files."""
OTHER_PARTS = ("test", "tests", "testing", "val", "valid", "validation")
"""Names, in lower case, of folders that look like test images if there is no test/."""
TEST_SHARE = 0.2
"""The part of each class that becomes test images if there is no test/."""
N_SHOWN = 5
"""How many names an error lists."""


@dataclass(frozen=True)
class Listing:
    """The image files of a data set.

    Attributes:
        class_names: Natural order, in which class2 comes before class10.
        train: File and label of each training image. Each stretch of the list has all classes in proportion.
        test: File and label of each test image, by class and name.
        others: Files that cannot be images, each with the reason.
    """

    class_names: tuple[str, ...]
    train: list[tuple[Path, int]]
    test: list[tuple[Path, int]]
    others: list[str]


def list_images(folder: Path, seed: int) -> Listing:
    """List the image files, in an order that depends only on their names and the seed.

    Raises:
        DataError: If the folders cannot be read, or their classes are not complete.
    """
    others: list[str] = []
    train = _list_part(folder, TRAIN, others)
    class_names = tuple(sorted(train, key=natural_key))
    if problem := find_bad_name(class_names):
        raise DataError(f"{folder / TRAIN}: {problem}; each class is a folder")
    ranked = [_rank(train[name], f"{name}/", seed) for name in class_names]
    if os.path.lexists(folder / TEST):
        test = _list_part(folder, TEST, others)
        _require_same_classes(folder, train, test)
        tests = [test[name] for name in class_names]
    else:
        _require_two_each(folder, class_names, ranked)
        tests = []
        for label, names in enumerate(ranked):
            n_test = max(1, round(len(names) * TEST_SHARE))
            tests.append(sorted(names[:n_test], key=natural_key))
            ranked[label] = names[n_test:]
    part = TEST if os.path.lexists(folder / TEST) else TRAIN
    return Listing(
        class_names,
        [(folder / TRAIN / class_names[label] / name, label) for name, label in _mix(ranked)],
        [(folder / part / class_names[label] / name, label) for label, names in enumerate(tests) for name in names],
        others,
    )


def shorten(texts: Sequence[str]) -> str:
    """The first texts of a list, and how many more there are."""
    more = f" and {len(texts) - N_SHOWN:,} more" if len(texts) > N_SHOWN else ""
    return f"{', '.join(texts[:N_SHOWN])}{more}"


def _list_part(folder: Path, part: str, others: list[str]) -> dict[str, list[str]]:
    """The names of the image files of each class; adds what else is there to `others`."""
    classes, loose = {}, []
    for entry in _scan(folder / part):
        if os.path.isdir(entry.path):  # noqa: PTH112 - DirEntry.is_dir raises if links form a loop
            classes[entry.name] = _list_class(folder, f"{part}/{entry.name}", others)
        else:
            loose.append(f"{part}/{entry.name}")
    if loose:
        raise DataError(
            f"{folder}: {shorten(loose)} {'is' if len(loose) == 1 else 'are'} not in the folder of a class; move "
            f"{'it' if len(loose) == 1 else 'them'} into one, such as {part}/CLASS/"
        )
    if empty := [f"{part}/{name}" for name, files in classes.items() if not files]:
        has = "has" if len(empty) == 1 else "have"
        raise DataError(f"{folder}: {shorten(empty)} {has} no {IMAGE_KINDS} file; add images, or remove the folder")
    return classes


def _list_class(folder: Path, name: str, others: list[str]) -> list[str]:
    files = []
    for entry in _scan(folder / name):
        if os.path.isdir(entry.path):  # noqa: PTH112 - as above
            others.append(f"{name}/{entry.name} (a folder)")
        elif entry.name.lower().endswith(IMAGE_SUFFIXES):
            files.append(entry.name)
        else:
            others.append(f"{name}/{entry.name} (not a {IMAGE_KINDS} file)")
    return sorted(files, key=natural_key)


def _scan(folder: Path) -> list[os.DirEntry[str]]:
    """The entries of a folder in natural order, without hidden ones and those of systems."""
    try:
        with os.scandir(folder) as entries:
            kept = [each for each in entries if not each.name.startswith(".") and each.name.lower() not in IGNORED]
    except OSError as error:
        raise DataError(f"{folder}: cannot be read: {error.strerror}; make it a readable folder") from error
    return sorted(kept, key=lambda entry: natural_key(entry.name))


def _rank(names: Iterable[str], prefix: str, seed: int) -> list[str]:
    """Shuffle names; where each comes depends on the seed and itself, and hardly on the others."""
    return sorted(names, key=lambda name: hashlib.sha256(os.fsencode(f"{seed}/{prefix}{name}")).digest())


def _mix(classes: Sequence[Sequence[str]]) -> list[tuple[str, int]]:
    """The names of all classes with their labels, spread evenly, so that the last ones can be held out."""
    places = [
        ((index + 0.5) / len(names), label, name)
        for label, names in enumerate(classes)
        for index, name in enumerate(names)
    ]
    return [(name, label) for _, label, name in sorted(places)]


def _require_same_classes(folder: Path, train: Mapping[str, object], test: Mapping[str, object]) -> None:
    problems = [
        f"{shorten(sorted(only, key=natural_key))} only in {part}/"
        for part, only in ((TRAIN, set(train) - set(test)), (TEST, set(test) - set(train)))
        if only
    ]
    if problems:
        raise DataError(
            f"{folder}: each class needs a folder in train/ and in test/, but there is {' and '.join(problems)}"
        )


def _require_two_each(folder: Path, class_names: Sequence[str], classes: Sequence[Sequence[str]]) -> None:
    """Check that each class can be split, and that no folder looks like test images under another name."""
    if other := next((entry.name for entry in _scan(folder) if entry.name.casefold() in OTHER_PARTS), None):
        raise DataError(
            f"{folder}: has {TRAIN}/ and {other}/, but no {TEST}/; rename {other}/ to {TEST}/, or move it elsewhere to "
            f"have {TRAIN}/ split"
        )
    single = [f"{TRAIN}/{name}" for name, files in zip(class_names, classes, strict=True) if len(files) == 1]
    if single:
        has = "has" if len(single) == 1 else "have"
        raise DataError(
            f"{folder}: {shorten(single)} {has} one image, which cannot be split; add images, or add {TEST}/"
        )
