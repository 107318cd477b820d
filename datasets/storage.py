"""How a data set lies on disk: `dataset.toml` says what it is, `shapes.parquet` has its rows."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from datasets.errors import FileFormatError, ShapeMismatchError
from datasets.formats import LandmarkFormat, format_from_table, read_toml
from datasets.samples import COLUMNS, TEXT_COLUMNS, sample_table
from datasets.shapes import ShapeSet

SHAPES_FILE = "shapes.parquet"
HEADER_FILE = "dataset.toml"

_PART_BYTES = 2**24  # of points that are written, and read, as one row group
FINGERPRINT = b"fewmark.fingerprint"  # of the header, in the Parquet file's metadata


class Header(NamedTuple):
    """What ``dataset.toml`` says: format, dimensions D, picture folder, and see `inferred`."""

    format: LandmarkFormat
    dimensions: int
    root: Path | None
    inferred: bool


def read_header(folder: str | Path) -> Header:
    """What a data set's folder says of itself, without its shapes.

    Raises
    ------
    FileFormatError
        If ``dataset.toml`` is missing or a field is missing or wrong.
    """
    path = Path(folder) / HEADER_FILE
    if not path.exists():
        problem = f"not a Fewmark data set: there is no {HEADER_FILE} in it"
        raise FileFormatError(folder, None, problem)
    header = read_toml(path)
    try:
        about = header["fewmark"]
        if about["version"] != 1:
            raise FileFormatError(path, "version", f"expected 1, got {about['version']!r}")
        landmark_format_ = format_from_table(header["format"])
        D, images = about["dimensions"], about.get("images", "")
        inferred = about.get("inferred", False)
    except KeyError as error:
        raise FileFormatError(path, str(error.args[0]), "this field is missing") from error
    except ShapeMismatchError as error:
        raise FileFormatError(path, "format", str(error)) from error
    except (AttributeError, TypeError) as error:
        raise FileFormatError(path, None, "a field is not what it should be") from error
    if D not in (2, 3):
        raise FileFormatError(path, "dimensions", f"expected 2 or 3, got {D!r}")
    _require_kind(path, "images", images, str, "a text")
    _require_kind(path, "inferred", inferred, bool, "true or false")
    root = Path(os.path.normpath(Path(folder) / images)) if images else None
    return Header(landmark_format_, D, root, inferred)


def _require_kind(path: Path, name: str, value: object, kind: type, what: str) -> None:
    if not isinstance(value, kind):
        raise FileFormatError(path, name, f"expected {what}, got {value!r}")


def shapes_from_table(table: pa.Table, landmark_format_: LandmarkFormat, D: int) -> ShapeSet:
    """The shapes of a table's rows, from its columns ``points`` and ``visibility``."""
    M = len(landmark_format_)
    points = _flat(table, "points", M * D).reshape(-1, M, D).astype(np.float64)
    codes = _flat(table, "visibility", M)
    if not ((codes == 0) | (codes == 1) | (codes == 2)).all():
        raise ShapeMismatchError("visibility: expected 0, 1 or 2 for every landmark")
    return ShapeSet(landmark_format_, points, codes.astype(np.uint8))


def read_shape_ids(folder: str | Path) -> list[str]:
    """Names of a data set's shapes, without their points.

    Raises
    ------
    FileFormatError
        If they cannot be read.
    """
    path = Path(folder) / SHAPES_FILE
    with readable_table(path):
        names = pq.read_table(path, columns=["shape_id"])
    with meaningful_table(path):
        return [str(name) for name in names.column("shape_id").to_pylist()]


def samples_from_table(table: pa.Table) -> pd.DataFrame:
    """The samples of a table's rows, from all other columns."""
    for name in TEXT_COLUMNS:
        _require_texts(table, name)
    frame = table.drop_columns(["points", "visibility"]).to_pandas()
    given: dict[str, Any] = {
        name: [None if pd.isna(value) else value for value in frame[name]]
        for name in frame.columns
        if name in COLUMNS[2:]
    }
    images = [None if pd.isna(name) else str(name) for name in frame["image"]]
    return sample_table([str(name) for name in frame["shape_id"]], images, **given)


def _require_texts(table: pa.Table, name: str) -> None:
    if name not in table.column_names:
        return
    column, kinds = table.column(name), pa.types
    texts = kinds.is_string(column.type) or kinds.is_large_string(column.type)
    if not (texts or kinds.is_integer(column.type) or kinds.is_null(column.type)):
        raise ShapeMismatchError(f"{name}: expected texts, found {column.type}")
    if name == "shape_id" and column.null_count:
        raise ShapeMismatchError(f"shape_id: missing in {column.null_count} rows")


def _flat(table: pa.Table, column: str, width: int) -> NDArray[Any]:
    if column not in table.column_names:
        raise KeyError(column)
    array = table.column(column).combine_chunks()
    kinds = pa.types
    if not hasattr(array, "flatten") or not (
        kinds.is_integer(array.type.value_type) or kinds.is_floating(array.type.value_type)
    ):
        raise ShapeMismatchError(f"{column}: expected lists of numbers, found {array.type}")
    lengths = np.asarray(pc.list_value_length(array).fill_null(0))
    if (lengths != width).any():
        row = int((lengths != width).argmax())
        problem = f"{column}: expected {width} values a row, found {lengths[row]} in row {row}"
        raise ShapeMismatchError(problem)
    values = array.flatten().to_numpy(zero_copy_only=False)
    return np.asarray(values).reshape(len(table), width)


def rows_of_part(M: int, D: int) -> int:
    """How many shapes are written, and read, together."""
    return max(1, _PART_BYTES // (8 * M * D))


def table_of(shapes: ShapeSet, samples: pd.DataFrame) -> pa.Table:
    """The rows of a data set as they are written."""
    _, M, D = shapes.points.shape
    table = pa.Table.from_pandas(samples[list(COLUMNS)], preserve_index=False)
    for i, field in enumerate(table.schema):
        if pa.types.is_null(field.type):  # the next part may have texts there
            table = table.set_column(i, field.name, table.column(i).cast(pa.string()))
    flat = pa.array(shapes.points.ravel())
    seen = pa.array(shapes.visibility.ravel())
    table = table.append_column("points", pa.FixedSizeListArray.from_arrays(flat, M * D))
    return table.append_column("visibility", pa.FixedSizeListArray.from_arrays(seen, M))


@contextmanager
def readable_table(path: Path) -> Iterator[None]:
    """Turn what pyarrow says of a file it cannot read into a `FileFormatError`."""
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        problem = f"not a readable Parquet file: {reason}"
        raise FileFormatError(path, None, problem) from error


@contextmanager
def meaningful_table(path: Path) -> Iterator[None]:
    """Turn what is wrong with the columns of a file into a `FileFormatError`."""
    try:
        yield
    except KeyError as error:
        problem = f"the column {error.args[0]!r} is missing"
        raise FileFormatError(path, None, problem) from error
    except (TypeError, ValueError, pa.ArrowException) as error:
        raise FileFormatError(path, None, str(error)) from error


def require_pair(folder: Path, metadata: Mapping[bytes, bytes] | None) -> None:
    """Refuse shapes of one save with the header of another: a save can be killed in between.

    Raises
    ------
    FileFormatError
        If the table's metadata has another fingerprint than the header; older folders have none.
    """
    ours = (metadata or {}).get(FINGERPRINT)
    theirs = read_toml(folder / HEADER_FILE)["fewmark"].get("fingerprint")
    if ours is not None and ours.decode() != theirs:
        problem = f"{HEADER_FILE} and {SHAPES_FILE} were not written together; write it anew"
        raise FileFormatError(folder, None, problem)
