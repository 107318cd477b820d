r"""Choosing the sparse format by the expected error: the variance that a choice leaves open.

K-center guards the worst landmark and hardly tells the better formats from the others. What a
Gaussian shape model leaves open does: it is the mean squared error of completing shapes from
the chosen landmarks, where the model holds.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from correlation.demands import Demands, Indices, indices_of
from correlation.units import Picked, Units, units_of
from correlation.variance_bound import lower_bound
from datasets.errors import SelectionError, ShapeMismatchError
from datasets.progress import Progress, ignore_progress
from datasets.shape_model import ShapeModel

_FLOOR = 1e-12  # variance of a click that keeps systems solvable, as in `ShapeModel`
_BETTER = 1e-9  # share of the variance below which a difference is rounding
_SAME = 9  # digits to which gains are compared

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class VarianceChoice:
    """Chosen landmarks, and how much they leave open.

    Parameters
    ----------
    chosen
        Indices, increasing.
    variance
        See `residual_variance`, in squares of the centroid size.
    bound
        Proven: no choice of so many landmarks or fewer that meets the demands leaves less.

    Raises
    ------
    SelectionError
        If nothing is chosen, indices do not increase, or the bound is above the variance.
    """

    chosen: Indices
    variance: float
    bound: float

    def __post_init__(self) -> None:
        """Check that the numbers can be true."""
        if not self.chosen or list(self.chosen) != sorted(set(self.chosen)):
            raise SelectionError(f"chosen landmarks must increase, got {self.chosen}")
        if not 0 <= self.bound <= self.variance:
            problem = f"expected a bound from 0 to the variance {self.variance}, got {self.bound}"
            raise SelectionError(problem)

    @property
    def gap(self) -> float:
        """How much less another choice could leave at best, variance - bound."""
        return self.variance - self.bound


def residual_variance(
    model: ShapeModel, chosen: Iterable[int | str], *, precision: ArrayLike | None = None
) -> float:
    r"""Expected squared error of all landmarks when the chosen ones are clicked.

    The trace of the covariance of the landmarks that are not chosen given clicks on the chosen
    ones, and :math:`D c_i` for each chosen one, which stays where it was clicked: the A-optimal
    design (Pukelsheim 2006, sec. 6.5) with the unclicked as what is to be predicted.

    Parameters
    ----------
    model
        Its covariance, with place, size and orientation unknown, is the prior.
    chosen
        Landmarks by index or name.
    precision
        float64 (M,): standard deviation of a click in x and in y on each landmark, in parts of
        the shape's root mean square radius; `model.noise` for all when left out.

    Returns
    -------
    float
        In squares of the centroid size.

    Raises
    ------
    SelectionError
        If a landmark is not known.
    ShapeMismatchError
        If `precision` is not M numbers, finite and not negative.
    """
    return _Field.of(model, precision).variance(indices_of(model.format, chosen))


def least_variance(
    model: ShapeModel,
    m: int,
    demands: Demands | None = None,
    *,
    precision: ArrayLike | None = None,
    on_progress: Progress | None = None,
) -> VarianceChoice:
    """Choose the m landmarks that leave the least residual variance, with a proven bound.

    Landmarks are added one by one, the one that helps most first; then one is taken out and the
    best put in as long as that helps (Fedorov 1972, ch. 3). Of equally good ones the smallest
    index is taken. The choice need not be the best there is: the bound tells how far off it can
    be at most (`correlation.variance_bound`).

    Parameters
    ----------
    model
        The shape model.
    m
        Number of landmarks, 1 to M; fewer are chosen where groups or costs leave no room for
        one more.
    demands
        What the choice must obey. Groups that share a landmark count as one.
    precision
        See `residual_variance`.
    on_progress
        Told the number of landmarks put in so far, in trials too.

    Raises
    ------
    SelectionError
        If m is not possible, or no choice that meets the demands was found.
    ShapeMismatchError
        See `residual_variance`.
    """
    return variance_curve(model, [m], demands, precision=precision, on_progress=on_progress)[0]


def variance_curve(
    model: ShapeModel,
    budgets: Sequence[int] | None = None,
    demands: Demands | None = None,
    *,
    precision: ArrayLike | None = None,
    on_progress: Progress | None = None,
) -> tuple[VarianceChoice, ...]:
    """`least_variance` for every budget m in increasing order; 1 to M when left out.

    Every budget also starts from the choice of the one before, so none leaves more open than
    `least_variance` by itself. The variance rises where a click is less certain than what the
    others tell: then fewer landmarks, all others completed, are the better choice.

    Raises
    ------
    SelectionError, ShapeMismatchError
        See `least_variance`.
    """
    with threadpool_limits(1, "blas"):  # for so small matrices threads only wait for each other
        return _choices(model, budgets, demands or Demands(), precision, on_progress)


def _choices(
    model: ShapeModel,
    budgets: Sequence[int] | None,
    demands: Demands,
    precision: ArrayLike | None,
    on_progress: Progress | None,
) -> tuple[VarianceChoice, ...]:
    field, M = _Field.of(model, precision), len(model.format)
    posed = replace(field, prior=model.covariance.reshape(model.mean.size, -1))
    counted = _Counter(on_progress or ignore_progress)
    choices: list[VarianceChoice] = []
    for m in sorted(set(range(1, M + 1) if budgets is None else budgets)):
        units = units_of(M, m, demands)
        before = choices[-1].chosen if choices else ()
        chosen = _Search(field, posed, units, counted).best(before)
        if not chosen:
            raise SelectionError("no landmark can be chosen at the most cost: allow more")
        variance = field.variance(chosen)
        bound = lower_bound(field.prior, field.noise, field.clicks, units)
        choices.append(VarianceChoice(chosen, variance, min(max(bound, 0.0), variance)))
    return tuple(choices)


@dataclass(slots=True)
class _Counter:
    watch: Progress
    done: int = 0

    def step(self) -> None:
        self.done += 1
        self.watch(self.done)


@dataclass(frozen=True, slots=True, eq=False)
class _Field:
    """All coordinates before any click, and what clicks add."""

    prior: Array  # (M D, M D)
    noise: Array  # (M,) variance of a click, as it is reckoned with
    clicks: Array  # (M,) the same, as it counts

    @classmethod
    def of(cls, model: ShapeModel, precision: ArrayLike | None) -> "_Field":
        M = len(model.format)
        given = np.full(M, model.noise) if precision is None else np.asarray(precision, float)
        if given.shape != (M,) or not ((given >= 0) & np.isfinite(given)).all():
            problem = f"precision must be {M} finite numbers that are not negative"
            raise ShapeMismatchError(f"{problem}, got {given}")
        clicks = np.square(given) / M
        prior = model.spread_given(()).reshape(model.mean.size, -1)
        return cls(prior, clicks + _FLOOR, clicks)

    @property
    def dimensions(self) -> int:
        return len(self.prior) // len(self.noise)

    def given(self, chosen: Indices) -> Array:
        """Covariance of all coordinates, also the chosen ones', given clicks on the chosen."""
        rows = self._rows(chosen)
        system = self.prior[np.ix_(rows, rows)] + np.diag(
            np.repeat(self.noise[list(chosen)], self.dimensions)
        )
        return np.asarray(
            self.prior - self.prior[:, rows] @ np.linalg.solve(system, self.prior[rows])
        )

    def without_each(self, chosen: Indices, groups: Iterable[Indices]) -> Iterator[Array]:
        """What `given` returns for the chosen ones without each group of them, by updates.

        With S the chosen coordinates, K the inverse of their covariance with clicks and W the
        prior's columns S times K, leaving out coordinates U adds
        :math:`W_U K_{UU}^{-1} W_U^T` (the inverse of a block from the inverse of the whole).
        """
        rows = self._rows(chosen)
        inverse = np.linalg.inv(
            self.prior[np.ix_(rows, rows)]
            + np.diag(np.repeat(self.noise[list(chosen)], self.dimensions))
        )
        weights = self.prior[:, rows] @ inverse
        left = self.prior - weights @ self.prior[rows]
        for group in groups:
            out = np.flatnonzero(np.isin(rows, self._rows(group)))
            part = weights[:, out]
            yield left + part @ np.linalg.solve(inverse[np.ix_(out, out)], part.T)

    def variance(self, chosen: Indices, left: Array | None = None) -> float:
        """Residual variance, with what `given` returned where it is at hand."""
        left = self.given(chosen) if left is None else left
        open_ = left.diagonal().reshape(-1, self.dimensions).sum(axis=1)
        index = list(chosen)
        open_[index] = self.dimensions * self.clicks[index]
        return float(open_.sum())

    def gains(self, left: Array, chosen: Indices, groups: NDArray[np.int64]) -> Array:
        """By how much the variance falls with each of G groups (G, size), by one block update.

        With L the covariance given the chosen and U a group's coordinates, all others lose the
        trace of :math:`L_{iU} (L_{UU} + N)^{-1} L_{Ui}`, and the group what it leaves open itself.
        """
        M, D = len(self.noise), self.dimensions
        rows = (groups[:, :, None] * D + np.arange(D)).reshape(len(groups), -1)
        noise = np.repeat(self.noise[groups], D, axis=1)
        system = left[rows[:, :, None], rows[:, None, :]]
        system = system + noise[:, :, None] * np.eye(rows.shape[1])
        columns = left[rows]
        # Systems are as small as groups: their inverses cost less than solving for all columns.
        known = np.einsum("gax,gax->gx", columns, np.linalg.inv(system) @ columns)
        falls = known.reshape(len(groups), M, D).sum(axis=2)
        falls[:, list(chosen)] = 0.0
        open_ = left.diagonal().reshape(M, D).sum(axis=1)
        np.put_along_axis(falls, groups, open_[groups] - D * self.clicks[groups], axis=1)
        return np.asarray(falls.sum(axis=1))

    def _rows(self, landmarks: Indices) -> NDArray[np.int64]:
        D = self.dimensions
        return (np.array(landmarks, dtype=np.int64)[:, None] * D + np.arange(D)).ravel()


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    """Greedy growth and exchange."""

    field: _Field
    posed: _Field  # with place, size and orientation known
    units: Units
    counted: _Counter

    def best(self, before: Indices) -> Indices:
        """The better of the choices grown from nothing in several ways, and from before.

        Grown as if place, size and orientation were known, the first landmarks are those of the
        shape, not those of the pose: on faces and random models that often ends better.
        """
        units = self.units
        starts = [self._grown(units.start), replace(self, field=self.posed)._grown(units.start)]
        if np.isfinite(units.demands.most_cost):
            starts.append(self._grown(units.start, by_price=True))
        if before:
            taken = {k for k, unit in enumerate(units.members) if set(unit) <= set(before)}
            starts.append(self._grown(frozenset(taken)))
        found = [self._exchanged(picked) for picked in dict(starts)]
        return units.landmarks(min(found, key=lambda one: (one[1], sorted(one[0])))[0])

    def _grown(
        self, picked: Picked, left: Array | None = None, *, by_price: bool = False
    ) -> tuple[Picked, float]:
        """Units added one by one until there is no room; `left` is what `given` returns so far."""
        chosen = self.units.landmarks(picked)
        left = self.field.given(chosen) if left is None else left
        variance = self.field.variance(chosen, left)
        while self.units.size(picked) < self.units.target:
            gains = self._gains(left, picked)
            rates = gains / self._prices() if by_price else gains
            unit = self._first_that_fits(picked, rates)
            if unit is None:
                break
            self.counted.step()
            picked, variance = picked | {unit}, variance - float(gains[unit])
            if self.units.size(picked) < self.units.target:
                left = self.field.given(self.units.landmarks(picked))
        return picked, variance

    def _exchanged(self, picked: Picked) -> tuple[Picked, float]:
        """Units taken out and others put in, the best exchange first, while that helps."""
        size, variance = self.units.size(picked), self._variance(picked)
        while True:
            free = sorted(picked - self.units.start)
            without = self.field.without_each(
                self.units.landmarks(picked), (self.units.members[k] for k in free)
            )
            trials = [self._grown(picked - {k}, one) for k, one in zip(free, without, strict=True)]
            fit = [t for t in trials if self.units.size(t[0]) >= size and self._obeys(t[0])]
            if not fit:
                return picked, variance
            least = min(value for _, value in fit)
            best = next(p for p, value in fit if value <= least + _BETTER * abs(least))
            found = self._variance(best)  # anew: it must fall, or equals would take turns
            if found >= variance * (1 - _BETTER):
                return picked, variance
            picked, size, variance = best, self.units.size(best), found

    def _variance(self, picked: Picked) -> float:
        return self.field.variance(self.units.landmarks(picked))

    def _obeys(self, picked: Picked) -> bool:
        return self.units.demands.allow(self.units.landmarks(picked))

    def _gains(self, left: Array, picked: Picked) -> Array:
        chosen, members = self.units.landmarks(picked), self.units.members
        gains = np.full(len(members), -np.inf)
        for size in {len(unit) for unit in members}:
            index = [k for k, u in enumerate(members) if len(u) == size and k not in picked]
            if index:
                groups = np.array([members[k] for k in index])
                gains[index] = self.field.gains(left, chosen, groups)
        return gains

    def _prices(self) -> Array:
        """Price of every unit; what is free counts as half of the cheapest that is not."""
        prices = np.array([self.units.price(k) for k in range(len(self.units.members))])
        return np.where(prices > 0, prices, prices[prices > 0].min(initial=2.0) / 2)

    def _first_that_fits(self, picked: Picked, rates: Array) -> int | None:
        known = np.isfinite(rates)
        scale = np.abs(rates[known]).max(initial=0.0) or 1.0
        for unit in np.argsort(-np.round(rates / scale, _SAME), kind="stable"):
            if known[unit] and self.units.may_follow(picked, int(unit)):
                return int(unit)
        return None
