"""Shapes: the landmarks of N objects, and which of them can be seen."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datasets.errors import ShapeMismatchError
from datasets.formats import LandmarkFormat, landmark_format

LARGEST_PX = 1e9
"""No position, box or size is larger: squares and their sums must keep digits."""


class Visibility(IntEnum):
    """COCO's codes."""

    ABSENT = 0
    OCCLUDED = 1
    VISIBLE = 2


@dataclass(frozen=True, slots=True, eq=False)
class ShapeSet:
    """N shapes of one landmark format.

    Parameters
    ----------
    format
        The landmark format (M landmarks).
    points
        float64 (N, M, D), D = 2 or 3, in pixels of the original picture (x to the right,
        y down, the centre of the top-left pixel is (0, 0)). NaN exactly where absent.
    visibility
        uint8 (N, M): 0 absent, 1 occluded, 2 visible.

    Raises
    ------
    ShapeMismatchError
        If dimensions do not fit, a coordinate is beyond `LARGEST_PX`, or NaN and visibility
        disagree.
    """

    format: LandmarkFormat
    points: NDArray[np.float64]
    visibility: NDArray[np.uint8]

    def __post_init__(self) -> None:
        """Check dimensions, finiteness and that NaN stands exactly where absent."""
        points, visibility, M = self.points, self.visibility, len(self.format)
        if points.dtype != np.float64 or points.ndim != 3 or points.shape[2] not in (2, 3):
            found = f"{points.dtype} {points.shape}"
            raise ShapeMismatchError(f"points must be float64 (N, M, 2 or 3), got {found}")
        if points.shape[1] != M:
            problem = f"{self.format.name} has {M} landmarks, the points have {points.shape[1]}"
            raise ShapeMismatchError(problem)
        if visibility.dtype != np.uint8 or visibility.shape != points.shape[:2]:
            found = f"{visibility.dtype} {visibility.shape}"
            raise ShapeMismatchError(f"visibility must be uint8 {points.shape[:2]}, got {found}")
        if visibility.size and visibility.max() > Visibility.VISIBLE:
            raise ShapeMismatchError(f"visibility must be 0, 1 or 2, got {visibility.max()}")
        beyond = np.abs(points) > LARGEST_PX  # false where NaN
        if beyond.any():
            shape, landmark, axis = np.argwhere(beyond)[0]
            problem = f"shape {shape}, landmark {self.format.landmarks[landmark]}: expected "
            problem += f"no coordinate beyond {LARGEST_PX:,.0f} pixels, "
            raise ShapeMismatchError(f"{problem}got {points[shape, landmark, axis]:g}")
        missing = np.isnan(points)
        absent = visibility == Visibility.ABSENT
        wrong = (missing.any(axis=2) != absent) | (missing.all(axis=2) != absent)
        if wrong.any():
            shape, landmark = np.argwhere(wrong)[0]
            problem = f"shape {shape}, landmark {self.format.landmarks[landmark]}: "
            problem += "NaN must stand exactly where the landmark is absent"
            raise ShapeMismatchError(problem)

    def __len__(self) -> int:
        """N, the number of shapes."""
        return len(self.points)

    @classmethod
    def from_points(
        cls, points: ArrayLike, landmark_format_: LandmarkFormat | None = None
    ) -> "ShapeSet":
        """All landmarks visible, except where a coordinate is NaN.

        Parameters
        ----------
        points
            (N, M, D); NaN means absent.
        landmark_format_
            Nameless when left out.
        """
        array = np.array(points, dtype=np.float64)
        if array.ndim != 3:
            raise ShapeMismatchError(f"points must be (N, M, D), got {array.shape}")
        absent = np.isnan(array).any(axis=2)
        array[absent] = np.nan
        visibility = np.where(absent, Visibility.ABSENT, Visibility.VISIBLE).astype(np.uint8)
        if landmark_format_ is None:
            landmark_format_ = landmark_format(f"points-{array.shape[1]}")
        return cls(landmark_format_, array, visibility)

    @property
    def present(self) -> NDArray[np.bool_]:
        """Bool (N, M): where a landmark has a place, seen or occluded."""
        return np.asarray(self.visibility != Visibility.ABSENT)

    @property
    def complete(self) -> NDArray[np.bool_]:
        """Bool (N,): shapes with all their landmarks."""
        return np.asarray(self.present.all(axis=1))

    def take(self, rows: ArrayLike) -> "ShapeSet":
        """The shapes at these indices, or where this mask is true."""
        index = row_index(rows)
        return ShapeSet(self.format, self.points[index], self.visibility[index])

    def keep(self, landmarks: ArrayLike) -> "ShapeSet":
        """The same shapes and format with every landmark absent but these."""
        gone = np.ones(len(self.format), dtype=bool)
        gone[np.asarray(landmarks)] = False
        points, visibility = self.points.copy(), self.visibility.copy()
        points[:, gone] = np.nan
        visibility[:, gone] = Visibility.ABSENT
        return ShapeSet(self.format, points, visibility)

    def subset(self, target: LandmarkFormat, indices: ArrayLike) -> "ShapeSet":
        """The landmarks at these indices as shapes of another format (see `index_map`)."""
        index = np.asarray(indices)
        return ShapeSet(target, self.points[:, index], self.visibility[:, index])


def row_index(rows: ArrayLike) -> NDArray[np.int64] | NDArray[np.bool_]:
    """Indices or a mask as an array that indexes, also where there are none."""
    index = np.asarray(rows)
    return index.astype(bool) if index.dtype == bool else index.astype(np.int64)


def empty_shapes(landmark_format_: LandmarkFormat, N: int, D: int = 2) -> ShapeSet:
    """N shapes of which nothing is known yet: every landmark absent."""
    M = len(landmark_format_)
    points = np.full((N, M, D), np.nan)
    return ShapeSet(landmark_format_, points, np.zeros((N, M), dtype=np.uint8))
