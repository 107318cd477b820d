"""How forced a choice is: the number of equally good ones, and what all of them share."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from correlation.covers import CoverSearch, TooManyNodesError
from correlation.demands import Demands
from correlation.kcenter import KCenterResult, reachable
from correlation.mip import Verdict

MOST = 10_000
_MOST_NODES = 50_000  # a quarter of a second


@dataclass(frozen=True, slots=True)
class Ties:
    """The sets of k centres with the smallest radius.

    Parameters
    ----------
    count
        How many there are; None where they were not counted.
    capped
        Whether there are as many or more.
    forced
        Centres that every one of them has.
    """

    count: int | None
    capped: bool
    forced: tuple[int, ...]


def ties_of(
    distance: ArrayLike, result: KCenterResult, k: int, demands: Demands, most: int = MOST
) -> Ties:
    """How many sets are as good as a proven result, and which centres are in all of them.

    Parameters
    ----------
    distance
        As for `correlation.kcenter.k_center`.
    result
        What it gave for `k` and `demands`; proven.
    most
        Counted up to here. With demands on groups or costs nothing is counted.
    """
    matrix = np.asarray(distance, dtype=np.float64)
    forced = tuple(j for j in result.centers if _is_forced(matrix, result.radius, k, demands, j))
    if not demands.simple:
        return Ties(None, capped=False, forced=forced)
    include = list(demands.include)
    within = matrix <= result.radius
    open_ = ~within[:, include].any(axis=1)
    free = np.setdiff1d(np.arange(len(matrix)), [*include, *demands.exclude])
    search = CoverSearch(within[np.ix_(open_, free)], _MOST_NODES)
    try:
        count = search.count(k - len(include), most)
    except TooManyNodesError:
        return Ties(None, capped=False, forced=forced)
    return Ties(count, count >= most, forced)


def _is_forced(
    matrix: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    radius: float,
    k: int,
    demands: Demands,
    center: int,
) -> bool:
    """Whether without this centre the radius is out of reach."""
    if center in demands.include:
        return True
    without = demands.without(center)
    return reachable(matrix, radius, k, without) is Verdict.NO
