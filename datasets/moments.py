"""Moments: count, mean and scatter of shapes, which can be merged and therefore streamed."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datasets.alignment import (
    align,
    mean_shape,
    present_landmarks,
    require_alignment,
    similarity,
)
from datasets.errors import ShapeMismatchError
from datasets.shapes import ShapeSet


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    r"""First and second moments of N shapes, for every pair of landmarks.

    Landmark j may be absent in some shapes, so each pair (i, j) has moments of its own, over the
    shapes that have both: :math:`n_{ij}`, :math:`\mu_{ij}` (the mean of landmark i there) and
    :math:`S_{ij} = \sum (x_i - \mu_{ij}) (x_j - \mu_{ji})^T`.

    Parameters
    ----------
    n_shapes
        N.
    count
        int64 (M, M): in how many shapes both are present.
    pair_mean
        float64 (M, M, D): :math:`\mu_{ij}`, in the unit of the points; NaN where the count is 0.
    scatter
        float64 (M, D, M, D): :math:`S_{ij}` at ``[i, :, j, :]``, in the square of that unit.
    alignment
        How the shapes were aligned; None where they are as they came.
    """

    n_shapes: int
    count: NDArray[np.int64]
    pair_mean: NDArray[np.float64]
    scatter: NDArray[np.float64]
    alignment: str | None = None

    @classmethod
    def from_points(cls, points: ShapeSet | ArrayLike, alignment: str | None = None) -> "Moments":
        """Moments of shapes as they are.

        The points are taken relative to each landmark's mean first: places far from the origin
        cost no digits.

        Parameters
        ----------
        points
            (N, M, D), NaN = absent.
        alignment
            Noted in the result; nothing is aligned here (see `moments_of`).
        """
        x = _array(points)
        present = present_landmarks(x)
        N, M, D = x.shape
        centre = np.nan_to_num(mean_shape(x))
        flat = np.where(present[:, :, None], x - centre, 0.0).reshape(N, M * D)
        mask = present.astype(np.float64)
        count = np.rint(mask.T @ mask)
        sums = (flat.T @ mask).reshape(M, D, M).transpose(0, 2, 1)
        mean = np.full((M, M, D), np.nan)
        np.divide(sums, count[:, :, None], out=mean, where=count[:, :, None] > 0)
        scatter = (flat.T @ flat).reshape(M, D, M, D) - _outer(sums, np.nan_to_num(mean))
        pair_mean = mean + centre[:, None, :]
        return cls(N, count.astype(np.int64), pair_mean, scatter, alignment)

    def merged(self, other: "Moments") -> "Moments":
        """Moments of both sets of shapes together (Chan, Golub and LeVeque 1983, eq. 2.1).

        Raises
        ------
        ShapeMismatchError
            If landmarks, dimensions or alignment differ.
        """
        if self.pair_mean.shape != other.pair_mean.shape or self.alignment != other.alignment:
            these = f"{self.pair_mean.shape[1:]} {self.alignment}"
            others = f"{other.pair_mean.shape[1:]} {other.alignment}"
            raise ShapeMismatchError(f"cannot merge moments of {these} with those of {others}")
        count = self.count + other.count
        share = other.count / np.maximum(count, 1)
        known = (self.count > 0) & (other.count > 0)
        step = np.where(known[:, :, None], other.pair_mean - self.pair_mean, 0.0)
        start = np.where((self.count > 0)[:, :, None], self.pair_mean, other.pair_mean)
        mean = start + step * share[:, :, None]
        between = _outer(step * (self.count * share)[:, :, None], step)
        scatter = self.scatter + other.scatter + between
        return Moments(self.n_shapes + other.n_shapes, count, mean, scatter, self.alignment)

    @property
    def mean(self) -> NDArray[np.float64]:
        """Mean of every landmark over the shapes that have it, (M, D); NaN where none has."""
        return np.array(np.diagonal(self.pair_mean).T)

    @property
    def covariance(self) -> NDArray[np.float64]:
        r"""Covariance (M, D, M, D), unbiased: :math:`S_{ij} / (n_{ij} - 1)`, pair by pair.

        With absences it need not be positive definite.

        Raises
        ------
        ShapeMismatchError
            If a pair is present together in fewer than two shapes; the text names the pair.
        """
        if self.count.size and self.count.min() < 2:
            i, j = np.unravel_index(int(np.argmin(self.count)), self.count.shape)
            what = f"landmark {i} is" if i == j else f"landmarks {i} and {j} are together"
            problem = f"{what} present in {self.count[i, j]} of {self.n_shapes} shapes; "
            raise ShapeMismatchError(problem + "a covariance needs two at least")
        return np.asarray(self.scatter / (self.count - 1)[:, None, :, None])


def moments_of(chunks: Iterable[ShapeSet | ArrayLike], alignment: str = "centroid-rms") -> Moments:
    """Align shapes and take their moments, chunk by chunk.

    ``"procrustes"`` needs a mean shape to align to before all shapes were seen: it is that of
    the first chunk, so one chunk gives generalised Procrustes analysis, and later chunks are
    aligned to the first one's mean. Take a first chunk of some hundred mixed shapes.

    Parameters
    ----------
    chunks
        Each (N, M, D), NaN = absent; empty ones are passed over.
    alignment
        One of `datasets.alignment.ALIGNMENTS`.

    Raises
    ------
    ShapeMismatchError
        If there is no shape, one cannot be aligned, or chunks differ in landmarks.
    UnknownNameError
        If the alignment is not known.
    """
    require_alignment(alignment)
    total: Moments | None = None
    reference: NDArray[np.float64] | None = None
    for points in map(_array, chunks):
        if len(points) == 0:
            continue
        if reference is None:
            aligned = align(points, alignment)
            reference = mean_shape(aligned)
        elif alignment == "procrustes":
            aligned = similarity(points, reference).apply(points)
        else:
            aligned = align(points, alignment)
        part = Moments.from_points(aligned, alignment)
        total = part if total is None else total.merged(part)
    if total is None:
        raise ShapeMismatchError("there is no shape to take moments of")
    return total


def _outer(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """For pairs: a_ij b_ji^T, as (M, D, M, D)."""
    return np.asarray(np.einsum("ijd,jie->idje", a, b))


def _array(points: ShapeSet | ArrayLike) -> NDArray[np.float64]:
    array = points.points if isinstance(points, ShapeSet) else np.asarray(points, dtype=np.float64)
    if array.ndim != 3:
        raise ShapeMismatchError(f"points must be (N, M, D), got {array.shape}")
    return array
