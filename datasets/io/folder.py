"""Our own data sets: a folder with ``dataset.toml`` and ``shapes.parquet``; keeps everything."""

from dataclasses import replace
from pathlib import Path

from datasets.dataset import LandmarkDataset
from datasets.errors import FileFormatError
from datasets.formats import LandmarkFormat
from datasets.io.samples import picture_root


def read_fewmark(
    path: Path, landmark_format: LandmarkFormat | None = None, images: Path | None = None
) -> LandmarkDataset:
    """Read the folder; a format that is given must be its own, `images` replaces its pictures'.

    Raises
    ------
    FileFormatError
        If it is broken or its landmarks are others.
    """
    dataset = LandmarkDataset.load(path)
    own = dataset.format
    if landmark_format is not None and landmark_format.landmarks != own.landmarks:
        problem = f"the data set has {own.name}, but {landmark_format.name} was asked for"
        raise FileFormatError(path, "format", problem)
    if images is None:
        return dataset
    root = picture_root(list(dataset.samples["image"]), path, images)
    return replace(dataset, root=root)


def write_fewmark(dataset: LandmarkDataset, path: Path) -> None:
    """Write the folder.

    Raises
    ------
    FileFormatError
        If there is a file of this name.
    """
    if path.is_file():
        raise FileFormatError(path, None, "expected a folder, found a file")
    dataset.save(path)
