"""How far clicks scatter, landmark by landmark: from percent of a span to what the search needs.

People who mark know how far two clicks on one landmark lie apart, in percent of the distance that
errors are told in. Points that predict others well are often hard to find: where clicks on them
scatter, another point may be the better choice.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from correlation.demands import indices_of
from datasets.errors import FileFormatError, SelectionError, ShapeMismatchError
from datasets.formats import LandmarkFormat
from datasets.io.text import csv_records, numbers
from datasets.metrics import span_lengths
from datasets.shapes import ShapeSet

COLUMNS = ("landmark", "percent")

_USUAL = 0.04  # `ShapeModel.noise`

Array = NDArray[np.float64]


def usual_noise(shapes: ShapeSet) -> float:
    """What a shape model assumes of a click, in parts of the format's span.

    Raises
    ------
    ShapeMismatchError
        If no shape is complete, or a span has no length.
    """
    return _USUAL / _spans_per_radius(shapes)


def noise_of(shapes: ShapeSet, told: Mapping[int | str, float]) -> Array:
    """Standard deviation of a click in x and in y on every landmark, (M,) in parts of the span.

    Parameters
    ----------
    shapes
        Complete ones tell how long the span is beside the shape.
    told
        Of some landmarks, by index or name; all others have `usual_noise`.

    Raises
    ------
    SelectionError
        If a landmark is not known, or a number is not in 0 to 1.
    ShapeMismatchError
        See `usual_noise`.
    """
    noise = np.full(len(shapes.format), usual_noise(shapes))
    for landmark, value in told.items():
        if not 0 <= value <= 1:
            problem = "the scatter of clicks must be 0 to 100 % of the span"
            raise SelectionError(f"{problem}, got {100 * value:g} % for {landmark}")
        noise[indices_of(shapes.format, [landmark])[0]] = value
    return noise


def precision_of(shapes: ShapeSet, noise: ArrayLike) -> Array:
    """The same in parts of the shape's root mean square radius, as `least_variance` takes it.

    Raises
    ------
    ShapeMismatchError
        See `usual_noise`.
    """
    return np.asarray(noise, dtype=np.float64) * _spans_per_radius(shapes)


def read_noise(path: Path, known: LandmarkFormat) -> dict[int | str, float]:
    """Read a csv with the columns landmark and percent, as parts of the span by index.

    Raises
    ------
    FileFormatError
        If it cannot be read; the line is named.
    """
    told: dict[int | str, float] = {}
    for line, record in csv_records(path):
        if tuple(record) != COLUMNS:
            problem = f"expected the columns {','.join(COLUMNS)}, found {','.join(record)}"
            raise FileFormatError(path, 1, problem)
        try:
            index = indices_of(known, [record["landmark"].strip()])[0]
        except SelectionError as error:
            raise FileFormatError(path, line, str(error)) from error
        (percent,) = numbers([record["percent"]], path, line)
        if not 0 <= percent <= 100:
            problem = f"a scatter must be 0 to 100 percent of the span, got {percent:g}"
            raise FileFormatError(path, line, problem)
        if index in told:
            raise FileFormatError(path, line, f"{known.landmarks[index]} is told twice")
        told[index] = percent / 100
    return told


def _spans_per_radius(shapes: ShapeSet) -> float:
    """Length of the span in root mean square radii, root mean square over complete shapes."""
    complete = shapes.take(shapes.complete)
    if not len(complete):
        raise ShapeMismatchError(f"no shape has all {len(shapes.format)} landmarks")
    points = complete.points - complete.points.mean(axis=1, keepdims=True)
    squares = np.square(points).sum(axis=2).mean(axis=1)
    return float(np.sqrt(np.mean(np.square(span_lengths(complete)) / squares)))
