"""The second criterion: the m landmarks from which the others follow with the smallest error.

K-center looks at the one nearest chosen landmark; a landmark follows from all chosen ones together.
This is ours, beyond the thesis.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from correlation.clicks import precision_of
from correlation.demands import Demands, table_from_demands
from correlation.linear_error import ErrorForecast, ExpectedError, table_from_expected
from correlation.matrix import AffinityMatrix
from correlation.residual_variance import least_variance
from correlation.scores import Score, score
from correlation.selection import require_possible
from datasets.errors import ShapeMismatchError
from datasets.shape_model import ShapeModel
from datasets.shapes import ShapeSet

CRITERION = "expected-error"

_FREE = Demands()
_MOST_LEARNT = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorSelection(Score):
    """A sparse format chosen for the smallest error, what is proven of it, and what to expect.

    Parameters
    ----------
    variance
        What the choice leaves open (`correlation.residual_variance`), in squares of the centroid
        size.
    bound
        Proven: no choice that meets the demands leaves less.
    seconds
        Wall time.
    demands
        What had to be obeyed.
    n_shapes
        Complete shapes behind the model.
    expected
        The error on held-out shapes; None where that was not asked.
    criterion
        What was searched for.
    """

    variance: float
    bound: float
    seconds: float
    demands: Demands
    n_shapes: int
    expected: ExpectedError | None = None
    criterion: str = CRITERION

    def details(self) -> dict[str, Any]:
        """Everything but the format, by name, fit for TOML and JSON; unknowns are left out."""
        names = self.sparse.dense.landmarks
        values = {
            "criterion": self.criterion,
            "residual_variance": self.variance,
            "bound": self.bound,
            "proven_within": self.variance / self.bound - 1 if self.bound > 0 else None,
            "min_correlation": self.min_correlation,
            "mean_correlation": self.mean_correlation,
            "bottleneck": self.bottleneck_name,
            **table_from_expected(self.expected),
            **table_from_demands(self.demands, names),
            "n_shapes": self.n_shapes,
            "alignment": ShapeModel.alignment,
            "seconds": round(self.seconds, 3),
        }
        return {name: value for name, value in values.items() if value is not None}

    def save(self, path: str | Path) -> None:
        """Write the sparse format as TOML, with `details` beside it."""
        self.sparse.save(path, self.details())


def select_for_error(
    shapes: ShapeSet | ArrayLike,
    m: int,
    demands: Demands = _FREE,
    *,
    affinity: AffinityMatrix,
    forecast: ErrorForecast | None = None,
    noise: ArrayLike | None = None,
) -> ErrorSelection:
    """Choose the m landmarks that leave the least variance of the others open, with a bound.

    Parameters
    ----------
    shapes
        N shapes, or float (N, M, D), NaN = absent; complete ones make the model.
    m
        Number of landmarks; the most where groups or costs are demanded.
    demands
        What the choice must obey.
    affinity
        Of the same landmarks: tells c of the choice.
    forecast
        Measures the error to expect, where it is asked.
    noise
        float64 (M,): how far clicks on each landmark scatter, in parts of the span (see
        `correlation.clicks`). Left out, the search takes what is usual, and the error to expect is
        that of exact clicks.

    Raises
    ------
    SelectionError
        If no choice meets the demands.
    ShapeMismatchError
        If fewer than two shapes are complete.
    """
    began = time.perf_counter()
    whole = shapes if isinstance(shapes, ShapeSet) else ShapeSet.from_points(shapes)
    require_possible(whole.format, m, demands)
    complete = whole.take(whole.complete)
    if len(complete) < 2:
        found = f"found {len(complete)} among {len(whole)}"
        raise ShapeMismatchError(f"the expected error needs two complete shapes at least, {found}")
    precision = None if noise is None else precision_of(complete, noise)
    choice = least_variance(ShapeModel.fit(complete), m, demands, precision=precision)
    clicks = 0.0 if noise is None else noise
    scored = score(affinity, choice.chosen)
    return ErrorSelection(
        sparse=scored.sparse,
        min_correlation=scored.min_correlation,
        mean_correlation=scored.mean_correlation,
        bottleneck=scored.bottleneck,
        variance=choice.variance,
        bound=choice.bound,
        seconds=time.perf_counter() - began,
        demands=demands,
        n_shapes=len(complete),
        expected=None if forecast is None else forecast.of(choice.chosen, clicks),
    )


def forecast_of(
    shapes: ShapeSet, subjects: Iterable[str | None] | None = None, seed: int = 0
) -> ErrorForecast:
    """The forecast that commands and pages show: five folds, of 20,000 shapes at most."""
    names: Sequence[str | None] | None = None if subjects is None else list(subjects)
    if names is not None and all(name is None for name in names):
        names = None
    rng = np.random.default_rng(seed)
    if len(shapes) > _MOST_LEARNT:
        rows = np.sort(rng.permutation(len(shapes))[:_MOST_LEARNT])
        shapes = shapes.take(rows)
        names = None if names is None else [names[row] for row in rows]
    return ErrorForecast.fit(shapes, rng=rng, subjects=names)
