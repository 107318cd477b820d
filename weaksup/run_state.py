"""What a training run is doing: a small file that its process writes and everybody reads."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil

from datasets.errors import FileFormatError
from datasets.files import replacing
from datasets.jobs import Job

RUNNING, STOPPED, FINISHED, FAILED = "running", "stopped", "finished", "failed"
INTERRUPTED = "interrupted"  # it says that it runs, but its process is gone
_CLOCKS_DIFFER_S = 1.0


@dataclass(frozen=True, slots=True)
class RunState:
    """What a run is doing.

    Parameters
    ----------
    status
        ``running``, ``stopped``, ``finished`` or ``failed``; `load` turns ``running`` into
        ``interrupted`` where the process is gone.
    message
        One line for people.
    epochs_done, epochs
        Over all stages.
    warnings
        What a person should know about the result.
    facts
        Numbers of the run: images, dense, boxed, subjects, valid, device, mean_shape_nme (None
        without validation images), and for each stage how many images it uses and leaves out.
    left_s
        Seconds that it will take yet, None where that cannot be told.
    process, created
        The process and when it began, as in `datasets.jobs.Job`.
    """

    status: str
    message: str
    epochs_done: int
    epochs: int
    warnings: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    process: int = 0
    created: float = 0.0
    left_s: float | None = None

    def save(self, path: Path) -> None:
        """Write as JSON."""
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "RunState":
        """Read what `save` wrote.

        Raises
        ------
        FileFormatError
            If the file is broken.
        """
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            state = cls(**{**values, "warnings": tuple(values["warnings"])})
        except (ValueError, KeyError, TypeError) as error:
            raise FileFormatError(path, None, "not the state of a run") from error
        if state.status != RUNNING or _lives(state):
            return state
        message = f"ended without a word after {state.epochs_done} of {state.epochs} epochs"
        return replace(state, status=INTERRUPTED, message=message)


def is_at_work(job: Job | None, state: RunState | None) -> bool:
    """Whether a run works, be it started from a page or by command."""
    if job is not None and job.running:
        return True
    return state is not None and state.status == RUNNING


def could_not_begin(job: Job | None, state: RunState | None) -> bool:
    """Whether the job started last is over and never said that it works on the run."""
    if job is None or job.running:
        return False
    return state is None or state.created < job.created - _CLOCKS_DIFFER_S


def this_process() -> tuple[int, float]:
    """Number of this process and when it began."""
    process = psutil.Process()
    return process.pid, process.create_time()


def _lives(state: RunState) -> bool:
    try:
        process = psutil.Process(state.process)
        same = abs(process.create_time() - state.created) < _CLOCKS_DIFFER_S
        return same and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, ValueError):
        return False
