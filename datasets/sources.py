"""Sources: the shapes of a data set's folder, part by part, for any number of them.

A part is a row group of ``shapes.parquet``; chunks are what is read of it at a time. Memory holds
one chunk, however many shapes there are, and one byte a row where rows are chosen.
"""

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from datasets.errors import FewmarkError, FileFormatError, ShapeMismatchError, UnknownNameError
from datasets.formats import LandmarkFormat
from datasets.moments import Moments, chunk_moments, moments_of
from datasets.shapes import ShapeSet
from datasets.storage import (
    HEADER_FILE,
    SHAPES_FILE,
    meaningful_table,
    read_header,
    readable_table,
    require_pair,
    rows_of_part,
    shapes_from_table,
)

if TYPE_CHECKING:
    from distributed import Client

_TASKS_PER_THREAD = 4  # so that a slow worker does not keep the others waiting
_CONNECT_LIMIT_S = 10


@dataclass(frozen=True, slots=True, eq=False)
class ShapeSource:
    """Shapes of a data set's folder, read when they are iterated over.

    Parameters
    ----------
    folder
        As `LandmarkDataset.save` wrote it.
    format
        The landmark format (M landmarks).
    dimensions
        D.
    part_rows
        Number of rows of each part.
    kept
        Bool (N,): the rows that are wanted; None for all.
    """

    folder: Path
    format: LandmarkFormat
    dimensions: int
    part_rows: tuple[int, ...]
    kept: NDArray[np.bool_] | None = None

    @classmethod
    def open(cls, folder: str | Path) -> "ShapeSource":
        """What is in a folder, by its header and the table's.

        Raises
        ------
        FileFormatError
            If the folder or a file is missing or broken.
        """
        folder = Path(folder)
        header = read_header(folder)
        path = folder / SHAPES_FILE
        with readable_table(path), path.open("rb") as file:  # Arrow takes only names in UTF-8
            about = pq.read_metadata(file)
        require_pair(folder, about.metadata)
        rows = tuple(about.row_group(i).num_rows for i in range(about.num_row_groups))
        return cls(folder, header.format, header.dimensions, rows)

    def __len__(self) -> int:
        """Number of the shapes that are wanted."""
        return sum(self.part_rows) if self.kept is None else int(self.kept.sum())

    def __iter__(self) -> Iterator[ShapeSet]:
        """The shapes, chunk by chunk.

        Raises
        ------
        FileFormatError
            If the table is broken.
        """
        for part in range(len(self.part_rows)):
            yield from self.chunks(part)

    def chunks(self, part: int) -> Iterator[ShapeSet]:
        """The shapes of one part; empty chunks are left out."""
        start = sum(self.part_rows[:part])
        for table in self._tables(part, ["points", "visibility"]):
            with meaningful_table(self.folder / SHAPES_FILE):
                shapes = shapes_from_table(table, self.format, self.dimensions)
            stop = start + len(shapes)
            if self.kept is not None and not self.kept[start:stop].all():
                shapes = shapes.take(self.kept[start:stop])
            start = stop
            if len(shapes):
                yield shapes

    def split(self, name: str) -> "ShapeSource":
        """The shapes of one split, as `LandmarkDataset.split` takes them.

        Raises
        ------
        UnknownNameError
            If no row has it.
        FileFormatError
            If the table is broken.
        """
        found: list[NDArray[np.bool_]] = []
        known: dict[str, None] = {}
        for part in range(len(self.part_rows)):
            for table in self._tables(part, ["split"]):
                names = _split_names(table)
                known |= dict.fromkeys(str(one) for one in names.dropna().unique())
                found.append((names == name).to_numpy(dtype=bool))
        kept = np.concatenate(found) if found else np.zeros(0, dtype=bool)
        if not kept.any():
            problem = f"no shape is in split {name!r}; splits are: {', '.join(known) or 'none'}"
            raise UnknownNameError(problem)
        return replace(self, kept=kept if self.kept is None else kept & self.kept)

    def draw(self, share: float, rng: np.random.Generator) -> "ShapeSource":
        """A random share, the same one that `LandmarkDataset.draw` takes."""
        if not 0 < share <= 1:
            raise ShapeMismatchError(f"a share must lie in (0, 1], got {share}")
        n = max(1, round(share * len(self)))
        every = self.kept is None
        rows = np.arange(len(self)) if every else np.flatnonzero(np.asarray(self.kept))
        kept = np.zeros(sum(self.part_rows), dtype=bool)
        kept[rows[rng.permutation(len(self))[:n]]] = True
        return replace(self, kept=kept)

    def _tables(self, part: int, columns: Sequence[str]) -> Iterator[pa.Table]:
        path = self.folder / SHAPES_FILE
        size = rows_of_part(len(self.format), self.dimensions)
        with contextlib.ExitStack() as stack:
            with readable_table(path):
                file = pq.ParquetFile(stack.enter_context(path.open("rb")))
            batches = file.iter_batches(size, row_groups=[part], columns=list(columns))
            while True:
                with readable_table(path):
                    batch = next(batches, None)
                if batch is None:
                    return
                yield pa.Table.from_batches([batch])


def holds_source(path: str | Path) -> bool:
    """Whether a path is a folder that `ShapeSource.open` can read."""
    return (Path(path) / HEADER_FILE).is_file()


def moments_of_source(
    source: ShapeSource, alignment: str = "centroid-rms", client: "Client | None" = None
) -> Moments:
    """Moments of a source's shapes, in constant memory; those without a pair are passed over.

    Parameters
    ----------
    source
        The shapes.
    alignment
        See `datasets.moments.moments_of`; by ``"procrustes"`` later chunks are aligned to the
        mean of the first one, whoever works on them.
    client
        Of a Dask cluster that shares the work; its workers must see the folder at the same
        path. None works here.

    Raises
    ------
    ShapeMismatchError
        If there is no shape.
    FewmarkError
        If a worker meets a broken table.
    """
    if client is None:
        return moments_of(source, alignment, pass_over=True)
    total, begin = _first_moments(source, alignment)
    reference = total.mean if alignment == "procrustes" else None
    threads = sum(client.nthreads().values())
    n_tasks = max(1, min(len(source.part_rows), _TASKS_PER_THREAD * max(1, threads)))
    spans = np.array_split(np.arange(begin[0], len(source.part_rows)), n_tasks)
    futures = [
        client.submit(_span_moments, source, span.tolist(), alignment, reference, begin, pure=False)
        for span in spans
    ]
    try:
        for future in futures:
            found = future.result()
            total = total if found is None else total.merged(found)
    finally:
        client.cancel(futures)
    return total


def connected(address: str) -> AbstractContextManager["Client"]:
    """A client of the Dask cluster at an address such as ``tcp://10.0.0.5:8786``.

    Raises
    ------
    FewmarkError
        If Dask is not installed, or nobody answers within ten seconds.
    """
    try:
        from distributed import Client  # noqa: PLC0415 - an extra
    except ImportError as error:
        problem = "a Dask cluster needs Dask: pip install 'fewmark[dask]'"
        raise FewmarkError(problem) from error
    try:
        client: AbstractContextManager[Client] = Client(
            address, timeout=_CONNECT_LIMIT_S, set_as_default=False
        )
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FewmarkError(f"no Dask cluster answers at {address}: {reason}") from error
    return client


def _first_moments(source: ShapeSource, alignment: str) -> tuple[Moments, tuple[int, int]]:
    """Moments of the chunks up to the first that holds a pair; the part and chunk to go on with."""
    total: Moments | None = None
    for part in range(len(source.part_rows)):
        for done, chunk in enumerate(source.chunks(part), start=1):
            found = chunk_moments(chunk, alignment)
            total = found if total is None else total.merged(found)
            if total.n_shapes:
                return total, (part, done)
    raise ShapeMismatchError("no shape has two landmarks: there is nothing to learn from")


def _span_moments(
    source: ShapeSource,
    parts: Sequence[int],
    alignment: str,
    reference: NDArray[np.float64] | None,
    begin: tuple[int, int],
) -> Moments | None:
    """Moments of some parts, from the chunk on that is to go on with."""
    total: Moments | None = None
    try:
        for part in parts:
            for chunk in islice(source.chunks(part), begin[1] if part == begin[0] else 0, None):
                found = chunk_moments(chunk, alignment, reference)
                total = found if total is None else total.merged(found)
    except FileFormatError as error:
        raise FewmarkError(str(error)) from None  # the original cannot travel between processes
    return total


def _split_names(table: pa.Table) -> "pd.Series[Any]":
    if "split" not in table.column_names:
        return pd.Series([None] * len(table), dtype="object")
    return pd.Series(table.column("split").to_pylist(), dtype="object")
