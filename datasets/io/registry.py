"""Every file type by its name, and reading and writing by the path alone where it tells the type.

| type | is | keeps | precision |
|---|---|---|---|
| ``fewmark`` | a folder, see `datasets.dataset` | everything | exact |
| ``npz`` | a NumPy archive, see `datasets.io.npz` | all but the pictures' folder | exact |
| ``csv`` | a plain table, see `datasets.io.wide_csv` | all but format, pictures' folder | exact |
| ``pts`` | a file or folder, see `datasets.io.pts` | places, names of shapes | 6 decimals |
| ``merl-rav-pts`` | the same with signs | places, visibility, names of shapes | 6 decimals |
| ``300w-csv`` | HRNet's table, see `datasets.io.csv_300w` | places, pictures, boxes | 6 decimals |
| ``wflw`` | a text list, see `datasets.io.wflw` | places, pictures | 6 decimals |
| ``images`` | a folder of pictures (only read) | pictures | |
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasets.dataset import LandmarkDataset
from datasets.errors import FileFormatError, ShapeMismatchError, UnknownNameError
from datasets.files import files_below, named_errors, path_of
from datasets.formats import LandmarkFormat
from datasets.formats import landmark_format as format_by_name
from datasets.images import IMAGE_SUFFIXES
from datasets.io import csv_300w, wide_csv
from datasets.io.csv_300w import read_300w_csv, write_300w_csv
from datasets.io.folder import read_fewmark, write_fewmark
from datasets.io.npz import read_npz, write_npz
from datasets.io.pictures import read_images
from datasets.io.pts import SUFFIX as PTS
from datasets.io.pts import read_merl_rav_pts, read_pts, write_merl_rav_pts, write_pts
from datasets.io.text import csv_header
from datasets.io.wflw import read_wflw, write_wflw
from datasets.io.wide_csv import read_csv, write_csv
from datasets.samples import BOX_COLUMNS
from datasets.shapes import Visibility
from datasets.storage import HEADER_FILE

Reader = Callable[[Path, LandmarkFormat | None, Path | None], LandmarkDataset]
Writer = Callable[[LandmarkDataset, Path], None]

_ALL = frozenset({"names", "pictures", "sizes", "boxes", "splits", "subjects", "occlusion"})


@dataclass(frozen=True, slots=True)
class FileType:
    """A way to write data sets down.

    Parameters
    ----------
    name, about
        Short name, and what it is in one line.
    read, write
        The functions; `write` is None where a type is only read.
    keeps
        What it holds besides the places of the landmarks.
    """

    name: str
    about: str
    read: Reader
    write: Writer | None
    keeps: frozenset[str]


_TYPES = {
    t.name: t
    for t in (
        FileType("fewmark", "folder with dataset.toml", read_fewmark, write_fewmark, _ALL),
        FileType("csv", "table with columns x0, y0, ...", read_csv, write_csv, _ALL),
        FileType("npz", "NumPy archive with points and names", read_npz, write_npz, _ALL),
        FileType(
            "pts", ".pts file or folder of them (300-W)", read_pts, write_pts, frozenset({"names"})
        ),
        FileType(
            "merl-rav-pts",
            ".pts with hidden landmarks negative (MERL-RAV)",
            read_merl_rav_pts,
            write_merl_rav_pts,
            frozenset({"names", "occlusion"}),
        ),
        FileType(
            "300w-csv",
            "HRNet's table of 300-W (image_name, original_0_x, ...)",
            read_300w_csv,
            write_300w_csv,
            frozenset({"pictures", "boxes"}),
        ),
        FileType("wflw", "WFLW's list_98pt_*.txt", read_wflw, write_wflw, frozenset({"pictures"})),
        FileType(
            "images", "folder of unmarked pictures", read_images, None, frozenset({"pictures"})
        ),
    )
}


def file_types() -> tuple[FileType, ...]:
    """Every file type.

    Examples
    --------
    >>> [t.name for t in file_types()][:3]
    ['fewmark', 'csv', 'npz']
    """
    return tuple(_TYPES.values())


def file_type(name: str) -> FileType:
    """The file type of this name.

    Raises
    ------
    UnknownNameError
        If there is none.
    """
    if name not in _TYPES:
        raise UnknownNameError(f"unknown file type {name!r}; known are {', '.join(_TYPES)}")
    return _TYPES[name]


def read(
    path: str | Path,
    file_type: str | None = None,
    *,
    landmark_format: LandmarkFormat | str | None = None,
    images: str | Path | None = None,
) -> LandmarkDataset:
    """Read a data set of any type.

    Parameters
    ----------
    path
        File or folder.
    file_type
        A name of `file_types`; left out, the path tells (see `type_of`).
    landmark_format
        What the landmarks are, where the file does not tell. The number of landmarks must be
        its; left out, 300w-68 for the types of 300-W, wflw-98 for WFLW's, else nameless.
    images
        Folder of the pictures. Left out, they are looked for beside the file and in ``images``
        beside it; where they are not, the data set has none.

    Raises
    ------
    FileFormatError
        If the file is missing or broken, or a picture is missing where pictures are.
    UnknownNameError
        If there is no such file type or landmark format.
    """
    path = path_of(path)
    if isinstance(landmark_format, str):
        landmark_format = format_by_name(landmark_format)
    if not isinstance(landmark_format, LandmarkFormat | None):
        raise TypeError(f"expected a landmark format or its name, got {landmark_format!r}")
    with named_errors(path, "read"):
        known = _by_name(file_type) if file_type else type_of(path)
        if not path.exists():
            raise FileFormatError(path, None, "there is no such file or folder")
        try:
            return known.read(path, landmark_format, None if images is None else Path(images))
        except ShapeMismatchError as error:
            raise FileFormatError(path, None, str(error)) from error


def write(
    dataset: LandmarkDataset, path: str | Path, file_type: str | None = None
) -> tuple[str, ...]:
    """Write a data set as any type; the pictures stay where they are.

    A file appears whole or not at all, and replaces one of the same name.

    Returns
    -------
    What the data set knows and the type cannot keep, such as ``("splits", "subjects")``.

    Raises
    ------
    FileFormatError
        If the type cannot hold the shapes: three dimensions, absent landmarks, no pictures;
        or the place cannot be written to.
    """
    path = path_of(path)
    if not isinstance(dataset, LandmarkDataset):
        raise TypeError(f"expected a LandmarkDataset, got {type(dataset).__name__}")
    known = _by_name(file_type) if file_type else _type_to_write(path)
    if known.write is None:
        raise UnknownNameError(f"the file type {known.name!r} can only be read")
    if len(dataset) == 0:
        raise FileFormatError(path, None, "there is no shape to write")
    with named_errors(path, "written"):
        known.write(dataset, path)
    return tuple(sorted(_known_of(dataset) - known.keeps))


def type_of(path: Path) -> FileType:
    """The type of a file or folder, by its name, its header or what is in it.

    ``merl-rav-pts`` cannot be told from ``pts``: it has to be asked for.

    Raises
    ------
    FileFormatError
        If it does not tell.
    """
    if not path.exists():
        raise FileFormatError(path, None, "there is no such file or folder")
    name = _type_of_folder(path) if path.is_dir() else _type_of_file(path)
    if name is None:
        kind = "folder" if path.is_dir() else "file"
        problem = f"cannot tell the type of this {kind}; give one of {', '.join(_TYPES)}"
        raise FileFormatError(path, None, problem + _hint(path))
    return _TYPES[name]


_by_name = file_type  # `file_type` is also the name of a parameter
_SUFFIXES = {PTS: "pts", ".npz": "npz", ".csv": "csv", ".txt": "wflw"}


def _type_of_file(path: Path) -> str | None:
    name = _SUFFIXES.get(path.suffix.lower())
    if name != "csv":
        return name
    header = csv_header(path)
    if csv_300w.MARK in header:
        return "300w-csv"
    return "csv" if wide_csv.MARK in header else None


def _hint(path: Path) -> str:
    """What a csv that is nearly one lacks."""
    if path.is_dir() or path.suffix.lower() != ".csv":
        return ""
    header = csv_header(path)
    parted = next((mark for mark in ";\t|" if len(header) == 1 and mark in header[0]), None)
    if parted is not None:
        return f"; its columns are parted by {parted!r}, expected ','"
    if wide_csv.MARK in (name.lower() for name in header):
        return f"; its columns are named {wide_csv.MARK.upper()!r}, expected {wide_csv.MARK!r}"
    return "; a csv is told by columns x0, y0, x1, ... (or HRNet's original_0_x)"


def _type_of_folder(path: Path) -> str | None:
    if (path / HEADER_FILE).is_file():
        return "fewmark"
    if files_below(path, {PTS})[0]:
        return "pts"
    return "images" if files_below(path, IMAGE_SUFFIXES)[0] else None


def _type_to_write(path: Path) -> FileType:
    """The type a name asks for: by its suffix, and a folder of ours without one."""
    if path.suffix and path.suffix.lower() not in _SUFFIXES:
        problem = f"cannot tell the type from {path.suffix!r}; give one of {', '.join(_TYPES)}"
        raise FileFormatError(path, None, problem)
    return _TYPES[_SUFFIXES.get(path.suffix.lower(), "fewmark")]


def _known_of(dataset: LandmarkDataset) -> set[str]:
    """Which things of `FileType.keeps` a data set has."""
    samples = dataset.samples
    columns = {
        "pictures": "image",
        "sizes": "height_px",
        "boxes": BOX_COLUMNS[0],
        "splits": "split",
        "subjects": "subject",
    }
    known = {what for what, column in columns.items() if samples[column].notna().any()}
    if np.any(dataset.shapes.visibility == Visibility.OCCLUDED):
        known.add("occlusion")
    return known
