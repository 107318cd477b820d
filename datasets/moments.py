"""Moments: count, mean and scatter of shapes, which can be merged and therefore streamed."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

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

Floats = NDArray[np.float64]

_BLOCK_BYTES = 2**20  # of shapes that stay in the cache from their alignment to their product


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    r"""First and second moments of N shapes, for every pair of landmarks.

    Landmark j may be absent in some shapes, so each pair (i, j) has moments of its own, over the
    shapes that have both: :math:`n_{ij}`, :math:`\mu_{ij}` (the mean of landmark i there) and
    :math:`S_{ij} = \sum (x_i - \mu_{ij}) (x_j - \mu_{ji})^T`.

    Parameters
    ----------
    n_shapes
        N, however the shapes are weighted.
    count
        int64 (M, M): in how many shapes both are present. Where shapes are weighted, float64: the
        total weight of these.
    pair_mean
        float64 (M, M, D): :math:`\mu_{ij}`, in the unit of the points; NaN where the count is 0.
    scatter
        float64 (M, D, M, D): :math:`S_{ij}` at ``[i, :, j, :]``, in the square of that unit.
    alignment
        How the shapes were aligned; None where they are as they came.
    n_incomplete
        How many of the N shapes lack a landmark.
    n_passed_over
        Shapes besides these N that have fewer than two landmarks and hold no pair.
    """

    n_shapes: int
    count: NDArray[np.int64] | NDArray[np.float64]
    pair_mean: NDArray[np.float64]
    scatter: NDArray[np.float64]
    alignment: str | None = None
    n_incomplete: int = 0
    n_passed_over: int = 0

    @classmethod
    def from_points(
        cls,
        points: ShapeSet | ArrayLike,
        alignment: str | None = None,
        *,
        weights: ArrayLike | None = None,
    ) -> "Moments":
        """Moments of shapes as they are.

        The points are taken relative to a place among them first: far from the origin they lose
        no digits.

        Parameters
        ----------
        points
            (N, M, D), NaN = absent.
        alignment
            Noted in the result; nothing is aligned here (see `moments_of`).
        weights
            (N,), not negative: how often each shape counts, so that whole numbers give what
            shapes repeated as often would; 1 when left out.

        Raises
        ------
        ShapeMismatchError
            If the weights are not N such numbers.
        """
        array = _array(points)
        return _Chunk(array, None, _checked_weights(weights, len(array))).moments(alignment)

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
        if _same_shapes(self.count) and _same_shapes(other.count):
            return self._merged_whole(other)
        count = self.count + other.count
        share = other.count / np.maximum(count, 1)
        known = (self.count > 0) & (other.count > 0)
        step = np.where(known[:, :, None], other.pair_mean - self.pair_mean, 0.0)
        start = np.where((self.count > 0)[:, :, None], self.pair_mean, other.pair_mean)
        mean = start + step * share[:, :, None]
        between = _outer(step * (self.count * share)[:, :, None], step)
        scatter = self.scatter + other.scatter + between
        return self._with(other, count, mean, scatter)

    def _merged_whole(self, other: "Moments") -> "Moments":
        """The same where all landmarks are present together: one mean, one weight."""
        ours, theirs = self.count.flat[0], other.count.flat[0]
        share = theirs / (ours + theirs)
        step = other.mean - self.mean
        mean = np.repeat((self.mean + share * step)[:, None], len(step), axis=1)
        between = np.multiply.outer(step * (ours * share), step)
        scatter = self.scatter + other.scatter
        scatter += between
        return self._with(other, self.count + other.count, mean, scatter)

    def _with(
        self,
        other: "Moments",
        count: NDArray[np.int64] | NDArray[np.float64],
        pair_mean: Floats,
        scatter: Floats,
    ) -> "Moments":
        return Moments(
            self.n_shapes + other.n_shapes,
            count,
            pair_mean,
            scatter,
            self.alignment,
            self.n_incomplete + other.n_incomplete,
            self.n_passed_over + other.n_passed_over,
        )

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
            problem = f"{what} present in {self.count[i, j]:g} of {self.n_shapes} shapes; "
            raise ShapeMismatchError(problem + "a covariance needs two at least")
        return np.asarray(self.scatter / (self.count - 1)[:, None, :, None])


def moments_of(
    chunks: Iterable[ShapeSet | ArrayLike],
    alignment: str = "centroid-rms",
    weights: ArrayLike | None = None,
    *,
    pass_over: bool = False,
) -> Moments:
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
    weights
        How often each shape of all chunks counts (see `Moments.from_points`).
    pass_over
        Leave shapes with fewer than two landmarks out, and count them, instead of failing.

    Raises
    ------
    ShapeMismatchError
        If there is no shape, one cannot be aligned, chunks differ in landmarks, or there are
        not as many weights as shapes.
    UnknownNameError
        If the alignment is not known.
    """
    require_alignment(alignment)
    total: Moments | None = None
    reference: Floats | None = None
    given = None if weights is None else _checked_weights(weights, None)
    done = 0
    for points in map(_array, chunks):
        part_weights = None
        if given is not None:
            part_weights = given[done : done + len(points)]
            _require_weights(part_weights, len(points))
            done += len(points)
        if len(points):
            part = _chunk_moments(points, alignment, reference, part_weights, pass_over=pass_over)
            if reference is None and part.n_shapes:
                reference = part.mean
            total = part if total is None else total.merged(part)
    if given is not None:
        _require_weights(given, done)
    if total is None or total.n_shapes == 0:
        raise ShapeMismatchError("no shape has two landmarks: there is nothing to learn from")
    return total


def chunk_moments(
    points: ShapeSet | ArrayLike, alignment: str, reference: Floats | None = None
) -> Moments:
    """What `moments_of` takes of one chunk, with shapes that hold no pair passed over.

    The moments of all chunks, merged, are those of `moments_of`: this is the part of it that
    other processes can do.

    Parameters
    ----------
    points
        (N, M, D), NaN = absent; N = 0 gives moments that count nothing.
    alignment
        One of `datasets.alignment.ALIGNMENTS`.
    reference
        (M, D), for ``"procrustes"``: the mean of the first chunk's moments; None aligns the
        shapes to their own mean.
    """
    require_alignment(alignment)
    return _chunk_moments(_array(points), alignment, reference, None, pass_over=True)


def _chunk_moments(
    points: Floats,
    alignment: str,
    reference: Floats | None,
    weights: Floats | None,
    *,
    pass_over: bool,
) -> Moments:
    if alignment != "procrustes":
        return _Chunk(points, alignment, weights, pass_over=pass_over).moments(alignment)
    lone = present_landmarks(points).sum(axis=1) < 2
    n_lone = int(lone.sum()) if pass_over else 0
    if n_lone:
        points, weights = points[~lone], None if weights is None else weights[~lone]
    if reference is None or not len(points):
        aligned = align(points, alignment)
    else:
        aligned = similarity(points, reference).apply(points)
    found = _Chunk(aligned, None, weights).moments(alignment)
    return replace(found, n_passed_over=n_lone)


class _Chunk:
    """Shapes (N, M, D) on their way to moments, aligned where a method is given.

    Complete shapes go in blocks that stay in the processor's cache, each centred on its own
    mean: alignment and product cost one pass over the memory. The others go together.
    """

    def __init__(
        self,
        points: Floats,
        method: str | None,
        weights: Floats | None,
        *,
        pass_over: bool = False,
    ) -> None:
        self._points, self._method, self._weights = points, method, weights
        self._pass_over = pass_over
        _, self._M, self._D = points.shape
        width = self._M * self._D
        self._size = max(1, _BLOCK_BYTES // (8 * width))
        self._spread = np.tile(np.eye(self._D), self._M)  # of a place to all landmarks
        self._gather = np.ascontiguousarray(self._spread.T)
        self._buffer = np.empty((min(self._size, len(points)), width))
        self._scatter = np.zeros((width, width))
        self._product = np.empty((width, width))
        self._means: list[Floats] = []
        self._totals: list[float] = []  # weight of each block
        self._n_complete = 0
        self._gapped: list[NDArray[np.intp]] = []

    def moments(self, alignment: str | None) -> Moments:
        """Moments of the chunk, noting this alignment."""
        try:
            for start in range(0, len(self._points), self._size):
                self._take(start, min(start + self._size, len(self._points)))
            complete, gapped = self._complete(alignment), self._incomplete(alignment)
        except ShapeMismatchError:
            if self._method is not None:
                align(self._points, self._method)  # names the shape by its place in the chunk
            raise
        if gapped is None:
            return complete
        return complete.merged(gapped) if self._n_complete else gapped

    def _take(self, start: int, stop: int) -> None:
        """Add the complete shapes of a block, note the others."""
        block = self._points[start:stop].reshape(stop - start, -1)
        with np.errstate(invalid="ignore"):
            sums = block @ self._gather
        finite = np.isfinite(sums)  # a shape's sums are NaN where any of its coordinates is
        alone = self._method is not None and self._M < 2
        weights = None if self._weights is None else self._weights[start:stop]
        if alone or not finite.all():
            whole = np.zeros(len(block), dtype=bool) if alone else finite.all(axis=1)
            self._gapped.append(start + np.flatnonzero(~whole))
            block, sums = block[whole], sums[whole]
            weights = None if weights is None else weights[whole]
        if len(block):
            self._n_complete += len(block)
            self._add(*self._aligned(block, sums), weights)

    def _aligned(self, block: Floats, sums: Floats) -> tuple[Floats, Floats]:
        """The block aligned, relative to a place, and that place; it may be written to."""
        aligned, origin = self._buffer[: len(block)], np.zeros(block.shape[1])
        if self._method is None:
            return np.subtract(block, block[0], out=aligned), block[0]
        if self._method == "box":
            places = [block[:, d :: self._D] for d in range(self._D)]
            low = np.stack([x.min(axis=1) for x in places], axis=1)
            high = np.stack([x.max(axis=1) for x in places], axis=1)
            centre, sizes = (low + high) / 2, (high - low).prod(axis=1) ** (1 / self._D)
        else:
            centre, sizes = sums / self._M, None
        np.matmul(-centre, self._spread, out=aligned)
        aligned += block
        if sizes is None:
            sizes = np.sqrt(np.vecdot(aligned, aligned) / self._M)
        if (sizes > 0).all():
            aligned *= (1 / sizes)[:, None]
            return aligned, origin
        shapes = block.reshape(-1, self._M, self._D)
        return align(shapes, self._method).reshape(block.shape), origin

    def _add(self, block: Floats, origin: Floats, weights: Floats | None) -> None:
        total = float(len(block) if weights is None else weights.sum())
        if total == 0:
            return
        shares = np.full(len(block), 1 / total) if weights is None else weights / total
        mean = shares @ block
        block -= mean
        if weights is not None:
            block *= np.sqrt(weights)[:, None]
        np.matmul(block.T, block, out=self._product)
        self._scatter += self._product
        self._means.append(mean + origin)
        self._totals.append(total)

    def _complete(self, alignment: str | None) -> Moments:
        M, D = self._M, self._D
        total, mean, scatter = sum(self._totals), np.full(M * D, np.nan), self._scatter
        if self._totals:  # what the blocks' means differ by (Chan, Golub and LeVeque 1983, eq. 2.1)
            means, totals = np.array(self._means), np.array(self._totals)
            mean = means[0] + (totals / total) @ (means - means[0])
            between = np.sqrt(totals)[:, None] * (means - mean)
            scatter += between.T @ between
        count = np.full((M, M), total)
        if self._weights is None:
            count = np.rint(count).astype(np.int64)
        pair_mean = np.repeat(mean.reshape(M, 1, D), M, axis=1)
        return Moments(self._n_complete, count, pair_mean, scatter.reshape(M, D, M, D), alignment)

    def _incomplete(self, alignment: str | None) -> Moments | None:
        if not self._gapped:
            return None
        rows = np.concatenate(self._gapped)
        points = self._points[rows]
        weights = None if self._weights is None else self._weights[rows]
        n_lone = 0
        if self._pass_over:
            lone = present_landmarks(points).sum(axis=1) < 2
            n_lone = int(lone.sum())
            points, weights = points[~lone], None if weights is None else weights[~lone]
        if self._method is not None:
            points = align(points, self._method)
        found = _moments_by_pairs(points, alignment, weights)
        return replace(found, n_passed_over=n_lone)


def _moments_by_pairs(points: Floats, alignment: str | None, weights: Floats | None) -> Moments:
    """Moments of shapes that lack landmarks: each pair over the shapes that have both."""
    present = present_landmarks(points)
    N, M, D = points.shape
    centre = np.nan_to_num(mean_shape(points))
    flat = np.where(present[:, :, None], points - centre, 0.0).reshape(N, M * D)
    mask = present.astype(np.float64)
    weighted, weighted_mask = flat, mask
    if weights is not None:
        weighted, weighted_mask = flat * weights[:, None], mask * weights[:, None]
    count = weighted_mask.T @ mask
    sums = (weighted.T @ mask).reshape(M, D, M).transpose(0, 2, 1)
    mean = np.full((M, M, D), np.nan)
    np.divide(sums, count[:, :, None], out=mean, where=count[:, :, None] > 0)
    scatter = (weighted.T @ flat).reshape(M, D, M, D) - _outer(sums, np.nan_to_num(mean))
    counted = np.rint(count).astype(np.int64) if weights is None else count
    return Moments(N, counted, mean + centre[:, None, :], scatter, alignment, N)


def _same_shapes(count: NDArray[np.int64] | NDArray[np.float64]) -> bool:
    """Whether all landmarks are present in the same shapes: where every pair counts alike."""
    return bool(count.size and count.flat[0] > 0 and (count == count.flat[0]).all())


def _checked_weights(weights: ArrayLike | None, N: int | None) -> Floats | None:
    if weights is None:
        return None
    array = np.asarray(weights, dtype=np.float64)
    if array.ndim != 1 or not (np.isfinite(array) & (array >= 0)).all():
        raise ShapeMismatchError("weights must be one number a shape, finite and not negative")
    if N is not None:
        _require_weights(array, N)
    return array


def _require_weights(weights: Floats, N: int) -> None:
    if len(weights) != N:
        raise ShapeMismatchError(f"{len(weights)} weights for {N} shapes")


def _outer(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """For pairs: a_ij b_ji^T, as (M, D, M, D)."""
    return np.asarray(np.einsum("ijd,jie->idje", a, b))


def _array(points: ShapeSet | ArrayLike) -> NDArray[np.float64]:
    array = points.points if isinstance(points, ShapeSet) else np.asarray(points, dtype=np.float64)
    if array.ndim != 3:
        raise ShapeMismatchError(f"points must be (N, M, D), got {array.shape}")
    return array
