"""Why no other choice is better: proofs that can be checked without the search that found them.

A better choice of k centres would serve every point within a radius below the optimum. That it
cannot is shown, in order of how plainly, by

- k + 1 points no two of which share a centre within it (a packing);
- weights of the points, of which no centre reaches more than 1 and whose sum is above k: by
  duality a cover needs as many centres as that sum (a dual);
- the size of the tree of all cases that were looked at (a search).

`verify` checks the first two in whole numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from correlation.covers import CoverSearch, TooManyNodesError, packing, reduced
from correlation.demands import Demands
from correlation.mip import fractional_packing

PACKING, DUAL, SEARCH = "packing", "dual", "search"

_UNIT = 10**6  # weights are kept as whole numbers of a millionth
_MOST_NODES = 50_000

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Certificate:
    """A proof that no k centres have a radius below a given one.

    Parameters
    ----------
    kind
        `PACKING`, `DUAL` or `SEARCH`.
    radius
        What no choice undercuts.
    k
        Number of centres.
    points
        Of a packing its k + 1 points (one less for every centre that had to be included), of a
        dual those with weight.
    weights
        Whole numbers, one a point, in millionths; a packing's are all one million.
    nodes
        Of a search the cases that were looked at; 0 otherwise, and where a programme looked.
    """

    kind: str
    radius: float
    k: int
    points: tuple[int, ...] = ()
    weights: tuple[int, ...] = ()
    nodes: int = 0

    def sentence(self, names: Sequence[str]) -> str:
        """The proof in words, for points that are landmarks with these names."""
        if self.kind == SEARCH:
            how = f"in {self.nodes} cases" if self.nodes else "by a mixed-integer programme"
            return f"All other choices were looked at, {how}."
        named = ", ".join(names[i] for i in self.points)
        if len(self.points) == 1:
            return f"No landmark that may be chosen would serve this one better: {named}."
        if self.kind == PACKING:
            return f"No landmark would serve two of these {len(self.points)} better: {named}."
        total = sum(self.weights) / _UNIT
        return (
            f"These landmarks carry weights of {total:.4f} in all, of which no landmark would "
            f"serve more than 1 better: {named}."
        )


def certify(distance: ArrayLike, radius: float, k: int, demands: Demands) -> Certificate | None:
    """The plainest proof that no k centres have a radius below `radius`, which is the optimum.

    Parameters
    ----------
    distance
        float (M, M), as for `correlation.kcenter.k_center`.
    radius
        The proven optimum.
    k
        Number of centres.
    demands
        What they must obey. Only single landmarks count here: demands on groups and costs make
        a choice no better, so a packing or dual still holds, but there may be none.

    Returns
    -------
    Certificate
        None where there is no smaller radius to refute, as nothing is closer.
    """
    matrix = np.asarray(distance, dtype=np.float64)
    open_, columns, budget = _question(matrix, radius, k, demands)
    within = matrix[np.ix_(open_, columns)] < radius
    if not len(open_) or radius <= 0:
        return None
    alone = np.flatnonzero(~within.any(axis=1))
    if len(alone):  # no centre is that near, whatever the others are
        return Certificate(DUAL, radius, k, (int(open_[alone[0]]),), ((budget + 1) * _UNIT,))
    apart = packing(within)
    if len(apart) > budget:
        points = tuple(sorted(int(open_[i]) for i in apart[: budget + 1]))
        return Certificate(PACKING, radius, k, points, (_UNIT,) * len(points))
    weights = np.floor(fractional_packing(within) * (_UNIT - 1)).astype(np.int64)
    weighty = np.flatnonzero(weights)
    kind = PACKING if len(weighty) > budget and _apart(within[weighty]) else DUAL
    if kind == PACKING:
        weighty = weighty[: budget + 1]
        weights[weighty] = _UNIT
    if weights[weighty].sum() > budget * _UNIT:
        points = tuple(int(open_[i]) for i in weighty)
        return Certificate(kind, radius, k, points, tuple(int(weights[i]) for i in weighty))
    return Certificate(SEARCH, radius, k, nodes=_nodes(within, budget) if demands.simple else 0)


def verify(
    certificate: Certificate, distance: ArrayLike, demands: Demands, radius: float, k: int
) -> bool:
    """Whether a packing or dual proves that no k centres have a smaller radius, in whole numbers.

    Written apart from the search: it knows nothing but distances and the definition. Of a search
    it can tell nothing, and says no.
    """
    if certificate.kind == SEARCH or certificate.k != k or certificate.radius != radius:
        return False
    rows = np.asarray(distance, dtype=np.float64).tolist()
    must, mustnot = set(demands.include), set(demands.exclude)
    weight = dict(zip(certificate.points, certificate.weights, strict=True))
    if any(value < 0 or any(rows[i][j] < radius for j in must) for i, value in weight.items()):
        return False
    for j in range(len(rows)):
        reached = sum(value for i, value in weight.items() if rows[i][j] < radius)
        if j not in mustnot and reached > _UNIT:
            return False
    return sum(weight.values()) > (k - len(must)) * _UNIT


def _question(
    matrix: Floats, radius: float, k: int, demands: Demands
) -> tuple[NDArray[np.intp], NDArray[np.intp], int]:
    """Points that the included centres do not serve, centres that may serve them, how many."""
    include = list(demands.include)
    served = (matrix[:, include] < radius).any(axis=1)
    columns = np.setdiff1d(np.arange(len(matrix)), demands.exclude)
    return np.flatnonzero(~served), columns, k - len(include)


def _apart(within: NDArray[np.bool_]) -> bool:
    """Whether no column covers two of these rows."""
    return bool((within.sum(axis=0) <= 1).all())


def _nodes(within: NDArray[np.bool_], budget: int) -> int:
    core = reduced(within, budget)
    if core is None:
        return 1
    search = CoverSearch(core.within, _MOST_NODES)
    try:
        search.cover(budget - len(core.forced))
    except TooManyNodesError:
        return 0
    return max(1, search.nodes)
