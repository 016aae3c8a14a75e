from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plain_forward import predict

from job.errors import DataError
from job.results.file_names import NETWORK
from job.results.network_npz import PlainNetwork, build_network, find_distances, read_network, write_network

RANDOM = np.random.default_rng(3)


def normal(*shape: int) -> Any:  # noqa: ANN401 - an array
    return RANDOM.normal(size=shape).astype(np.float32) / 4


def make_network(views: Any = "flip-shift") -> PlainNetwork:  # noqa: ANN401 - a name
    """A small network with a layer of each kind."""
    layers: list[dict[str, Any]] = [
        {"kind": "convolution", "stride": 2, "padding": 1, "kernel": normal(4, 4, 1, 3), "bias": normal(3)},
        {"kind": "max_pool", "size": 2},
        {"kind": "scale", "activation": "relu", "kernel": normal(3), "bias": normal(3)},
        {"kind": "convolution", "padding": 1, "activation": "relu", "kernel": normal(3, 3, 3, 5), "bias": normal(5)},
        {"kind": "mean_pool"},
        {"kind": "dense", "activation": "softmax", "kernel": normal(5, 4), "bias": normal(4)},
    ]
    return build_network(layers, views, RANDOM.random((4, 14, 14), np.float32), 3.5)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the file of a small network."""
    write_network(tmp_path, make_network())
    return tmp_path


def replace_arrays(folder: Path, **arrays: Any) -> None:  # noqa: ANN401 - of any type
    """Replace arrays of the file, or remove those that are None."""
    with np.load(folder / NETWORK) as before:
        content = dict(before) | arrays
    np.savez(folder / NETWORK, **{name: array for name, array in content.items() if array is not None})


def replace_text(folder: Path, before: str, after: str) -> None:
    """Replace a text in the description."""
    with np.load(folder / NETWORK) as arrays:
        text = arrays["description"].tobytes().decode()
    assert before in text
    replace_arrays(folder, description=np.frombuffer(text.replace(before, after, 1).encode(), np.uint8))


def read_error(folder: Path) -> str:
    """The message with which network.npz is refused: one line that starts with the file."""
    with pytest.raises(DataError) as caught:
        read_network(folder, 4)
    message = str(caught.value)
    assert message.startswith(f"{folder / NETWORK}: ")
    assert "\n" not in message
    return message


def test_a_network_reads_back(tmp_path: Path) -> None:
    """The arrays are the same, and so are the probabilities."""
    network, images = make_network(), RANDOM.integers(0, 256, (3, 28, 28), np.uint8)
    write_network(tmp_path, network)
    again = read_network(tmp_path, 4)
    assert [again.layers, again.views, again.distance_limit] == [network.layers, "flip-shift", 3.5]
    assert again.n_classes == 4
    assert predict(again, images).tolist() == predict(network, images).tolist()
    assert again.class_means.tolist() == network.class_means.tolist()


def test_the_same_network_gives_the_same_bytes(tmp_path: Path) -> None:
    """Whatever the time is."""
    network = make_network()
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        write_network(tmp_path / name, network)
    assert (tmp_path / "first" / NETWORK).read_bytes() == (tmp_path / "second" / NETWORK).read_bytes()


def test_distances_to_the_nearest_mean_image() -> None:
    """A white image is 28 from a black mean, and 14 from a half-white one."""
    means = np.stack([np.zeros((14, 14), np.float32), np.full((14, 14), 0.5, np.float32)])
    images = np.stack([np.zeros((28, 28), np.uint8), np.full((28, 28), 255, np.uint8)])
    np.testing.assert_allclose(find_distances(images, means), [0, 14], atol=1e-5)


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"PK\x03\x04", b"text"])
def test_a_file_that_is_no_archive(tmp_path: Path, content: bytes) -> None:
    """One line says what it should be."""
    (tmp_path / NETWORK).write_bytes(content)
    assert "damaged (not a network" in read_error(tmp_path)


def test_a_missing_file(tmp_path: Path) -> None:
    """The message names the option to change."""
    assert "not found; name the output folder of a finished run: --output DIR" in read_error(tmp_path)


@pytest.mark.parametrize("name", ["description", "class_means", "kernel_0", "bias_5"])
def test_a_missing_array(folder: Path, name: str) -> None:
    """Every array is needed."""
    replace_arrays(folder, **{name: None})
    assert "damaged (not a network" in read_error(folder)


@pytest.mark.parametrize(
    ("arrays", "problem"),
    [
        ({"kernel_1": normal(3)}, "`kernel_1` is not part of a layer"),
        ({"kernel_0": normal(4, 4, 2, 3)}, "the parameters of a convolution layer do not fit its input of (28, 28, 1)"),
        ({"kernel_0": normal(64, 64, 1, 3)}, "the parameters of a convolution layer do not fit"),
        ({"bias_3": normal(4)}, "the parameters of a convolution layer do not fit its input of (7, 7, 3)"),
        ({"kernel_2": normal(4), "bias_2": normal(4)}, "the parameters of a scale layer do not fit"),
        ({"kernel_5": normal(6, 4)}, "the parameters of a dense layer do not fit its input of (5,)"),
        ({"kernel_5": normal(5)}, "do not fit"),
        ({"kernel_5": np.zeros((), np.float32)}, "do not fit"),
        ({"bias_5": np.array([1, 2, 3, np.nan], np.float32)}, "an array is not of finite float32 numbers"),
        ({"bias_5": np.zeros(4)}, "an array is not of finite float32 numbers"),
        ({"class_means": normal(3, 14, 14)}, "`class_means` does not fit the last layer"),
    ],
)
def test_arrays_that_do_not_fit(folder: Path, arrays: Any, problem: str) -> None:  # noqa: ANN401 - arrays by name
    """Each layer is held against the one before it."""
    replace_arrays(folder, **arrays)
    assert problem in read_error(folder)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"format":1', '"format":2'),
        ('"flip-shift"', '"rotate"'),
        ('"distance_limit":3.5', '"distance_limit":0'),
        ('"max_pool"', '"min_pool"'),
        ('"size":2', '"size":4'),
        ('"stride":2', '"stride":0'),
        ('"padding":1', '"padding":100'),
        ('"softmax"', '"relu"'),
        ('{"kind":"mean_pool"}', '{"kind":"flatten"}'),
    ],
)
def test_a_damaged_description(folder: Path, before: str, after: str) -> None:
    """Unknown words, numbers out of range, and layers that do not fit."""
    replace_text(folder, before, after)
    assert "damaged (not a network" in read_error(folder)


def test_a_pickle_is_not_loaded(folder: Path) -> None:
    """Loading one can run any code."""
    replace_arrays(folder, kernel_0=np.array([print], object))
    assert "damaged (not a network" in read_error(folder)


def test_an_archive_that_decompresses_to_more_than_the_memory(folder: Path) -> None:
    """The sizes in its directory decide, before anything is decompressed."""
    with np.load(folder / NETWORK) as before:
        content = dict(before)
    np.savez_compressed(folder / NETWORK, **content | {"kernel_0": np.zeros(2**25, np.float32)})
    assert "larger than allowed" in read_error(folder)
