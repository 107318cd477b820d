"""Training: how a run begins, what it needs, and what becomes of it however it ends."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from datasets.errors import FewmarkError, TrainingError
from datasets.progress import Progress, ignore_progress
from weaksup.checkpoints import other
from weaksup.config import TrainingConfig
from weaksup.devices import choose_device, cpu_threads
from weaksup.parts import BODY, SECONDARY
from weaksup.ranks import Ranks
from weaksup.run_folder import RunFolder
from weaksup.run_state import FAILED, STOPPED
from weaksup.run_work import RunWork
from weaksup.samples import TrainingData
from weaksup.stage import Stage
from weaksup.stopping import StoppedError


def never() -> bool:
    """Do not stop: the default."""
    return False


def train(
    config: TrainingConfig,
    run_folder: str | Path,
    data: TrainingData,
    *,
    on_progress: Progress = ignore_progress,
    resume: bool = False,
    stop: Callable[[], bool] = never,
) -> RunFolder:
    """Train a network by stages (Yan 2020, sec. 5.5.2) into a run folder.

    Parameters
    ----------
    config
        What to do. When a run is taken up, it must be the same but for device and threads.
    run_folder
        Where the run is kept; created if missing. Unless `resume`, no run may have begun in it.
    data
        Images and labels, which must be the same when a run is taken up.
    on_progress
        Called with epochs done and epochs in all.
    resume
        Go on from the last checkpoint, if there is one.
    stop
        Asked after every step; where it says yes, the run ends as ``stopped``.

    Returns
    -------
    RunFolder
        Its `state()` tells whether the run is finished or stopped.

    Raises
    ------
    TrainingError
        If the run cannot start or go on, the loss is no longer finite, or a stage of 50 steps and
        more ends no better than the mean shape; where such a run is resumed, it fails again.
    FileFormatError
        If a picture or a file of the run cannot be read.
    """
    folder = RunFolder(run_folder)
    counted = require_trainable(config, data)
    ranks = Ranks(choose_device(config.device, config.precision), config.precision)
    with ranks.together():
        if ranks.first:
            _begin(folder, config, data, resume=resume)
    run = RunWork(config, folder, data, ranks, on_progress, stop)
    with cpu_threads(config.cpu_threads), contextlib.closing(run.record):
        _watch(run, ranks, counted)
    return folder


def _begin(folder: RunFolder, config: TrainingConfig, data: TrainingData, *, resume: bool) -> None:
    if not folder.exists:
        folder.create(config, data.sparse, {})
    elif not resume and folder.state() is not None:
        raise TrainingError(f"{folder.path} holds a run already; resume it, or take another name")
    elif folder.config.identity != config.identity:
        raise other(folder, "config")
    elif folder.sparse.chosen != data.sparse.chosen:
        raise other(folder, "sparse format")


def require_trainable(config: TrainingConfig, data: TrainingData) -> list[Tensor]:
    """What counts in the loss of every stage, each bool (N, M); checked before pictures are read.

    Raises
    ------
    TrainingError
        If that is too little to learn from, there is no such device, or the network to begin with
        is another one.
    """
    choose_device(config.device, config.precision)
    if data.start is not None:
        data.start.require_fits(data.sparse, config.width)
    return [_counted(data, stage, config.seed) for stage in config.stages]


def _counted(data: TrainingData, stage: Stage, seed: int) -> Tensor:
    counted = torch.from_numpy(data.counted(stage))
    counted[torch.from_numpy(data.held_out(stage, seed))] = False
    if stage.dense_share > 0 and len(data.dense_rows()) == 0:
        problem = f"stage {stage.name!r} draws a share of every batch from the images with all "
        raise TrainingError(f"{problem}{len(data.sparse.dense)} landmarks, but there are none")
    found, need = int(counted.any(dim=1).sum()), 2 if BODY in stage.train else 1
    if found >= need:
        return counted
    labels = f"all {len(data.sparse.dense)} landmarks" if stage.images == "dense" else "labels"
    problem = f"stage {stage.name!r} needs at least {need} images with {labels}, found {found}"
    if not data.sparse.rest and stage.loss_on == (SECONDARY,):
        problem = f"the sparse format has every landmark: stage {stage.name!r} has none to infer"
    raise TrainingError(problem)


def _watch(run: RunWork, ranks: Ranks, counted: list[Tensor]) -> None:
    """Carry the run out; however it ends, its state says so."""
    try:
        run.work(counted)
    except StoppedError:
        run.record.tell(STOPPED, "stopped; when resumed, it goes on from its last checkpoint")
    except KeyboardInterrupt:
        run.record.tell(STOPPED, "stopped; when resumed, it goes on from its last checkpoint")
        raise
    except Exception as error:
        told = ranks.explained(error)
        with contextlib.suppress(FewmarkError):  # on a full disk, the error itself says more
            run.record.tell(FAILED, str(told) or type(told).__name__)
        if told is error:
            raise
        raise told from error
