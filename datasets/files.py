"""Files: which there are below a folder, and writing whole.

A file or folder that is written appears in full or not at all; an old one stays till then.
"""

import logging
import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from datasets.errors import FileFormatError

logger = logging.getLogger(__name__)

_NEW = ".new-"


def path_of(path: str | Path) -> Path:
    """A path as such; ``""`` is none, though `Path` takes it for the folder that one is in.

    Raises
    ------
    ValueError
        If it is empty.
    """
    if path == "":
        raise ValueError("expected a path, got ''")
    return Path(path)


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
    except UnicodeEncodeError as error:
        problem = f"cannot be {done}: a name in it is not one in UTF-8"
        raise FileFormatError(path, None, problem) from error


def is_empty(folder: Path) -> bool:
    """Whether there is nothing in a folder but what a killed process left half written."""
    return all(path.name.startswith(_NEW) for path in folder.iterdir())


def _prefix() -> str:
    """How names of half-written things begin: they tell whose they are."""
    return f"{_NEW}{os.getpid()}-{platform.node()}-"


def _place(path: Path, fits: Callable[[Path], bool]) -> Path:
    """Where to write so that `path` is there; what killed processes left beside is removed."""
    place = Path(os.path.realpath(path))
    if place.exists() and not fits(place):
        kind = "file" if fits == Path.is_file else "folder"
        problem = f"cannot be written: it is there, and no {kind}"
        raise FileFormatError(path, None, problem)
    place.parent.mkdir(parents=True, exist_ok=True)
    for left in place.parent.glob(f"{_NEW}*"):
        _remove_left(left)
    return place


def _remove_left(path: Path) -> None:
    process, _, rest = path.name.removeprefix(_NEW).partition("-")
    here = process.isdecimal() and rest.startswith(f"{platform.node()}-")
    if not here or psutil.pid_exists(int(process)):
        return
    if path.is_dir():
        aside = (path / "old").exists() and (path / "new").exists()
        if not aside:  # else the old folder has no other place
            shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` that takes its place if the block ends well.

    Where `path` is a link, it stays, and what it leads to is replaced.
    """
    with named_errors(path, "written"):
        path = _place(path, Path.is_file)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=_prefix(), suffix=".part")
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
    """A temporary folder beside `path` that takes its place if the block ends well.

    Where `path` is a link, it stays, and what it leads to is replaced.
    """
    with named_errors(path, "written"):
        path = _place(path, Path.is_dir)
        workshop = Path(tempfile.mkdtemp(dir=path.parent, prefix=_prefix()))
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
    plain: list[Path] = []
    hidden: list[Path] = []
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
