"""Many short tasks by several processes, some of which wait for others."""

import contextlib
import functools
import logging
import multiprocessing
import signal
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from typing import Any, Protocol

from datasets.errors import FewmarkError
from datasets.progress import Progress, ignore_progress
from weaksup.stopping import StoppedError

_POLL_S = 0.2
_UNPREPARED: list[Exception] = []  # of this process: why it cannot do anything, one at most
_ENDED = "its process ended without a word, for want of memory perhaps"


class StopSign(Protocol):
    """What tells tasks to stop: an event of this process or of several."""

    def is_set(self) -> bool:
        """Whether to stop."""

    def set(self) -> None:
        """Ask to stop."""


class _Asking:
    """The sign of this process: it asks, so that a task is stopped that nobody waits beside."""

    def __init__(self, stop: Callable[[], bool]) -> None:
        self._stop = stop

    def is_set(self) -> bool:
        return self._stop()

    def set(self) -> None:
        pass


class _Here(Executor):
    """Does what it is given at once, in this process."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - kept for whoever asks for the result
            future.set_exception(error)
        return future


def run_tasks(
    needs: Mapping[str, Sequence[str]],
    work: Callable[[str], object],
    prepare: Callable[[StopSign], object],
    *,
    processes: int,
    stop: Callable[[], bool],
    on_progress: Progress = ignore_progress,
) -> dict[str, str]:
    """Do every task once, each after those that it needs.

    Parameters
    ----------
    needs
        Names of the tasks, and of those that must be done before.
    work
        Does the task of this name; raises `StoppedError` where it was asked to stop.
    prepare
        Called once in every process before its first task, with what tells it to stop.
    processes
        How many; with one, everything is done in this process. They are spawned: a GPU cannot be
        shared with a forked one.
    stop
        Asked now and then.
    on_progress
        Called with tasks done, well or not, and tasks in all.

    Returns
    -------
    Name and reason of every task that failed. Those that need it, or were not done because of
    `stop`, are in no list.
    """
    with contextlib.closing(_Pool(needs, work, prepare, processes, stop)) as pool:
        return pool.run(on_progress)


def _executor(
    processes: int, prepare: Callable[[StopSign], object], stop: Callable[[], bool]
) -> tuple[Executor, StopSign]:
    if processes == 1:
        here = _Asking(stop)
        prepare(here)
        return _Here(), here
    context = multiprocessing.get_context("spawn")
    sign = context.Event()
    told = (prepare, sign)
    return ProcessPoolExecutor(processes, context, initializer=_prepared, initargs=told), sign


def _prepared(prepare: Callable[[StopSign], object], sign: StopSign) -> None:
    # The terminal sends Ctrl-C to all processes; the first one tells the others in its own way.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.getLogger().addHandler(logging.NullHandler())  # the first process says it once
    try:
        prepare(sign)
    except Exception as error:  # noqa: BLE001 - raised where somebody can tell it
        _UNPREPARED.append(error)


def _worked(work: Callable[[str], object], name: str) -> object:
    for error in _UNPREPARED:
        raise error
    return work(name)


class _Pool:
    """The tasks of one call of `run_tasks`.

    When a process dies, all tasks that were running or next fail, and nobody knows which is to
    blame. They are done again, each alone: whichever ends its process then has failed.
    """

    def __init__(
        self,
        needs: Mapping[str, Sequence[str]],
        work: Callable[[str], object],
        prepare: Callable[[StopSign], object],
        processes: int,
        stop: Callable[[], bool],
    ) -> None:
        self._work, self._stop = work, stop
        self._begin = functools.partial(_executor, processes, prepare, stop)
        self._executor, self._sign = self._begin()
        # Few at once, so that those that came first in the list go first when they may.
        self._at_once = 2 * processes - 1
        self._waiting = {name: set(before) for name, before in needs.items()}
        self._running: dict[Future[object], str] = {}
        self._suspects: set[str] = set()
        self._broken = False
        self._failed: dict[str, str] = {}
        self._total = len(needs)

    def run(self, on_progress: Progress) -> dict[str, str]:
        while not self._stop():
            self._submit()
            on_progress(self._total - len(self._waiting) - len(self._running), self._total)
            if self._broken and not self._running:
                self.close()
                self._executor, self._sign = self._begin()
                self._broken = False
            elif not self._running:
                break
            done, _ = wait(self._running, timeout=_POLL_S, return_when=FIRST_COMPLETED)
            for future in done:
                self._note(self._running.pop(future), future)
        return self._failed

    def close(self) -> None:
        """What runs ends soon, what waits never begins; also after Ctrl-C."""
        self._sign.set()
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _submit(self) -> None:
        ready = [name for name, before in self._waiting.items() if not before]
        fresh = [name for name in ready if name not in self._suspects]
        alone = ready[:1] if not self._running else []
        for name in fresh[: self._at_once - len(self._running)] if fresh else alone:
            try:
                future = self._executor.submit(_worked, self._work, name)
            except BrokenExecutor:
                self._broken = True
                return
            del self._waiting[name]
            self._running[future] = name

    def _note(self, name: str, future: Future[object]) -> None:
        error = future.exception()
        if isinstance(error, StoppedError):
            return
        if isinstance(error, BrokenExecutor):
            self._broken = True
            if name not in self._suspects:
                self._suspects.add(name)
                self._waiting[name] = set()
                return
        if error is not None:
            others = self._dropped(name)
            more = f"; {others} more tasks need it" if others else ""
            self._failed[name] = f"{_reason(error)}{more}"
        for before in self._waiting.values():
            before.discard(name)

    def _dropped(self, name: str) -> int:
        """Forget all tasks that need one, and how many those were."""
        waiting = [other for other, before in self._waiting.items() if name in before]
        for other in waiting:
            del self._waiting[other]
        return len(waiting) + sum(self._dropped(other) for other in waiting)


def _reason(error: BaseException) -> str:
    if isinstance(error, FewmarkError):
        return str(error)
    return _ENDED if isinstance(error, BrokenExecutor) else f"{type(error).__name__}: {error}"
