"""What the commands read and where they write: a data set, or one split of it."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from datasets.cli import PlaceTakenError, require_free
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


def require_place(path: Path, *, force: bool, inputs: Iterable[Path]) -> None:
    """Refuse to write a data set where something is that it cannot or must not replace.

    Raises
    ------
    PlaceTakenError
        As `datasets.cli.require_free`; and whatever is forced, if it is a file or a run.
    """
    from weaksup.run_folder import RunFolder

    require_free(path, force=force, inputs=inputs)
    if path.is_file():
        raise PlaceTakenError(f"{path} is a file; what is written becomes a folder")
    if RunFolder(path).exists:
        raise PlaceTakenError(f"{path} holds a training run; name another place for the result")
