"""Data sets of a workspace as things on a shelf: renamed, replaced, thrown away, taken back.

What is thrown away lies in ``.trash/<name>`` of the workspace, as deep as in ``data/<name>``, so
that a relative path to its pictures still leads there. Pictures outside are never touched.
"""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from datasets.errors import FewmarkError
from datasets.storage import HEADER_FILE, read_header
from datasets.workspace import Workspace

TRASH = ".trash"
_NAME = re.compile(r"\w[\w .-]{0,79}")


class NameTakenError(FewmarkError):
    """A data set cannot have this name."""


class PicturesInUseError(FewmarkError):
    """A data set must stay where it is, as others need the pictures in its folder."""


def require_name(workspace: Workspace, name: str) -> Path:
    """The folder of a data set to be, if its name is good and free.

    Raises
    ------
    NameTakenError
        If it is not.
    """
    if not _NAME.fullmatch(name) or name != name.strip() or name.endswith("."):
        raise NameTakenError(
            f"{name!r} is no good name: use letters, digits, '-', '_', '.' and spaces, "
            "at most 80, a letter or digit first"
        )
    folder = workspace.data / name
    if folder.exists():
        raise NameTakenError(f"there is a data set {name!r} already; choose another name")
    return folder


def free_name(workspace: Workspace, wish: str) -> str:
    """A good name like the wish that is still free.

    Examples
    --------
    >>> free_name(Workspace(Path("nowhere")), "300w: valid?")
    '300w-valid'
    """
    base = re.sub(r"[^\w.-]+", "-", wish).strip("-.")[:60] or "data"
    name, number = base, 2
    while (workspace.data / name).exists():
        name, number = f"{base}-{number}", number + 1
    return name


def rename(workspace: Workspace, name: str, new: str) -> None:
    """Give a data set another name.

    Raises
    ------
    NameTakenError
        If the new name is not good or not free.
    PicturesInUseError
        If its pictures are in its folder: other data sets and annotation projects may point there.
    """
    if _pictures_inside(workspace.data / name):
        problem = f"{name} keeps its name: its pictures are in its folder, and other data sets "
        raise PicturesInUseError(f"{problem}and annotation projects may point there")
    (workspace.data / name).rename(require_name(workspace, new))


def throw_away(workspace: Workspace, name: str) -> Path:
    """Move a data set to the trash; its place there.

    Raises
    ------
    PicturesInUseError
        If other data sets show pictures that are in its folder.
    """
    folder = workspace.data / name
    others = [other for other in workspace.dataset_names() if other != name]
    users = [other for other in others if _is_below(_picture_root(workspace.data / other), folder)]
    if users:
        problem = f"the pictures of {', '.join(users)} are in the folder of {name}: delete "
        raise PicturesInUseError(f"{problem}{'that' if len(users) == 1 else 'those'} first")
    trash = workspace.root / TRASH
    trash.mkdir(parents=True, exist_ok=True)
    place, number = trash / name, 2
    while place.exists():
        place, number = trash / f"{name}-{number}", number + 1
    folder.rename(place)
    return place


@contextmanager
def replacing_dataset(workspace: Workspace, name: str) -> Iterator[Path]:
    """The folder in which a data set is written in the place of one that goes to the trash.

    If writing fails, what was there is there again, and nothing where there was nothing.

    Raises
    ------
    PicturesInUseError
        If the pictures of the one that was there are in its folder, or those of others.
    """
    folder, old = workspace.data / name, None
    if folder.exists():
        if _pictures_inside(folder):
            problem = f"{name} is not replaced: its pictures are in its folder"
            raise PicturesInUseError(f"{problem}; choose another name")
        old = throw_away(workspace, name)
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        if old is not None:
            old.rename(folder)
        raise


def thrown_away(workspace: Workspace) -> list[str]:
    """Names of what lies in the trash."""
    found = (workspace.root / TRASH).glob(f"*/{HEADER_FILE}")
    return sorted(path.parent.name for path in found)


def take_back(workspace: Workspace, name: str) -> str:
    """Put a data set back from the trash; its name, changed where that has been taken."""
    free = free_name(workspace, name)
    workspace.data.mkdir(parents=True, exist_ok=True)
    (workspace.root / TRASH / name).rename(workspace.data / free)
    return free


def _pictures_inside(folder: Path) -> bool:
    return _is_below(_picture_root(folder), folder)


def _is_below(root: Path | None, folder: Path) -> bool:
    return root is not None and root.resolve().is_relative_to(folder.resolve())


def _picture_root(folder: Path) -> Path | None:
    try:
        return read_header(folder).root
    except FewmarkError:  # a broken data set holds on to nothing
        return None
