"""The labels of one picture: m landmarks, each undecided, absent, occluded or visible.

Positions are in the convention of the whole project: pixels of the original picture, the centre
of the top-left pixel is (0, 0).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from datasets.errors import FewmarkError
from datasets.shapes import Visibility

RESOLUTION_PX = 1e-3
"""Positions are rounded to this before they are stored."""

MARGIN = 0.5
"""How far outside the picture a landmark may lie, in parts of its longer side."""


class LabelError(FewmarkError, ValueError):
    """Labels are not what they should be; the text names the landmark and the problem."""


class Source(StrEnum):
    """Where a point comes from."""

    HUMAN = "human"
    """A person placed it, or left it out."""
    ACCEPTED = "accepted"
    """A ghost, that is what a model predicted, taken as it was."""
    CORRECTED = "corrected"
    """A ghost that a person moved."""
    COPIED = "copied"
    """Laid over from the picture before, and not moved since."""


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """A decided landmark: a position in pixels, or NaN twice where the landmark is absent.

    Two points are equal where they say the same of the picture, however they came about.

    Parameters
    ----------
    x, y, visibility
        The label.
    source
        Where it comes from.
    ms
        How long its annotator was active on it, corrections included; None = not known.

    Raises
    ------
    LabelError
        If NaN does not stand exactly where the landmark is absent.
    """

    x: float
    y: float
    visibility: Visibility
    source: Source = Source.HUMAN
    ms: int | None = None

    def __post_init__(self) -> None:
        """Check that a position is there unless the landmark is absent."""
        absent = self.visibility is Visibility.ABSENT
        placed = math.isfinite(self.x) and math.isfinite(self.y)
        if absent == placed or (absent and not (math.isnan(self.x) and math.isnan(self.y))):
            found = f"({self.x}, {self.y}) {self.visibility.name.lower()}"
            raise LabelError(f"expected a position, or none where absent; found {found}")

    def __eq__(self, other: object) -> bool:
        """Equal in visibility and place; two absent points are equal though NaN is not."""
        if not isinstance(other, Point):
            return NotImplemented
        return self._label == other._label

    def __hash__(self) -> int:
        """Hash that agrees with equality."""
        return hash(self._label)

    @property
    def _label(self) -> tuple[Visibility, tuple[float, float] | None]:
        return self.visibility, None if math.isnan(self.x) else (self.x, self.y)


ABSENT = Point(math.nan, math.nan, Visibility.ABSENT)


def placed(x: float, y: float, visibility: Visibility = Visibility.VISIBLE) -> Point:
    """A point at a position, rounded to the stored resolution.

    Examples
    --------
    >>> placed(10.00049, 3.0).x
    10.0
    """
    return Point(round(float(x), 3), round(float(y), 3), visibility)


def point_to_json(point: Point | None) -> dict[str, Any] | None:
    """The point as plain values: None where undecided, x and y None where absent.

    ``src`` is left out where a person placed it, ``ms`` where the time is not known.
    """
    if point is None:
        return None
    absent = point.visibility is Visibility.ABSENT
    value: dict[str, Any] = {
        "x": None if absent else point.x,
        "y": None if absent else point.y,
        "v": int(point.visibility),
    }
    if point.source is not Source.HUMAN:
        value["src"] = point.source.value
    if point.ms is not None:
        value["ms"] = point.ms
    return value


def point_from_json(value: Mapping[str, Any] | None) -> Point | None:
    """The inverse of `point_to_json` for what it wrote itself."""
    if value is None:
        return None
    visibility = Visibility(value["v"])
    absent = visibility is Visibility.ABSENT
    x, y = (math.nan, math.nan) if absent else (float(value["x"]), float(value["y"]))
    source = Source(value.get("src", Source.HUMAN.value))
    return Point(x, y, visibility, source, value.get("ms"))


def points_from_json(
    values: Any,  # noqa: ANN401 - anything a browser may send
    names: Sequence[str],
    size: tuple[int, int] | None = None,
) -> tuple[Point | None, ...]:
    """The inverse of `point_to_json` for a list of m points from a browser.

    Parameters
    ----------
    values
        A list of m entries ``{"x", "y", "v"}``, with ``src`` and ``ms`` on demand, or None.
    names
        Names of the m landmarks.
    size
        Height and width of the picture; positions further outside than `MARGIN` are refused.

    Raises
    ------
    LabelError
        If the list is too short or long, or an entry is wrong.
    """
    if not isinstance(values, list) or len(values) != len(names):
        found = f"{len(values)} entries" if isinstance(values, list) else type(values).__name__
        raise LabelError(f"points: expected a list of {len(names)} entries, found {found}")
    return tuple(_point(value, name, size) for value, name in zip(values, names, strict=True))


def _point(
    value: Any,  # noqa: ANN401 - anything a browser may send
    name: str,
    size: tuple[int, int] | None,
) -> Point | None:
    if value is None:
        return None
    if not isinstance(value, dict) or type(value.get("v")) is not int or value["v"] not in range(3):
        raise LabelError(f"{name}: expected x, y and v = 0, 1 or 2, found {value!r:.80}")
    x, y = value.get("x"), value.get("y")
    if value["v"] == 0:
        if x is not None or y is not None:
            raise LabelError(f"{name}: absent (v = 0), so x and y must be null")
        return replace(ABSENT, **_origin(value, name))
    if not _is_number(x) or not _is_number(y):
        raise LabelError(f"{name}: expected numbers for x and y, found {x!r:.40} and {y!r:.40}")
    if size is not None and not within_reach(x, y, *size):
        raise LabelError(f"{name}: ({x:g}, {y:g}) lies too far outside the picture")
    return replace(placed(x, y, Visibility(value["v"])), **_origin(value, name))


def _origin(value: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The fields of a point that say how it came about; older pages send none."""
    source, ms = value.get("src", Source.HUMAN.value), value.get("ms")
    if not isinstance(source, str) or source not in set(Source):
        raise LabelError(f"{name}: expected src {', '.join(Source)}, found {source!r:.40}")
    if ms is not None and (type(ms) is not int or not 0 <= ms < 2**31):
        raise LabelError(f"{name}: expected ms, a whole number of at least 0, found {ms!r:.40}")
    return {"source": Source(source), "ms": ms}


def _is_number(value: object) -> TypeGuard[float]:
    """Whether it is a number of a size that a position can have; JSON allows 10**400 too."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9


def within_reach(x: float, y: float, height_px: int, width_px: int) -> bool:
    """Whether a position lies in the picture or at most `MARGIN` outside."""
    margin = MARGIN * max(height_px, width_px)
    inside_x = -0.5 - margin <= x <= width_px - 0.5 + margin
    return inside_x and -0.5 - margin <= y <= height_px - 0.5 + margin


def is_complete(points: Sequence[Point | None]) -> bool:
    """Whether every landmark is decided: placed or absent."""
    return all(point is not None for point in points)


def has_position(points: Sequence[Point | None]) -> bool:
    """Whether at least one landmark is placed."""
    return any(p is not None and p.visibility is not Visibility.ABSENT for p in points)


def arrays_from_points(
    points: Sequence[Point | None], chosen: Sequence[int], M: int
) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """The labels as a dense shape: everything that was not marked is absent.

    Returns
    -------
    float64 (M, 2) in pixels, NaN where absent, and uint8 (M,) visibility.
    """
    position = np.full((M, 2), np.nan)
    visibility = np.zeros(M, dtype=np.uint8)
    for index, point in zip(chosen, points, strict=True):
        if point is not None:
            position[index] = point.x, point.y
            visibility[index] = point.visibility
    return position, visibility


def points_from_arrays(
    position: NDArray[np.float64], visibility: NDArray[np.uint8], chosen: Sequence[int]
) -> tuple[Point | None, ...]:
    """The chosen landmarks of a dense shape as labels; what is absent there is undecided here."""
    return tuple(
        placed(position[index, 0], position[index, 1], Visibility(visibility[index]))
        if visibility[index]
        else None
        for index in chosen
    )
