"""The value that all here works on: a matrix of affinities, and the files it is kept in."""

import csv
import io
import json
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tomli_w
from numpy.typing import ArrayLike, NDArray

from datasets.archives import UNREADABLE, opened_archive
from datasets.errors import FileFormatError, ShapeMismatchError
from datasets.files import replacing
from datasets.formats import LandmarkFormat, format_from_table, table_from_format
from datasets.formats import landmark_format as format_named
from datasets.io.text import cell_from_text

Floats = NDArray[np.float64]

CANONICAL_MEAN = "mean canonical correlation"

_ROUNDING = 1e-9
_JSON = ".json"
_MOST_BYTES = 2**28  # some 3,500 landmarks


@dataclass(frozen=True, slots=True, eq=False)
class AffinityMatrix:
    """Affinities of M landmarks.

    Parameters
    ----------
    format
        The landmark format (M landmarks).
    values
        float64 (M, M) in [0, 1], symmetric, ones on the diagonal; no unit.
    n_shapes
        Number of shapes behind it, for the pair that has the fewest; None where unknown.
    alignment
        How the shapes were aligned; None where unknown. It changes the values a lot.
    method
        What the values are.
    cautions
        Sentences about what makes the values doubtful.

    Raises
    ------
    ShapeMismatchError
        If `values` is not such a matrix.
    """

    format: LandmarkFormat
    values: Floats
    n_shapes: int | None = None
    alignment: str | None = None
    method: str = CANONICAL_MEAN
    cautions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the matrix."""
        M, values = len(self.format), self.values
        if values.dtype != np.float64 or values.shape != (M, M):
            found = f"{values.dtype} {values.shape}"
            raise ShapeMismatchError(f"affinities must be float64 {(M, M)}, got {found}")
        if not ((values >= 0) & (values <= 1)).all():  # also false where NaN
            raise ShapeMismatchError("affinities must lie in [0, 1]")
        if not np.array_equal(values, values.T) or not (np.diagonal(values) == 1).all():
            problem = "affinities must be symmetric with ones on the diagonal"
            raise ShapeMismatchError(problem)

    @classmethod
    def from_values(
        cls, values: ArrayLike, landmark_format: LandmarkFormat | None = None
    ) -> "AffinityMatrix":
        """Any (M, M) matrix of affinities; rounding errors up to 1e-9 are taken away.

        Raises
        ------
        ShapeMismatchError
            If it is not symmetric, not in [0, 1], or its diagonal is not 1, by more than that.
        """
        array = np.array(values, dtype=np.float64)
        if array.ndim != 2 or array.shape[0] != array.shape[1] or array.shape[0] == 0:
            raise ShapeMismatchError(f"affinities must be a square matrix, got {array.shape}")
        if np.allclose(array, array.T, rtol=0, atol=_ROUNDING):
            array = (array + array.T) / 2
        if np.allclose(np.diagonal(array), 1, rtol=0, atol=_ROUNDING):
            np.fill_diagonal(array, 1.0)
        beyond = (array > 1) & (array <= 1 + _ROUNDING), (array < 0) & (array >= -_ROUNDING)
        array[beyond[0]], array[beyond[1]] = 1.0, 0.0
        return cls(landmark_format or format_named(f"points-{len(array)}"), array)

    def __len__(self) -> int:
        """M, the number of landmarks."""
        return len(self.format)

    @property
    def distance(self) -> Floats:
        """1 - affinity, (M, M): what K-center works on."""
        return 1.0 - self.values

    @property
    def mean(self) -> float:
        """Mean affinity of two different landmarks; NaN for a single one."""
        M = len(self)
        return float((self.values.sum() - M) / (M * (M - 1))) if M > 1 else float("nan")

    @property
    def caption(self) -> str:
        """What stands below every figure of it: number of shapes and alignment."""
        shapes = "an unknown number of" if self.n_shapes is None else f"{self.n_shapes:,}"
        return f"{self.method} over {shapes} shapes, alignment: {self.alignment or 'unknown'}"

    def save(self, path: str | Path) -> None:
        """Write as NumPy archive (.npz)."""
        with replacing(Path(path)) as temporary, temporary.open("wb") as file:
            np.savez_compressed(
                file,
                values=self.values,
                format=np.array(tomli_w.dumps(table_from_format(self.format))),
                n_shapes=np.array(-1 if self.n_shapes is None else self.n_shapes),
                alignment=np.array(self.alignment or ""),
                method=np.array(self.method),
                cautions=np.array(self.cautions, dtype=np.str_),
            )

    @classmethod
    def load(cls, path: str | Path) -> "AffinityMatrix":
        """Read what `save` or, in a file that ends in .json, `save_json` wrote.

        Raises
        ------
        FileFormatError
            If the file is missing or something else.
        """
        if Path(path).suffix == _JSON:
            return cls._load_json(Path(path))
        with opened_archive(path, "an affinity file") as stored:
            n_shapes = int(stored["n_shapes"])
            return cls(
                format_from_table(tomllib.loads(str(stored["format"]))),
                stored["values"],
                None if n_shapes < 0 else n_shapes,
                str(stored["alignment"]) or None,
                str(stored["method"]),
                tuple(str(text) for text in stored["cautions"]),
            )

    @classmethod
    def _load_json(cls, path: Path) -> "AffinityMatrix":
        try:
            if path.stat().st_size > _MOST_BYTES:
                raise ShapeMismatchError(f"larger than {_MOST_BYTES // 2**20} MiB")
            return cls.from_json(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise FileFormatError(path, None, f"cannot be read: {error.strerror}") from error
        except (UnicodeDecodeError, ShapeMismatchError) as error:
            raise FileFormatError(path, None, str(error)) from error

    def save_csv(self, path: str | Path) -> None:
        """Write as a table with landmark names in the first row and column."""
        with replacing(Path(path)) as temporary:
            temporary.write_text(self.csv(), encoding="utf-8", newline="\n")

    def csv(self) -> str:
        """The table that `save_csv` writes; numbers have all their digits."""
        return landmark_table(self.format, self.values)

    def save_json(self, path: str | Path) -> None:
        """Write the text of `json`."""
        with replacing(Path(path)) as temporary:
            temporary.write_text(self.json(), encoding="utf-8", newline="\n")

    def json(self) -> str:
        """All that is known of it, for programs in any language; numbers have all their digits.

        | key | value |
        |---|---|
        | ``format`` | the landmark format: ``name``, ``landmarks`` (M names) and what it knows |
        | ``n_shapes`` | number of shapes, or null |
        | ``alignment`` | how they were aligned, or null |
        | ``method`` | what the values are |
        | ``cautions`` | sentences about what makes them doubtful |
        | ``values`` | M rows of M affinities, in the order of ``format.landmarks`` |
        """
        table = {
            "format": table_from_format(self.format),
            "n_shapes": self.n_shapes,
            "alignment": self.alignment,
            "method": self.method,
            "cautions": self.cautions,
            "values": self.values.tolist(),
        }
        return json.dumps(table, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "AffinityMatrix":
        """The inverse of `json`; only ``format`` and ``values`` are required.

        Raises
        ------
        ShapeMismatchError
            If it is something else.
        """
        try:
            table = json.loads(text)
            if not isinstance(table, dict):
                raise ValueError(f"expected an object, got {table!r:.40}")
            n_shapes, alignment = table.get("n_shapes"), table.get("alignment")
            cautions = table.get("cautions", [])
            if n_shapes is not None and not (type(n_shapes) is int and n_shapes > 0):
                raise ValueError(f"n_shapes: expected a number above 0, got {n_shapes!r:.40}")
            if alignment is not None and not isinstance(alignment, str):
                raise ValueError(f"alignment: expected a text, got {alignment!r:.40}")
            if not isinstance(cautions, list) or not all(isinstance(c, str) for c in cautions):
                raise ValueError(f"cautions: expected a list of texts, got {cautions!r:.40}")
            return cls(
                format_from_table(table["format"]),
                np.array(table["values"], dtype=np.float64),
                n_shapes,
                alignment,
                str(table.get("method", CANONICAL_MEAN)),
                tuple(cautions),
            )
        except KeyError as error:
            problem = f"not affinities in JSON: the key {error} is missing"
            raise ShapeMismatchError(problem) from error
        except (AttributeError, OverflowError, RecursionError, TypeError, ValueError) as error:
            raise ShapeMismatchError(f"not affinities in JSON: {error}") from error


def landmark_table(known: LandmarkFormat, values: Floats) -> str:
    """A matrix (M, M) as csv with landmark names in the first row and column."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [cell_from_text(name) for name in known.landmarks]
    writer.writerow(["landmark", *names])
    for name, row in zip(names, values.tolist(), strict=True):
        writer.writerow([name, *row])
    return text.getvalue()


def holds_affinity(path: str | Path) -> bool:
    """Whether `AffinityMatrix.load` reads a file: an archive of affinities, or any JSON."""
    if Path(path).suffix == _JSON:
        return True
    try:
        with zipfile.ZipFile(path) as archive:
            return {"values.npy", "format.npy", "method.npy"} <= set(archive.namelist())
    except UNREADABLE:
        return False
