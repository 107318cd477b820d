"""The error to expect as a function of n, the number of dense shapes that a model learns from.

More dense shapes make a better model and smaller errors, less and less so. The same shapes are
judged for every n, and what is learnt from fewer is part of what is learnt from more: so the
curve is smooth though it rests on few draws.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from correlation.linear_error import (
    MOST_JUDGED,
    ErrorForecast,
    drawn_folds,
    require_enough,
    subject_numbers,
)
from datasets.errors import ShapeMismatchError
from datasets.metrics import BOX, span_lengths
from datasets.progress import Progress, ignore_progress
from datasets.shape_model import ShapeModel
from datasets.shapes import ShapeSet

_SIZES = (5, 10, 20, 50, 100, 200, 500, 1000, 2000)
_NEAR = 1.5  # a size closer than this to the largest would give no steady slope
_FEWEST_TO_EXTRAPOLATE = 40
_FARTHEST = 4

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class ErrorCurve:
    """The error of chosen landmarks against n.

    Parameters
    ----------
    sizes
        n where it was measured, increasing (K of them).
    nme
        float64 (K,): mean error of all M landmarks on shapes of which the chosen ones were
        clicked and the others completed, in parts of the span.
    spread
        float64 (K,): standard deviation over the folds, each of which learns from other shapes
        and judges by others. Most of it is common to all n.
    span
        The unit.
    n_shapes
        How many shapes were completed for every n.

    Raises
    ------
    ShapeMismatchError
        If sizes do not increase, numbers differ, or an error is negative.
    """

    sizes: tuple[int, ...]
    nme: Array
    spread: Array
    span: str
    n_shapes: int

    def __post_init__(self) -> None:
        """Check that this can be a curve."""
        K = len(self.sizes)
        if not K or self.sizes[0] < 1 or list(self.sizes) != sorted(set(self.sizes)):
            raise ShapeMismatchError(f"sizes must be positive and increase, got {self.sizes}")
        if self.nme.shape != (K,) or self.spread.shape != (K,) or not (self.nme >= 0).all():
            raise ShapeMismatchError(f"expected an error and a spread for each of {K} sizes")

    @property
    def farthest(self) -> int:
        """The largest n that `at` tells an error for."""
        largest = self.sizes[-1]
        is_enough = largest >= _FEWEST_TO_EXTRAPOLATE and len(self.sizes) > 1
        return _FARTHEST * largest if is_enough else largest

    def at(self, n: int) -> float | None:
        """The error with n shapes to learn from; None where it is not known.

        Between sizes, and beyond the largest, it is a + b / n through the two nearest: the excess
        error of a model with a fixed number of parameters falls as 1 / n (Amari and Murata 1993).
        What is beyond the largest size is extrapolated, not measured. It is told to four times
        that size, and not from fewer than 40 shapes: tried on what was measured on seven sets of
        faces, dogs, hands and leaves it was 1 % too large on average, and wrong by 10 % at worst
        from 50 to 100 shapes, by 4 % from more.
        """
        if not self.sizes[0] <= n <= self.farthest:
            return None
        inverse = 1 / np.array(self.sizes, dtype=np.float64)
        if n <= self.sizes[-1]:
            return float(np.interp(-1 / n, -inverse, self.nme))
        slope = (self.nme[-2] - self.nme[-1]) / (inverse[-2] - inverse[-1])
        return float(np.clip(self.nme[-1] - slope * (inverse[-1] - 1 / n), 0.0, self.nme[-1]))


@dataclass(frozen=True, slots=True, eq=False)
class LearningCurve:
    """Models learnt from ever more shapes, and others' shapes to judge choices by.

    Parameters
    ----------
    sizes
        How many shapes were learnt from, increasing (K of them).
    forecasts
        For each size one forecast for each fold, learnt without it. The shapes that one judges
        by are the same for all sizes, and what is learnt from fewer shapes is part of what is
        learnt from more.
    """

    sizes: tuple[int, ...]
    forecasts: tuple[tuple[ErrorForecast, ...], ...]

    @classmethod
    def fit(
        cls,
        shapes: ShapeSet | ArrayLike,
        *,
        rng: np.random.Generator,
        subjects: Sequence[str | None] | None = None,
        span: str | None = None,
        folds: int = 5,
        on_progress: Progress | None = None,
    ) -> "LearningCurve":
        """Learn models from 5, 10, 20, 50, ... shapes, to 2,000 or what is left beside a fold.

        Subjects are held out as a whole. Which of the others' shapes are learnt from is drawn
        shape by shape, as pictures to mark densely are drawn from all pictures.

        Parameters
        ----------
        shapes
            (N, M, D) in pixels, NaN = absent; only complete shapes count.
        rng
            Draws folds and shapes.
        subjects, span, folds
            See `ErrorForecast.fit`.
        on_progress
            Told the number of models learnt.

        Raises
        ------
        ShapeMismatchError, UnknownNameError, ValueError
            See `ErrorForecast.fit`.
        """
        if folds < 2:
            raise ValueError(f"expected two folds at least, got {folds}")
        shapes = shapes if isinstance(shapes, ShapeSet) else ShapeSet.from_points(shapes)
        subject = subject_numbers(subjects, len(shapes))[shapes.complete]
        usable = shapes.take(shapes.complete)
        require_enough(usable, subject, len(shapes))
        span_lengths(usable, span)
        fold = drawn_folds(subject, folds, rng)
        counts = np.bincount(fold)
        sizes = _sizes(len(usable) - int(counts.max()))
        watch, total = on_progress or ignore_progress, len(counts) * len(sizes)
        columns: list[list[ErrorForecast]] = []
        for number in range(len(counts)):
            learnt = rng.permutation(np.flatnonzero(fold != number))
            judged = rng.permutation(np.flatnonzero(fold == number))[: MOST_JUDGED // len(counts)]
            held_out = usable.take(np.sort(judged))
            column: list[ErrorForecast] = []
            for n in sizes:
                watch(len(columns) * len(sizes) + len(column), total)
                forecast = ErrorForecast(
                    models=(ShapeModel.fit(usable.take(np.sort(learnt[:n]))),),
                    shapes=held_out,
                    fold=np.zeros(len(held_out), dtype=np.int64),
                    subject=subject[np.sort(judged)],
                    span=span or shapes.format.default_span or BOX,
                    seed=int(rng.integers(2**32)) if not column else column[0].seed,
                    n_learnt=n,
                    n_passed_over=len(shapes) - len(usable),
                )
                column.append(forecast)
            columns.append(column)
        watch(total, total)
        return cls(sizes, tuple(zip(*columns, strict=True)))

    def of(self, chosen: Iterable[int | str], noise: float = 0.0) -> ErrorCurve:
        """The error against n when the chosen landmarks are clicked and the others completed.

        The choice is the same for all n. One made from n shapes, not from all, would give up to
        6 % more or 4 % less with n = 20, and 3 % more or 2 % less with n = 50 or 200 (faces, dogs).

        Parameters
        ----------
        chosen, noise
            See `ErrorForecast.of`.

        Raises
        ------
        SelectionError, ShapeMismatchError, ValueError
            See `ErrorForecast.of`.
        """
        index = list(chosen)
        found = [[part.of(index, noise) for part in parts] for parts in self.forecasts]
        nme = np.array([[error.nme for error in errors] for errors in found])
        weights = np.array([error.n_shapes for error in found[0]], dtype=np.float64)
        return ErrorCurve(
            sizes=self.sizes,
            nme=nme @ weights / weights.sum(),
            spread=nme.std(axis=1, ddof=1),
            span=found[0][0].span,
            n_shapes=int(weights.sum()),
        )


def errors_of_plans(
    curves: Mapping[int, ErrorCurve], dense: Iterable[int]
) -> dict[tuple[int, int], float | None]:
    """For every m that has a curve and every n the error to expect, for `planning.plans`."""
    values = sorted(set(dense))
    return {(m, n): curve.at(n) for m, curve in curves.items() for n in values}


def _sizes(largest: int) -> tuple[int, ...]:
    """Sizes of the series below `largest`, and that itself, or the end of the series."""
    last = min(largest, _SIZES[-1])
    return (*(n for n in _SIZES if n * _NEAR <= last), last)
