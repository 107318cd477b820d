"""What the commands read: a data set, or one split of it."""

from pathlib import Path
from typing import TYPE_CHECKING

from datasets.errors import about

if TYPE_CHECKING:
    from datasets.dataset import LandmarkDataset
    from datasets.formats import LandmarkFormat


def read_split(
    path: Path, split: str | None, landmark_format: "LandmarkFormat | None" = None
) -> "LandmarkDataset":
    """A data set of any type, or the rows of one split; errors name the path."""
    from datasets.io.registry import read

    dataset = read(path, landmark_format=landmark_format)
    with about(path):
        return dataset if split is None else dataset.split(split)
