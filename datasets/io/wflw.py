"""The text lists of WFLW (Wu et al. 2018): one line a face, pixels counted from 0.

``list_98pt_test.txt`` has 2M numbers and the picture's name; ``list_98pt_rect_attr_test.txt`` has
four numbers of a box and six attributes (pose, expression, illumination, make-up, occlusion,
blur: 0 or 1) between them. Coordinates are counted from 0 as ours: HRNet's code adds 1 to them,
and not to 300-W's, to reach its Matlab-like crop.
"""

from pathlib import Path

import numpy as np

from datasets.dataset import LandmarkDataset
from datasets.errors import FileFormatError
from datasets.formats import LandmarkFormat, landmark_format
from datasets.io.samples import (
    checked_shapes,
    note_unread,
    picture_root,
    unique_ids,
    visible_where_present,
)
from datasets.io.text import numbered_lines, numbers
from datasets.io.writing import require_complete, require_images, require_plane, write_lines
from datasets.samples import BOX_COLUMNS, sample_table

DEFAULT_FORMAT = "wflw-98"
_BOX = 4
_ATTRIBUTES = ("pose", "expression", "illumination", "make-up", "occlusion", "blur")
_EXTRA = _BOX + len(_ATTRIBUTES)


def read_wflw(
    path: Path, landmark_format_: LandmarkFormat | None = None, images: Path | None = None
) -> LandmarkDataset:
    """Read a list; wflw-98 unless told otherwise, pictures relative to `images`.

    Raises
    ------
    FileFormatError
        If a line has another number of values or one is not a number.
    """
    fitting = landmark_format_ or landmark_format(DEFAULT_FORMAT)
    M = len(fitting)
    names, rows = [], []
    for line, text in numbered_lines(path):
        fields = text.split()
        if not fields:
            continue
        if len(fields) not in (2 * M + 1, 2 * M + _EXTRA + 1):
            problem = f"expected {2 * M} coordinates ({fitting.name}), optionally {_EXTRA} numbers"
            problem += f" of box and attributes, and a picture's name; found {len(fields)} values"
            raise FileFormatError(path, line, problem)
        values = numbers(fields[:-1], path, line)
        rows.append(values + [np.nan] * (2 * M + _EXTRA - len(values)))
        names.append(fields[-1])
    if not rows:
        raise FileFormatError(path, None, "the file is empty; expected a line a face")
    table = np.array(rows)
    if not np.isnan(table[:, -1]).all():
        note_unread(path, _ATTRIBUTES)
    points = table[:, : 2 * M].reshape(len(rows), M, 2)
    shapes = checked_shapes(path, fitting, points, visible_where_present(points))
    boxes = dict(zip(BOX_COLUMNS, table[:, 2 * M : 2 * M + _BOX].T, strict=True))
    root = picture_root(names, path.parent, images)
    return LandmarkDataset(shapes, sample_table(unique_ids(names), names, **boxes), root)


def write_wflw(dataset: LandmarkDataset, path: Path) -> None:
    """Write a list of coordinates and pictures, 6 decimals, without boxes.

    WFLW's boxes come with six attributes that a data set does not know.

    Raises
    ------
    FileFormatError
        If a landmark is absent, a shape has no picture, a name has a space, or D is 3.
    """
    require_plane(dataset, path, "wflw")
    require_complete(dataset, path, "wflw")
    lines = []
    names = require_images(dataset, path, "wflw")
    for name, shape in zip(names, dataset.shapes.points, strict=True):
        if len(name.split()) != 1:
            raise FileFormatError(path, None, f"the picture's name {name!r} has a space")
        lines.append(" ".join((*(f"{value:.6f}" for value in shape.ravel()), name)))
    write_lines(path, lines)
