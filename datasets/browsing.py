"""Folders of this computer, as far as data sets are looked for in them."""

import itertools
from dataclasses import dataclass
from pathlib import Path

from datasets.errors import FewmarkError, FileFormatError
from datasets.images import IMAGE_SUFFIXES
from datasets.io.pts import SUFFIX as PTS
from datasets.io.registry import type_of
from datasets.storage import HEADER_FILE

SUFFIXES = frozenset({".csv", ".npz", ".pts", ".txt"})
_LOOKED_AT = 2000


@dataclass(frozen=True, slots=True)
class Listing:
    """What a folder has: sub-folders, and files that may be data sets; hidden ones left out."""

    folder: Path
    folders: tuple[Path, ...]
    files: tuple[Path, ...]


def listing(folder: Path) -> Listing:
    """Look into a folder.

    Raises
    ------
    FileFormatError
        If it is not there or may not be read.
    """
    try:
        entries = sorted(folder.iterdir(), key=lambda path: path.name.lower())
    except OSError as error:
        raise FileFormatError(folder, None, f"cannot be looked into: {error.strerror}") from error
    shown = [path for path in entries if not path.name.startswith(".")]
    folders = tuple(path for path in shown if path.is_dir())
    files = tuple(path for path in shown if path.suffix.lower() in SUFFIXES and path.is_file())
    return Listing(folder, folders, files)


def told_type(path: Path) -> str | None:
    """Name of the file type that a path tells, or None; of a folder, from a short look into it."""
    if path.is_dir():
        return _of_folder(path)
    try:
        return type_of(path).name
    except FewmarkError:
        return None


def _of_folder(folder: Path) -> str | None:
    """As `registry.type_of`, which walks all the way down, but only one level and so far."""
    if (folder / HEADER_FILE).is_file():
        return "fewmark"
    try:
        pairs = (folder.glob("*"), folder.glob("*/*"))
        seen = list(itertools.islice(itertools.chain(*pairs), _LOOKED_AT))
    except OSError:
        return None
    suffixes = {path.suffix.lower() for path in seen}
    if PTS in suffixes:
        return "pts"
    return "images" if suffixes & IMAGE_SUFFIXES else None
