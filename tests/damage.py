"""Damages files at random, but the same random numbers give the same damage."""

import copy
import gzip
import io
import json
import struct
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from random import Random
from typing import Any

import numpy as np

Damage = Callable[[bytes, Random], bytes]
"""Makes a damaged copy of the content of a file."""

ODD_VALUES: Sequence[Any] = (
    -1,
    0,
    0.5,
    1e300,
    float("nan"),
    2**63,
    10**400,
    "x",
    "",
    "a\nb",
    "\x1b[2J",
    "<b>$x$",
    True,
    None,
    [],
    {},
)
ODD_NAMES = ("", "a\nb", "<script>", "$x^{$", "x" * 5000, "\u202e", "schema_version")
ODD_CELLS = ("", "-1", "nan", "inf", "1e300", "0x1", "9223372036854775808", '"', "a,b", "\0", " 1", "1_0", "True", "٣")
ODD_SIZES = (0, 1, 27, 2**16, 2**31, 2**32 - 1)


def damage_bytes(content: bytes, random: Random) -> bytes:
    """Cut, repeat, insert, delete or change bytes somewhere."""
    start = random.randrange(len(content) + 1)
    end = min(start + random.choice((1, 1, 4, 100, 10_000)), len(content))
    part = content[start:end]
    flipped = bytes([part[0] ^ 1 << random.randrange(8)]) + part[1:] if part else b""
    parts = (b"", part * 2, part + random.randbytes(9), flipped, bytes(len(part)), b"\xff" * len(part))
    return random.choice((content[:start] + random.choice(parts) + content[end:], content[:start], content * 2))


def damage_json(content: bytes, random: Random) -> bytes:
    """Change one value or one key."""
    root = json.loads(content)
    container, key = random.choice([*_list_places(root)])
    random.choice([*_list_edits(container, key)])()
    return json.dumps(root).encode()


def list_damaged_json(content: bytes) -> Iterator[bytes]:
    """Copies in which one value is replaced, nested, deleted or doubled, or one key is renamed."""
    root = json.loads(content)
    for container, key in _list_places(root):
        before = copy.copy(container)
        for edit in _list_edits(container, key):
            edit()
            yield json.dumps(root).encode()
            container.clear()
            container.extend(before) if isinstance(container, list) else container.update(before)


def _list_edits(
    container: Any,  # noqa: ANN401 - JSON
    key: Any,  # noqa: ANN401 - JSON
) -> Iterator[Callable[[], object]]:
    value = container[key]
    for odd in (*ODD_VALUES, [value], {"a": value}, [[[[value]]]]):
        yield partial(container.__setitem__, key, odd)
    yield partial(container.__delitem__, key)
    if isinstance(container, list):
        yield partial(container.append, value)
    else:
        for name in ODD_NAMES:
            yield partial(container.__setitem__, name, value)
            yield partial(_rename, container, key, name)


def _rename(container: dict[str, Any], old: str, new: str) -> None:
    container[new] = container.pop(old)


def _list_places(content: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401 - JSON
    """Container and key of every value; of a list, only of its first and last items."""
    keys = list(content) if isinstance(content, dict) else sorted({0, len(content) - 1} if content else ())
    for key in keys:
        yield content, key
        if isinstance(content[key], dict | list):
            yield from _list_places(content[key])


def damage_csv(content: bytes, random: Random) -> bytes:
    """Change one cell, or remove, repeat or widen one line."""
    rows = [line.split(",") for line in content.decode().splitlines()]
    row = random.choice(rows)
    cell = random.randrange(len(row))
    edits: Sequence[Callable[[], object]] = (
        lambda: rows.remove(row),
        lambda: rows.insert(random.randrange(len(rows)), row),
        lambda: row.extend(row),
        lambda: row.__setitem__(cell, random.choice(ODD_CELLS)),
        lambda: row.__setitem__(cell, random.choice(row)),
    )
    random.choice(edits)()
    return "\n".join([*map(",".join, rows), ""]).encode()


def damage_npz(content: bytes, random: Random) -> bytes:
    """Change the type, the shape or the values of one array."""
    with np.load(io.BytesIO(content)) as archive:
        arrays: dict[str, Any] = dict(archive)
    name = random.choice([*arrays])
    dtype = random.choice(("u1", "i8", "f8", "?", "c16", "S3", "U3", ">i4", "M8[s]", [("a", "i8", 2)]))
    changes = (
        lambda array: array[1:],
        lambda array: array[None],
        lambda array: array.ravel(),
        lambda array: np.concatenate([array, array]),
        lambda array: np.zeros(array.shape, dtype),
        lambda array: -array,
        lambda array: array[..., :0],
        lambda array: array.T,
    )
    arrays[name] = random.choice(changes)(arrays[name])
    file = io.BytesIO()
    random.choice((np.savez, np.savez_compressed))(file, **arrays)
    return file.getvalue()


def damage_idx(content: bytes, random: Random) -> bytes:
    """Damage the decompressed bytes or a size in the header, or append many bytes."""
    values = gzip.decompress(content)
    kind = random.randrange(4)
    if kind == 0:
        values = damage_bytes(values, random)
    elif kind == 1:
        values += bytes(random.choice((1, 2**20, 2**25)))
    else:
        for offset in random.sample(range(4, 4 + 4 * values[3], 4), random.randint(1, values[3])):
            values = values[:offset] + struct.pack(">I", random.choice(ODD_SIZES)) + values[offset + 4 :]
    return gzip.compress(values, 1, mtime=0)


def damage_text(content: bytes, random: Random) -> bytes:
    """Change one line."""
    lines = content.decode().split("\n")
    odd = (*ODD_NAMES, lines[-1], "\ufeff", "\0", "\u2028", "é" * 201, "\x85")
    lines[random.randrange(len(lines))] = random.choice(odd)
    return "\n".join(lines).encode()
