"""NumPy archives: ``points`` (N, M, D), and what is known beside them. Never unpickled.

| array | meaning |
|---|---|
| ``points`` | (N, M, 2 or 3), pixels as ours; NaN means absent |
| ``names`` | (N,) text: picture, or other name of each shape; optional |
| ``vis`` | (N, M): 1 visible, 0 occluded (COFW's way); optional |
| ``visibility`` | (N, M): 0 absent, 1 occluded, 2 visible; optional |
| ``format`` | name of the landmark format; without it and unless told, M landmarks without names |

An archive that was written here also has ``format_toml`` (the whole landmark format), ``shape_id``,
``image``, ``split``, ``subject`` (text, empty where unknown), ``size`` (N, 2) height and width and
``box`` (N, 4), NaN where unknown; it keeps every value exactly.
"""

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tomli_w
from numpy.typing import NDArray

from datasets.archives import opened_archive
from datasets.dataset import LandmarkDataset
from datasets.errors import FewmarkError, FileFormatError, ShapeMismatchError
from datasets.files import replacing
from datasets.formats import (
    LandmarkFormat,
    format_from_table,
    landmark_format,
    table_from_format,
)
from datasets.io.samples import (
    checked_shapes,
    fitting_format,
    is_picture,
    note_unread,
    picture_root,
    unique_ids,
    visible_where_present,
)
from datasets.samples import BOX_COLUMNS, SIZE_COLUMNS, sample_table
from datasets.shapes import Visibility

_TEXTS = ("shape_id", "image", "split", "subject")
_KNOWN = ("points", "names", "vis", "visibility", "format", "format_toml", *_TEXTS, "size", "box")
Arrays = dict[str, NDArray[Any]]


def read_npz(
    path: Path, landmark_format_: LandmarkFormat | None = None, images: Path | None = None
) -> LandmarkDataset:
    """Read an archive; the format is the file's own, else the given, else nameless.

    Raises
    ------
    FileFormatError
        If it is not an archive, an array is missing, holds Python objects or does not fit.
    """
    arrays = _load(path)
    points = _points(arrays, path)
    N, M, _ = points.shape
    fitting = fitting_format(_format(arrays, landmark_format_, path), None, M, path, "points")
    shapes = checked_shapes(path, fitting, points, _visibility(arrays, points, path))
    names = _texts(arrays, "names", N, path) or [None] * N
    numbered = (name or str(i) for i, name in enumerate(names))
    ids = _texts(arrays, "shape_id", N, path) or unique_ids(numbered)
    if not all(ids):
        raise FileFormatError(path, "shape_id", f"expected {N} texts, and one is empty")
    pictures = _texts(arrays, "image", N, path)
    if pictures is None:
        pictures = [name if name is not None and is_picture(name) else None for name in names]
    root = picture_root(pictures, path.parent, images)
    columns = {
        **_columns(arrays, "size", SIZE_COLUMNS, N, path),
        **_columns(arrays, "box", BOX_COLUMNS, N, path),
    }
    for name in ("split", "subject"):
        columns[name] = np.array(_texts(arrays, name, N, path) or [None] * N, dtype=object)
    try:
        samples = sample_table([str(name) for name in ids], pictures, **columns)
        return LandmarkDataset(shapes, samples, root)
    except (ShapeMismatchError, TypeError) as error:
        raise FileFormatError(path, None, str(error)) from error


def write_npz(dataset: LandmarkDataset, path: Path) -> None:
    """Write an archive that keeps everything but where the pictures' folder is."""
    samples = dataset.samples
    texts = {
        name: np.array(["" if pd.isna(v) else str(v) for v in samples[name]], dtype=np.str_)
        for name in _TEXTS
    }
    sizes = samples[list(SIZE_COLUMNS)].astype("Float64").to_numpy(np.float64, na_value=np.nan)
    arrays: Arrays = {
        "points": dataset.shapes.points,
        "visibility": dataset.shapes.visibility,
        "names": np.where(texts["image"] == "", texts["shape_id"], texts["image"]),
        "format": np.array(dataset.format.name),
        "format_toml": np.array(tomli_w.dumps(table_from_format(dataset.format))),
        **texts,
        "size": sizes,
        "box": samples[list(BOX_COLUMNS)].to_numpy(dtype=np.float64),
    }
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def _load(path: Path) -> Arrays:
    with opened_archive(path, "a readable npz archive") as archive:
        names = list(archive.files)
        arrays = {n: np.asarray(archive[n]) for n in names if n in _KNOWN}
    if "points" not in arrays:
        found = ", ".join(names) or "nothing"
        raise FileFormatError(path, "points", f"this array is missing; the archive has: {found}")
    note_unread(path, (name for name in names if name not in _KNOWN))
    return arrays


def _points(arrays: Arrays, path: Path) -> NDArray[np.float64]:
    points = arrays["points"]
    if points.dtype.kind not in "fiu" or points.ndim != 3 or points.shape[2] not in (2, 3):
        problem = f"expected numbers (N, M, 2 or 3), found {points.dtype} {points.shape}"
        raise FileFormatError(path, "points", problem)
    if 0 in points.shape:
        raise FileFormatError(path, "points", f"there is no landmark in it: {points.shape}")
    return points.astype(np.float64)


def _format(arrays: Arrays, given: LandmarkFormat | None, path: Path) -> LandmarkFormat | None:
    own = None
    try:
        if "format_toml" in arrays:
            own = format_from_table(tomllib.loads(str(arrays["format_toml"])))
        elif "format" in arrays:
            own = landmark_format(str(arrays["format"]))
    except (FewmarkError, ValueError, KeyError, RecursionError) as error:
        raise FileFormatError(path, "format", f"not a landmark format: {error}") from error
    if own is not None and given is not None and own.landmarks != given.landmarks:
        problem = f"the file says {own.name}, but {given.name} was asked for"
        raise FileFormatError(path, "format", problem)
    return own or given


def _visibility(arrays: Arrays, points: NDArray[np.float64], path: Path) -> NDArray[np.uint8]:
    present = visible_where_present(points)
    for name, codes in (("visibility", (0, 1, 2)), ("vis", (0, 1))):
        if name not in arrays:
            continue
        values = arrays[name]
        if values.shape != points.shape[:2] or not np.isin(values, codes).all():
            problem = f"expected {codes} in {points.shape[:2]}, found {values.dtype} {values.shape}"
            raise FileFormatError(path, name, problem)
        if name == "visibility":
            return values.astype(np.uint8)
        seen = np.where(values == 1, Visibility.VISIBLE, Visibility.OCCLUDED)
        return np.where(present == Visibility.ABSENT, present, seen).astype(np.uint8)
    return present


def _texts(arrays: Arrays, name: str, N: int, path: Path) -> list[str | None] | None:
    if name not in arrays:
        return None
    values = arrays[name]
    if values.shape != (N,) or values.dtype.kind not in "Uiu":
        problem = f"expected {N} texts, found {values.dtype} {values.shape}"
        raise FileFormatError(path, name, problem)
    return [str(value) or None for value in values]


def _columns(arrays: Arrays, name: str, columns: tuple[str, ...], N: int, path: Path) -> Arrays:
    if name not in arrays:
        return {}
    values = arrays[name]
    if values.shape != (N, len(columns)) or values.dtype.kind not in "fiu":
        problem = f"expected numbers ({N}, {len(columns)}), found {values.dtype} {values.shape}"
        raise FileFormatError(path, name, problem)
    return {column: values[:, i].astype(np.float64) for i, column in enumerate(columns)}
