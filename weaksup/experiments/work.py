"""Carrying out an experiment: every cell that is not done yet, by as many processes as asked."""

import functools
from collections.abc import Callable
from pathlib import Path

from datasets.progress import Progress, ignore_progress
from weaksup.experiments.bench import CELL, FORMAT, STAGE, Bench
from weaksup.experiments.folder import Experiment
from weaksup.experiments.pool import StopSign, run_tasks
from weaksup.run_folder import RunFolder
from weaksup.run_state import FINISHED

_BENCHES: list[Bench] = []  # of this process, one at most


def run_experiment(
    experiment: Experiment,
    *,
    device: str,
    processes: int,
    stop: Callable[[], bool],
    on_progress: Progress = ignore_progress,
) -> dict[str, str]:
    """Do what is left of an experiment.

    Parameters
    ----------
    experiment
        As `weaksup.experiments.opening.open_experiment` gave it.
    device
        See `weaksup.config.TrainingConfig`.
    processes
        How many at a time, each with one thread.
    stop
        Asked now and then; what is done by then stays.
    on_progress
        Called with tasks done and in all.

    Returns
    -------
    Name and reason of every task that failed.
    """
    tasks = tasks_left(experiment)
    prepare = functools.partial(_prepare, experiment.path, device)
    return run_tasks(
        tasks, _work, prepare, processes=max(1, min(processes, len(tasks))), stop=stop,
        on_progress=on_progress,
    )  # fmt: skip


def tasks_left(experiment: Experiment) -> dict[str, tuple[str, ...]]:
    """Formats, first stages and cells that are not done, and what each waits for.

    They are in the order of seeds: when it is stopped, the first seeds are whole.
    """
    tasks: dict[str, tuple[str, ...]] = {}
    for cell in experiment.cells():
        if experiment.result_file(cell).exists():
            continue
        needs: tuple[str, ...] = ()
        key, stage = experiment.format_key(cell), experiment.stage_key(cell)
        if cell.format and not experiment.format_file(key).exists():
            needs = _first(tasks, f"{FORMAT}:{key}", needs)
        if stage is not None and not _is_finished(experiment.path / "stages" / stage):
            needs = _first(tasks, f"{STAGE}:{stage}", needs)
        tasks[f"{CELL}:{cell.key}"] = needs
    return tasks


def _first(tasks: dict[str, tuple[str, ...]], name: str, needs: tuple[str, ...]) -> tuple[str, ...]:
    """What waits for a task, which is added where it is not there yet."""
    tasks.setdefault(name, needs)
    return (name,)


def _is_finished(run: Path) -> bool:
    state = RunFolder(run).state()
    return state is not None and state.status == FINISHED


def _prepare(path: Path, device: str, sign: StopSign) -> None:
    _BENCHES[:] = [Bench(Experiment.load(path), device, sign.is_set)]


def _work(task: str) -> None:
    _BENCHES[0].do(task)
