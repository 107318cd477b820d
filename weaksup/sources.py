"""Where a run's data comes from: paths that a command was given, read and joined."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from datasets.dataset import LandmarkDataset
from datasets.errors import FileFormatError, ShapeMismatchError, TrainingError
from datasets.formats import LandmarkFormat, SparseFormat
from datasets.io.registry import read
from datasets.workspace import Workspace
from weaksup.inference import read_start
from weaksup.samples import TrainingData

USUAL_SPLIT = "valid"
_PATHS, _NAMES = ("sparse", "valid", "start"), ("split", "valid_split")  # besides the data


@dataclass(frozen=True, slots=True)
class Sources:
    """Paths of a run's data.

    Parameters
    ----------
    data
        Data sets of any file type; rows of one ``shape_id`` are joined, the first set's labels
        first.
    sparse
        A sparse format; None: every landmark is on the main branch.
    valid
        Data set to measure on, or None.
    split
        The split to learn from, in data sets that have splits; None for all shapes.
    valid_split
        The split to measure on; None for ``valid`` where there is one, else all shapes.
    start
        Folder of the run whose network to begin with, or None.
    """

    data: tuple[Path, ...]
    sparse: Path | None = None
    valid: Path | None = None
    split: str | None = None
    valid_split: str | None = None
    start: Path | None = None

    def to_table(self, run: Path) -> dict[str, Any]:
        """Plain values, fit for TOML, which has no None; `run` is the folder of the run.

        Paths are absolute, but within the run's workspace relative to the run: a workspace can be
        moved or copied.
        """
        table: dict[str, Any] = {"data": [_told(path, run) for path in self.data]}
        for name in (*_PATHS, *_NAMES):
            value = getattr(self, name)
            if value is not None:
                table[name] = _told(value, run) if name in _PATHS else value
        return table

    @classmethod
    def from_table(cls, table: dict[str, Any], path: Path) -> Self:
        """The inverse of `to_table`; `path` is the file that it was read from.

        Raises
        ------
        TrainingError
            If it names no data, as for a run that was started from Python.
        FileFormatError
            If a value is not what it should be.
        """
        data = table.get("data")
        if not data:
            problem = "names no data: this run can be resumed only from Python"
            raise TrainingError(f"{path} {problem}")
        if not isinstance(data, list) or not all(isinstance(each, str) for each in data):
            raise FileFormatError(path, "data", f"expected a list of texts, got {data!r}")
        given = {name: table[name] for name in (*_PATHS, *_NAMES) if name in table}
        for name, value in given.items():
            if not isinstance(value, str):
                raise FileFormatError(path, name, f"expected a text, got {value!r}")
        places: dict[str, Any] = {
            name: _found(given.pop(name), path) for name in _PATHS if name in given
        }
        return cls(tuple(_found(each, path) for each in data), **places, **given)

    def load(self) -> TrainingData:
        """Read everything.

        Raises
        ------
        FewmarkError
            If something cannot be read or does not fit together.
        """
        sparse = None if self.sparse is None else SparseFormat.load(self.sparse)
        known = None if sparse is None else sparse.dense
        images = self._load_data(self.data[0], known)
        for path in self.data[1:]:
            images = _joined(images, self._load_data(path, known), path)
        if sparse is None:
            everything = tuple(range(len(images.format)))
            sparse = SparseFormat(images.format, everything, everything)
        start = None if self.start is None else read_start(self.start)
        return TrainingData(images, sparse, self._load_valid(sparse), start)

    def split_to_measure(self, valid: LandmarkDataset) -> str | None:
        """The split of the validation data that counts; None where all shapes do."""
        if self.valid_split is None and USUAL_SPLIT in valid.splits:
            return USUAL_SPLIT
        return self.valid_split

    def _load_data(self, path: Path, known: LandmarkFormat | None) -> LandmarkDataset:
        dataset = read(path, landmark_format=known)
        return dataset.split(self.split) if self.split and dataset.splits else dataset

    def _load_valid(self, sparse: SparseFormat) -> LandmarkDataset | None:
        if self.valid is None:
            return None
        dataset = read(self.valid, landmark_format=sparse.dense)
        split = self.split_to_measure(dataset)
        return dataset if split is None else dataset.split(split)


def _told(path: Path, run: Path) -> str:
    path, run = path.absolute(), run.absolute()
    of_workspace = Workspace(run.parents[1]) if run.parent.name == "runs" else None
    if of_workspace is None or not any(map(path.is_relative_to, _parts(of_workspace))):
        return str(path)
    return Path(os.path.relpath(path, run)).as_posix()


def _parts(workspace: Workspace) -> tuple[Path, ...]:
    return workspace.data, workspace.formats, workspace.runs


def _found(text: str, file: Path) -> Path:
    """The path that a file tells; a relative one is meant from the file's folder."""
    path = Path(text)
    return path if path.is_absolute() else Path(os.path.normpath(file.absolute().parent / path))


def _joined(images: LandmarkDataset, more: LandmarkDataset, path: Path) -> LandmarkDataset:
    try:
        return images.joined(more)
    except ShapeMismatchError as error:
        raise FileFormatError(path, None, str(error)) from error
