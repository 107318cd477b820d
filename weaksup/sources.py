"""Where a run's data comes from: paths that a command was given, read and joined."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from datasets.dataset import LandmarkDataset
from datasets.errors import FileFormatError, ShapeMismatchError, TrainingError
from datasets.formats import LandmarkFormat, SparseFormat
from datasets.io.registry import read
from weaksup.inference import read_start
from weaksup.samples import TrainingData

USUAL_SPLIT = "valid"


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

    def to_table(self) -> dict[str, Any]:
        """Plain values with absolute paths, fit for TOML, which has no None."""
        table = {
            "data": [str(path.absolute()) for path in self.data],
            "sparse": None if self.sparse is None else str(self.sparse.absolute()),
            "valid": None if self.valid is None else str(self.valid.absolute()),
            "split": self.split,
            "valid_split": self.valid_split,
            "start": None if self.start is None else str(self.start.absolute()),
        }
        return {name: value for name, value in table.items() if value is not None}

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
        for name in ("sparse", "valid", "split", "valid_split", "start"):
            if not isinstance(table.get(name, ""), str):
                problem = f"expected a text, got {table[name]!r}"
                raise FileFormatError(path, name, problem)
        return cls(
            tuple(Path(each) for each in data),
            Path(table["sparse"]) if "sparse" in table else None,
            Path(table["valid"]) if "valid" in table else None,
            table.get("split"),
            table.get("valid_split"),
            Path(table["start"]) if "start" in table else None,
        )

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


def _joined(images: LandmarkDataset, more: LandmarkDataset, path: Path) -> LandmarkDataset:
    try:
        return images.joined(more)
    except ShapeMismatchError as error:
        raise FileFormatError(path, None, str(error)) from error
