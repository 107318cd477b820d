"""Data sets: shapes, the table of their pictures, and the folder on disk that holds both."""

import filecmp
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import tomli_w
from numpy.typing import ArrayLike, NDArray

from datasets.errors import FileFormatError, ShapeMismatchError, UnknownNameError
from datasets.files import named_errors, path_of, replacing
from datasets.formats import LandmarkFormat, format_from_table, read_toml, table_from_format
from datasets.shapes import LARGEST_PX, ShapeSet, row_index

SHAPES_FILE = "shapes.parquet"
HEADER_FILE = "dataset.toml"
TRAIN, VALID = "train", "valid"
BOX_COLUMNS = ("box_x_min", "box_y_min", "box_x_max", "box_y_max")
TEXT_COLUMNS = ("shape_id", "image", "split", "subject")
SIZE_COLUMNS = ("height_px", "width_px")
_COLUMNS = ("shape_id", "image", *SIZE_COLUMNS, *BOX_COLUMNS, "split", "subject")

_PART_BYTES = 2**24  # of points that are written, and read, as one row group
_FINGERPRINT = b"fewmark.fingerprint"  # of the header, in the Parquet file's metadata
_UNWRITABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

Box = tuple[float, float, float, float]


def sample_table(
    shape_ids: Sequence[str], images: Sequence[str | None] | None = None, **columns: ArrayLike
) -> pd.DataFrame:
    """Table of N samples with every column of `LandmarkDataset`; what is not given is missing.

    Parameters
    ----------
    shape_ids
        N unique names.
    images
        N picture paths relative to the data set's root, with forward slashes.
    **columns
        Any of ``height_px, width_px, box_x_min, box_y_min, box_x_max, box_y_max, split, subject``.

    Raises
    ------
    UnknownNameError
        If a column is not one of these.
    ShapeMismatchError
        If a height or width is not a whole number of pixels, a box has no extent or is larger
        than `LARGEST_PX`, a picture lies outside the root, or a text has control characters or
        half a character, which no file type keeps.
    """
    unknown = set(columns) - set(_COLUMNS)
    if unknown:
        problem = f"unknown column {min(unknown)!r}; known are {', '.join(_COLUMNS)}"
        raise UnknownNameError(problem)
    values: dict[str, Any] = {"shape_id": list(shape_ids), "image": images, **columns}
    N = len(values["shape_id"])
    table = pd.DataFrame(index=pd.RangeIndex(N))
    for name in _COLUMNS:
        given = values.get(name)
        if name in TEXT_COLUMNS:
            texts = [None] * N if given is None else list(given)
            table[name] = pd.Series(texts, dtype="object", index=table.index)
        elif name in SIZE_COLUMNS:
            sizes = [None] * N if given is None else _sizes(name, given)
            table[name] = pd.Series(sizes, dtype="Int64", index=table.index)
        else:
            table[name] = np.full(N, np.nan) if given is None else np.asarray(given, dtype=float)
    for name in TEXT_COLUMNS:
        _require_writable(name, table[name])
    for image in table["image"].dropna():
        require_inside(str(image))
    _require_boxes(table)
    return table


def require_inside(image: str) -> None:
    """Refuse a picture's name that leads out of the folder of the pictures.

    Raises
    ------
    ShapeMismatchError
        If it is absolute or goes up.
    """
    if image.startswith("/") or ".." in image.split("/"):
        raise ShapeMismatchError(f"the picture {image!r} lies outside its folder")


def _require_writable(name: str, texts: "pd.Series[Any]") -> None:
    if not _UNWRITABLE.search("".join(str(text) for text in texts.dropna())):
        return
    row, text = next((i, t) for i, t in enumerate(texts) if _UNWRITABLE.search(str(t)))
    problem = f"{name} of row {row}: expected a text without control characters or broken ones, "
    raise ShapeMismatchError(f"{problem}got {text[:40]!r}")


def _require_boxes(table: pd.DataFrame) -> None:
    """Refuse edges that cannot be; those that are not known pass."""
    boxes = table[list(BOX_COLUMNS)].to_numpy(dtype=float)
    beyond = np.abs(boxes) > LARGEST_PX
    flat = boxes[:, :2] >= boxes[:, 2:]
    if not beyond.any() and not flat.any():
        return
    row = int((beyond.any(axis=1) | flat.any(axis=1)).argmax())
    if beyond[row].any():
        edge = int(beyond[row].argmax())
        problem = f"{BOX_COLUMNS[edge]} is {boxes[row, edge]:g}, beyond any picture"
    else:
        edge = int(flat[row].argmax())
        low, high = BOX_COLUMNS[edge], BOX_COLUMNS[edge + 2]
        problem = f"{low} {boxes[row, edge]:g} is not below {high} {boxes[row, edge + 2]:g}"
    raise ShapeMismatchError(f"row {row} ({table['shape_id'].iloc[row]!r}): {problem}")


def _sizes(name: str, given: Any) -> list[int | None]:  # noqa: ANN401 - any column of numbers
    sizes = [None if pd.isna(value) else value for value in given]
    for size in sizes:
        if size is not None and not (0 < size <= LARGEST_PX and size % 1 == 0):
            problem = f"{name}: expected a whole number of pixels, got {size}"
            raise ShapeMismatchError(problem)
    return [None if size is None else int(size) for size in sizes]


@dataclass(frozen=True, slots=True, eq=False)
class LandmarkDataset:
    """N shapes with the pictures they were marked in.

    Parameters
    ----------
    shapes
        The shapes (N, M, D).
    samples
        N rows as made by `sample_table`: ``shape_id`` (unique text), ``image`` (path relative to
        `root`, or None), ``height_px``, ``width_px``, ``box_*`` (edges of the object's box in
        pixels, NaN where unknown), ``split`` and ``subject`` (text or None).
    root
        Folder of the pictures; None where there are none.
    inferred
        Whether a model placed landmarks of it: no truth to learn from or to judge by.

    Raises
    ------
    ShapeMismatchError
        If the table does not have N rows, lacks a column, or a ``shape_id`` repeats.
    """

    shapes: ShapeSet
    samples: pd.DataFrame
    root: Path | None = None
    inferred: bool = False

    def __post_init__(self) -> None:
        """Check that table and shapes fit together."""
        missing = [name for name in _COLUMNS if name not in self.samples.columns]
        if missing:
            raise ShapeMismatchError(f"the table of samples lacks the column {missing[0]!r}")
        if len(self.samples) != len(self.shapes):
            problem = f"{len(self.shapes)} shapes, but {len(self.samples)} rows of samples"
            raise ShapeMismatchError(problem)
        repeated = self.samples["shape_id"].duplicated()
        if repeated.any():
            first = self.samples.loc[repeated, "shape_id"].iloc[0]
            raise ShapeMismatchError(f"shape_id {first!r} stands for more than one shape")

    def __len__(self) -> int:
        """N, the number of shapes."""
        return len(self.shapes)

    @property
    def format(self) -> LandmarkFormat:
        """The landmark format of the shapes."""
        return self.shapes.format

    def image_path(self, row: int) -> Path:
        """Where the picture of a row is.

        Raises
        ------
        ShapeMismatchError
            If the row has no picture.
        """
        image = self.samples["image"].iloc[row]
        if image is None or self.root is None:
            name = self.samples["shape_id"].iloc[row]
            raise ShapeMismatchError(f"{name} has no picture; this needs a data set with images")
        return self.root / str(image)

    def box(self, row: int) -> Box | None:
        """Edges of the object's box in pixels, or None where unknown."""
        x_min, y_min, x_max, y_max = (float(self.samples[c].iloc[row]) for c in BOX_COLUMNS)
        values = (x_min, y_min, x_max, y_max)
        return None if np.isnan(values).any() else values

    def take(self, rows: ArrayLike) -> "LandmarkDataset":
        """The rows at these indices, or where this mask is true."""
        index = row_index(rows)
        samples = self.samples.iloc[index].reset_index(drop=True)
        return replace(self, shapes=self.shapes.take(index), samples=samples)

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits, in order of appearance."""
        return tuple(str(name) for name in self.samples["split"].dropna().unique())

    def split(self, name: str) -> "LandmarkDataset":
        """The rows of one split.

        Raises
        ------
        UnknownNameError
            If no row has it.
        """
        mask = (self.samples["split"] == name).to_numpy(dtype=bool)
        if not mask.any():
            problem = f"no shape is in split {name!r}; splits are: {', '.join(self.splits)}"
            if not self.splits:
                problem = "this data set has no splits; `fewmark convert --hold-out 0.2` makes them"
            raise UnknownNameError(problem)
        return self.take(mask)

    def draw(self, share: float, rng: np.random.Generator) -> "LandmarkDataset":
        """A random share of the rows, in their order: n = round(share * N), at least one.

        The same `rng` seed and a smaller share give a subset of the larger draw.
        """
        if not 0 < share <= 1:
            raise ShapeMismatchError(f"a share must lie in (0, 1], got {share}")
        n = max(1, round(share * len(self)))
        return self.take(np.sort(rng.permutation(len(self))[:n]))

    def prefixed(self, prefix: str) -> "LandmarkDataset":
        """The same rows with a text before every ``shape_id``."""
        samples = self.samples.copy()
        samples["shape_id"] = [f"{prefix}{name}" for name in samples["shape_id"]]
        return replace(self, samples=samples)

    def held_out(self, share: float, rng: np.random.Generator) -> "LandmarkDataset":
        """The same rows, split anew: a random share of the subjects ``valid``, the rest ``train``.

        A shape without a subject counts as a subject of its own. With G of them, round(share * G)
        are held out, but at least one, and at least one is left. Who they are depends on the
        names and the seed, not on the order of the rows.

        Raises
        ------
        ShapeMismatchError
            If the share is not between 0 and 1, or there are not two subjects.
        """
        if not 0 < share < 1:
            raise ShapeMismatchError(f"the share to hold out must lie between 0 and 1, got {share}")
        groups = [
            ("shape", str(shape)) if pd.isna(subject) else ("subject", str(subject))
            for shape, subject in zip(
                self.samples["shape_id"], self.samples["subject"], strict=True
            )
        ]
        known = sorted(set(groups))
        if len(known) < 2:
            found = f"found {len(known)} in {len(self)} shapes"
            raise ShapeMismatchError(f"holding out needs two subjects or shapes, {found}")
        n = min(max(1, round(share * len(known))), len(known) - 1)
        valid = {known[i] for i in rng.permutation(len(known))[:n]}
        samples = self.samples.copy()
        names = [VALID if group in valid else TRAIN for group in groups]
        samples["split"] = pd.Series(names, dtype="object", index=samples.index)
        return replace(self, samples=samples)

    def with_shapes(self, shapes: ShapeSet) -> "LandmarkDataset":
        """The same samples with other shapes, such as predicted ones."""
        return replace(self, shapes=shapes)

    def chunks(self, size: int = 10_000) -> Iterator[ShapeSet]:
        """The shapes in parts of at most `size`."""
        for start in range(0, len(self), size):
            yield self.shapes.take(np.arange(start, min(start + size, len(self))))

    def joined(self, other: "LandmarkDataset") -> "LandmarkDataset":
        """The rows of both data sets, this one's first.

        Rows are the same where their ``shape_id`` is; there, landmarks that are absent here
        are taken from the other, and ours are kept.

        Raises
        ------
        ShapeMismatchError
            If the landmark formats or dimensions differ, or rows of one name show two pictures.
        """
        if other.format.landmarks != self.format.landmarks:
            problem = f"cannot join {self.format.name} with {other.format.name}"
            raise ShapeMismatchError(problem)
        D, other_D = self.shapes.points.shape[2], other.shapes.points.shape[2]
        if other_D != D:
            raise ShapeMismatchError(f"cannot join shapes of {D} dimensions with {other_D}")
        place = {name: i for i, name in enumerate(other.samples["shape_id"])}
        theirs = [place.pop(name, -1) for name in self.samples["shape_id"]]
        shared = [row for row, match in enumerate(theirs) if match >= 0]
        require_same_pictures(self.take(shared), other.take([theirs[row] for row in shared]))
        points, visibility = self.shapes.points.copy(), self.shapes.visibility.copy()
        for row, match in enumerate(theirs):
            if match >= 0:
                gap = visibility[row] == 0
                points[row, gap] = other.shapes.points[match, gap]
                visibility[row, gap] = other.shapes.visibility[match, gap]
        new = other.take(np.array(sorted(place.values()), dtype=int))
        shapes = ShapeSet(
            self.format,
            np.concatenate([points, new.shapes.points]),
            np.concatenate([visibility, new.shapes.visibility]),
        )
        root, ours, others = _common_root(self, new)
        samples = pd.concat([ours, others], ignore_index=True)
        return LandmarkDataset(shapes, samples, root, self.inferred or other.inferred)

    def save(self, folder: str | Path) -> Path:
        """Write the folder: ``shapes.parquet`` and ``dataset.toml``; pictures stay where they are.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        FileFormatError
            If it cannot be written.
        """
        return write_parts([self], folder)

    @classmethod
    def load(cls, folder: str | Path) -> "LandmarkDataset":
        """Read what `save` wrote.

        Raises
        ------
        FileFormatError
            If the folder, a file or a field is missing or broken.
        """
        folder = Path(folder)
        header = read_header(folder)
        path = folder / SHAPES_FILE
        with readable_table(path), path.open("rb") as file:
            table = pq.read_table(file)
        require_pair(folder, table.schema.metadata)
        with meaningful_table(path):
            shapes = shapes_from_table(table, header.format, header.dimensions)
            return cls(shapes, _samples_from_table(table), header.root, header.inferred)


def write_parts(parts: Iterable[LandmarkDataset], folder: str | Path) -> Path:
    """Write a data set's folder part by part, as `LandmarkDataset.save` writes it at once.

    Row groups are bounded, so that `datasets.sources` reads any number of shapes in constant
    memory. That no ``shape_id`` stands in two parts is the caller's to see to.

    Parameters
    ----------
    parts
        One at least, of the same format, dimensions and picture folder.

    Raises
    ------
    ShapeMismatchError
        If there is no part, or one differs from the first.
    FileFormatError
        If it cannot be written.
    """
    folder, rest = path_of(folder), iter(parts)
    first = next(rest, None)
    if first is None:
        raise ShapeMismatchError("there is no part of a data set to write")
    with named_errors(folder, "written"):
        folder.mkdir(parents=True, exist_ok=True)
    _, M, D = first.shapes.points.shape
    header: dict[str, Any] = {
        "fewmark": {
            "version": 1,
            "dimensions": D,
            "images": _relative_root(first.root, folder),
            "inferred": first.inferred,
        },
        "format": table_from_format(first.format),
    }
    fingerprint = hashlib.sha256(json.dumps(header).encode()).hexdigest()
    header["fewmark"]["fingerprint"] = fingerprint
    rows, first_table = rows_of_part(M, D), _table_of(first)
    schema = first_table.schema
    schema = schema.with_metadata({**(schema.metadata or {}), _FINGERPRINT: fingerprint})
    with replacing(folder / HEADER_FILE) as head, replacing(folder / SHAPES_FILE) as body:
        texts: Any = list(TEXT_COLUMNS)
        with (
            body.open("wb") as file,  # Arrow takes only names in UTF-8
            pq.ParquetWriter(file, schema, use_dictionary=texts) as writer,
        ):
            writer.write_table(first_table, row_group_size=rows)
            for part in rest:
                fits = part.format.landmarks == first.format.landmarks and part.root == first.root
                if not fits or (part.shapes.points.shape[2], part.inferred) != (D, first.inferred):
                    raise ShapeMismatchError("the parts of a data set differ in format or pictures")
                writer.write_table(_table_of(part), row_group_size=rows)
        head.write_text(tomli_w.dumps(header), encoding="utf-8")
    return folder


def rows_of_part(M: int, D: int) -> int:
    """How many shapes are written, and read, together."""
    return max(1, _PART_BYTES // (8 * M * D))


def _table_of(dataset: LandmarkDataset) -> pa.Table:
    _, M, D = dataset.shapes.points.shape
    table = pa.Table.from_pandas(dataset.samples[list(_COLUMNS)], preserve_index=False)
    for i, field in enumerate(table.schema):
        if pa.types.is_null(field.type):  # the next part may have texts there
            table = table.set_column(i, field.name, table.column(i).cast(pa.string()))
    flat = pa.array(dataset.shapes.points.ravel())
    seen = pa.array(dataset.shapes.visibility.ravel())
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
    ours = (metadata or {}).get(_FINGERPRINT)
    theirs = read_toml(folder / HEADER_FILE)["fewmark"].get("fingerprint")
    if ours is not None and ours.decode() != theirs:
        problem = f"{HEADER_FILE} and {SHAPES_FILE} were not written together; write it anew"
        raise FileFormatError(folder, None, problem)


def require_same_pictures(a: LandmarkDataset, b: LandmarkDataset) -> None:
    """Refuse rows that share a name by chance: N pairs of rows must show the same picture.

    Pictures at different places count as the same where their bytes are; what is not there or
    has no picture cannot be told apart.

    Raises
    ------
    ShapeMismatchError
        If two rows show different pictures.
    """
    if a.root is None or b.root is None:
        return
    names = zip(a.samples["shape_id"], a.samples["image"], b.samples["image"], strict=True)
    for shape_id, ours, theirs in names:
        if ours is None or theirs is None or (a.root == b.root and ours == theirs):
            continue
        first, second = a.root / ours, b.root / theirs
        both = first.is_file() and second.is_file() and not first.samefile(second)
        if both and not filecmp.cmp(first, second, shallow=False):
            problem = f"{shape_id!r} is another picture in each data set: {first} and {second}; "
            raise ShapeMismatchError(problem + "`fewmark convert --prefix` gives other names")


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
    kinds = (("images", images, str, "a text"), ("inferred", inferred, bool, "true or false"))
    for name, value, kind, what in kinds:
        if not isinstance(value, kind):
            raise FileFormatError(path, name, f"expected {what}, got {value!r}")
    root = Path(os.path.normpath(Path(folder) / images)) if images else None
    return Header(landmark_format_, D, root, inferred)


def shapes_from_table(table: pa.Table, landmark_format_: LandmarkFormat, D: int) -> ShapeSet:
    """The shapes of a table's rows, from its columns ``points`` and ``visibility``."""
    M = len(landmark_format_)
    points = _flat(table, "points", M * D).reshape(-1, M, D).astype(np.float64)
    codes = _flat(table, "visibility", M)
    if not ((codes == 0) | (codes == 1) | (codes == 2)).all():
        raise ShapeMismatchError("visibility: expected 0, 1 or 2 for every landmark")
    return ShapeSet(landmark_format_, points, codes.astype(np.uint8))


def _samples_from_table(table: pa.Table) -> pd.DataFrame:
    for name in TEXT_COLUMNS:
        _require_texts(table, name)
    frame = table.drop_columns(["points", "visibility"]).to_pandas()
    given: dict[str, Any] = {
        name: [None if pd.isna(value) else value for value in frame[name]]
        for name in frame.columns
        if name in _COLUMNS[2:]
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


def _relative_root(root: Path | None, folder: Path) -> str:
    if root is None:
        return ""
    try:
        return Path(os.path.relpath(root.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive on Windows
        return root.resolve().as_posix()


def _common_root(
    a: LandmarkDataset, b: LandmarkDataset
) -> tuple[Path | None, pd.DataFrame, pd.DataFrame]:
    if len(b) == 0 or b.root is None or a.root == b.root:
        return a.root, a.samples, b.samples
    if a.root is None:
        return b.root, a.samples, b.samples
    root = Path(os.path.commonpath([a.root.resolve(), b.root.resolve()]))
    return root, _rebased(a, root), _rebased(b, root)


def _rebased(dataset: LandmarkDataset, root: Path) -> pd.DataFrame:
    samples = dataset.samples.copy()
    prefix = Path(os.path.relpath(dataset.root.resolve(), root)) if dataset.root else Path()
    samples["image"] = [
        None if image is None else (prefix / image).as_posix() for image in samples["image"]
    ]
    return samples
