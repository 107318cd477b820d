"""The runs of a workspace: listed, named, thrown away and taken back."""

import contextlib
import re
from pathlib import Path

from datasets.errors import FileFormatError, TrainingError
from datasets.jobs import NOTE_FILE, find_job
from datasets.workspace import Workspace
from weaksup.run_folder import RunFolder
from weaksup.run_state import is_at_work

_NAME = re.compile(r"\w[\w.-]{0,79}")


def run_names(workspace: Workspace) -> list[str]:
    """Runs and what was meant to become one, the latest first."""
    found = {
        path.parent
        for pattern in ("*/config.toml", f"*/{NOTE_FILE}")
        for path in workspace.runs.glob(pattern)
    }
    return [p.name for p in sorted(found, key=lambda p: (-p.stat().st_mtime, p.name))]


def free_run_name(workspace: Workspace) -> str:
    """A name that no run has: ``run-1``, ``run-2``, ..."""
    number = 1
    while (workspace.runs / f"run-{number}").exists():
        number += 1
    return f"run-{number}"


def require_run_name(workspace: Workspace, name: str) -> RunFolder:
    """The folder of a run to be, if its name is good and free.

    Raises
    ------
    TrainingError
        If it is not.
    """
    if not _NAME.fullmatch(name):
        problem = "a run's name has letters, digits, '-', '_' and '.', at most 80, "
        raise TrainingError(f"{problem}and begins with a letter or digit; got {name!r}")
    if (workspace.runs / name).exists():
        raise TrainingError(f"there is a run {name!r} already; choose another name")
    return RunFolder(workspace.runs / name)


def _trash(workspace: Workspace) -> Path:
    return workspace.root / ".trash" / "runs"


def throw_away(workspace: Workspace, name: str) -> None:
    """Put a run aside, from where `take_back` brings it.

    Raises
    ------
    TrainingError
        If it is at work, or there is none.
    """
    folder = workspace.runs / name
    if not folder.is_dir():
        raise TrainingError(f"there is no run {name!r}")
    if _at_work(folder):
        raise TrainingError(f"{name} is at work; stop it first")
    target, number = _trash(workspace) / name, 2
    while target.exists():
        target, number = target.with_name(f"{name}-{number}"), number + 1
    target.parent.mkdir(parents=True, exist_ok=True)
    folder.rename(target)


def _at_work(folder: Path) -> bool:
    job, state = None, None
    with contextlib.suppress(FileFormatError):  # what is broken can be put aside all the same
        job = find_job(folder)
    with contextlib.suppress(FileFormatError):
        state = RunFolder(folder).state()
    return is_at_work(job, state)


def thrown_away(workspace: Workspace) -> list[str]:
    """Names of the runs that were thrown away."""
    return sorted(path.name for path in _trash(workspace).glob("*") if path.is_dir())


def take_back(workspace: Workspace, name: str) -> None:
    """Bring a run back that was thrown away.

    Raises
    ------
    TrainingError
        If there is none, or a run has its name now.
    """
    source = _trash(workspace) / name
    if not source.is_dir():
        raise TrainingError(f"no run {name!r} was thrown away")
    if (workspace.runs / name).exists():
        raise TrainingError(f"there is another run {name!r} now; throw that away first")
    workspace.runs.mkdir(parents=True, exist_ok=True)
    source.rename(workspace.runs / name)
