"""A folder of pictures of which nothing is marked yet: where an annotator starts."""

from pathlib import Path

from datasets.dataset import LandmarkDataset
from datasets.errors import FileFormatError
from datasets.formats import LandmarkFormat
from datasets.images import find_images
from datasets.io.samples import unique_ids
from datasets.samples import sample_table
from datasets.shapes import empty_shapes


def read_images(
    path: Path, landmark_format: LandmarkFormat | None = None, images: Path | None = None
) -> LandmarkDataset:
    """Every picture in a folder and below it, with all landmarks absent.

    Raises
    ------
    FileFormatError
        If no landmark format is given, or there is no picture.
    """
    if landmark_format is None:
        problem = "pictures do not tell what will be marked in them; give a landmark format"
        raise FileFormatError(path, None, problem)
    if images is not None:
        raise FileFormatError(path, None, "this folder is that of the pictures already")
    if not path.is_dir():
        raise FileFormatError(path, None, "expected a folder of pictures")
    names = [picture.relative_to(path).as_posix() for picture in find_images(path)]
    if not names:
        raise FileFormatError(path, None, "there is no picture in this folder")
    shapes = empty_shapes(landmark_format, len(names))
    return LandmarkDataset(shapes, sample_table(unique_ids(names), names), path)


def one_picture(path: Path, landmark_format: LandmarkFormat) -> LandmarkDataset:
    """A single picture, with all landmarks absent."""
    samples = sample_table(unique_ids([path.name]), [path.name])
    return LandmarkDataset(empty_shapes(landmark_format, 1), samples, path.parent)
