"""95 % intervals of shares: what the limited number of test images leaves open about them."""

import math
from dataclasses import dataclass
from statistics import NormalDist

LEVEL = 0.95
Z = NormalDist().inv_cdf((1 + LEVEL) / 2)


@dataclass(frozen=True)
class Interval:
    """The bounds of a 95 % interval, both of them in it."""

    lower: float
    upper: float


def wilson(n_hits: int, n: int) -> Interval:
    """Interval of a share of independent images: the score interval, without continuity correction.

    Unlike the share ± 1.96 standard errors it stays within [0, 1], and has a width where all or none are hits.
    Wilson 1927, JASA 22:209; recommended by Newcombe 1998, Statistics in Medicine 17:857 (method 3).

    Args:
        n_hits: how many of the images are hits.
        n: how many images there are; nothing is known of the share of none.
    """
    if n == 0:
        return Interval(0.0, 1.0)
    share, shrinkage = n_hits / n, 1 + Z**2 / n
    centre = (share + Z**2 / (2 * n)) / shrinkage
    margin = Z / shrinkage * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return Interval(centre - margin if n_hits else 0.0, centre + margin if n_hits < n else 1.0)


def f1(n_hits: int, n_either: int) -> Interval:
    """Interval of the F1 of one class.

    F1 is 2 J / (1 + J), where J is the share of hits among the images that are of the class or predicted as such
    (Hand, Christen and Kirielle 2021, Machine Learning 110:451). J has Wilson's interval, whose bounds F1 takes on.

    Args:
        n_hits: images of the class predicted as such.
        n_either: images of the class or predicted as such.
    """
    jaccard = wilson(n_hits, n_either)
    return Interval(*(2 * bound / (1 + bound) for bound in (jaccard.lower, jaccard.upper)))
