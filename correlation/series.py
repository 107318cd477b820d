"""Affinities that follow each other: stages of a cascade, or a training (Yan 2020, sec. 5.4)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from correlation.comparison import require_comparable
from correlation.matrix import AffinityMatrix
from datasets.errors import FileFormatError, ShapeMismatchError
from datasets.formats import LandmarkFormat

Floats = NDArray[np.float64]

_FILE = re.compile(r"epoch-([0-9]{6,9})\.npz")


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """T affinity matrices in order.

    Parameters
    ----------
    matrices
        At least one; all of one format and alignment.
    positions
        T increasing numbers, such as the epochs.

    Raises
    ------
    ShapeMismatchError
        If there is none, they cannot be compared, or the positions do not fit.
    """

    matrices: tuple[AffinityMatrix, ...]
    positions: tuple[int, ...]

    def __post_init__(self) -> None:
        """Check matrices and positions."""
        if not self.matrices:
            raise ShapeMismatchError("a series needs one affinity matrix at least")
        for matrix in self.matrices[1:]:
            require_comparable(matrix, self.matrices[0])
        if list(self.positions) != sorted(set(self.positions)) or len(self) != len(self.positions):
            problem = f"expected {len(self)} positions that increase, got {self.positions}"
            raise ShapeMismatchError(problem)

    def __len__(self) -> int:
        """T, the number of matrices."""
        return len(self.matrices)

    @property
    def format(self) -> LandmarkFormat:
        """The landmark format."""
        return self.matrices[0].format

    @property
    def values(self) -> Floats:
        """float64 (T, M, M)."""
        return np.stack([matrix.values for matrix in self.matrices])

    @property
    def changes(self) -> Floats:
        """Each matrix minus the one before it, float64 (T - 1, M, M)."""
        return np.diff(self.values, axis=0)

    @property
    def total(self) -> Floats:
        """The last matrix minus the first, float64 (M, M)."""
        return self.matrices[-1].values - self.matrices[0].values

    def path(self, first: int, second: int) -> Floats:
        """The affinity of one pair of landmarks over the series, float64 (T,)."""
        return np.array([matrix.values[first, second] for matrix in self.matrices])

    def deviation(self, window: int) -> Floats:
        """Standard deviation of every affinity over windows of successive matrices.

        Parameters
        ----------
        window
            How many matrices, 1 to T. The variance is the mean square, not the unbiased estimate.

        Returns
        -------
        float64 (T - window + 1, M, M); entry k is over the matrices k to k + window - 1.
        """
        if not 1 <= window <= len(self):
            raise ValueError(f"window must lie in 1..{len(self)}, got {window}")
        values = self.values
        windows = (values[k : k + window] for k in range(len(self) - window + 1))
        return np.stack([part.std(axis=0) for part in windows])

    @classmethod
    def load(cls, folder: str | Path) -> "Series":
        """Read the matrices of a folder, named by `series_file`.

        Raises
        ------
        FileFormatError
            If there is none, or a file is broken.
        """
        files = series_files(folder)
        if not files:
            raise FileFormatError(folder, None, "there are no affinities in it")
        matrices = tuple(AffinityMatrix.load(path) for path in files.values())
        try:
            return cls(matrices, tuple(files))
        except ShapeMismatchError as error:
            raise FileFormatError(folder, None, str(error)) from error


def stages(matrices: Sequence[AffinityMatrix]) -> Series:
    """Affinities of successive stages, numbered from 1.

    Raises
    ------
    ShapeMismatchError
        If there is none, or their formats or alignments differ.

    Examples
    --------
    >>> steps = (0.9, 0.7, 0.6)
    >>> series = stages([AffinityMatrix.from_values([[1, a], [a, 1]]) for a in steps])
    >>> series.path(0, 1).tolist()
    [0.9, 0.7, 0.6]
    """
    return Series(tuple(matrices), tuple(range(1, len(matrices) + 1)))


def series_file(folder: Path, epoch: int) -> Path:
    """Where the matrix of an epoch is in the folder of a series."""
    return folder / f"epoch-{epoch:06d}.npz"


def series_files(folder: str | Path) -> dict[int, Path]:
    """The matrices in the folder of a series by their epochs, which increase."""
    found = {}
    for path in Path(folder).glob("epoch-*.npz"):
        match = _FILE.fullmatch(path.name)
        if match is not None:
            found[int(match[1])] = path
    return dict(sorted(found.items()))
