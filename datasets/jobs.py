"""Long commands that a page starts and watches: a process, its log, and a note of both in a folder.

A page never computes for long. It starts ``fewmark ...`` as a process of its own, which goes on
when the page is left or the server ends, and reads what the command writes.
"""

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from datasets.errors import FewmarkError, FileFormatError

NOTE_FILE = "job.json"
LOG_FILE = "job.log"
_STOP_AFTER_S = 10.0


class JobError(FewmarkError):
    """A job cannot be started."""


@dataclass(frozen=True, slots=True)
class Job:
    """A command that was started from a page.

    Parameters
    ----------
    folder
        Where its note and its log are.
    arguments
        What follows ``fewmark``.
    process
        Number of the process.
    created
        When that process began, by the system's clock: numbers are used again, this is not.
    """

    folder: Path
    arguments: tuple[str, ...]
    process: int
    created: float

    @property
    def running(self) -> bool:
        """Whether the process still works."""
        found = self._find()
        return found is not None and found.status() != psutil.STATUS_ZOMBIE

    def _find(self) -> psutil.Process | None:
        try:
            found = psutil.Process(self.process)
            return found if abs(found.create_time() - self.created) < 1.0 else None
        except psutil.NoSuchProcess:
            return None

    def stop(self) -> None:
        """Ask the process and its children to end, and end them if they do not within seconds."""
        found = self._find()
        if found is None:
            return
        family = [found, *found.children(recursive=True)]
        for process in family:
            _quietly(process.terminate)
        _, alive = psutil.wait_procs(family, timeout=_STOP_AFTER_S)
        for process in alive:
            _quietly(process.kill)

    def last_lines(self, count: int = 12) -> str:
        """The end of what it printed."""
        path = self.folder / LOG_FILE
        text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
        return "\n".join(text.splitlines()[-count:])


def _quietly(act: Callable[[], None]) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        act()


def start_job(arguments: Sequence[str], folder: str | Path) -> Job:
    """Start ``fewmark <arguments>`` as a process of its own.

    Raises
    ------
    JobError
        If the folder already has a job at work.
    """
    folder = Path(folder)
    before = find_job(folder)
    if before is not None and before.running:
        raise JobError(f"{folder.name}: a job is at work here already; stop it first")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOG_FILE).open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "annotate.cli", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    threading.Thread(target=process.wait, daemon=True).start()  # so that it leaves no zombie
    try:
        created = psutil.Process(process.pid).create_time()
    except psutil.NoSuchProcess:  # it ended at once; its log says why
        created = time.time()
    job = Job(folder, tuple(arguments), process.pid, created)
    note = {**asdict(job), "folder": str(folder)}
    (folder / NOTE_FILE).write_text(json.dumps(note), encoding="utf-8")
    return job


def find_job(folder: str | Path) -> Job | None:
    """The job last started in a folder, or None.

    Raises
    ------
    FileFormatError
        If its note is broken.
    """
    path = Path(folder) / NOTE_FILE
    if not path.exists():
        return None
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
        arguments = tuple(str(a) for a in note["arguments"])
        return Job(Path(folder), arguments, int(note["process"]), float(note["created"]))
    except (ValueError, KeyError, TypeError) as error:
        raise FileFormatError(path, None, "not the note of a job") from error
