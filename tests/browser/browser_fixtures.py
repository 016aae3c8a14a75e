"""Fixtures of the browser tests: a browser, trained runs, and a page with the model ready."""

import functools
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import executable, visit
from playwright.sync_api import Browser, Page, sync_playwright
from support import REPOSITORY, write_idx
from try_it import Runs

from job.__main__ import main
from job.data import idx
from job.data.fashion_mnist import FILES


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=executable()) as browser:
        yield browser


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Returns the output folder of a short training of a recipe on Fashion-MNIST; tests must not change it.

    The MLP sees all training images and all test images, the CNN 2,000 and 1,000.
    """

    @functools.cache
    def run(recipe: str) -> Path:
        folder = tmp_path_factory.mktemp(recipe)
        options = ["--epochs", "1"] if recipe == "baseline" else ["--epochs", "1", "--batch-size", "50"]
        if recipe == "cnn":
            options += ["--data", str(write_part(folder / "part", 2000, 1000))]
        assert main(["--recipe", recipe, *options, "--output", str(folder / "report"), "-q"]) == 0
        return folder / "report"

    return run


@pytest.fixture
def page(chromium: Browser, runs: Runs) -> Iterator[Page]:
    """The report of the MLP, with the model ready; it must request nothing and log nothing."""
    address = (runs("baseline") / "index.html").as_uri()
    with visit(chromium, address, with_model=True) as visited:
        yield visited.page
        assert visited.messages == []
        assert [url for url in visited.requests if not url.startswith("data:")] == [address]


def write_part(folder: Path, n_train: int, n_test: int) -> Path:
    """The first images of Fashion-MNIST."""
    folder.mkdir()
    for role, n in (("train", n_train), ("test", n_test)):
        for kind, n_dimensions in (("images", 3), ("labels", 1)):
            name = FILES[f"{role}_{kind}"]
            write_idx(folder / name, idx.read_idx(REPOSITORY / "data" / name, n_dimensions)[0][:n])
    return folder
