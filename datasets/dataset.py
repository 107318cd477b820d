"""Data sets: shapes, the table of their pictures, and the folder on disk that holds both."""

import filecmp
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import tomli_w
from numpy.typing import ArrayLike

from datasets.errors import ShapeMismatchError, UnknownNameError
from datasets.files import named_errors, path_of, replacing
from datasets.formats import LandmarkFormat, table_from_format
from datasets.samples import BOX_COLUMNS, COLUMNS, TEXT_COLUMNS, Box
from datasets.shapes import ShapeSet, row_index
from datasets.storage import (
    FINGERPRINT,
    HEADER_FILE,
    SHAPES_FILE,
    meaningful_table,
    read_header,
    readable_table,
    require_pair,
    rows_of_part,
    samples_from_table,
    shapes_from_table,
    table_of,
)

TRAIN, VALID = "train", "valid"


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
        missing = [name for name in COLUMNS if name not in self.samples.columns]
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
            return cls(shapes, samples_from_table(table), header.root, header.inferred)


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
    rows, first_table = rows_of_part(M, D), table_of(first.shapes, first.samples)
    schema = first_table.schema
    schema = schema.with_metadata({**(schema.metadata or {}), FINGERPRINT: fingerprint})
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
                writer.write_table(table_of(part.shapes, part.samples), row_group_size=rows)
        head.write_text(tomli_w.dumps(header), encoding="utf-8")
    return folder


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
