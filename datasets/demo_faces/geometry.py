"""Lines and outlines of a face in its own frame: upright, around its centroid, RMS radius 1.

All parts of a face are constructed in this frame, so they need not know where in the picture
the head is, how large, or how far turned in the picture's plane.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

_STEPS = 6  # points of a spline for each stretch between two given ones

BROWS = ((17, 18, 19, 20, 21), (26, 25, 24, 23, 22))  # each from its outer to its inner end
EYES = ((36, 37, 38, 39, 40, 41), (45, 44, 43, 42, 47, 46))  # outer corner, over the top, back
OUTER_LIPS = tuple(range(48, 60))


def spline(points: Points, *, closed: bool = False) -> Points:
    """Catmull-Rom spline (Catmull and Rom 1974) through points (K, 2)."""
    if closed:
        before, after = points[-1:], points[:2]
        ring = np.concatenate([before, points, after])
    else:
        first, last = 2 * points[0] - points[1], 2 * points[-1] - points[-2]
        ring = np.concatenate([first[None], points, last[None]])
    p0, p1, p2, p3 = ring[:-3], ring[1:-2], ring[2:-1], ring[3:]
    u = (np.arange(_STEPS) / _STEPS)[:, None, None]
    curve = p1 + 0.5 * u * (
        p2 - p0 + u * (2 * p0 - 5 * p1 + 4 * p2 - p3 + u * (3 * (p1 - p2) + p3 - p0))
    )
    flat = curve.transpose(1, 0, 2).reshape(-1, 2)
    return flat if closed else np.concatenate([flat, points[-1:]])


def cornered(upper: Points, lower: Points) -> Points:
    """Closed outline of two splines that meet in sharp corners, such as those of an eye."""
    return np.concatenate([spline(upper), spline(lower)[1:-1]])


def ribbon(path: Points, widths: Points | float) -> Points:
    """Outline of a stroke along a path (K, 2) whose width (K,) may change."""
    before, after = np.concatenate([path[:1], path[:-1]]), np.concatenate([path[1:], path[-1:]])
    tangent = after - before
    length = np.maximum(np.hypot(tangent[:, 0], tangent[:, 1]), 1e-9)
    half = tangent[:, ::-1] * [-1.0, 1.0] * (0.5 * np.asarray(widths) / length)[:, None]
    return np.concatenate([path + half, (path - half)[::-1]])


def ellipse(
    centre: Points, width: float, height: float, turn_rad: float = 0.0, corners: int = 24
) -> Points:
    """Outline of an ellipse; `width` and `height` are its half axes."""
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    x, y = width * np.cos(angle), height * np.sin(angle)
    cos, sin = np.cos(turn_rad), np.sin(turn_rad)
    return np.asarray(centre + np.stack([cos * x - sin * y, sin * x + cos * y], axis=1))


def mix(a: Points, b: Points, share: float) -> Points:
    """The points that lie a share of the way from a to b."""
    return np.asarray((1 - share) * a + share * b)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """How the face's own frame lies in a picture: ``p = centre + scale * turn @ q``."""

    centre: Points
    scale: float
    turn: Points

    @classmethod
    def of(cls, points: Points) -> "Frame":
        """The frame of a face given by its 68 landmarks in the picture."""
        centre = points.mean(axis=0)
        scale = float(np.sqrt(np.mean(np.sum((points - centre) ** 2, axis=1))))
        across = points[42:48].mean(axis=0) - points[36:42].mean(axis=0)
        upwards = points[27] - points[8]
        across = across / np.linalg.norm(across) + np.array([-upwards[1], upwards[0]]) / (
            2 * np.linalg.norm(upwards)
        )
        cos, sin = across / np.linalg.norm(across)
        return cls(centre, scale, np.array([[cos, -sin], [sin, cos]]))

    def to_picture(self, points: Points) -> Points:
        """Positions (..., 2) of the face's frame in the picture."""
        return np.asarray(self.centre + self.scale * points @ self.turn.T)

    def from_picture(self, points: Points) -> Points:
        """Inverse of `to_picture`."""
        return np.asarray((points - self.centre) @ self.turn / self.scale)


class Head:
    """What follows from 68 landmarks in the face's frame: pose, skull and hairline.

    Parameters
    ----------
    points
        (68, 2) in the face's own frame.

    Attributes
    ----------
    turned : in [-1, 1], how far the nose is from the middle, to the picture's right if positive.
    top, brow_y, eye_y : heights of the skull's top, the brows and the eyes (y down).
    temples : (2, 2), where the skull leaves the face, left and right in the picture.
    skull : outline from the right temple over the top to the left one.
    outline : closed outline of all that is skin: jaw and skull.
    """

    def __init__(self, points: Points) -> None:
        self.points = points
        left, right, nose = points[0], points[16], points[30]
        self.width = float(right[0] - left[0])
        self.turned = float(np.clip((2 * nose[0] - left[0] - right[0]) / self.width, -1, 1))
        self.eye_y = float(points[36:48, 1].mean())
        self.brow_y = float(points[17:27, 1].mean())
        chin = points[8, 1] - self.eye_y
        self.top = self.eye_y - (0.40 * chin + 0.44 * self.width)
        self.temples = self._temples()
        self.skull = self._skull()
        self.jaw = spline(points[:17])
        self.outline = np.concatenate([self.jaw, self.skull])

    def _temples(self) -> Points:
        p = self.points
        y = self.brow_y - 0.12
        left = min(p[0, 0] + 0.02, p[17:22, 0].min() - 0.10)
        right = max(p[16, 0] - 0.02, p[22:27, 0].max() + 0.10)
        return np.array([[left, y], [right, y]])

    def _skull(self) -> Points:
        (left, y), (right, _) = self.temples
        angle = np.linspace(0.0, np.pi, 15)
        middle, half = (left + right) / 2, (right - left) / 2
        back = -0.45 * self.turned * np.sin(angle) ** 2
        x = middle + half * (np.cos(angle) * (1 + 0.03 * np.sin(2 * angle) ** 2) + back)
        return np.stack([x, y - (y - self.top) * np.sin(angle)], axis=1)

    def depth(self, side: int) -> float:
        """How much of a side is seen: 1 in front view, more where the head shows that side.

        `side` is -1 for the picture's left, 1 for its right.
        """
        return float(np.clip(1 - 1.6 * side * self.turned, 0.05, 2.2))

    def edge_x(self, side: int) -> float:
        """Where the outline's left (0) or right (1) side is at the height of the eyes."""
        end, temple = self.points[(0, 16)[side]], self.temples[side]
        return float(np.interp(self.eye_y, [temple[1], end[1]], [temple[0], end[0]]))

    def swollen(self, outline: Points, amount: float) -> Points:
        """An outline moved away from the middle of the head."""
        middle = np.array([self.temples[:, 0].mean(), self.eye_y])
        return np.asarray(middle + (outline - middle) * (1 + amount))

    def hairline(self, height: float, parting: float = 0.0) -> Points:
        """Edge of the hair on the forehead, from the left side to the right.

        `height` is the share of the forehead that is bare; `parting` in [-1, 1] moves its top.
        """
        (left, temple_y), (right, _) = self.temples
        y = self.brow_y - height * (self.brow_y - self.top)
        near, far = 0.16 * self.depth(-1), 0.16 * self.depth(1)
        middle = (left + right) / 2 + 0.25 * self.turned * self.width
        across = (right - left) / 2
        controls = [
            [self.edge_x(0) + 0.35 * near, self.eye_y],
            [left + near, temple_y],
            [left + 2.1 * near, mix(temple_y, y, 0.62)],
            [middle + 0.35 * across * parting, y],
            [right - 2.1 * far, mix(temple_y, y, 0.62)],
            [right - far, temple_y],
            [self.edge_x(1) - 0.35 * far, self.eye_y],
        ]
        return self._within_skull(spline(np.array(controls)))

    def _within_skull(self, line: Points) -> Points:
        """A line from left to right whose upper part is not wider than the skull."""
        top, above = len(self.skull) // 2, line[:, 1] < self.temples[0, 1]
        for half, limit in ((self.skull[: top + 1], np.minimum), (self.skull[top:], np.maximum)):
            order = np.argsort(half[:, 1])
            edge = np.interp(line[:, 1], half[order, 1], half[order, 0])
            line[above, 0] = limit(line[above, 0], edge[above])
        return line
