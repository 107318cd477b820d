"""The Gaussian shape model: what is known of all landmarks when some are known.

One model serves four ends: it draws shapes, previews and checks clicks while people label, tells
the error to expect from a choice of landmarks, and completes clicked shapes.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datasets.alignment import Similarity, align, present_landmarks, similarity
from datasets.archives import opened_archive
from datasets.deformations import regularised_covariance, similarity_modes
from datasets.errors import ShapeMismatchError
from datasets.formats import LandmarkFormat, format_from_table, table_from_format
from datasets.moments import Moments
from datasets.shapes import ShapeSet, Visibility

_ROUNDS = 20
_CONVERGED = 1e-6  # largest move of a landmark, in parts of the centroid size
_FLOOR = 1e-12  # variance that keeps systems solvable, in squares of the centroid size

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class ShapeModel:
    """Mean and covariance of shapes aligned by generalised Procrustes analysis.

    Parameters
    ----------
    format
        The landmark format (M landmarks).
    mean
        float64 (M, D): the mean shape, its centroid at the origin, with unit centroid size.
    covariance
        float64 (M, D, M, D), positive definite, in squares of the centroid size.
    size_px
        Geometric mean of the shapes' centroid sizes where they came from, in pixels.
    noise
        Standard deviation of a click in x and in y, in parts of the shape's root mean square
        radius (its centroid size over the root of M).

    Raises
    ------
    ShapeMismatchError
        If dimensions do not fit, a value is not finite, or size or noise are out of range.
    """

    format: LandmarkFormat
    mean: Array
    covariance: Array
    size_px: float
    noise: float = 0.04

    alignment: ClassVar[str] = "procrustes"

    def __post_init__(self) -> None:
        """Check dimensions and ranges."""
        M, D = len(self.format), self.mean.shape[-1]
        if self.mean.shape != (M, D) or self.covariance.shape != (M, D, M, D):
            found = f"a mean {self.mean.shape} and a covariance {self.covariance.shape}"
            raise ShapeMismatchError(f"{self.format.name} has {M} landmarks, got {found}")
        if not (np.isfinite(self.mean).all() and np.isfinite(self.covariance).all()):
            raise ShapeMismatchError("mean and covariance must be finite")
        if not (0 < self.size_px < np.inf and 0 <= self.noise < np.inf):
            problem = f"size_px must be positive and noise not negative, got {self.size_px}, "
            raise ShapeMismatchError(f"{problem}{self.noise}")

    @classmethod
    def fit(
        cls,
        shapes: ShapeSet | ArrayLike,
        *,
        ridge: float = 0.01,
        prior_shapes: float = 5.0,
        noise: float = 0.04,
    ) -> "ShapeModel":
        """Learn the model from shapes; landmarks may be absent here and there.

        The covariance is that of the aligned shapes, mixed with smooth deformations, so that few
        shapes suffice: what they do not show bends smoothly (`regularised_covariance`).

        Parameters
        ----------
        shapes
            (n, M, D) in pixels, NaN = absent; every two landmarks together in two at least.
        ridge
            Variance of every coordinate by itself, as a share of the mean variance. All three
            defaults were cross-validated on faces, dogs, hands and leaves; the optimum is flat.
        prior_shapes
            The number of shapes that the smooth deformations count for.
        noise
            See the class.

        Raises
        ------
        ShapeMismatchError
            If a shape cannot be aligned or two landmarks are together in fewer than two shapes.
        """
        shapes = shapes if isinstance(shapes, ShapeSet) else ShapeSet.from_points(shapes)
        aligned = align(shapes.points, cls.alignment)
        moments = Moments.from_points(aligned, cls.alignment)
        covariance = regularised_covariance(moments, ridge, prior_shapes)
        scales = similarity(shapes.points, moments.mean).scale
        size_px = float(np.exp(-np.log(scales).mean()))
        return cls(shapes.format, moments.mean, covariance, size_px, noise)

    def condition(self, known: ArrayLike) -> tuple[Array, Array]:
        """Expected places of all landmarks and their covariance, given some.

        Place, size and orientation in the picture are unknown too. They enter as modes of wide
        variance, the tangents of the similarities at the mean (universal kriging, Cressie 1993,
        sec. 3.4). Tangents hold nearby, so the known landmarks are aligned anew by the completed
        shape until it rests; then it lies to the mean as the fitted shapes do. From one landmark
        follows the mean shape, upright and `size_px` large.

        Parameters
        ----------
        known
            (M, D) in pixels; NaN = not known. One at least.

        Returns
        -------
        mean
            float64 (M, D) in pixels; known landmarks as they were given.
        covariance
            float64 (M, D, M, D) in square pixels; zero for known landmarks.

        Raises
        ------
        ShapeMismatchError
            If no landmark is known, all known ones are in one place, or dimensions do not fit.
        """
        points = np.asarray(known, dtype=np.float64)[np.newaxis]
        self._require_usable(points)
        present = present_landmarks(points[0])
        completed, frame = self._completed(points, present)
        back = frame.inverse()
        turn = back.scale[0] * back.rotation[0]
        spread = np.einsum("ab,ibjc,dc->iajd", turn, self.spread_given(present), turn)
        return completed[0], spread

    def spread_given(self, known: ArrayLike) -> Array:
        """Covariance of all landmarks given some, wherever those lie: what a choice leaves open.

        Parameters
        ----------
        known
            Bool (M,), or indices.

        Returns
        -------
        float64 (M, D, M, D) in squares of the centroid size; zero for known landmarks.
        """
        index = np.asarray(known)
        present = np.zeros(len(self.format), dtype=bool)
        present[index if index.dtype == bool else index.astype(int)] = True
        prior, gain = self._prior_and_gain(present)
        unknown = np.repeat(~present, self.mean.shape[1])
        spread = (prior - gain @ prior[~unknown]) * np.outer(unknown, unknown)
        return np.asarray((spread + spread.T) / 2).reshape(self.covariance.shape)

    def complete(self, shapes: ShapeSet) -> ShapeSet:
        """The shapes with every absent landmark filled in by its expected place, as visible.

        Raises
        ------
        ShapeMismatchError
            If the format differs, or a shape has no landmark or all in one place.
        """
        if shapes.format.landmarks != self.format.landmarks:
            problem = f"a model of {self.format.name} cannot complete {shapes.format.name}"
            raise ShapeMismatchError(problem)
        self._require_usable(shapes.points)
        points = shapes.points.copy()
        patterns, group = np.unique(shapes.present, axis=0, return_inverse=True)
        for index, present in enumerate(patterns):
            rows = np.flatnonzero(group.ravel() == index)
            if not present.all():
                points[rows], _ = self._completed(points[rows], present)
        seen = np.where(shapes.present, shapes.visibility, np.uint8(Visibility.VISIBLE))
        return ShapeSet(shapes.format, points, seen)

    def sample(self, N: int, rng: np.random.Generator) -> Array:
        """N random shapes (N, M, D) in the model's frame: unit centroid size, y down."""
        values, vectors = np.linalg.eigh(self.covariance.reshape(self.mean.size, -1))
        spread = vectors * np.sqrt(np.maximum(values, 0.0))
        draws = rng.standard_normal((N, self.mean.size)) @ spread.T
        return np.asarray(self.mean + draws.reshape(N, *self.mean.shape))

    def save(self, path: str | Path) -> None:
        """Write as ``.npz``."""
        with Path(path).open("wb") as file:
            np.savez_compressed(
                file,
                format=json.dumps(table_from_format(self.format)),
                mean=self.mean,
                covariance=self.covariance,
                size_px=self.size_px,
                noise=self.noise,
            )

    @classmethod
    def load(cls, path: str | Path) -> "ShapeModel":
        """Read what `save` wrote.

        Raises
        ------
        FileFormatError
            If the file is missing or broken.
        """
        with opened_archive(path, "a shape model") as fields:
            return cls(
                format_from_table(json.loads(str(fields["format"]))),
                fields["mean"].astype(np.float64),
                fields["covariance"].astype(np.float64),
                float(fields["size_px"]),
                float(fields["noise"]),
            )

    def _completed(self, known: Array, present: NDArray[np.bool_]) -> tuple[Array, Similarity]:
        """Shapes (N, M, D) with one pattern of absence, filled in, and their map to our frame."""
        _, gain = self._prior_and_gain(present)
        frame = self._first_frame(known, present)
        given = known[:, present]
        previous = np.full(known.shape, np.inf)
        for _ in range(_ROUNDS):
            offset = (frame.apply(given) - self.mean[present]).reshape(len(known), -1)
            moves = (offset @ gain.T).reshape(known.shape)
            completed = frame.inverse().apply(self.mean + moves)
            frame = similarity(completed, self.mean)
            if np.abs(moves - previous).max() < _CONVERGED:
                break
            previous = moves
        return np.where(present[:, None], known, completed), frame

    def _first_frame(self, known: Array, present: NDArray[np.bool_]) -> Similarity:
        if present.sum() > 1:
            return similarity(known, self.mean)
        N, D = len(known), self.mean.shape[1]
        scale = np.full(N, 1.0 / self.size_px)
        shift = self.mean[present] - known[:, present][:, 0] / self.size_px
        return Similarity(scale, np.broadcast_to(np.eye(D), (N, D, D)), shift)

    def _prior_and_gain(self, present: NDArray[np.bool_]) -> tuple[Array, Array]:
        """Covariance with modes of similarity, and the regression of all coordinates on known."""
        modes = similarity_modes(self.mean)
        prior = self.covariance.reshape(self.mean.size, -1) + modes @ modes.T
        known = np.repeat(present, self.mean.shape[1])
        system = prior[np.ix_(known, known)]
        system = system + (self.noise**2 / len(self.mean) + _FLOOR) * np.eye(len(system))
        return prior, np.asarray(np.linalg.solve(system, prior[known]).T)

    def _require_usable(self, points: Array) -> None:
        if points.shape[1:] != self.mean.shape:
            expected = f"expected {self.mean.shape} coordinates a shape"
            raise ShapeMismatchError(f"{expected}, got {points.shape[1:]}")
        present = present_landmarks(points)
        counts = present.sum(axis=1)
        mask = present[:, :, None]
        low = np.where(mask, points, np.inf).min(axis=1)
        high = np.where(mask, points, -np.inf).max(axis=1)
        wrong = (counts == 0) | ((counts > 1) & (low == high).all(axis=1))
        if wrong.any():
            row = int(np.argmax(wrong))
            why = "no landmark is known" if counts[row] == 0 else "all known ones are in one place"
            raise ShapeMismatchError(f"shape {row} cannot be completed: {why}")
