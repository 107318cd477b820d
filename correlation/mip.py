"""Mixed-integer programmes of the selection, through PuLP and HiGHS: the only module with PuLP.

PuLP 3.3 reports HiGHS' time-outs as status "Optimal", with zeros where nothing was found. So a
proof is taken from `sol_status` alone, and every set is checked by its caller's own arithmetic.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import pulp
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Chosen = tuple[int, ...]

# HiGHS calls two objectives equal when they differ by less than 1e-6: stretched, so that sums of
# affinities are told apart down to 1e-10.
_STRETCH = 1e4
_SAME = 1e-9


class Verdict(Enum):
    """What is known of a question: unknown, after a time-out, is not the same as no."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Cover:
    """Whether few columns cover all rows, and if so which."""

    verdict: Verdict
    columns: Chosen = ()


@dataclass(frozen=True, slots=True)
class Found:
    """A set found by a programme, None if there was no time for any, and whether it is proven."""

    chosen: Chosen | None
    proven: bool


def _solve(problem: pulp.LpProblem, time_limit_s: float | None) -> None:
    limit = None if time_limit_s is None else max(time_limit_s, 0.0)
    problem.solve(pulp.HiGHS(msg=False, gapRel=0.0, gapAbs=0.0, threads=1, timeLimit=limit))


def _marked(variables: dict[int, pulp.LpVariable]) -> Chosen:
    return tuple(j for j, y in variables.items() if (y.varValue or 0.0) > 0.5)


def _binaries(problem: pulp.LpProblem, columns: Iterable[int]) -> dict[int, pulp.LpVariable]:
    return {j: problem.add_variable(f"y_{j}", 0, 1, pulp.LpBinary) for j in columns}


def cover_at_most(within: NDArray[np.bool_], budget: int, time_limit_s: float | None) -> Cover:
    """Decide whether at most `budget` columns cover all rows (set covering).

    Parameters
    ----------
    within
        Bool (rows, columns): which column covers which row.
    budget
        The number of columns that may be used.
    time_limit_s
        After so many seconds the verdict is UNKNOWN; None waits.
    """
    problem = pulp.LpProblem("cover", pulp.LpMinimize)
    y = _binaries(problem, range(within.shape[1]))
    problem += pulp.lpSum(list(y.values()))
    problem += pulp.lpSum(list(y.values())) <= budget
    for row in within:
        problem += pulp.lpSum([y[int(j)] for j in np.flatnonzero(row)]) >= 1
    _solve(problem, time_limit_s)
    if problem.sol_status == pulp.LpSolutionInfeasible:
        return Cover(Verdict.NO)
    columns = _marked(y)
    if len(columns) <= budget and within[:, list(columns)].any(axis=1).all():
        return Cover(Verdict.YES, columns)
    return Cover(Verdict.UNKNOWN)


def p_center_mip(distance: Floats, k: int, time_limit_s: float | None = None) -> Found:
    """K-center as one programme, verbatim from Yan 2020, eq. 5.6.

    Minimise z with sum_j x_ij = 1, sum_j y_j = k, x_ij <= y_j, d_ij x_ij <= z; x, y binary.
    Its relaxation is weak and its optimum is exact only to the solver's tolerance of 1e-6: it
    serves to check the search in small cases.
    """
    M = len(distance)
    problem = pulp.LpProblem("k_center", pulp.LpMinimize)
    z = problem.add_variable("z", lowBound=0)
    y = _binaries(problem, range(M))
    problem += z
    problem += pulp.lpSum(list(y.values())) == k
    for i in range(M):
        x = [problem.add_variable(f"x_{i}_{j}", 0, 1, pulp.LpBinary) for j in range(M)]
        problem += pulp.lpSum(x) == 1
        for j in range(M):
            problem += x[j] <= y[j]
            problem += float(distance[i, j]) * x[j] <= z
    _solve(problem, time_limit_s)
    chosen = _marked(y)
    proven = problem.sol_status == pulp.LpSolutionOptimal
    return Found(chosen if len(chosen) == k else None, proven)


class _KMedian:
    """The programme of `k_median_within`, built once and solved for one key after the other."""

    def __init__(
        self,
        distance: Floats,
        radius: float,
        k: int,
        include: Sequence[int],
        allowed: Sequence[int],
    ) -> None:
        self.problem = pulp.LpProblem("k_median", pulp.LpMinimize)
        self.y = _binaries(self.problem, allowed)
        for j in include:
            self.y[j].lowBound = 1
        self.problem += pulp.lpSum(list(self.y.values())) == k
        terms = []
        for i in range(len(distance)):
            links = [j for j in allowed if j != i and distance[i, j] <= radius]
            x = [self.problem.add_variable(f"x_{i}_{j}", 0, 1) for j in links]
            itself = [self.y[i]] if i in self.y else []
            self.problem += pulp.lpSum([*itself, *x]) >= 1
            for j, link in zip(links, x, strict=True):
                self.problem += link <= self.y[j]
                terms.append((link, _STRETCH * float(distance[i, j])))
        self.cost = pulp.LpAffineExpression(terms)
        sums = _STRETCH * distance.sum(axis=0)
        self.remoteness = pulp.LpAffineExpression([(v, float(sums[j])) for j, v in self.y.items()])
        self.repeat = self.problem.add_variable("repeat", 0, 1)

    def least(self, objective: pulp.LpAffineExpression, deadline: float) -> Found:
        """The set with the least value of an objective; None and proven where there is none."""
        self.problem.setObjective(objective)
        limit = deadline - time.perf_counter()
        _solve(self.problem, limit if np.isfinite(limit) else None)
        if self.problem.sol_status == pulp.LpSolutionInfeasible:
            return Found(None, proven=True)
        return Found(_marked(self.y), self.problem.sol_status == pulp.LpSolutionOptimal)

    def hold(self, objective: pulp.LpAffineExpression, value: float) -> None:
        """From now on an objective may not exceed a value, but for rounding."""
        self.problem += objective <= _STRETCH * (value + _SAME)

    def rule_out(self, chosen: Chosen) -> None:
        """Demand another set than this one, until `repeat` may be 1 again."""
        members = pulp.lpSum([self.y[j] for j in chosen])
        self.problem += members - self.repeat <= len(chosen) - 1
        self.repeat.upBound = 0


def k_median_within(
    distance: Floats,
    radius: float,
    k: int,
    include: Sequence[int] = (),
    exclude: Sequence[int] = (),
    time_limit_s: float | None = None,
) -> Found:
    """The best of all sets of k centres whose radius is at most `radius`.

    Best is, in this order: the smallest sum of distances to the nearest centre (k-median); the
    smallest sum of the centres' distances to all; the smallest indices. Each key is a solve of
    its own with the former ones held, so that none is traded for another.

    Parameters
    ----------
    distance
        float64 (M, M), zero diagonal.
    radius
        Links longer than this are left out; some set must reach it.
    k
        Number of centres.
    include, exclude
        Indices that must and must not be centres.
    time_limit_s
        For all solves together; None waits.

    Returns
    -------
    Found
        Not proven where time ran out: then the best set so far, or None.
    """
    deadline = np.inf if time_limit_s is None else time.perf_counter() + time_limit_s
    allowed = [j for j in range(len(distance)) if j not in set(exclude)]
    programme = _KMedian(distance, radius, k, include, allowed)
    near = programme.least(programme.cost, deadline)
    if not near.proven or near.chosen is None:
        return Found(None, proven=False)
    programme.hold(programme.cost, float(distance[:, near.chosen].min(axis=1).sum()))
    central = programme.least(programme.remoteness, deadline)
    if not central.proven or central.chosen is None:
        return Found(near.chosen, proven=False)
    programme.hold(programme.remoteness, float(distance[:, central.chosen].sum()))
    return _smallest_indices(programme, central.chosen, deadline)


def _smallest_indices(programme: _KMedian, best: Chosen, deadline: float) -> Found:
    programme.rule_out(best)
    other = programme.least(programme.remoteness, deadline)
    if not other.proven or other.chosen is None:  # None: the set is the only one
        return Found(best, other.proven)
    programme.repeat.upBound = 1
    for j, y in programme.y.items():
        if sum(i < j for i in best) == len(best):
            break
        y.lowBound = 1
        if j in best:
            continue
        found = programme.least(programme.remoteness, deadline)
        if not found.proven:
            return Found(best, proven=False)
        if found.chosen is None:
            y.lowBound, y.upBound = 0, 0
        else:
            best = found.chosen
    return Found(best, proven=True)
