"""A plain table: one row a shape, a column for each coordinate, pixels as ours.

::

    image,split,subject,x0,y0,x1,y1,...

| column | meaning |
|---|---|
| ``x<i>``, ``y<i>``, ``z<i>`` | landmark i, counted from 0 without gaps; all or none have z |
| ``v<i>`` | 0 absent, 1 occluded, 2 visible; optional |
| ``image`` | picture, relative to the folder of the pictures; optional |
| ``shape_id`` | unique name; optional, then made from ``image``, else the row's number |
| ``subject`` or ``identity``, ``split`` | text; optional |
| ``height_px``, ``width_px`` | size of the picture; optional |
| ``box_x_min``, ``box_y_min``, ``box_x_max``, ``box_y_max`` | the object's box; optional |

An absent landmark has empty cells, as has any other thing that is not known. Columns of other
names are not read, and named in a warning. Numbers are written so that they are read back exactly.
A text that a spreadsheet would take for a formula has an apostrophe before it, which is read back.
"""

import csv
import io
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from datasets.dataset import LandmarkDataset
from datasets.errors import FileFormatError, ShapeMismatchError
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
from datasets.io.writing import write_lines
from datasets.samples import BOX_COLUMNS, SIZE_COLUMNS, TEXT_COLUMNS, sample_table
from datasets.shapes import ShapeSet

MARK = "x0"
_SYNONYMS = {"identity": "subject"}
_NUMERIC = (*SIZE_COLUMNS, *BOX_COLUMNS)
_SAMPLE_COLUMNS = (*TEXT_COLUMNS, *_NUMERIC)

Texts = list[str | None]


def read_csv(
    path: Path, landmark_format: LandmarkFormat | None = None, images: Path | None = None
) -> LandmarkDataset:
    """Read a table; landmarks have no names unless a format is given.

    Raises
    ------
    FileFormatError
        If a column is missing, or a cell is not what its column holds.
    """
    header = csv_header(path)
    axes, M = _axes(path, header)
    fitting = fitting_format(landmark_format, None, M, path, 1)
    coordinates, codes = _coordinates(M, axes), _codes(header, M)
    known = {*coordinates, *codes, *_SAMPLE_COLUMNS, *_SYNONYMS}
    note_unread(path, (name for name in header if name not in known))
    lines, cells, seen = [], [], []
    columns: dict[str, Texts] = {_SYNONYMS.get(n, n): [] for n in header if n in known}
    for line, record in csv_records(path):
        lines.append(line)
        cells.append(_point_cells(path, line, record, coordinates, len(axes)))
        seen.append(_code_cells(path, line, record, codes))
        for name in (*_SAMPLE_COLUMNS, *_SYNONYMS):
            if name in record:
                columns[_SYNONYMS.get(name, name)].append(record[name].strip() or None)
    if not lines:
        raise FileFormatError(path, None, "there is no row below the header")
    points = np.array(cells).reshape(len(lines), M, len(axes))
    shapes = _shapes(path, lines, fitting, points, np.array(seen, dtype=np.uint8))
    samples = _samples(path, lines, {k: v for k, v in columns.items() if k in _SAMPLE_COLUMNS})
    root = picture_root(list(samples["image"]), path.parent, images)
    return LandmarkDataset(shapes, samples, root)


def write_csv(dataset: LandmarkDataset, path: Path) -> None:
    """Write everything but where the pictures' folder is; columns without a value are left out.

    Raises
    ------
    FileFormatError
        If a name has spaces around it, which are not read back.
    """
    samples, shapes = dataset.samples, dataset.shapes
    _, M, D = shapes.points.shape
    columns = [name for name in _SAMPLE_COLUMNS if samples[name].notna().any()]
    for name in set(columns) & set(TEXT_COLUMNS):
        around = next((t for t in samples[name].dropna() if t != t.strip()), None)
        if around is not None:
            raise FileFormatError(path, None, f"{name} {around!r} has spaces around it")
    header = [*columns, *_coordinates(M, "xyz"[:D]), *(f"v{i}" for i in range(M))]

    def rows() -> Iterator[list[str]]:
        yield header
        for row in range(len(dataset)):
            values = (*samples[columns].iloc[row], *shapes.points[row].ravel())
            codes = (str(code) for code in shapes.visibility[row])
            yield [*(_cell(value) for value in values), *codes]

    write_lines(path, map(_line, rows()))


def _axes(path: Path, header: list[str]) -> tuple[str, int]:
    """``"xy"`` or ``"xyz"``, and M."""
    axes = "xyz" if "z0" in header else "xy"
    M = next(i for i in itertools.count() if not any(f"{axis}{i}" in header for axis in "xyz"))
    for name in _coordinates(max(M, 1), axes):
        if name not in header:
            raise FileFormatError(path, 1, f"the column {name!r} is missing")
    numbered = {f"{axis}{i}" for axis in "xyz" for i in range(M)}
    for name in header:
        if name[:1] in tuple("xyz") and name[1:].isdecimal() and name not in numbered:
            raise FileFormatError(path, 1, f"the column {name!r} comes after a gap at number {M}")
        if axes == "xy" and name in numbered and name[0] == "z":
            raise FileFormatError(path, 1, f"the column {name!r} is there, but not 'z0'")
    if all(name in header for name in ("identity", "subject")):
        raise FileFormatError(path, 1, "'identity' and 'subject' mean the same; keep one")
    return axes, M


def _coordinates(M: int, axes: str) -> list[str]:
    return [f"{axis}{i}" for i in range(M) for axis in axes]


def _codes(header: list[str], M: int) -> list[str]:
    names = [f"v{i}" for i in range(M)]
    return names if names[0] in header and all(name in header for name in names) else []


def _point_cells(
    path: Path, line: int, record: dict[str, str], names: list[str], D: int
) -> list[float]:
    """M x D numbers of one row; NaN where all cells of a landmark are empty."""
    cells = [record[name].strip() for name in names]
    filled = [name for name, cell in zip(names, cells, strict=True) if cell]
    values = iter(numbers([cell for cell in cells if cell], path, line))
    row = [next(values) if cell else np.nan for cell in cells]
    if len(filled) < len(names):
        for start in range(0, len(row), D):
            part = np.isnan(row[start : start + D])
            if part.any() and not part.all():
                empty = names[start + int(part.argmax())]
                problem = f"{empty} is empty, but not every coordinate of its landmark is"
                raise FileFormatError(path, line, problem)
    return row


def _code_cells(path: Path, line: int, record: dict[str, str], names: list[str]) -> list[int]:
    codes = []
    for name in names:
        cell = record[name].strip()
        if cell not in ("0", "1", "2"):
            problem = f"{name}: expected 0 (absent), 1 (occluded) or 2 (visible), got {cell[:40]!r}"
            raise FileFormatError(path, line, problem)
        codes.append(int(cell))
    return codes


def _shapes(
    path: Path,
    lines: list[int],
    landmark_format: LandmarkFormat,
    points: NDArray[np.float64],
    codes: NDArray[np.uint8],
) -> ShapeSet:
    present = visible_where_present(points)
    if not codes.size:
        return checked_shapes(path, landmark_format, points, present)
    wrong = (codes > 0) != (present > 0)
    if wrong.any():
        row, landmark = np.argwhere(wrong)[0]
        problem = f"v{landmark} is {codes[row, landmark]}, but the coordinates of its landmark are "
        problem += "empty" if codes[row, landmark] else "not empty"
        raise FileFormatError(path, lines[row], problem)
    return checked_shapes(path, landmark_format, points, codes)


def _samples(path: Path, lines: list[int], columns: dict[str, Texts]) -> pd.DataFrame:
    for column in set(columns) & set(TEXT_COLUMNS):
        cells = columns[column]
        columns[column] = [None if cell is None else text_from_cell(cell) for cell in cells]
    ids, images = columns.pop("shape_id", None), columns.pop("image", None)
    if ids is None:
        names = images or [None] * len(lines)
        ids = list(unique_ids(name or str(i) for i, name in enumerate(names)))
    first: dict[str | None, int] = {}
    for line, name in zip(lines, ids, strict=True):
        if name is None:
            raise FileFormatError(path, line, "the shape_id is empty")
        if name in first:
            problem = f"the shape_id {name!r} stands in line {first[name]} already"
            raise FileFormatError(path, line, problem)
        first[name] = line
    values = {name: _values(path, lines, name, texts) for name, texts in columns.items()}
    try:
        return sample_table([str(name) for name in ids], images, **values)
    except (ShapeMismatchError, TypeError) as error:
        raise FileFormatError(path, None, str(error)) from error


def _values(path: Path, lines: list[int], name: str, texts: Texts) -> NDArray[Any]:
    if name in TEXT_COLUMNS:
        return np.array(texts, dtype=object)
    pairs = zip(lines, texts, strict=True)
    return np.array(
        [np.nan if text is None else numbers([text], path, line)[0] for line, text in pairs]
    )


def _cell(value: object) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, str):
        return cell_from_text(value)
    return repr(float(value)) if isinstance(value, float) else str(value)


def _line(row: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(row)
    return text.getvalue()
