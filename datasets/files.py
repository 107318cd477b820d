"""Writing whole: a file or folder appears in full or not at all; an old one stays till then."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from datasets.errors import FileFormatError


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
