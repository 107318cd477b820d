"""Conversions into and out of our pixel convention, and its few operations.

A position is ``(x, y)`` in pixels, x to the right, y down, and the **centre** of the top-left
pixel is ``(0, 0)``. Every place where another convention enters or leaves calls a function here.
"""

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


def from_one_based(points: Points) -> Points:
    """Pixels counted from 1 (`.pts` files), as ours."""
    return points - 1.0


def to_one_based(points: Points) -> Points:
    """Ours, as pixels counted from 1."""
    return points + 1.0


def from_corner_origin(points: Points) -> Points:
    """Positions whose origin is the outer corner of the top-left pixel (browsers), as ours."""
    return points - 0.5


def to_corner_origin(points: Points) -> Points:
    """Ours, with the origin at the outer corner of the top-left pixel."""
    return points + 0.5


def mirrored(points: Points, width_px: int) -> Points:
    """Positions in the left-right mirrored picture; reorder by `LandmarkFormat.mirror` as well."""
    result = points.copy()
    result[..., 0] = width_px - 1 - points[..., 0]
    return result


def resized(points: Points, scale: float) -> Points:
    """Positions in the picture resized by `scale`."""
    return (points + 0.5) * scale - 0.5
