"""Alignment: taking place, size and, on demand, orientation out of shapes.

How shapes are aligned changes every statistic of them, so it is always named and recorded.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datasets.errors import ShapeMismatchError, UnknownNameError

ALIGNMENTS = ("centroid-rms", "box", "procrustes")

_ROUNDS = 100
_CONVERGED = 1e-10  # largest move of a landmark of the mean, in parts of its centroid size

Points = NDArray[np.float64]


def require_alignment(name: str) -> str:
    """The name itself if it is one of `ALIGNMENTS`.

    Raises
    ------
    UnknownNameError
        If it is not.
    """
    if name not in ALIGNMENTS:
        raise UnknownNameError(f"unknown alignment {name!r}; known are {', '.join(ALIGNMENTS)}")
    return name


@dataclass(frozen=True, slots=True, eq=False)
class Similarity:
    """The map ``x -> scale * rotation @ x + shift``, or a batch of such maps.

    Parameters
    ----------
    scale
        float64 (...), positive.
    rotation
        float64 (..., D, D), determinant 1.
    shift
        float64 (..., D), in the unit of the target.
    """

    scale: NDArray[np.float64]
    rotation: NDArray[np.float64]
    shift: NDArray[np.float64]

    def apply(self, points: ArrayLike) -> Points:
        """Positions (..., M, D), mapped; NaN stays NaN."""
        turned = np.asarray(points, dtype=np.float64) @ np.swapaxes(self.rotation, -1, -2)
        return np.asarray(self.scale[..., None, None] * turned + self.shift[..., None, :])

    def inverse(self) -> "Similarity":
        """The map back."""
        scale, rotation = 1.0 / self.scale, np.swapaxes(self.rotation, -1, -2)
        shift = -scale[..., None] * (rotation @ self.shift[..., None])[..., 0]
        return Similarity(scale, rotation, shift)


def similarity(source: ArrayLike, target: ArrayLike) -> Similarity:
    """The similarity without reflection that brings `source` closest to `target`.

    Least squares over the landmarks present in both (Umeyama 1991, eq. 40-43). Where the
    landmarks leave a rotation open, as those on one line do in space, one of the best is taken.

    Parameters
    ----------
    source, target
        (..., M, D), NaN = absent; leading dimensions are broadcast.

    Raises
    ------
    ShapeMismatchError
        If fewer than two landmarks are present in both, or those have no extent in either.
    """
    source, target = _broadcast(source, target)
    both = present_landmarks(source) & present_landmarks(target)
    from_centre, x = _centred(source, both)
    to_centre, y = _centred(target, both)
    size = np.square(x).sum(axis=(-2, -1))
    _require_extent(both, np.minimum(size, np.square(y).sum(axis=(-2, -1))))
    u, s, vt = np.linalg.svd(np.swapaxes(y, -1, -2) @ x)
    sign = np.ones_like(s)
    sign[..., -1] = np.sign(np.linalg.det(u @ vt))
    rotation = (u * sign[..., None, :]) @ vt
    scale = (s * sign).sum(axis=-1) / size
    shift = to_centre - scale[..., None] * (rotation @ from_centre[..., None])[..., 0]
    return Similarity(scale, rotation, shift)


def align(points: ArrayLike, method: str = "centroid-rms") -> Points:
    """Take place and size, by ``"procrustes"`` also orientation, out of every shape.

    Parameters
    ----------
    points
        (N, M, D), NaN = absent.
    method
        ``"centroid-rms"``: the centroid of the landmarks present becomes the origin, and the
        root mean square of their distances to it becomes 1 (Yan 2020, sec. 5.2.1).
        ``"box"``: the middle of their box becomes the origin, and the D-th root of its area
        or volume becomes 1.
        ``"procrustes"``: generalised Procrustes analysis (Gower 1975): every shape goes by
        `similarity` to the mean of all, until that mean rests. The mean has its centroid at the
        origin and unit centroid size (the root of the summed squares of distances to it).

    Returns
    -------
    float64 (N, M, D); NaN where absent.

    Raises
    ------
    ShapeMismatchError
        If a shape has fewer than two landmarks or no extent; the text names its row.
    UnknownNameError
        If the method is not known.
    """
    require_alignment(method)
    array = np.asarray(points, dtype=np.float64)
    if array.ndim != 3:
        raise ShapeMismatchError(f"points must be (N, M, D), got {array.shape}")
    if method == "procrustes" and len(array):
        return _procrustes(array)
    return _by_box(array) if method == "box" else _by_centroid(array)


def present_landmarks(points: Points) -> NDArray[np.bool_]:
    """Where a landmark has a place: bool (..., M) for points (..., M, D)."""
    return np.asarray(~np.isnan(points).any(axis=-1))


def mean_shape(aligned: Points) -> Points:
    """Mean of every landmark over the shapes that have it, (M, D); NaN where none has."""
    present = present_landmarks(aligned)
    counts = present.sum(axis=0)[:, None]
    sums = np.where(present[:, :, None], aligned, 0.0).sum(axis=0)
    means = np.full(sums.shape, np.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    return means


def _by_centroid(points: Points) -> Points:
    present = present_landmarks(points)
    _, centred = _centred(points, present)
    squares = np.square(centred).sum(axis=(1, 2))
    _require_extent(present, squares)
    scale = np.sqrt(squares / present.sum(axis=1))
    return _with_absences(centred / scale[:, None, None], present)


def _by_box(points: Points) -> Points:
    present = present_landmarks(points)
    low = np.where(present[:, :, None], points, np.inf).min(axis=1)
    high = np.where(present[:, :, None], points, -np.inf).max(axis=1)
    _require_extent(present, np.maximum(high - low, 0.0).prod(axis=1))
    scale = (high - low).prod(axis=1) ** (1.0 / points.shape[2])
    centred = points - ((low + high) / 2)[:, None, :]
    return _with_absences(centred / scale[:, None, None], present)


def _procrustes(points: Points) -> Points:
    start = _by_centroid(points)
    mean = mean_shape(start)
    if np.nanmax(np.abs(mean), initial=0.0) < _CONVERGED:  # orientations that cancel out exactly
        mean = start[np.argmax((~np.isnan(start)).sum(axis=(1, 2)))]
    mean = _unit(mean)
    for _ in range(_ROUNDS):
        aligned = similarity(points, mean).apply(points)
        previous, mean = mean, _unit(mean_shape(aligned))
        if np.nanmax(np.abs(mean - previous)) < _CONVERGED:
            break
    aligned = similarity(points, mean).apply(points)
    centre, size = _centroid_and_size(mean_shape(aligned))
    return np.asarray((aligned - centre) / size)


def _unit(shape: Points) -> Points:
    centre, size = _centroid_and_size(shape)
    return np.asarray((shape - centre) / size)


def _centroid_and_size(shape: Points) -> tuple[Points, float]:
    """Centroid (D,) and centroid size of one shape (M, D) over the landmarks it has."""
    known = shape[present_landmarks(shape)]
    centre = known.mean(axis=0)
    return centre, float(np.linalg.norm(known - centre))


def _centred(points: Points, present: NDArray[np.bool_]) -> tuple[Points, Points]:
    """Centroid (..., D) of the landmarks present, and the points from there, 0 where absent."""
    mask = present[..., None]
    counts = np.maximum(present.sum(axis=-1), 1)[..., None]
    centre = np.where(mask, points, 0.0).sum(axis=-2) / counts
    centred = np.where(mask, points - centre[..., None, :], 0.0)
    return centre, centred


def _with_absences(points: Points, present: NDArray[np.bool_]) -> Points:
    return np.where(present[..., None], points, np.nan)


def _require_extent(present: NDArray[np.bool_], extent: NDArray[np.float64]) -> None:
    counts = present.sum(axis=-1)
    wrong = np.atleast_1d((counts < 2) | ~(extent > 0))
    if wrong.any():
        row = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
        count = int(np.atleast_1d(counts)[row])
        found = f"{count} of two landmarks at least" if count < 2 else "landmarks without extent"
        place = ", ".join(str(int(i)) for i in row)
        raise ShapeMismatchError(f"shape {place} cannot be aligned: it has {found}")


def _broadcast(source: ArrayLike, target: ArrayLike) -> tuple[Points, Points]:
    a, b = np.asarray(source, dtype=np.float64), np.asarray(target, dtype=np.float64)
    if a.ndim < 2 or b.ndim < 2 or a.shape[-2:] != b.shape[-2:]:
        raise ShapeMismatchError(f"cannot align points {a.shape} with points {b.shape}")
    a, b = np.broadcast_arrays(a, b)
    return a, b
