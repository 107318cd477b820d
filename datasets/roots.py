"""Which folders of the server people may open: all of them, unless they sign in.

Who signs in is not who owns the machine: neither a path, nor a link, nor a data set may show them
other files of it than those of the workspace and of the folders that `fewmark serve` was given.
"""

import os
from pathlib import Path

from datasets.errors import FileFormatError
from datasets.workspace import Workspace

SIGN_IN = "FEWMARK_SIGN_IN"
PICTURES = "FEWMARK_PICTURES"


def team_roots() -> tuple[Path, ...]:
    """The workspace and the folders of ``--pictures``, without links."""
    named = [Path(part) for part in os.environ.get(PICTURES, "").split(os.pathsep) if part]
    roots = (root.resolve() for root in (Workspace.from_environment().root, *named))
    return tuple(dict.fromkeys(roots))


def open_roots() -> tuple[Path, ...] | None:
    """The only folders that may be opened; None where nobody signs in, who may open all."""
    return team_roots() if os.environ.get(SIGN_IN) else None


def is_below(path: Path, roots: tuple[Path, ...]) -> bool:
    """Whether a path really lies in one of these folders, wherever links lead."""
    real = path.resolve()
    return any(real.is_relative_to(root) for root in roots)


def may_open(path: Path) -> bool:
    """Whether those who look at a page may open a path."""
    roots = open_roots()
    return roots is None or is_below(path, roots)


def require_open(path: Path) -> None:
    """Refuse what those who look at a page may not open.

    Raises
    ------
    FileFormatError
        If it lies elsewhere; the text says where it may lie.
    """
    if not may_open(path):
        problem = "lies outside the workspace and the folders given to 'fewmark serve --pictures'"
        raise FileFormatError(path.name, None, problem)
