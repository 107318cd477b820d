"""Affinity: how strongly any two landmarks depend on each other (Yan 2020, sec. 5.3)."""

import csv
import io
import tomllib
import warnings
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tomli_w
from numpy.typing import ArrayLike, NDArray

from datasets.alignment import present_landmarks
from datasets.errors import FileFormatError, ShapeMismatchError
from datasets.files import replacing
from datasets.formats import LandmarkFormat, format_from_table, table_from_format
from datasets.formats import landmark_format as format_named
from datasets.io.npz import UNREADABLE
from datasets.moments import Moments, moments_of
from datasets.shapes import ShapeSet

Floats = NDArray[np.float64]

CANONICAL_MEAN = "mean canonical correlation"

_LEAST_SHAPES = 3
_ROUNDING = 1e-9
_NO_VARIANCE = 1e-12  # share of the shape's mean variance, or of a landmark's own


class FewmarkWarning(UserWarning):
    """A result that is defined, but should be read with care."""


@dataclass(frozen=True, slots=True, eq=False)
class AffinityMatrix:
    """Affinities of M landmarks.

    Parameters
    ----------
    format
        The landmark format (M landmarks).
    values
        float64 (M, M) in [0, 1], symmetric, ones on the diagonal; no unit.
    n_shapes
        Number of shapes behind it, for the pair that has the fewest; None where unknown.
    alignment
        How the shapes were aligned; None where unknown. It changes the values a lot.
    method
        What the values are.
    cautions
        Sentences about what makes the values doubtful.

    Raises
    ------
    ShapeMismatchError
        If `values` is not such a matrix.
    """

    format: LandmarkFormat
    values: Floats
    n_shapes: int | None = None
    alignment: str | None = None
    method: str = CANONICAL_MEAN
    cautions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the matrix."""
        M, values = len(self.format), self.values
        if values.dtype != np.float64 or values.shape != (M, M):
            found = f"{values.dtype} {values.shape}"
            raise ShapeMismatchError(f"affinities must be float64 {(M, M)}, got {found}")
        if not ((values >= 0) & (values <= 1)).all():  # also false where NaN
            raise ShapeMismatchError("affinities must lie in [0, 1]")
        if not np.array_equal(values, values.T) or not (np.diagonal(values) == 1).all():
            problem = "affinities must be symmetric with ones on the diagonal"
            raise ShapeMismatchError(problem)

    @classmethod
    def from_values(
        cls, values: ArrayLike, landmark_format: LandmarkFormat | None = None
    ) -> "AffinityMatrix":
        """Any (M, M) matrix of affinities; rounding errors up to 1e-9 are taken away.

        Raises
        ------
        ShapeMismatchError
            If it is not symmetric, not in [0, 1], or its diagonal is not 1, by more than that.
        """
        array = np.array(values, dtype=np.float64)
        if array.ndim != 2 or array.shape[0] != array.shape[1] or array.shape[0] == 0:
            raise ShapeMismatchError(f"affinities must be a square matrix, got {array.shape}")
        if np.allclose(array, array.T, rtol=0, atol=_ROUNDING):
            array = (array + array.T) / 2
        if np.allclose(np.diagonal(array), 1, rtol=0, atol=_ROUNDING):
            np.fill_diagonal(array, 1.0)
        beyond = (array > 1) & (array <= 1 + _ROUNDING), (array < 0) & (array >= -_ROUNDING)
        array[beyond[0]], array[beyond[1]] = 1.0, 0.0
        return cls(landmark_format or format_named(f"points-{len(array)}"), array)

    def __len__(self) -> int:
        """M, the number of landmarks."""
        return len(self.format)

    @property
    def distance(self) -> Floats:
        """1 - affinity, (M, M): what K-center works on."""
        return 1.0 - self.values

    @property
    def mean(self) -> float:
        """Mean affinity of two different landmarks; NaN for a single one."""
        M = len(self)
        return float((self.values.sum() - M) / (M * (M - 1))) if M > 1 else float("nan")

    @property
    def caption(self) -> str:
        """What stands below every figure of it: number of shapes and alignment."""
        shapes = "an unknown number of" if self.n_shapes is None else f"{self.n_shapes:,}"
        return f"{self.method} over {shapes} shapes, alignment: {self.alignment or 'unknown'}"

    def save(self, path: str | Path) -> None:
        """Write as NumPy archive (.npz)."""
        with replacing(Path(path)) as temporary, temporary.open("wb") as file:
            np.savez_compressed(
                file,
                values=self.values,
                format=np.array(tomli_w.dumps(table_from_format(self.format))),
                n_shapes=np.array(-1 if self.n_shapes is None else self.n_shapes),
                alignment=np.array(self.alignment or ""),
                method=np.array(self.method),
                cautions=np.array(self.cautions, dtype=np.str_),
            )

    @classmethod
    def load(cls, path: str | Path) -> "AffinityMatrix":
        """Read what `save` wrote.

        Raises
        ------
        FileFormatError
            If the file is missing or something else.
        """
        try:
            with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as stored:
                n_shapes = int(stored["n_shapes"])
                return cls(
                    format_from_table(tomllib.loads(str(stored["format"]))),
                    stored["values"],
                    None if n_shapes < 0 else n_shapes,
                    str(stored["alignment"]) or None,
                    str(stored["method"]),
                    tuple(str(text) for text in stored["cautions"]),
                )
        except OSError as error:
            problem = f"cannot be read: {error.strerror}"
            raise FileFormatError(path, None, problem) from error
        except (AttributeError, TypeError, *UNREADABLE) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise FileFormatError(path, None, f"not an affinity file: {reason}") from error

    def save_csv(self, path: str | Path) -> None:
        """Write as a table with landmark names in the first row and column."""
        with replacing(Path(path)) as temporary:
            temporary.write_text(self.csv(), encoding="utf-8", newline="\n")

    def csv(self) -> str:
        """The table that `save_csv` writes; numbers have all their digits."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["landmark", *self.format.landmarks])
        for name, row in zip(self.format.landmarks, self.values.tolist(), strict=True):
            writer.writerow([name, *row])
        return text.getvalue()


def holds_affinity(path: str | Path) -> bool:
    """Whether a file is an archive of affinities, as `AffinityMatrix.save` writes it."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {"values.npy", "format.npy", "method.npy"} <= set(archive.namelist())
    except UNREADABLE:
        return False


def affinity(shapes: ShapeSet | ArrayLike, alignment: str = "centroid-rms") -> AffinityMatrix:
    """Affinity matrix of shapes (Yan 2020, eq. 5.3).

    Parameters
    ----------
    shapes
        N shapes, or float (N, M, D) with NaN = absent. Each pair of landmarks uses the shapes
        that have both; shapes with fewer than two landmarks have no say.
    alignment
        How place, size and orientation are taken out, see `datasets.alignment.align`.

    Raises
    ------
    ShapeMismatchError
        If a pair is present in fewer than three shapes, or a shape cannot be aligned.
    UnknownNameError
        If the alignment is not known.

    Warns
    -----
    FewmarkWarning
        If a landmark does not vary in every direction.
    """
    points = shapes.points if isinstance(shapes, ShapeSet) else np.asarray(shapes, np.float64)
    moments = moments_of([points_with_pairs(points)], alignment)
    known = shapes.format if isinstance(shapes, ShapeSet) else None
    matrix = affinity_from_moments(moments, landmark_format=known)
    return replace(matrix, cautions=(*matrix.cautions, *_absence_cautions(points, alignment)))


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
    whitening, varying = _whitening(within, ridge)
    cross = np.einsum("iab,ibjc,jcd->ijad", whitening, covariance, whitening, optimize=True)
    values = np.clip(_nuclear_norms(cross) / D, 0.0, 1.0)
    values = (values + values.T) / 2
    np.fill_diagonal(values, 1.0)
    n_shapes = int(moments.count.min())
    idle = _idle_caution(known, varying)
    for text in idle:
        warnings.warn(text, FewmarkWarning, stacklevel=2)
    cautions = (*idle, *_number_caution(n_shapes, D))
    return AffinityMatrix(known, values, n_shapes, moments.alignment, cautions=cautions)


def _require_shapes(moments: Moments, known: LandmarkFormat) -> None:
    if moments.count.min() >= _LEAST_SHAPES:
        return
    i, j = np.unravel_index(int(np.argmin(moments.count)), moments.count.shape)
    names = f"{known.landmarks[i]!r}" if i == j else f"{known.landmarks[i]!r} and "
    names += "" if i == j else f"{known.landmarks[j]!r} together"
    problem = f"landmark {names}: present in {moments.count[i, j]} of {moments.n_shapes} shapes; "
    raise ShapeMismatchError(problem + f"affinities need {_LEAST_SHAPES} at least")


def _whitening(within: Floats, ridge: float) -> tuple[Floats, NDArray[np.bool_]]:
    """Inverse square roots (M, D, D) of covariances, and which landmarks vary in all directions."""
    variances, axes = np.linalg.eigh(within)
    trace = variances.sum(axis=1, keepdims=True)
    real = variances > _NO_VARIANCE * np.maximum(trace, trace.mean())
    inverse = np.zeros_like(variances)
    np.divide(1.0, np.sqrt(np.abs(variances) + ridge * trace), out=inverse, where=real)
    whitening = np.einsum("iab,ib,icb->iac", axes, inverse, axes)
    return whitening, np.asarray(real.all(axis=1))


def _nuclear_norms(matrices: Floats) -> Floats:
    """Sums of the singular values of (..., D, D) matrices.

    For D = 2 these are the roots of a quadratic: (s1 + s2)^2 = |K|_F^2 + 2 |det K|.
    """
    if matrices.shape[-1] == 2:
        squares = np.square(matrices).sum(axis=(-2, -1))
        return np.asarray(np.sqrt(squares + 2 * np.abs(np.linalg.det(matrices))))
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


def _absence_cautions(points: Floats, alignment: str) -> tuple[str, ...]:
    present = present_landmarks(points)
    lone = int((present.sum(axis=1) < 2).sum())
    partial = int((~present.all(axis=1)).sum()) - lone
    texts = []
    if lone:
        texts.append(f"{lone} shapes with fewer than two landmarks were passed over.")
    if partial and alignment != "procrustes":
        texts.append(
            f"{partial} shapes lack landmarks: their place and size come from the landmarks they "
            "have, which shifts the others. The alignment procrustes does not mind."
        )
    return tuple(texts)
