"""What a cell of an experiment came to: a small file, written whole."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datasets.errors import FileFormatError
from datasets.files import replacing
from datasets.metrics import image_errors
from weaksup.experiments.grid import Cell

_DIGITS = 6
NO_RESULT = "not the result of its cell; without this file the cell is done again"


@dataclass(frozen=True, slots=True)
class CellResult:
    """A measured cell.

    Parameters
    ----------
    cell
        Which.
    errors
        NME of each image that is measured on, NaN where it has no landmark to judge.
    sparse_nme
        Over the m landmarks alone; None without a sparse format.
    n
        Dense images.
    c_found, c_held_out
        Smallest affinity on the shapes that formats are searched on, and on those measured on.
    expected_nme
        Forecast from the shapes that formats are searched on, by exact clicks.
    chosen
        Indices of the sparse format.
    seconds, cpu_s
        Wall time of training with the shared first stage, and CPU time of this cell without it.
    device
        What it was computed on.
    warnings
        Of its run.
    """

    cell: Cell
    errors: tuple[float, ...]
    n: int
    sparse_nme: float | None = None
    c_found: float | None = None
    c_held_out: float | None = None
    expected_nme: float | None = None
    chosen: tuple[int, ...] = ()
    seconds: float = 0.0
    cpu_s: float = 0.0
    device: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def nme(self) -> float:
        """Mean over the images."""
        return float(np.nanmean(self.errors))

    def save(self, path: Path) -> None:
        """Write as JSON."""
        errors = [None if np.isnan(e) else round(e, _DIGITS) for e in self.errors]
        table = {**asdict(self), "nme": self.nme, "errors": errors}
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(table), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "CellResult":
        """Read what `save` wrote.

        Raises
        ------
        FileFormatError
            If it is not that.
        """
        try:
            table = json.loads(path.read_text(encoding="utf-8"))
            del table["nme"]
            errors = tuple(np.nan if e is None else float(e) for e in table.pop("errors"))
            table |= {name: tuple(table[name]) for name in ("chosen", "warnings")}
            return cls(cell=Cell(**table.pop("cell")), errors=errors, **table)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise FileFormatError(path, None, NO_RESULT) from error


def errors_by_image(errors: NDArray[np.float64]) -> tuple[float, ...]:
    """Errors (N, M) as a result keeps them."""
    return tuple(float(e) for e in image_errors(errors))
