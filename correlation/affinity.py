"""Affinity: how strongly any two landmarks depend on each other (Yan 2020, sec. 5.3)."""

import warnings
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from correlation.matrix import CANONICAL_MEAN, AffinityMatrix
from datasets.alignment import align, present_landmarks
from datasets.deformations import similarity_modes
from datasets.errors import ShapeMismatchError
from datasets.formats import LandmarkFormat
from datasets.formats import landmark_format as format_named
from datasets.moments import Moments, moments_of
from datasets.shapes import ShapeSet

Floats = NDArray[np.float64]

_LEAST_SHAPES = 3
_NO_VARIANCE = 1e-12  # share of the shape's mean variance, or of a landmark's own
_ROUNDED_OFF = 8 * np.finfo(np.float64).eps  # of a coordinate: less than this is not a move

# Both together: turned pictures. Upright faces of four collections stay below one of them (mean
# affinity at most .57; the turns' share .63 on COFW, .32 to .37 on 300W, WFLW and others), so do
# dogs (.52, .16) and hands (.48, .15). Leaves lie above both (.68, .38), and so do the faces of
# 300W turned by angles of standard deviation 20 degrees (.63, .74) or 90 degrees (.91, .51).
_MEAN_OF_TURNED = 0.6
_SHARE_OF_TURNED = 1 / 3
_KEEP_TURNS = ("centroid-rms", "box")


class FewmarkWarning(UserWarning):
    """A result that is defined, but should be read with care."""


def affinity(
    shapes: ShapeSet | ArrayLike, alignment: str = "centroid-rms", *, shrinkage: bool = False
) -> AffinityMatrix:
    """Affinity matrix of shapes (Yan 2020, eq. 5.3).

    More shapes than the memory holds: ``affinity_from_moments(moments_of(chunks, ...))``.

    Parameters
    ----------
    shapes
        N shapes, or float (N, M, D) with NaN = absent. Each pair of landmarks uses the shapes
        that have both; shapes with fewer than two landmarks have no say.
    alignment
        How place, size and orientation are taken out, see `datasets.alignment.align`.
    shrinkage
        Shrink the covariance of the aligned shapes, for small N (see `shrunk_moments`).

    Raises
    ------
    ShapeMismatchError
        If a pair is present in fewer than three shapes, a shape cannot be aligned, or shapes
        lack landmarks where the covariance is to be shrunk.
    UnknownNameError
        If the alignment is not known.

    Warns
    -----
    FewmarkWarning
        If a landmark does not vary in every direction.
    """
    known = shapes.format if isinstance(shapes, ShapeSet) else None
    if not shrinkage:
        moments = moments_of([shapes], alignment, pass_over=True)
        return affinity_from_moments(moments, landmark_format=known)
    points = shapes.points if isinstance(shapes, ShapeSet) else np.asarray(shapes, np.float64)
    moments, share = shrunk_moments(points, alignment)
    matrix = affinity_from_moments(moments, landmark_format=known)
    return replace(matrix, method=f"{CANONICAL_MEAN}, covariance shrunk by {share:.3f},")


def shrunk_moments(points: ArrayLike, alignment: str = "centroid-rms") -> tuple[Moments, float]:
    r"""Moments of aligned shapes with the covariance of Ledoit and Wolf (2004), and its share.

    It helps less than one hopes: affinities come out too low instead of too high, and sets chosen
    by them are no better. Of 3,023 faces with 68 landmarks, 20 draws each, c of m = 10 landmarks
    on all others: .57 against .63 without for n = 20 images, .65 against .67 for 80, .70 against
    .70 for 245; for m = 19 it is worse throughout.

    The covariance S of the M D coordinates becomes :math:`(1 - \delta) S + \delta v I` with v its
    mean variance; the share :math:`\delta` in [0, 1] follows from the shapes (eq. 14 there).

    Parameters
    ----------
    points
        (N, M, D) without absences.
    alignment
        See `datasets.alignment.align`.

    Raises
    ------
    ShapeMismatchError
        If a landmark is absent, or a shape cannot be aligned.
    """
    from sklearn.covariance import ledoit_wolf_shrinkage  # noqa: PLC0415 - seconds to import

    aligned = align(points, alignment)
    if np.isnan(aligned).any():
        raise ShapeMismatchError("a covariance is shrunk on complete shapes; take those first")
    N, M, D = aligned.shape
    share = float(ledoit_wolf_shrinkage(aligned.reshape(N, M * D)))
    moments = Moments.from_points(aligned, alignment)
    scatter = (1 - share) * moments.scatter.reshape(M * D, M * D)
    scatter += share * np.einsum("idid->", moments.scatter) / (M * D) * np.eye(M * D)
    return replace(moments, scatter=scatter.reshape(M, D, M, D)), share


def points_with_pairs(points: Floats) -> Floats:
    """The shapes (N, M, D) that have two landmarks at least: the others hold no pair."""
    if points.ndim != 3:
        raise ShapeMismatchError(f"points must be (N, M, D), got {points.shape}")
    return np.asarray(points[present_landmarks(points).sum(axis=1) >= 2])


def affinity_from_moments(
    moments: Moments, *, landmark_format: LandmarkFormat | None = None, ridge: float = 1e-9
) -> AffinityMatrix:
    r"""Mean canonical correlation of every pair of landmarks (Yan 2020, eq. 5.3).

    With :math:`S_{ij}` the D x D covariance of landmarks i and j, the canonical correlations
    are the singular values of :math:`S_{ii}^{-1/2} S_{ij} S_{jj}^{-1/2}` (Hotelling 1936).
    A direction in which a landmark does not vary correlates with nothing and counts as 0.

    Parameters
    ----------
    moments
        Count, mean and scatter of the aligned shapes.
    landmark_format
        Nameless when left out.
    ridge
        Added to the diagonal of every within-landmark covariance, as a share of its trace.

    Raises
    ------
    ShapeMismatchError
        If a pair of landmarks is present together in fewer than three shapes.

    Warns
    -----
    FewmarkWarning
        See `affinity`.
    """
    M, D = moments.scatter.shape[:2]
    known = landmark_format or format_named(f"points-{M}")
    _require_shapes(moments, known)
    covariance = moments.covariance
    within = covariance[np.arange(M), :, np.arange(M), :]
    whitening, varying = _whitening(within, moments.mean, ridge)
    half = np.matmul(whitening, covariance.reshape(M, D, M * D)).reshape(M * D, M * D)
    cross = np.matmul(whitening, half.T.reshape(M, D, M * D)).reshape(M, D, M, D)
    values = _as_affinities(_nuclear_norms(cross.transpose(0, 2, 1, 3)) / D)
    n_shapes = int(moments.count.min())
    idle = _idle_caution(known, varying)
    for text in idle:
        warnings.warn(text, FewmarkWarning, stacklevel=2)
    matrix = AffinityMatrix(known, values, n_shapes, moments.alignment)
    cautions = (
        *idle,
        *_number_caution(n_shapes, D),
        *_turned_caution(moments, covariance, matrix.mean),
        *_absence_cautions(moments),
    )
    return replace(matrix, cautions=cautions)


def affinity_of_groups(
    groups: Sequence[ArrayLike] | NDArray[np.float64],
    *,
    landmark_format: LandmarkFormat | None = None,
    ridge: float = 1e-9,
) -> AffinityMatrix:
    """Affinity of variables of any dimension, such as boxes beside landmarks (Yan 2020, sec. 5.6).

    Variables of p and q dimensions have min(p, q) canonical correlations; their affinity is the
    mean of these (eq. 5.1 and 5.2). Nothing is aligned.

    Parameters
    ----------
    groups
        G arrays (N, d), each with its own d, or one array (N, G, d); finite.
    landmark_format
        Names of the G groups; nameless when left out.
    ridge
        See `affinity_from_moments`.

    Raises
    ------
    ShapeMismatchError
        If the arrays do not fit together, a value is not finite, or N is below three.

    Examples
    --------
    >>> boxes = np.array([[0, 0, 4, 4], [1, 0, 5, 4], [0, 2, 3, 9], [4, 1, 9, 9], [2, 2, 4, 5.0]])
    >>> affinity_of_groups([boxes, boxes[:, :2] + 1]).values.round(6)
    array([[1., 1.],
           [1., 1.]])
    """
    columns = _group_columns(groups)
    known = landmark_format or format_named(f"points-{len(columns)}")
    sizes = [column.shape[1] for column in columns]
    ends = np.cumsum(sizes)
    slices = [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]
    moments = Moments.from_points(np.concatenate(columns, axis=1)[:, :, None])
    covariance, mean = moments.covariance[:, 0, :, 0], moments.mean[:, 0]
    whitening, varying = np.zeros_like(covariance), np.ones(len(columns), dtype=bool)
    for g, part in enumerate(slices):
        inverse, full = _whitening(covariance[None, part, part], mean[None, part], ridge)
        whitening[part, part], varying[g] = inverse[0], full[0]
    cross = whitening @ covariance @ whitening
    values = np.empty((len(columns), len(columns)))
    for p in set(sizes):
        for q in set(sizes):
            rows, others = (np.flatnonzero(np.equal(sizes, d)) for d in (p, q))
            left = np.concatenate([np.r_[slices[g]] for g in rows])
            right = np.concatenate([np.r_[slices[g]] for g in others])
            blocks = cross[np.ix_(left, right)].reshape(len(rows), p, len(others), q)
            norms = _nuclear_norms(blocks.transpose(0, 2, 1, 3))
            values[np.ix_(rows, others)] = norms / min(p, q)
    idle = _idle_caution(known, varying)
    few = _number_caution(moments.n_shapes, max(sizes))
    return AffinityMatrix(known, _as_affinities(values), moments.n_shapes, cautions=(*idle, *few))


def _group_columns(groups: Sequence[ArrayLike] | NDArray[np.float64]) -> list[Floats]:
    if isinstance(groups, np.ndarray) and groups.ndim == 3:
        groups = list(groups.swapaxes(0, 1))
    columns = [np.asarray(group, dtype=np.float64) for group in groups]
    shapes = [column.shape for column in columns]
    if not shapes or any(len(shape) != 2 or 0 in shape for shape in shapes):
        raise ShapeMismatchError(f"groups must be arrays (N, d), got {shapes}")
    if len({N for N, _ in shapes}) > 1 or shapes[0][0] < _LEAST_SHAPES:
        problem = f"groups must have the same N of {_LEAST_SHAPES} at least, got {shapes}"
        raise ShapeMismatchError(problem)
    if not all(np.isfinite(column).all() for column in columns):
        raise ShapeMismatchError("groups must be finite; leave out the rows that are not")
    return columns


def _as_affinities(values: Floats) -> Floats:
    """Symmetric, in [0, 1], ones on the diagonal: rounding taken away."""
    bounded = np.clip(values, 0.0, 1.0)
    bounded = (bounded + bounded.T) / 2
    np.fill_diagonal(bounded, 1.0)
    return np.asarray(bounded)


def _require_shapes(moments: Moments, known: LandmarkFormat) -> None:
    count, names = moments.count, known.landmarks
    if count.min() >= _LEAST_SHAPES:
        return
    i = j = int(np.argmin(np.diagonal(count)))
    who = f"landmark {names[i]!r}"
    if count[i, j] >= _LEAST_SHAPES:  # then each is there, but not this pair
        i, j = (int(index) for index in np.unravel_index(int(np.argmin(count)), count.shape))
        who = f"landmarks {names[i]!r} and {names[j]!r} together"
    problem = f"{who}: present in {count[i, j]:g} of {moments.n_shapes} shapes; "
    raise ShapeMismatchError(problem + f"affinities need {_LEAST_SHAPES} at least")


def _whitening(within: Floats, mean: Floats, ridge: float) -> tuple[Floats, NDArray[np.bool_]]:
    """Inverse square roots (M, D, D) of covariances, and which landmarks vary in all directions."""
    rounding = np.square(_ROUNDED_OFF * np.abs(mean)).max(axis=1, keepdims=True)
    variances, axes = np.linalg.eigh(within)
    trace = variances.sum(axis=1, keepdims=True)
    real = variances > np.maximum(_NO_VARIANCE * np.maximum(trace, trace.mean()), rounding)
    inverse = np.zeros_like(variances)
    np.divide(1.0, np.sqrt(np.abs(variances) + ridge * trace), out=inverse, where=real)
    whitening = np.einsum("iab,ib,icb->iac", axes, inverse, axes)
    return whitening, np.asarray(real.all(axis=1))


def _nuclear_norms(matrices: Floats) -> Floats:
    """Sums of the singular values of (..., p, q) matrices.

    For p = q = 2 these are the roots of a quadratic: (s1 + s2)^2 = |K|_F^2 + 2 |det K|.
    """
    if matrices.shape[-2:] == (2, 2):
        (a, b), (c, d) = np.moveaxis(matrices, (-2, -1), (0, 1))
        squares = a * a + b * b + c * c + d * d
        return np.asarray(np.sqrt(squares + 2 * np.abs(a * d - b * c)))
    return np.asarray(np.linalg.svd(matrices, compute_uv=False).sum(axis=-1))


def _idle_caution(known: LandmarkFormat, varying: NDArray[np.bool_]) -> tuple[str, ...]:
    if varying.all():
        return ()
    names = ", ".join(known.landmarks[i] for i in np.flatnonzero(~varying))
    return (
        f"These landmarks do not vary in every direction: {names}. "
        "A direction without variance counts as no correlation.",
    )


def _number_caution(n_shapes: int, D: int) -> tuple[str, ...]:
    if n_shapes > 2 * D:
        return ()
    return (
        f"Only {n_shapes} shapes have some pair of landmarks: "
        f"with {2 * D} or fewer, canonical correlations are 1 by arithmetic.",
    )


def _turned_caution(moments: Moments, covariance: Floats, mean: float) -> tuple[str, ...]:
    """Where turns in the picture, which all landmarks share, make up much of the variance."""
    if moments.alignment not in _KEEP_TURNS or not mean > _MEAN_OF_TURNED:
        return ()
    M, D = moments.mean.shape
    shape = moments.mean - moments.mean.mean(axis=0)
    turns, _ = np.linalg.qr(similarity_modes(shape)[:, D + 1 :])
    matrix = covariance.reshape(M * D, M * D)
    share = float(np.einsum("at,ab,bt->", turns, matrix, turns) / np.trace(matrix))
    if not share > _SHARE_OF_TURNED:
        return ()
    return (
        f"Turns of the whole shape are {share:.0%} of the variance: they move all landmarks "
        "together and raise every affinity. The alignment procrustes takes them out.",
    )


def _absence_cautions(moments: Moments) -> tuple[str, ...]:
    texts = []
    if moments.n_passed_over:
        lone = f"{moments.n_passed_over} shapes with fewer than two landmarks"
        texts.append(f"{lone} were passed over.")
    if moments.n_incomplete and moments.alignment in _KEEP_TURNS:
        texts.append(
            f"{moments.n_incomplete} shapes lack landmarks: their place and size come from the "
            "landmarks they have, which shifts the others. The alignment procrustes does not mind."
        )
    return tuple(texts)
