"""Exact K-center: k centres that keep the farthest point as near as possible.

The smallest radius is one of the distances. So it is found by bisection over them (Minieka 1970):
"do k columns reach every row within r?" is a covering question that `covers` answers exactly.
Distances are compared as they are, never within a solver's tolerance.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from correlation.covers import decide_cover
from correlation.demands import Demands, with_closure
from correlation.mip import Cover, Verdict, cover_at_most, fewest, k_median_within, p_center_mip
from datasets.errors import SelectionError, ShapeMismatchError

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

_MANY = 250  # points from which on it pays to begin with some of them
_ROWS = 20  # points that come to those at a time

OnBounds = Callable[[float, float], object]

METHODS = ("search", "mip", "mip-aggregated")

_FREE = Demands()


@dataclass(frozen=True, slots=True)
class KCenterResult:
    """A set of centres and what is proven about it.

    Parameters
    ----------
    centers
        k indices, increasing.
    radius
        Largest distance of a point from its nearest centre.
    proven
        Whether no other set has a smaller radius.
    bound
        Proven: no set has a radius below this. Equal to `radius` where `proven`.
    seconds
        Wall time of the search.
    decisions
        Covering questions asked.
    ties_broken
        Whether the set is proven to be the first of all optimal ones by the order of
        `break_ties`.
    """

    centers: tuple[int, ...]
    radius: float
    proven: bool
    bound: float
    seconds: float = 0.0
    decisions: int = 0
    ties_broken: bool = False

    @property
    def gap(self) -> float:
        """How much smaller the radius could be at best, radius - bound."""
        return self.radius - self.bound


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """A checked question: distances (M, M), centres wanted, and what they must obey."""

    distance: Floats
    k: int
    demands: Demands
    allowed: tuple[int, ...]

    def radius(self, centers: Sequence[int]) -> float:
        return float(self.distance[:, list(centers)].min(axis=1).max())


def k_center(  # noqa: PLR0913 - what may be asked of one search
    distance: ArrayLike,
    k: int,
    demands: Demands = _FREE,
    *,
    time_limit_s: float | None = None,
    on_bounds: OnBounds | None = None,
    method: str = "search",
    directed: bool = False,
) -> KCenterResult:
    """Choose k centres with the smallest radius, proven.

    There are often many optimal sets; this returns one of them, always the same. `break_ties`
    turns it into a particular one.

    Parameters
    ----------
    distance
        float (M, M), symmetric, finite, not negative, zero on the diagonal: in row i how far
        each centre is from point i. It need not obey the triangle inequality.
    k
        Number of centres, 1 to M. Demands on groups or costs make it the most: then fewer may
        be returned.
    demands
        What the centres must obey besides.
    time_limit_s
        After so many seconds the best set so far is returned, with ``proven=False`` and the
        bound reached; None waits.
    on_bounds
        Told what no radius can undercut and the smallest found, after every question.
    method
        ``"search"``; ``"mip"`` for the one programme of Yan 2020, eq. 5.6, or
        ``"mip-aggregated"`` for its stronger form (both slow, exact to 1e-6), which check it.
    directed
        Whether distances may differ by direction.

    Raises
    ------
    ShapeMismatchError
        If `distance` is not such a matrix.
    SelectionError
        If no set meets the demands, or the programme found none in time.

    Examples
    --------
    >>> result = k_center([[0, 1, 5], [1, 0, 4], [5, 4, 0]], 2)
    >>> result.radius, result.proven
    (1.0, True)
    """
    began = time.perf_counter()
    problem = _checked(distance, k, demands)
    if not (directed or _symmetric(problem.distance)):
        raise ShapeMismatchError("distances must be symmetric")
    if method not in METHODS:
        raise SelectionError(f"unknown method {method!r}; known are {', '.join(METHODS)}")
    if method == "search":
        deadline = np.inf if time_limit_s is None else began + time_limit_s
        result = _Search(problem, deadline, on_bounds).result()
    else:
        result = _by_programme(problem, time_limit_s, aggregated=method != "mip")
    return replace(result, seconds=time.perf_counter() - began)


def _checked(distance: ArrayLike, k: int, demands: Demands) -> _Problem:
    matrix = np.asarray(distance, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or len(matrix) == 0:
        raise ShapeMismatchError(f"distances must be a square matrix, got {matrix.shape}")
    if not np.isfinite(matrix).all() or (matrix < 0).any() or np.diagonal(matrix).any():
        problem = "distances must be finite, not negative, and zero on the diagonal"
        raise ShapeMismatchError(problem)
    M = len(matrix)
    for i in demands.landmarks:
        if not 0 <= i < M:
            raise SelectionError(f"there is no point {i}; they are counted 0 to {M - 1}")
    if demands.cost is not None and len(demands.cost) != M:
        raise SelectionError(f"expected {M} costs, got {len(demands.cost)}")
    demands = with_closure(demands)
    must, mustnot = demands.include, demands.exclude
    if not max(1, len(must)) <= k <= (M - len(mustnot) if demands.simple else M):
        problem = f"cannot choose {k} of {M} points with {len(must)} included"
        raise SelectionError(f"{problem} and {len(mustnot)} excluded")
    allowed = tuple(j for j in range(M) if j not in mustnot)
    return _Problem(matrix, k, demands, allowed)


def _symmetric(distance: Floats) -> bool:
    """Whether distances are the same in both directions, but for rounding."""
    turned = distance.T
    return np.array_equal(distance, turned) or np.allclose(distance, turned, rtol=1e-9, atol=0.0)


def reachable(distance: ArrayLike, radius: float, k: int, demands: Demands = _FREE) -> Verdict:
    """Whether some k centres (at most k, with demands on groups or costs) have such a radius."""
    try:
        problem = _checked(distance, k, demands)
    except SelectionError:
        return Verdict.NO
    return _Question(problem, np.arange(len(problem.distance))).answer(radius, np.inf).verdict


class _Search:
    """Bisection over the distances from some rows, which grow until they speak for all.

    What no k centres can do for some points they cannot do for all, so a radius that is proven
    for some is a bound; when the centres found serve all points as well, it is the optimum (Chen
    and Chen 2009).
    """

    def __init__(self, problem: _Problem, deadline: float, on_bounds: OnBounds | None) -> None:
        self._problem, self._deadline, self._on_bounds = problem, deadline, on_bounds
        self._best = _first_centers(problem)
        self._radius = problem.radius(self._best)
        self._bound = _lower_bound(problem)
        self._decisions = 0
        self._given_up = False

    def result(self) -> KCenterResult:
        """Search until the optimum is proven, or time is up."""
        rows = self._first_rows()
        while self._bound < self._radius and not self._given_up:
            serving = self._serve(rows)
            rows = np.union1d(rows, self._worst_served(serving))
        radius = self._radius
        bound = min(self._bound, radius)
        return KCenterResult(self._best, radius, bound == radius, bound, decisions=self._decisions)

    def _first_rows(self) -> Indices:
        M, k = len(self._problem.distance), self._problem.k
        few = 2 * k + _ROWS
        if M <= _MANY or 2 * few > M:
            return np.arange(M)
        return np.array(_spread(self._problem, self._best, few))

    def _serve(self, rows: Indices) -> tuple[int, ...]:
        """Raise the bound to the smallest radius for some rows, and return centres that have it."""
        distance = self._problem.distance[rows]
        question = _Question(self._problem, rows)
        values = distance[:, self._problem.allowed]
        values = np.unique(values[(values >= self._bound) & (values < self._radius)])
        serving, low, high = self._best, 0, len(values)
        proven = 0
        self._raise_bound(values, proven)
        while low < high:
            middle = (low + high) // 2
            self._decisions += 1
            answer = question.answer(float(values[middle]), self._deadline)
            if answer.verdict is Verdict.YES:
                serving = answer.columns
                self._keep(serving)
                reached = distance[:, list(serving)].min(axis=1).max()
                high = int(np.searchsorted(values, reached))
            else:
                low = middle + 1
            if answer.verdict is Verdict.NO:  # UNKNOWN moves the search on, but proves nothing
                proven = low
            self._raise_bound(values, proven)
        self._given_up = proven < high
        return serving

    def _raise_bound(self, values: Floats, proven: int) -> None:
        """Take note that the first `proven` of these radii are out of reach, and tell it."""
        bound = float(values[proven]) if proven < len(values) else self._radius
        self._bound = max(self._bound, min(bound, self._radius))
        if self._on_bounds is not None:
            self._on_bounds(self._bound, self._radius)

    def _keep(self, centers: tuple[int, ...]) -> None:
        radius = self._problem.radius(centers)
        if radius < self._radius:
            self._best, self._radius = centers, radius

    def _worst_served(self, centers: tuple[int, ...]) -> Indices:
        """Points that these centres serve worse than the bound, spread over the places they are."""
        distance = self._problem.distance
        nearest = distance[:, list(centers)].min(axis=1)
        added: list[int] = []
        while len(added) < _ROWS and nearest.max() > self._bound:
            added.append(int(np.argmax(nearest)))
            nearest = np.minimum(nearest, distance[:, added[-1]])
        return np.array(added, dtype=int)


class _Question:
    """Whether k centres reach some points within a radius, and which."""

    def __init__(self, problem: _Problem, rows: Indices) -> None:
        self._problem, self._include = problem, list(problem.demands.include)
        distance = problem.distance[rows]
        free = np.setdiff1d(problem.allowed, self._include)
        # Whatever has few others nearby comes first: covers are then decided fastest.
        far = np.argsort(-distance.sum(axis=1), kind="stable")
        self._free = free[np.argsort(-distance[:, free].sum(axis=0), kind="stable")]
        self._distance = distance[far]
        self._to_free = self._distance[:, self._free]
        self._served = self._distance[:, self._include].min(axis=1, initial=np.inf)

    def answer(self, radius: float, deadline: float) -> Cover:
        """The centres, in all k where single ones are all that is demanded; UNKNOWN in time."""
        problem = self._problem
        if not problem.demands.simple:
            limit = None if np.isinf(deadline) else max(0.0, deadline - time.perf_counter())
            return cover_at_most(self._distance <= radius, problem.k, limit, problem.demands)
        open_ = self._to_free[self._served > radius]
        cover = decide_cover(open_ <= radius, problem.k - len(self._include), deadline)
        if cover.verdict is not Verdict.YES:
            return cover
        centers = (*self._include, *(int(self._free[j]) for j in cover.columns))
        return Cover(Verdict.YES, _farthest_first(problem, centers))


def _first_centers(problem: _Problem) -> tuple[int, ...]:
    """Centres that obey, from which the search starts."""
    if problem.demands.simple:
        return _farthest_first(problem, problem.demands.include)
    needed = fewest(len(problem.distance), problem.demands)
    if needed is None:
        raise SelectionError("no set meets all demands, whatever its size")
    if len(needed) > problem.k:
        problem_ = f"what is demanded takes {len(needed)} points at least, and {problem.k}"
        raise SelectionError(f"{problem_} may be chosen")
    if needed:
        return needed
    everything = np.zeros((1, len(problem.distance)), dtype=bool)
    everything[0, list(problem.allowed)] = True  # one centre at least
    answer = cover_at_most(everything, problem.k, None, problem.demands)
    if answer.verdict is not Verdict.YES:
        raise SelectionError("what is demanded leaves no point that may be chosen")
    return answer.columns


def _farthest_first(problem: _Problem, start: Sequence[int]) -> tuple[int, ...]:
    """Fill `start` up to k centres, each time with the allowed one nearest to the farthest point.

    Without a start, the best single centre is the first (after Gonzalez 1985).
    """
    distance = problem.distance
    centers = list(start)
    if not centers:
        allowed = np.array(problem.allowed)
        centers = [int(allowed[np.argmin(distance[:, allowed].max(axis=0))])]
    nearest = distance[:, centers].min(axis=1)
    taken = np.full(len(distance), np.inf)
    taken[list(problem.allowed)] = 0.0
    taken[centers] = np.inf
    while len(centers) < problem.k:
        added = int(np.argmin(distance[int(np.argmax(nearest))] + taken))
        centers.append(added)
        taken[added] = np.inf
        nearest = np.minimum(nearest, distance[:, added])
    return tuple(sorted(centers))


def _spread(problem: _Problem, start: Sequence[int], count: int) -> list[int]:
    """Points far from each other, those that these centres serve worst first."""
    nearest = problem.distance[:, list(start)].min(axis=1)
    points: list[int] = []
    for _ in range(count):
        points.append(int(np.argmax(nearest)))
        nearest = np.minimum(nearest, problem.distance[:, points[-1]])
        nearest[points[-1]] = -1.0
    return points


def _lower_bound(problem: _Problem) -> float:
    """A distance that no set can beat: at most k points serve themselves, the rest have others."""
    others = problem.distance.copy()
    np.fill_diagonal(others, np.inf)
    nearest_other = np.sort(others[:, problem.allowed].min(axis=1))
    served = len(nearest_other) - problem.k
    return float(nearest_other[served - 1]) if served > 0 else 0.0


def _by_programme(
    problem: _Problem, time_limit_s: float | None, *, aggregated: bool
) -> KCenterResult:
    found = p_center_mip(
        problem.distance,
        problem.k,
        time_limit_s,
        demands=problem.demands,
        aggregated=aggregated,
    )
    if found.chosen is None:
        raise SelectionError("the programme found no set in the time given")
    radius = problem.radius(found.chosen)
    bound = radius if found.proven else 0.0
    return KCenterResult(found.chosen, radius, found.proven, bound, decisions=1)


def break_ties(
    distance: ArrayLike,
    result: KCenterResult,
    k: int,
    demands: Demands = _FREE,
    *,
    time_limit_s: float | None = None,
) -> KCenterResult:
    """Of all sets with the same radius, the one with the smallest mean distance to its centres.

    Then the one whose centres are nearest to all points, then the one with the smallest indices
    (see `k_median_within`). If time runs out, the best set found is kept and ``ties_broken``
    stays False.
    """
    began = time.perf_counter()
    problem = _checked(distance, k, demands)
    found = k_median_within(problem.distance, result.radius, k, problem.demands, time_limit_s)
    seconds = result.seconds + time.perf_counter() - began
    if found.chosen is None or problem.radius(found.chosen) > result.radius:
        return replace(result, seconds=seconds)
    centers = tuple(sorted(found.chosen))
    return replace(
        result,
        centers=centers,
        radius=problem.radius(centers),  # smaller by chance where it was not proven
        seconds=seconds,
        ties_broken=found.proven,
    )
