"""How plausible shapes are: each landmark held against the others, or all against the mean."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from datasets.alignment import present_landmarks, similarity
from datasets.deformations import similarity_modes
from datasets.shape_model import ShapeModel

SCORES_FILE = "scores.csv"
"""Beside predictions or completed shapes: columns image and score, higher is less certain."""

WORTH_A_LOOK = (
    "on real faces with ten clicks each, mending the most doubtful tenth leaves 86 % of the error, "
    "the fifth 74 %; as many at random leave 90 % and 80 %"
)
"""What high scores first were measured to bring (docs/results.md, "Which pictures first")."""

FEWEST = 3
"""Landmarks of which one can be held against the others."""

Array = NDArray[np.float64]


def implausibility(model: ShapeModel, points: Array) -> Array:
    r"""How far each point of a shape lies from where the others tell it, as a mean over the points.

    With P the inverse covariance of the present coordinates (of the model, place, size and
    orientation as modes of wide variance, clicks with its noise) and d their distance from the
    mean, landmark k lies :math:`P_{kk}^{-1} (P d)_k` from its expectation given the others, with
    covariance :math:`P_{kk}^{-1}` (leave-one-out residuals of a Gaussian, e.g. Rasmussen and
    Williams 2006, eq. 5.12).

    Parameters
    ----------
    points
        float64 (N, M, D) in pixels, NaN = absent.

    Returns
    -------
    float64 (N,): root mean square of the residuals in their standard deviations, about 1 for
    shapes like those of the model; NaN where fewer than three points are present.
    """
    return _measured(model, points, _left_out)


def rarity(model: ShapeModel, points: Array) -> Array:
    """How far shapes lie from the mean of a model, in its standard deviations (Mahalanobis 1936).

    The covariance is that of `implausibility`. A rare shape is completed worse even where each of
    its points agrees with the others.

    Parameters
    ----------
    points
        float64 (N, M, D) in pixels, NaN = absent.

    Returns
    -------
    float64 (N,): root of the mean square distance over the coordinates, at most about 1 for shapes
    like those of the model; NaN where fewer than three points are present.
    """
    return _measured(model, points, _from_mean)


def _measured(model: ShapeModel, points: Array, measure: Callable[[Array, Array], Array]) -> Array:
    """What `measure` tells by the precision and the offsets (N, k, D) of shapes from the mean."""
    modes, D = similarity_modes(model.mean), points.shape[-1]
    prior = model.covariance.reshape(model.mean.size, -1) + modes @ modes.T
    noise = model.noise**2 / len(model.mean)
    found = np.full(len(points), np.nan)
    present = present_landmarks(points)
    patterns, group = np.unique(present, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        if pattern.sum() < FEWEST:
            continue
        rows = np.flatnonzero(group.ravel() == number)
        rows = rows[np.ptp(points[rows][:, pattern], axis=1).max(axis=1) > 0]  # not in one place
        if len(rows):
            coordinates = np.repeat(pattern, D)
            system = prior[np.ix_(coordinates, coordinates)] + noise * np.eye(coordinates.sum())
            mean = model.mean[pattern]
            aligned = similarity(points[rows][:, pattern], mean).apply(points[rows][:, pattern])
            found[rows] = measure(np.linalg.inv(system), aligned - mean)
    return found


def _from_mean(precision: Array, offsets: Array) -> Array:
    """Root mean square of the standardised distance from the mean: offsets (N, k, D) to (N,)."""
    flat = offsets.reshape(len(offsets), -1)
    squares = np.einsum("ni,ij,nj->n", flat, precision, flat)
    return np.asarray(np.sqrt(squares / flat.shape[1]))


def _left_out(precision: Array, offsets: Array) -> Array:
    """Root mean square of the standardised leave-one-out residuals: offsets (N, k, D) to (N,)."""
    N, k, D = offsets.shape
    pulls = (offsets.reshape(N, -1) @ precision).reshape(N, k, D)
    own = np.stack([precision[i : i + D, i : i + D] for i in range(0, k * D, D)])
    squares = np.einsum("nka,kab,nkb->nk", pulls, np.linalg.inv(own), pulls)
    return np.asarray(np.sqrt(squares.mean(axis=1) / D))
