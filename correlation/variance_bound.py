"""How little any m landmarks can leave open: proven lower bounds."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from correlation.units import Units

_STEPS = 100
_CLOSE = 0.005  # gap of the relaxation, in parts of its value, at which it rests
_DIGITS = 1e-10  # share of the largest eigenvalue below which the smallest is not known well
_ROUNDING = 1e-12  # see `correlation.demands`

Array = NDArray[np.float64]


def lower_bound(prior: Array, noise: Array, clicks: Array, units: Units) -> float:
    """The larger of `projection_bound` and `relaxation_bound`: no choice leaves less variance.

    Parameters
    ----------
    prior
        float64 (M D, M D): covariance of all coordinates while nothing is known.
    noise
        float64 (M,), positive: variance of a click's coordinate that completing assumes.
    clicks
        float64 (M,): variance of a click's coordinate that counts as error.
    units
        What may be chosen.
    """
    bounds = (bound(prior, noise, clicks, units) for bound in (projection_bound, relaxation_bound))
    return max(bounds)


def projection_bound(prior: Array, noise: Array, clicks: Array, units: Units) -> float:
    r"""What the best linear measurements would leave open, be they landmarks or not.

    Let :math:`K = \Sigma + N` be the covariance of clicks on all landmarks, N that of the clicks
    about the landmarks. The clicks that are not made, given those of S, have the covariance of
    the landmarks left open plus their own noise, so the residual variance is

    .. math:: \operatorname{tr} \operatorname{cov}(z \mid z_S)
        - \sum_{i \notin S} D \nu_i + \sum_{i \in S} D c_i .

    With the included landmarks known, S adds k D numbers more. No k D linear measurements leave
    a smaller trace than the sum of all but the k D largest eigenvalues of the covariance of z,
    by which principal components are defined (Fan 1949, thm. 1; Okamoto 1969). The least over
    k = 0 ... m - \|include\| of this and of the k cheapest clicks bounds every choice.
    """
    D = len(prior) // len(noise)
    include = list(units.demands.include)
    known = np.zeros(len(noise), dtype=bool)
    known[include] = True
    rows = np.repeat(known, D)
    total = prior + np.diag(np.repeat(noise, D))
    gain = np.linalg.solve(total[np.ix_(rows, rows)], total[np.ix_(rows, ~rows)])
    left = total[np.ix_(~rows, ~rows)] - total[np.ix_(~rows, rows)] @ gain
    values = np.maximum(np.linalg.eigvalsh((left + left.T) / 2), 0.0)
    tails = np.concatenate([[0.0], np.cumsum(values)])
    free = [i for unit in units.members for i in unit if not known[i]]
    costs = np.concatenate([[0.0], np.cumsum(np.sort((clicks + noise)[free]))])
    most = min(units.most - len(include), len(free))
    counts = np.arange(most + 1)
    least = tails[len(values) - counts * D] + D * costs[counts]
    return float(least.min() + D * ((clicks + noise)[include].sum() - noise.sum()))


def relaxation_bound(prior: Array, noise: Array, clicks: Array, units: Units) -> float:
    r"""What parts of landmarks would leave open: a convex relaxation.

    As in `projection_bound`, but with the covariance of clicks split anew,
    :math:`K = U + \tau I`, where tau is the smallest eigenvalue of K and U is not negative. With
    :math:`W = \operatorname{diag}(w)`, w = 1 on S and 0 elsewhere, the covariance of the U part
    given :math:`z_S` is :math:`C(w) = (U^{-1} + W / \tau)^{-1}`, and from
    :math:`(U^{-1} + W / \tau) C = I` its trace over S is
    :math:`\tau \operatorname{tr}(I - U^{-1} C)`. So for every choice the residual variance is

    .. math:: f(w) = \operatorname{tr} (I + \tau U^{-1}) C(w)
        + \sum_i w_i D (c_i + \nu_i - \tau) - \sum_i D \nu_i .

    The inverse is operator convex (Bhatia 1997, prop. V.1.6) and its weight not negative, so f
    is convex for w in [0, 1]. Its tangent at any w lies below it everywhere, and the least of a
    tangent over all choices, or over more than those, is a bound: the relaxed choice of sensors
    of Joshi and Boyd 2009 (sec. III), with the chosen kept as they were clicked. Tangents are
    taken along the steps of Frank and Wolfe 1956. Of the demands, those heed the units, who is
    in, m, and the cost, each of the last two by itself. Minus infinity where K is so near to
    singular that rounding could make the bound too high.
    """
    best = -math.inf
    for value, bound in _tangents(prior, noise, clicks, units):
        best = max(best, bound)
        if value - best <= _CLOSE * abs(value):
            break
    return best


def _tangents(
    prior: Array, noise: Array, clicks: Array, units: Units
) -> Iterator[tuple[float, float]]:
    """The relaxation's value and the least of its tangent, step by step."""
    M, D = len(noise), len(prior) // len(noise)
    total, one = prior + np.diag(np.repeat(noise, D)), np.eye(M * D)
    values = np.linalg.eigvalsh(total)
    tau = float(values[0])
    if tau < _DIGITS * values[-1]:
        return
    split = total - tau * one
    linear = D * (clicks + noise - tau)
    weights = _even(M, units)
    for step in range(_STEPS):
        root = np.sqrt(np.repeat(weights, D) / tau)
        given = root[:, None] * split
        gain = root[:, None] * np.linalg.solve(one + given * root, given)
        left, weighted = split - split @ gain, total - total @ gain  # C and (I + tau / U) C
        value = float(np.trace(weighted) + linear @ weights - D * noise.sum())
        slopes = np.einsum("ij,ji->i", left, weighted).reshape(M, D).sum(axis=1)
        gradient = linear - slopes / tau
        bound, corner = _least_corner(gradient, units)
        yield value, value - float(gradient @ weights) + bound
        weights = weights + 2 / (step + 3) * (corner - weights)


def _even(M: int, units: Units) -> Array:
    """Included landmarks whole, all others that may be chosen in equal parts."""
    weights = np.zeros(M)
    include = list(units.demands.include)
    free = [i for unit in units.members for i in unit if i not in units.demands.include]
    weights[free] = (units.most - len(include)) / max(len(free), 1)
    weights[include] = 1.0
    return weights


def _least_corner(gradient: Array, units: Units) -> tuple[float, Array]:
    """The least of a linear function over choices, each limit by itself, and where it is."""
    sizes = np.array([float(len(unit)) for unit in units.members])
    values = np.array([gradient[list(unit)].sum() for unit in units.members])
    limits = [_filled(values, sizes, float(units.most), units.start)]
    if math.isfinite(units.demands.most_cost):
        prices = np.array([units.price(k) for k in range(len(units.members))])
        most = units.demands.most_cost * (1 + _ROUNDING)
        limits.append(_filled(values, prices, most, units.start))
    bound, parts = max(limits, key=lambda found: found[0])
    corner = np.zeros(len(gradient))
    for part, unit in zip(parts, units.members, strict=True):
        corner[list(unit)] = part
    return bound, corner


def _filled(values: Array, sizes: Array, room: float, start: frozenset[int]) -> tuple[float, Array]:
    """Knapsack in parts: least value of units within the room; the start is in (Dantzig 1957)."""
    parts = np.zeros(len(values))
    parts[list(start)] = 1.0
    room = max(room - float(parts @ sizes), 0.0)
    rates = np.divide(values, sizes, out=np.full(len(values), -np.inf), where=sizes > 0)
    for k in np.argsort(rates, kind="stable"):
        if parts[k] == 0 and values[k] < 0:
            parts[k] = 1.0 if sizes[k] <= room else room / sizes[k]
            room = max(room - sizes[k], 0.0)
    return float(values @ parts), parts
