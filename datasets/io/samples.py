"""What readers of every file type share: names of the samples, their pictures, checks of counts."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from datasets.dataset import LandmarkDataset
from datasets.errors import FileFormatError, ShapeMismatchError
from datasets.formats import NAMELESS, LandmarkFormat, landmark_format
from datasets.images import IMAGE_SUFFIXES, read_image
from datasets.progress import Progress, ignore_progress
from datasets.samples import require_inside
from datasets.shapes import ShapeSet, Visibility

logger = logging.getLogger(__name__)


def is_picture(name: str) -> bool:
    """Whether a name ends as a picture's does."""
    return PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES


def without_suffix(name: str) -> str:
    """A picture's path without its suffix; other names as they are."""
    return name[: -len(PurePosixPath(name).suffix)] if is_picture(name) else name


def unique_ids(names: Iterable[str]) -> list[str]:
    """Names of shapes: the pictures' without suffix, and ``#2``, ``#3``... where they repeat.

    The same picture has the same name whatever type it is read from, so data sets can be joined.

    Examples
    --------
    >>> unique_ids(["a/1.jpg", "a/2.jpg", "a/1.jpg"])
    ['a/1', 'a/2', 'a/1#2']
    """
    counts: dict[str, int] = {}
    taken: set[str] = set()
    ids = []
    for name in map(without_suffix, names):
        unique = name
        while unique in taken:
            counts[name] = counts.get(name, 1) + 1
            unique = f"{name}#{counts[name]}"
        taken.add(unique)
        ids.append(unique)
    return ids


def fitting_format(
    given: LandmarkFormat | None, default: str | None, M: int, path: Path, where: int | str | None
) -> LandmarkFormat:
    """The given format, else the file type's own, else M landmarks without names.

    A format is never guessed from a count.

    Raises
    ------
    FileFormatError
        If it does not have M landmarks.
    """
    fitting = given or landmark_format(default or f"{NAMELESS}{M}")
    if len(fitting) != M:
        problem = f"expected {len(fitting)} landmarks ({fitting.name}), found {M}"
        raise FileFormatError(path, where, f"{problem}; give the landmark format if it is another")
    return fitting


def picture_root(names: Sequence[str | None], beside: Path, images: Path | None) -> Path | None:
    """Folder to which the pictures' names are relative.

    `images` if it is given, else the folder of the file or ``images`` in it, whichever has the
    first picture named; None where neither has it: the data set then knows names, but no pictures.

    Raises
    ------
    FileFormatError
        If a folder was given or found and one of the pictures is not in it.
    ShapeMismatchError
        If a name leads out of it.
    """
    named = [name for name in names if name is not None]
    for name in named:
        require_inside(name)
    if images is not None and not images.is_dir():
        raise FileFormatError(images, None, "there is no such folder of pictures")
    root = images
    if root is None and named:
        candidates = (beside, beside / "images")
        root = next((folder for folder in candidates if (folder / named[0]).is_file()), None)
    if root is None:
        return None
    missing = [name for name in named if not (root / name).is_file()]
    if missing:
        problem = f"there is no such picture ({len(missing)} of {len(named)} are missing here)"
        raise FileFormatError(root / missing[0], None, problem)
    return root


def visible_where_present(points: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Visibility (N, M) of points of which nothing but NaN tells: absent or visible."""
    absent = np.isnan(points).any(axis=2)
    return np.where(absent, Visibility.ABSENT, Visibility.VISIBLE).astype(np.uint8)


def checked_shapes(
    path: Path,
    landmark_format_: LandmarkFormat,
    points: NDArray[np.float64],
    visibility: NDArray[np.uint8],
) -> ShapeSet:
    """Shapes as read from a file.

    Raises
    ------
    FileFormatError
        If they do not fit together.
    """
    try:
        return ShapeSet(landmark_format_, points, visibility)
    except ShapeMismatchError as error:
        raise FileFormatError(path, None, str(error)) from error


def note_unread(path: Path, names: Iterable[str]) -> None:
    """Say which columns or arrays of a file have no place in a data set."""
    unread = ", ".join(names)
    if unread:
        logger.warning("%s: not read: %s", path, unread)


def with_sizes(
    dataset: LandmarkDataset, on_progress: Progress = ignore_progress
) -> LandmarkDataset:
    """The data set with height and width of every picture; each picture is read once.

    Raises
    ------
    FileFormatError
        If a picture is missing or broken.
    """
    if dataset.root is None:
        return dataset
    samples = dataset.samples.copy()
    known = (samples["height_px"].notna() & samples["width_px"].notna()).to_numpy(dtype=bool)
    rows = [i for i, name in enumerate(samples["image"]) if name is not None and not known[i]]
    for done, row in enumerate(rows, 1):
        height, width, _ = read_image(dataset.image_path(row)).shape
        samples.loc[row, ["height_px", "width_px"]] = [height, width]
        on_progress(done, len(rows))
    return replace(dataset, samples=samples)
