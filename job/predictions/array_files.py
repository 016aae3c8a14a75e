"""Reads arrays from the content of NPY, NPZ and IDX files, and never runs code that such a file contains."""

import math
import sys
import zipfile
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_BYTES = 2**33
"""Size of all arrays in an NPZ file, decompressed."""
KINDS = "biufUS"
"""Booleans, numbers and texts."""
IDX_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
N_HEADER = 4
"""Bytes of an IDX file before the sizes."""
MAX_DIMENSIONS = 4
PICKLED = "contains Python objects (a pickle), which could run any code; convert texts with array.astype(str)"


def read_npy(content: bytes) -> dict[str, NDArray[Any]]:
    """The array of an NPY file, without a name.

    Raises:
        ValueError: If the content is damaged, or the array has Python objects.
    """
    return {"": _check("", _load(content))}


def read_npz(content: bytes) -> dict[str, NDArray[Any]]:
    """The arrays of an NPZ file by name; a single array that `np.savez` named itself has no name.

    Raises:
        ValueError: If the content is damaged or another kind of ZIP file, or an array has Python objects.
    """
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            names, n_bytes = archive.namelist(), sum(member.file_size for member in archive.infolist())
    except Exception as error:  # zipfile raises many kinds on damaged files
        raise ValueError(f"is a damaged NPZ file ({error}); write it again") from error
    if any(name.startswith("xl/") for name in names):
        raise ValueError("is an Excel workbook; save the sheet as CSV")
    if any(name.endswith(".pkl") for name in names):
        raise ValueError("is a file of PyTorch (a pickle), which could run any code; save arrays with np.savez")
    if not names or not all(name.endswith(".npy") for name in names):
        raise ValueError("is a ZIP file, but not one of np.savez; save arrays with np.savez")
    if n_bytes > MAX_BYTES:
        raise ValueError(f"its arrays need {n_bytes:,} bytes; write fewer or smaller ones")
    archive = _load(content)
    arrays = {}
    for name in archive.files:
        try:
            arrays[name] = _check(name, archive[name])
        except Exception as error:  # NumPy, zipfile and zlib raise many kinds on damaged files
            raise ValueError(_explain(error, f"its array {name}")) from error
    return {"": arrays["arr_0"]} if list(arrays) == ["arr_0"] else arrays


def _load(content: bytes) -> Any:  # noqa: ANN401 - an array or an archive
    try:
        return np.load(BytesIO(content), allow_pickle=False)
    except Exception as error:  # as above
        raise ValueError(_explain(error, "")) from error


def _explain(error: Exception, subject: str) -> str:
    """Why NumPy cannot read an array; `subject` names it unless the file is the array."""
    text = str(error)
    if "pickle" in text.lower():
        return f"{subject} {PICKLED}".strip()
    return text if text.startswith("its array") else f"{subject or 'it'} is damaged ({text}); write it again"


def _check(name: str, array: NDArray[Any]) -> NDArray[Any]:
    subject = f"its array {name}".strip()
    if array.dtype.kind not in KINDS:
        raise ValueError(f"{subject} has the type {array.dtype}; write numbers or texts")
    if array.dtype.kind == "U" and array.size and array.dtype.itemsize:
        code_points = np.ascontiguousarray(array).view(np.dtype(np.uint32).newbyteorder(array.dtype.byteorder))
        if code_points.max() > sys.maxunicode:  # Python raises a SystemError
            raise ValueError(f"{subject} is damaged (a character is not Unicode); write it again")
    return array


def is_idx(content: bytes) -> bool:
    """Whether a content begins like an IDX file, the format of MNIST."""
    return len(content) > N_HEADER and content[:2] == b"\0\0" and content[2] in IDX_TYPES


def read_idx(content: bytes) -> dict[str, NDArray[Any]]:
    """The array of an IDX file, without a name.

    Raises:
        ValueError: If its header and its length contradict each other.
    """
    n_dimensions = content[3]
    start = N_HEADER + 4 * n_dimensions
    if not 0 < n_dimensions <= MAX_DIMENSIONS or len(content) < start:
        raise ValueError(f"is an IDX file of {n_dimensions} dimensions, or is cut off; write it again")
    shape = tuple(np.frombuffer(content, ">u4", n_dimensions, N_HEADER).tolist())
    kind = np.dtype(IDX_TYPES[content[2]])
    expected = math.prod(shape) * kind.itemsize
    if len(content) - start != expected:
        n_bytes = len(content) - start
        raise ValueError(f"its IDX header announces {expected:,} bytes, but {n_bytes:,} follow; write it again")
    return {"": np.frombuffer(content, kind, offset=start).reshape(shape).astype(kind.newbyteorder("="))}
