"""Controls whether glibc keeps freed memory or returns it to the system.

A training step of a convolutional network allocates and frees tens of MiB. By default glibc returns such blocks to the
system at once, and the system clears them before it hands them out again. Keeping them makes each step of the `cnn`
recipe faster (docs/recipes.md).

With other C libraries the functions do nothing.
"""

import ctypes
from contextlib import suppress

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""Parameters of `mallopt`: free bytes at which the heap shrinks, and the maximum number of blocks outside the heap."""


def keep_freed_memory() -> None:
    """Make glibc keep freed memory for reuse, until `return_freed_memory` is called."""
    with suppress(OSError, AttributeError, TypeError):
        library = ctypes.CDLL(None)
        library.mallopt(M_MMAP_MAX, 0)
        library.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def return_freed_memory() -> None:
    """Return to the system what glibc keeps of freed memory: tens of MiB after a compilation."""
    with suppress(OSError, AttributeError, TypeError):  # TypeError: on Windows the process has no such library
        ctypes.CDLL(None).malloc_trim(0)
