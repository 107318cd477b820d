"""``.pts`` files (iBUG, 300-W): one text file a shape, pixels counted from 1.

::

    version: 1
    n_points: 68
    {
    446.000 91.000
    ...
    }

The tools behind 300-W are written in Matlab, so its coordinates are counted from 1 (Menpo:
"PTS landmarks are 1-based"); see `datasets.pixels.from_one_based`.

MERL-RAV (Kumar et al. 2020, LUVLi) keeps visibility in the signs: ``-1 -1`` is self-occluded and
has no place, two negative numbers are the place of a landmark hidden by something else. A plain
``.pts`` may hold small negative coordinates of its own (landmarks outside the picture), hence
MERL-RAV is a file type to ask for. Where MERL-RAV counts from is not documented; it is read as
any ``.pts``.
"""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datasets.dataset import LandmarkDataset
from datasets.errors import FileFormatError
from datasets.files import files_below, note_hidden, replacing_folder
from datasets.formats import LandmarkFormat
from datasets.images import IMAGE_SUFFIXES
from datasets.io.samples import (
    checked_shapes,
    fitting_format,
    picture_root,
    visible_where_present,
    without_suffix,
)
from datasets.io.text import numbered_lines, numbers
from datasets.io.writing import require_complete, require_plane, write_lines
from datasets.pixels import from_one_based, to_one_based
from datasets.samples import sample_table
from datasets.shapes import Visibility

logger = logging.getLogger(__name__)

DEFAULT_FORMAT = "300w-68"
SUFFIX = ".pts"
_SELF_OCCLUDED = -1.0
_DECIMALS = 6
_DIGITS = 9  # of a count; Python refuses to read very long numbers

Array = NDArray[np.float64]


def read_pts(
    path: Path, landmark_format: LandmarkFormat | None = None, images: Path | None = None
) -> LandmarkDataset:
    """Read one ``.pts`` file or every one in a folder and below it; 300w-68 unless told otherwise.

    Suffixes count in any case; hidden files are left out with a warning. A shape's picture is the
    file of the same name beside it, or below `images`.

    Raises
    ------
    FileFormatError
        If a file is broken, has another number of points than the format, or, where `images`
        is given, a shape has no picture.
    """
    dataset, raw = _read(path, landmark_format, images)
    if (raw == _SELF_OCCLUDED).all(axis=2).any():
        logger.warning("%s: landmarks at -1 -1 were read as places; in MERL-RAV they are", path)
        logger.warning("hidden ones: if this is MERL-RAV, read it as the type merl-rav-pts")
    points = from_one_based(raw)
    shapes = checked_shapes(path, dataset.format, points, visible_where_present(points))
    return dataset.with_shapes(shapes)


def read_merl_rav_pts(
    path: Path, landmark_format: LandmarkFormat | None = None, images: Path | None = None
) -> LandmarkDataset:
    """Read MERL-RAV's ``.pts`` files, as `read_pts` but with visibility from the signs.

    Raises
    ------
    FileFormatError
        As `read_pts`, or if only one coordinate of a landmark is negative.
    """
    dataset, raw = _read(path, landmark_format, images)
    negative = raw < 0
    if (negative[:, :, 0] != negative[:, :, 1]).any():
        row, landmark = np.argwhere(negative[:, :, 0] != negative[:, :, 1])[0]
        name = dataset.samples["shape_id"].iloc[row]
        problem = f"{name}, landmark {landmark}: one coordinate is negative and one is not"
        raise FileFormatError(path, None, f"{problem}; MERL-RAV marks hidden landmarks by both")
    absent = (raw == _SELF_OCCLUDED).all(axis=2)
    points = from_one_based(np.abs(raw))
    points[absent] = np.nan
    visibility = np.where(negative[:, :, 0], Visibility.OCCLUDED, Visibility.VISIBLE)
    visibility = np.where(absent, Visibility.ABSENT, visibility).astype(np.uint8)
    return dataset.with_shapes(checked_shapes(path, dataset.format, points, visibility))


def write_pts(dataset: LandmarkDataset, path: Path) -> None:
    """Write a folder with a file a shape, or one file for one shape; 6 decimals.

    Raises
    ------
    FileFormatError
        If a landmark is absent, D is 3, a shape's name cannot be a file's, or the place is taken by
        a folder of other things.
    """
    require_plane(dataset, path, "pts")
    require_complete(dataset, path, "pts")
    _write(dataset, path, to_one_based(dataset.shapes.points))


def write_merl_rav_pts(dataset: LandmarkDataset, path: Path) -> None:
    """Write as `write_pts`, with occluded landmarks negative and absent ones at ``-1 -1``.

    Raises
    ------
    FileFormatError
        As `write_pts` except for absent landmarks, or if a landmark lies where signs cannot tell:
        left of or above the picture, or occluded in the very first pixel.
    """
    require_plane(dataset, path, "merl-rav-pts")
    shapes = dataset.shapes
    raw = np.round(to_one_based(shapes.points), _DECIMALS)
    occluded = shapes.visibility == Visibility.OCCLUDED
    unclear = (raw <= 0).any(axis=2) | (occluded & (-raw == _SELF_OCCLUDED).all(axis=2))
    if unclear.any():
        name = dataset.samples["shape_id"].iloc[int(unclear.any(axis=1).argmax())]
        problem = f"merl-rav-pts cannot hold landmarks outside the picture, as {name!r} has"
        raise FileFormatError(path, None, problem)
    raw = np.where(occluded[:, :, np.newaxis], -raw, raw)
    raw[~shapes.present] = _SELF_OCCLUDED
    _write(dataset, path, raw)


def parse_pts(path: Path) -> Array:
    """The numbers of one file as they stand, (M, 2).

    Raises
    ------
    FileFormatError
        If the file is not a whole and correct ``.pts``.
    """
    lines = ((n, text.strip()) for n, text in numbered_lines(path) if text.strip())
    _expect(path, lines, "'version: 1'", lambda text: text.replace(" ", "") == "version:1")
    counted = _expect(path, lines, "'n_points: <M>'", lambda text: _count(text) > 0)
    M = _count(counted)
    _expect(path, lines, "'{'", lambda text: text == "{")
    points = []
    for line, text in lines:
        if text == "}":
            break
        fields = text.split()
        if len(fields) != 2:
            raise FileFormatError(path, line, f"expected 'x y', got {text[:40]!r}")
        points.append(numbers(fields, path, line))
    else:
        raise FileFormatError(path, None, "the file ends before its '}'")
    if len(points) != M:
        raise FileFormatError(path, line, f"expected {M} points, found {len(points)}")
    for line, text in lines:
        raise FileFormatError(path, line, f"expected nothing after '}}', got {text[:40]!r}")
    return np.array(points)


def _expect(
    path: Path, lines: Iterator[tuple[int, str]], what: str, fits: Callable[[str], bool]
) -> str:
    line, text = next(lines, (None, None))
    if text is None:
        raise FileFormatError(path, None, f"the file ends where {what} was expected")
    if not fits(text):
        raise FileFormatError(path, line, f"expected {what}, got {text[:40]!r}")
    return text


def _count(text: str) -> int:
    name, _, value = text.partition(":")
    value = value.strip()
    known = name.strip() == "n_points" and value.isdecimal() and len(value) <= _DIGITS
    return int(value) if known else 0


def _read(
    path: Path, given: LandmarkFormat | None, images: Path | None
) -> tuple[LandmarkDataset, Array]:
    """Data set with every landmark absent, and the numbers as they stand (N, M, 2)."""
    folder = path if path.is_dir() else path.parent
    files, hidden = files_below(path, {SUFFIX}) if path.is_dir() else ([path], [])
    note_hidden(folder, hidden)
    if not files:
        raise FileFormatError(path, None, f"there is no {SUFFIX} file in this folder")
    shapes = []
    for file in files:
        shapes.append(parse_pts(file))
        fitting = fitting_format(given, DEFAULT_FORMAT, len(shapes[-1]), file, "n_points")
    raw = np.stack(shapes)
    ids = [file.relative_to(folder).with_suffix("").as_posix() for file in files]
    names = _pictures(ids, images or folder, required=images is not None)
    root = picture_root(names, folder, images) if any(names) else None
    blank = np.full_like(raw, np.nan)
    unseen = checked_shapes(path, fitting, blank, np.zeros(raw.shape[:2], dtype=np.uint8))
    return LandmarkDataset(unseen, sample_table(ids, names), root), raw


def _pictures(ids: list[str], root: Path, *, required: bool) -> list[str | None]:
    """For each shape the file of the same name and a picture's suffix, relative to `root`."""
    listings: dict[Path, dict[str, str]] = {}
    names: list[str | None] = []
    for shape_id in ids:
        place = (root / shape_id).parent
        if place not in listings:
            files = sorted(place.iterdir()) if place.is_dir() else []
            pictures = [file.name for file in files if file.suffix.lower() in IMAGE_SUFFIXES]
            listings[place] = {without_suffix(name): name for name in reversed(pictures)}
        found = listings[place].get(Path(shape_id).name)
        if found is None and required:
            problem = f"there is no picture {shape_id}.* in this folder"
            raise FileFormatError(root, None, problem)
        names.append(None if found is None else Path(shape_id).with_name(found).as_posix())
    return names


def _write(dataset: LandmarkDataset, path: Path, raw: Array) -> None:
    if path.suffix.lower() == SUFFIX:
        if len(dataset) != 1:
            problem = f"a {SUFFIX} file holds one shape, not {len(dataset)}; name a folder"
            raise FileFormatError(path, None, problem)
        write_lines(path, _lines(raw[0]))
        return
    if path.is_dir() and any(f.is_file() and f.suffix.lower() != SUFFIX for f in path.rglob("*")):
        problem = f"this folder holds other things than {SUFFIX} files; name another"
        raise FileFormatError(path, None, problem)
    if path.is_file():
        raise FileFormatError(path, None, "expected a folder, found a file")
    with replacing_folder(path) as folder:
        for shape_id, points in zip(dataset.samples["shape_id"], raw, strict=True):
            if any(not part or part.startswith(".") for part in shape_id.split("/")):
                problem = f"the shape's name {shape_id!r} cannot be the name of a file in it"
                raise FileFormatError(path, None, problem)
            file = folder / f"{shape_id}{SUFFIX}"
            file.parent.mkdir(parents=True, exist_ok=True)
            try:
                with file.open("x", encoding="utf-8", newline="\n") as text:
                    text.writelines(f"{line}\n" for line in _lines(points))
            except FileExistsError as error:  # where the system does not tell 'a' from 'A'
                problem = f"the shape {shape_id!r} has the file of another shape"
                raise FileFormatError(path, None, problem) from error


def _lines(points: Array) -> list[str]:
    body = [f"{x:.{_DECIMALS}f} {y:.{_DECIMALS}f}" for x, y in points]
    return ["version: 1", f"n_points: {len(points)}", "{", *body, "}"]
