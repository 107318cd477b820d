"""Writing whole: a file or folder appears in full or not at all; an old one stays till then."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from datasets.dataset import LandmarkDataset
from datasets.errors import FileFormatError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` that takes its place if the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside `path` that takes its place if the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    workshop = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    new, old = workshop / "new", workshop / "old"
    new.mkdir()
    try:
        yield new
        if path.exists():
            path.rename(old)
        new.rename(path)
    finally:
        shutil.rmtree(workshop)


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write text lines, each ended by a line feed on every system."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line}\n" for line in lines)


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
