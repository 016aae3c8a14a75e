"""Prepares a photo as the makers of Fashion-MNIST prepared theirs (arXiv 1708.07747, section 2).

`templates/report/try-it.js` does the same in the page, with the same rounding.
"""

import numpy as np
from numpy.typing import NDArray

UInt8 = NDArray[np.uint8]


def prepare_photo(photo: UInt8) -> UInt8:
    """Turn a photo of an article on a light background into what the network expects.

    Args:
        photo: Shape (height, width, 3).

    Returns:
        Grey pixels on black, shape (28, 28).
    """
    raise NotImplementedError
