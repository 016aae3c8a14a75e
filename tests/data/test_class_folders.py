from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from job.data.class_folders import Listing, list_images
from job.errors import DataError


def touch(folder: Path, names: Iterable[str]) -> Path:
    """Empty files; to list them reads none."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def name_all(part: str, **n_files: int) -> list[str]:
    return [f"{part}/{name}/{index}.png" for name, n in n_files.items() for index in range(n)]


def show(listing: Listing, folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path, _ in listing.test]


def test_the_order_of_classes_and_test_images(tmp_path: Path) -> None:
    """Numbers count as numbers, in classes and in file names, and the case of letters does not matter."""
    names = [f"{part}/{name}/a1.png" for part in ("train", "test") for name in ("class10", "Class1", "class2", "b")]
    touch(tmp_path, [*names, "test/b/a10.JPG", "test/b/a9.jpeg", "test/b/A2.tif"])
    listing = list_images(tmp_path, 0)
    assert listing.class_names == ("b", "Class1", "class2", "class10")
    assert show(listing, tmp_path) == [
        *("test/b/a1.png", "test/b/A2.tif", "test/b/a9.jpeg", "test/b/a10.JPG"),
        *("test/Class1/a1.png", "test/class2/a1.png", "test/class10/a1.png"),
    ]
    assert [label for _, label in listing.test] == [0, 0, 0, 0, 1, 2, 3]


def test_every_suffix_counts_and_what_systems_leave_does_not(tmp_path: Path) -> None:
    """Files that are neither are listed with the reason."""
    suffixes = ("png", "jpg", "jpeg", "webp", "bmp", "gif", "tif", "tiff", "PNG", "Jpg")
    touch(
        tmp_path,
        [f"{part}/{name}/{suffix}.{suffix}" for part in ("train", "test") for name in "ab" for suffix in suffixes],
    )
    left = ("Thumbs.db", "desktop.ini", ".DS_Store", "._png.png", "__MACOSX/a.png", ".hidden/a.png")
    touch(tmp_path, [f"{folder}{name}" for folder in ("", "train/", "train/a/", "test/b/") for name in left])
    listing = list_images(tmp_path, 0)
    assert (len(listing.train), len(listing.test), listing.others) == (20, 20, [])
    touch(tmp_path, ["train/a/notes.txt", "test/b/more/a.png", "README.md", "other/a.png"])
    assert list_images(tmp_path, 0).others == [
        "train/a/notes.txt (not a PNG, JPEG, WebP, BMP, GIF or TIFF file)",
        "test/b/more (a folder)",
    ]


def test_a_fifth_of_each_class_is_split_off(tmp_path: Path) -> None:
    """At least one image; the test images are in natural order, and each image is in one part."""
    touch(tmp_path, name_all("train", a=50, b=10, c=2))
    listing = list_images(tmp_path, 0)
    assert Counter(label for _, label in listing.test) == {0: 10, 1: 2, 2: 1}
    assert Counter(label for _, label in listing.train) == {0: 40, 1: 8, 2: 1}
    assert len({path for path, _ in [*listing.train, *listing.test]}) == 62
    numbers = [int(path.stem) for path, label in listing.test if label == 0]
    assert numbers == sorted(numbers)


def test_the_split_depends_on_the_seed_and_the_names(tmp_path: Path) -> None:
    """Not on the folder or the order on the disk; a further image changes hardly anything."""
    names = name_all("train", a=50, b=50)
    first, second = touch(tmp_path / "first", names), touch(tmp_path / "second", names[::-1])
    expected = show(list_images(first, 3), first)
    assert show(list_images(second, 3), second) == expected
    assert show(list_images(first, 4), first) != expected
    touch(second, ["train/a/new.png"])
    assert len(set(expected) - set(show(list_images(second, 3), second))) <= 1


def test_the_last_training_images_have_all_classes_in_proportion(tmp_path: Path) -> None:
    """They are held out for validation."""
    touch(tmp_path, [*name_all("train", a=100, b=50, c=10), *name_all("test", a=1, b=1, c=1)])
    train = list_images(tmp_path, 0).train
    assert Counter(label for _, label in train[-16:]) == {0: 10, 1: 5, 2: 1}
    assert [path.stem for path, label in train if label == 0] != [str(index) for index in range(100)]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["train/a/1.png", "train/b/1.png", "train/b/2.png"], "train/a has one image, which cannot be split"),
        (["train/a/1.png", "train/a/2.png"], "contains 1 class name; write 2 to 256; each class is a folder"),
        (name_all("train", **{f"c{n}": 1 for n in range(257)}), "contains 257 class names"),
        (["train/1.png", "train/a/1.png"], "train/1.png is not in the folder of a class; move it into one, such as"),
        ([f"train/{n}.png" for n in range(8)], "train/3.png, train/4.png and 3 more are not in the folder of a class"),
        (["train/a/1.png", "train/b/notes.txt"], "train/b has no PNG, JPEG, WebP, BMP, GIF or TIFF file; add images"),
        ([*name_all("train", a=2, b=2), "test/a/1.png"], "but there is b only in test/"),
        *(
            ([*name_all("train", a=2, b=2), f"{name}/a/1.png"], f"has train/ and {name}/, but no test/; rename {name}/")
            for name in ("val", "Val", "VALIDATION", "valid", "Test", "tests", "testing")
        ),
        (["train/a/1.png", "train/b\x07/1.png"], r"'b\x07' has a control character; remove it"),
        ([*name_all("train", a=2, b=2), "test"], "test: cannot be read: Not a directory"),
    ],
)
def test_incomplete_folders(tmp_path: Path, names: list[str], words: str) -> None:
    """The error names the folder or the class, and what to do."""
    touch(tmp_path, names)
    with pytest.raises(DataError) as caught:
        list_images(tmp_path, 0)
    assert words.replace("b only in test/", "b only in train/") in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path))


def test_classes_of_one_part_only(tmp_path: Path) -> None:
    """One line names those of both parts."""
    touch(tmp_path, [*name_all("train", a=1, b=1, c10=1, c9=1), *name_all("test", a=1, b=1, d=1)])
    with pytest.raises(DataError, match=r"in test/, but there is c9, c10 only in train/ and d only in test/"):
        list_images(tmp_path, 0)


def test_links_that_form_a_loop(tmp_path: Path) -> None:
    """They are neither folders nor images, wherever they are."""
    touch(tmp_path, name_all("train", a=2, b=2))
    (tmp_path / "train" / "a" / "loop").symlink_to("loop")
    assert list_images(tmp_path, 0).others == ["train/a/loop (not a PNG, JPEG, WebP, BMP, GIF or TIFF file)"]
    (tmp_path / "train" / "loop").symlink_to("loop")
    with pytest.raises(DataError, match=r"train/loop is not in the folder of a class"):
        list_images(tmp_path, 0)


def test_a_class_without_permission(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """The error names the folder."""
    touch(tmp_path, name_all("train", a=2, b=2))
    (tmp_path / "train" / "b").chmod(0)
    request.getfixturevalue("unprivileged")
    with pytest.raises(DataError, match=r"train/b: cannot be read: Permission denied"):
        list_images(tmp_path, 0)
