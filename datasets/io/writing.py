"""What writers of every file type share: lines of text, checks of what a type can hold."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from datasets.dataset import LandmarkDataset
from datasets.errors import FileFormatError
from datasets.files import replacing
from datasets.io.text import cell_from_text


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write text lines, each ended by a line feed on every system."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line}\n" for line in lines)


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table as csv in which no spreadsheet finds a formula, see `cell_from_text`.

    Raises
    ------
    FileFormatError
        If the file cannot be written.
    """
    cells = table.map(_cell).rename(columns=_cell)
    with replacing(path) as temporary:
        cells.to_csv(temporary, index=False, lineterminator="\n")


def _cell(value: object) -> object:
    return cell_from_text(value) if isinstance(value, str) else value


def require_plane(dataset: LandmarkDataset, path: Path, file_type: str) -> None:
    """Refuse three dimensions where a type holds two.

    Raises
    ------
    FileFormatError
        If D is not 2.
    """
    D = dataset.shapes.points.shape[2]
    if D != 2:
        raise FileFormatError(path, None, f"{file_type} holds 2 coordinates a landmark, not {D}")


def require_complete(dataset: LandmarkDataset, path: Path, file_type: str) -> None:
    """Refuse absent landmarks where a type cannot tell them.

    Raises
    ------
    FileFormatError
        If a landmark is absent.
    """
    complete = dataset.shapes.complete
    if not complete.all():
        name = dataset.samples["shape_id"].iloc[int((~complete).argmax())]
        problem = f"{file_type} cannot tell absent landmarks, and {name!r} has some"
        raise FileFormatError(path, None, f"{problem}; write csv or npz instead")


def require_images(dataset: LandmarkDataset, path: Path, file_type: str) -> list[str]:
    """Names of the pictures, where a type cannot do without.

    Raises
    ------
    FileFormatError
        If a shape has none.
    """
    for name, shape_id in zip(dataset.samples["image"], dataset.samples["shape_id"], strict=True):
        if name is None:
            problem = f"{file_type} names a picture for every shape, and {shape_id!r} has none"
            raise FileFormatError(path, None, problem)
    return [str(name) for name in dataset.samples["image"]]
