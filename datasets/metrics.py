"""Errors of predicted landmarks (Yan 2020, sec. 3.6.2 and 4.3).

`normalised_errors` gives (N, M) numbers in parts of a named distance; every other function
condenses those.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datasets.errors import ShapeMismatchError, UnknownNameError
from datasets.shapes import ShapeSet

BOX = "box"

Errors = NDArray[np.float64]


def span_lengths(shapes: ShapeSet, span: str | None = None) -> NDArray[np.float64]:
    """Length of a span in every shape, (N,) in the unit of the points.

    Parameters
    ----------
    shapes
        The true shapes.
    span
        A span of the format, or ``"box"``: square root of the area of the landmarks' box.
        Left out: the format's first span, or the box where it has none.

    Raises
    ------
    UnknownNameError
        If the format has no such span.
    ShapeMismatchError
        If a shape lacks an end of the span or the length is zero.
    """
    known = shapes.format.spans
    name = span or shapes.format.default_span or BOX
    if name == BOX:
        present = shapes.present[:, :, None]
        low = np.where(present, shapes.points, np.inf).min(axis=1)
        high = np.where(present, shapes.points, -np.inf).max(axis=1)
        extent = np.maximum(high - low, 0.0)
        lengths = np.prod(extent, axis=1) ** (1 / shapes.points.shape[2])
    elif name in known:
        start, end = known[name]
        lengths = np.linalg.norm(shapes.points[:, start] - shapes.points[:, end], axis=1)
    else:
        spans = ", ".join((*known, BOX))
        raise UnknownNameError(f"{shapes.format.name} has no span {name!r}; it has: {spans}")
    wrong = ~(lengths > 0)
    if wrong.any():
        row = int(np.argmax(wrong))
        problem = f"shape {row}: the span {name!r} has no length, so its errors have no scale"
        raise ShapeMismatchError(problem)
    return np.asarray(lengths)


def span_words(span: str) -> str:
    """A span as text for people: its unit of errors.

    >>> span_words("inter_ocular"), span_words("box")
    ('inter-ocular distance', 'box size')
    """
    return "box size" if span == BOX else f"{span.replace('_', '-')} distance"


def normalised_errors(predicted: ShapeSet, truth: ShapeSet, span: str | None = None) -> Errors:
    """Distance of every landmark from its true place, in parts of a span.

    Parameters
    ----------
    predicted, truth
        N shapes of one format each, in the same order.
    span
        See `span_lengths`.

    Returns
    -------
    float64 (N, M); NaN where a landmark is absent in either.

    Raises
    ------
    ShapeMismatchError
        If formats or numbers of shapes differ, or a span has no length.
    """
    if predicted.format.landmarks != truth.format.landmarks:
        problem = f"cannot compare {predicted.format.name} with {truth.format.name}"
        raise ShapeMismatchError(problem)
    if predicted.points.shape != truth.points.shape:
        problem = f"cannot compare {predicted.points.shape} points with {truth.points.shape}"
        raise ShapeMismatchError(problem)
    distances = np.linalg.norm(predicted.points - truth.points, axis=2)
    return np.asarray(distances / span_lengths(truth, span)[:, np.newaxis])


def image_errors(errors: ArrayLike) -> NDArray[np.float64]:
    """NME_i: mean error of each shape over its landmarks, (N,); NaN where it has none."""
    values = np.asarray(errors, dtype=np.float64)
    known = ~np.isnan(values)
    counts = known.sum(axis=1)
    sums = np.where(known, values, 0.0).sum(axis=1)
    means = np.full(len(values), np.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    return means


def _known_image_errors(errors: ArrayLike) -> NDArray[np.float64]:
    per_image = image_errors(errors)
    known = per_image[~np.isnan(per_image)]
    if known.size == 0:
        raise ShapeMismatchError("there is no landmark to judge: every error is missing")
    return known


def nme(errors: ArrayLike) -> float:
    """Normalised mean error: mean over shapes of the mean over landmarks."""
    return float(_known_image_errors(errors).mean())


def failure_rate(errors: ArrayLike, threshold: float = 0.08) -> float:
    """FR^I: share of shapes whose NME_i is above the threshold."""
    return float((_known_image_errors(errors) > threshold).mean())


def landmark_failure_rate(errors: ArrayLike, threshold: float = 0.08) -> float:
    """FR^L: share of single landmarks above the threshold, averaged over landmarks."""
    values = np.asarray(errors, dtype=np.float64)
    known = ~np.isnan(values)
    judged = known.any(axis=0)
    if not judged.any():
        raise ShapeMismatchError("there is no landmark to judge: every error is missing")
    above = (np.where(known, values, -np.inf) > threshold).sum(axis=0)
    return float((above[judged] / known.sum(axis=0)[judged]).mean())


def ced(errors: ArrayLike, thresholds: ArrayLike) -> NDArray[np.float64]:
    """Cumulative error distribution: share of shapes with NME_i at most each threshold."""
    per_image = np.sort(_known_image_errors(errors))
    places = np.searchsorted(per_image, np.asarray(thresholds, dtype=np.float64), side="right")
    return np.asarray(places / len(per_image))


def auc(errors: ArrayLike, threshold: float = 0.08) -> float:
    """Area under the CED up to a threshold, divided by it: exact, as the CED is a staircase."""
    if threshold <= 0:
        raise ShapeMismatchError(f"the threshold must be positive, got {threshold}")
    per_image = _known_image_errors(errors)
    return float((1.0 - np.minimum(per_image, threshold) / threshold).mean())
