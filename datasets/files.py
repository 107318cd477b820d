"""Files: which there are below a folder, and writing whole.

A file or folder that is written appears in full or not at all; an old one stays till then.
"""

import logging
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from datasets.errors import FileFormatError

logger = logging.getLogger(__name__)


@contextmanager
def named_errors(path: str | Path, done: str) -> Iterator[None]:
    """Turn what the system refuses in the block into an error that names the path.

    Parameters
    ----------
    path
        What the block is about.
    done
        ``"read"`` or ``"written"``.

    Raises
    ------
    FileFormatError
        If the disk is full, a permission is missing, a name is too long and the like.
    """
    try:
        yield
    except OSError as error:
        problem = f"cannot be {done}: {error.strerror or error}"
        raise FileFormatError(path, None, problem) from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` that takes its place if the block ends well."""
    with named_errors(path, "written"):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-", suffix=".part")
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
    with named_errors(path, "written"):
        path.parent.mkdir(parents=True, exist_ok=True)
        workshop = Path(tempfile.mkdtemp(dir=path.parent, prefix=".new-"))
        new, old = workshop / "new", workshop / "old"
        new.mkdir()
        try:
            yield new
            if path.exists():
                path.rename(old)
            new.rename(path)
        finally:
            if old.exists() and not path.exists():  # the new one could not take the place
                old.rename(path)
            shutil.rmtree(workshop)


def files_below(folder: Path, suffixes: Collection[str]) -> tuple[list[Path], list[Path]]:
    """Files in a folder and below it, also through links, in order: the plain and the hidden ones.

    Parameters
    ----------
    folder
        Where to look.
    suffixes
        Which files, in lower case; those of the files may be in any.

    Raises
    ------
    FileFormatError
        If a folder cannot be read.
    """
    plain, hidden = [], []
    for file in _walk(folder, frozenset()):
        if file.suffix.lower() in suffixes:
            parts = file.relative_to(folder).parts
            (hidden if any(part.startswith(".") for part in parts) else plain).append(file)
    return sorted(plain), sorted(hidden)


def note_hidden(folder: Path, hidden: list[Path]) -> None:
    """Say that these files are left out."""
    if hidden:
        count = "1 hidden file is" if len(hidden) == 1 else f"{len(hidden)} hidden files are"
        first = hidden[0].relative_to(folder)
        logger.warning("%s: %s not read, such as %s", folder, count, first)


def _walk(folder: Path, above: frozenset[str]) -> Iterator[Path]:
    here = os.path.realpath(folder)
    if here in above:  # a link that leads back
        return
    with named_errors(folder, "read"):
        entries = list(os.scandir(folder))
    for entry in entries:
        if entry.is_dir():
            yield from _walk(folder / entry.name, above | {here})
        elif entry.is_file() or entry.is_symlink():
            yield folder / entry.name
