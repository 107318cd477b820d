"""Mixed-integer programmes of the selection, through PuLP and HiGHS: the only module with PuLP.

PuLP 3.3 reports HiGHS' time-outs as status "Optimal", with zeros where nothing was found. So a
proof is taken from `sol_status` alone, and every set is checked by its caller's own arithmetic.
"""

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

import numpy as np
import pulp
from numpy.typing import NDArray

from correlation.demands import Demands

Floats = NDArray[np.float64]
Chosen = tuple[int, ...]

# HiGHS calls two objectives equal when they differ by less than 1e-6: stretched, so that sums of
# affinities are told apart down to 1e-10.
_STRETCH = 1e4
_SAME = 1e-9

_FREE = Demands()


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


def _demand(problem: pulp.LpProblem, y: dict[int, pulp.LpVariable], demands: Demands) -> None:
    """Let the marked columns obey."""
    for j in demands.include:
        y[j].lowBound = 1
    for j in demands.exclude:
        y[j].upBound = 0
    for first, *others in demands.together:
        for j in others:
            problem += y[first] - y[j] == 0
    for group, least in demands.at_least:
        problem += pulp.lpSum([y[j] for j in set(group)]) >= least
    if not math.isinf(demands.most_cost):
        problem += _price(y, demands) <= demands.most_cost


def _price(y: dict[int, pulp.LpVariable], demands: Demands) -> pulp.LpAffineExpression:
    return pulp.LpAffineExpression([(v, demands.price([j])) for j, v in y.items()])


def cover_at_most(
    within: NDArray[np.bool_], budget: int, time_limit_s: float | None, demands: Demands = _FREE
) -> Cover:
    """Decide whether at most `budget` columns cover all rows (set covering).

    Parameters
    ----------
    within
        Bool (rows, columns): which column covers which row.
    budget
        The number of columns that may be used.
    time_limit_s
        After so many seconds the verdict is UNKNOWN; None waits.
    demands
        What the columns must obey besides.
    """
    problem = pulp.LpProblem("cover", pulp.LpMinimize)
    y = _binaries(problem, range(within.shape[1]))
    problem += pulp.lpSum(list(y.values()))
    problem += pulp.lpSum(list(y.values())) <= budget
    _demand(problem, y, demands)
    for row in within:
        problem += pulp.lpSum([y[int(j)] for j in np.flatnonzero(row)]) >= 1
    _solve(problem, time_limit_s)
    if problem.sol_status == pulp.LpSolutionInfeasible:
        return Cover(Verdict.NO)
    columns = _marked(y)
    covered = within[:, list(columns)].any(axis=1).all()
    if len(columns) <= budget and covered and demands.allow(columns):
        return Cover(Verdict.YES, columns)
    return Cover(Verdict.UNKNOWN)


def fewest(M: int, demands: Demands, *, cheapest: bool = False) -> Chosen | None:
    """The fewest (or the cheapest) of M columns that obey, or None where none do."""
    problem = pulp.LpProblem("fewest", pulp.LpMinimize)
    y = _binaries(problem, range(M))
    problem += _price(y, demands) if cheapest else pulp.lpSum(list(y.values()))
    _demand(problem, y, demands)
    _solve(problem, None)
    return _marked(y) if problem.sol_status == pulp.LpSolutionOptimal else None


def p_center_mip(
    distance: Floats,
    k: int,
    time_limit_s: float | None = None,
    *,
    demands: Demands = _FREE,
    aggregated: bool = False,
) -> Found:
    """K-center as one programme, verbatim from Yan 2020, eq. 5.6.

    Minimise z with sum_j x_ij = 1, sum_j y_j = k, x_ij <= y_j, d_ij x_ij <= z; x, y binary.
    Its relaxation is weak and its optimum is exact only to the solver's tolerance of 1e-6: it
    serves to check the search in small cases.

    Parameters
    ----------
    demands
        What the centres must obey besides; with more than single ones, k is the most.
    aggregated
        The stronger form: sum_j d_ij x_ij <= z, one row a point (Daskin 1995).
    """
    M = len(distance)
    problem = pulp.LpProblem("k_center", pulp.LpMinimize)
    z = problem.add_variable("z", lowBound=0)
    y = _binaries(problem, range(M))
    problem += z
    number = pulp.lpSum(list(y.values()))
    problem += number == k if demands.simple else number <= k
    _demand(problem, y, demands)
    for i in range(M):
        x = [problem.add_variable(f"x_{i}_{j}", 0, 1, pulp.LpBinary) for j in range(M)]
        problem += pulp.lpSum(x) == 1
        links = [float(distance[i, j]) * x[j] for j in range(M)]
        for row in [pulp.lpSum(links)] if aggregated else links:
            problem += row <= z
        for j in range(M):
            problem += x[j] <= y[j]
    _solve(problem, time_limit_s)
    chosen = _marked(y)
    proven = problem.sol_status == pulp.LpSolutionOptimal
    fits = 0 < len(chosen) <= k and demands.allow(chosen)
    return Found(chosen if fits else None, proven)


def fractional_packing(within: NDArray[np.bool_]) -> Floats:
    """Weights of rows with the largest sum, such that no column covers more than 1 of it.

    By duality the sum is what a fractional cover needs at least, and so any cover.

    Parameters
    ----------
    within
        Bool (rows, columns).
    """
    problem = pulp.LpProblem("packing", pulp.LpMaximize)
    w = [problem.add_variable(f"w_{i}", 0, 1) for i in range(len(within))]
    problem += pulp.lpSum(w)
    for column in within.T:
        problem += pulp.lpSum([w[int(i)] for i in np.flatnonzero(column)]) <= 1
    _solve(problem, None)
    return np.array([max(0.0, v.varValue or 0.0) for v in w])


class _KMedian:
    """The programme of `k_median_within`, built once and solved for one key after the other."""

    def __init__(
        self,
        distance: Floats,
        radius: float,
        k: int,
        demands: Demands,
    ) -> None:
        self.problem = pulp.LpProblem("k_median", pulp.LpMinimize)
        self.y = _binaries(self.problem, range(len(distance)))
        number = pulp.lpSum(list(self.y.values()))
        self.problem += number == k if demands.simple else number <= k
        _demand(self.problem, self.y, demands)
        allowed = [j for j in range(len(distance)) if j not in demands.exclude]
        terms = []
        for i in range(len(distance)):
            links = [j for j in allowed if j != i and distance[i, j] <= radius]
            x = [self.problem.add_variable(f"x_{i}_{j}", 0, 1) for j in links]
            self.problem += pulp.lpSum([self.y[i], *x]) >= 1
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
    demands: Demands = _FREE,
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
    demands
        What the centres must obey; with more than single ones, k is the most.
    time_limit_s
        For all solves together; None waits.

    Returns
    -------
    Found
        Not proven where time ran out: then the best set so far, or None.
    """
    deadline = np.inf if time_limit_s is None else time.perf_counter() + time_limit_s
    programme = _KMedian(distance, radius, k, demands)
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
        if max(best) < j:
            break
        if y.upBound == 0:
            continue
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
