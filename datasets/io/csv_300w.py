"""The csv of HRNet's facial landmark code for 300-W (Sun et al. 2019): one row a face.

::

    image_name,scale,center_w,center_h,original_0_x,original_0_y,...

Coordinates are those of the ``.pts`` files, counted from 1: of ``lfpw/testset/image_0198``, the
first landmark stands there as 153.196403, 106.019378, and readers that subtract 1 from the
``.pts`` (Kowalski et al. 2017) have 152.196403, 105.019378.

With x and y each from ``floor(min)`` to ``ceil(max)`` of the landmarks, ``center`` is the middle of
that rectangle and ``scale`` its longer side over 200 pixels: exactly so in all 689 rows of the
validation file. The box of a sample is the square of side ``200 scale`` around the centre.

A name that a spreadsheet would take for a formula has an apostrophe before it, which is read back.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datasets.dataset import LandmarkDataset
from datasets.errors import FileFormatError
from datasets.formats import LandmarkFormat
from datasets.io.samples import (
    checked_shapes,
    fitting_format,
    note_unread,
    picture_root,
    unique_ids,
    visible_where_present,
)
from datasets.io.text import cell_from_text, csv_header, csv_records, numbers, text_from_cell
from datasets.io.writing import require_complete, require_images, require_plane, write_lines
from datasets.pixels import from_one_based, to_one_based
from datasets.samples import BOX_COLUMNS, sample_table

DEFAULT_FORMAT = "300w-68"
MARK = "original_0_x"
_BOX = ("scale", "center_w", "center_h")
_PX_PER_SCALE = 200.0


def read_300w_csv(
    path: Path, landmark_format: LandmarkFormat | None = None, images: Path | None = None
) -> LandmarkDataset:
    """Read the file; 300w-68 unless told otherwise, pictures relative to `images`.

    Raises
    ------
    FileFormatError
        If a column is missing or a cell is not a number.
    """
    header = csv_header(path)
    M = sum(name.startswith("original_") and name.endswith("_x") for name in header)
    coordinates = _coordinates(M)
    for name in ("image_name", *_BOX, *(coordinates or [MARK])):
        if name not in header:
            raise FileFormatError(path, 1, f"the column {name!r} is missing")
    fitting = fitting_format(landmark_format, DEFAULT_FORMAT, M, path, 1)
    known = {"image_name", *_BOX, *coordinates}
    note_unread(path, (name for name in header if name not in known))
    names, rows = [], []
    for line, record in csv_records(path):
        names.append(text_from_cell(record["image_name"]))
        rows.append(numbers([record[name] for name in (*_BOX, *coordinates)], path, line))
    if not rows:
        raise FileFormatError(path, None, "there is no row below the header")
    table = np.array(rows)
    points = from_one_based(table[:, len(_BOX) :].reshape(len(rows), M, 2))
    shapes = checked_shapes(path, fitting, points, visible_where_present(points))
    boxes = dict(zip(BOX_COLUMNS, _boxes(table[:, : len(_BOX)]).T, strict=True))
    root = picture_root(names, path.parent, images)
    return LandmarkDataset(shapes, sample_table(unique_ids(names), names, **boxes), root)


def write_300w_csv(dataset: LandmarkDataset, path: Path) -> None:
    """Write the file with 6 decimals; a shape without a box gets its landmarks', as in 300-W.

    Raises
    ------
    FileFormatError
        If a landmark is absent, a shape has no picture, or D is 3.
    """
    require_plane(dataset, path, "300w-csv")
    require_complete(dataset, path, "300w-csv")
    names = require_images(dataset, path, "300w-csv")
    points = to_one_based(dataset.shapes.points)
    lower, upper = np.floor(points.min(axis=1)), np.ceil(points.max(axis=1))
    boxes = to_one_based(dataset.samples[list(BOX_COLUMNS)].to_numpy(dtype=np.float64))
    boxes = np.where(np.isnan(boxes), np.hstack([lower, upper]), boxes)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    sides = np.maximum((boxes[:, 2:] - boxes[:, :2]).max(axis=1), 1.0)  # of one landmark, too
    scales = sides / _PX_PER_SCALE
    lines = [",".join(("image_name", *_BOX, *_coordinates(len(dataset.format))))]
    for name, scale, centre, shape in zip(names, scales, centres, points, strict=True):
        if "," in name or '"' in name:
            raise FileFormatError(path, None, f"the picture's name {name!r} has a comma or quote")
        values = (scale, *centre, *shape.ravel())
        lines.append(",".join((cell_from_text(name), *(f"{value:.6f}" for value in values))))
    write_lines(path, lines)


def _coordinates(M: int) -> list[str]:
    return [f"original_{i}_{axis}" for i in range(M) for axis in "xy"]


def _boxes(scale_and_centre: NDArray[np.float64]) -> NDArray[np.float64]:
    """Edges (N, 4) of the squares, in our pixels."""
    centres = from_one_based(scale_and_centre[:, 1:])
    half = scale_and_centre[:, :1] * (_PX_PER_SCALE / 2)
    return np.hstack([centres - half, centres + half])
