"""A training run at work: its stages, their epochs, and going on after a stop."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from datasets.errors import ShapeMismatchError, TrainingError
from datasets.progress import Progress
from datasets.samples import BOX_COLUMNS
from weaksup.checkpoints import fingerprint
from weaksup.config import TrainingConfig
from weaksup.held_out import HeldOut
from weaksup.known_images import cautions
from weaksup.learner import EpochResult, Learner
from weaksup.network import TwoBranchResNet
from weaksup.pace import Pace
from weaksup.ranks import Ranks
from weaksup.run_folder import RunFolder
from weaksup.run_record import RunRecord
from weaksup.run_state import RUNNING
from weaksup.samples import TrainingData, cut_crops, mirror_of
from weaksup.stage import Stage
from weaksup.stopping import StoppedError
from weaksup.validation import Validation

# Of the mean shape's loss: what distances of 0.8 of its distances come to.
_HARDLY_BETTER = {"squared": 0.8**2, "wing": 0.9}
_NO_BETTER = 0.99  # of it, for one that stays at the mean shape differs by rounding
_STEPS_TO_LEARN = 50  # a trial of a few steps may end anywhere


class RunWork:
    """One run at work.

    Parameters
    ----------
    config, folder, data
        As `weaksup.training.train` has them.
    ranks
        The processes that work on it.
    on_progress
        Called with epochs done and epochs in all.
    stop
        Asked after every step.
    """

    _learner: Learner
    _pace: Pace
    _validation: Validation | None = None
    _held_out: HeldOut | None = None

    def __init__(
        self,
        config: TrainingConfig,
        folder: RunFolder,
        data: TrainingData,
        ranks: Ranks,
        on_progress: Progress,
        stop: Callable[[], bool],
    ) -> None:
        self._config, self._data, self._ranks = config, data, ranks
        self._on_progress, self._stop = on_progress, stop
        self._fingerprint = fingerprint(data)
        self.record = RunRecord(folder, config, self._fingerprint, writes=ranks.first)

    def work(self, counted: list[Tensor]) -> None:
        """Prepare, and go through the stages that are left."""
        with self._ranks.together():
            saved = self.record.saved()
        place = (0, 0) if saved is None else (saved["stage"], saved["epoch"])
        self._ranks.require_alike((self._config.identity, self._fingerprint, place), "run and data")
        if saved is not None and saved["stage"] == len(counted):
            with self._ranks.together():
                self.record.take_over(saved)
                self.record.finish("finished before; nothing was left to do")
            return
        with self._ranks.together():
            self.record.tell(RUNNING, "reading pictures")
            self._warn_of_known_images()
            self._prepare()
            self.record.go_back(saved)
        if saved is not None:
            self._learner.restore(saved["learner"])
        images = [int(rows.any(dim=1).sum()) for rows in counted]
        self._pace = Pace(self._config.stages, images, self.record.passed)
        for index in range(place[0], len(counted)):
            self._work_stage(index, counted[index], saved if index == place[0] else None)
        with self._ranks.together():
            self.record.finish(f"finished after {self.record.epochs_done} epochs")

    # Before the first step

    def _prepare(self) -> None:
        config, data, ranks = self._config, self._data, self._ranks
        if data.valid is not None and ranks.first:
            self._validation = Validation(data.valid, data.sparse, config)
        crops = data.crops
        if crops is None:
            crops = cut_crops(data.images, config, border=True, on_progress=self._while_reading)
        mean_shape = crops.mean_shape(data.dense_rows())
        generator = torch.Generator().manual_seed(config.seed)
        network = TwoBranchResNet(data.sparse.chosen, mean_shape, config.width, generator)
        if data.start is not None:
            network.load_state_dict(data.start.weights)
        self._learner = Learner(ranks, config, network, crops, mean_shape)
        level = None
        if self._validation is not None:
            level = self._validation.nme_of_shape(mean_shape)
        where = {"device": ranks.device.type, "threads": config.cpu_threads}
        more = {"processes": ranks.size, "mean_shape_nme": level}
        self.record.note({**_facts(data), **where, **more})

    def _warn_of_known_images(self) -> None:
        if self._data.valid is None:
            return
        for text in cautions(self._data.valid, self._data.images, "validation images"):
            self.record.warn(text)

    def _while_reading(self, _done: int, _total: int | None = None, /) -> None:
        if self._stop():
            raise StoppedError

    # Stages and epochs

    def _work_stage(self, index: int, counted: Tensor, saved: Mapping[str, Any] | None) -> None:
        stage = self._config.stages[index]
        held_out = self._data.held_out(stage, self._config.seed)
        self._warn_of_what_is_left_out(stage, counted, held_out)
        self._learner.begin(stage, counted)
        self._hold_out(stage, held_out)
        done = 0
        if saved is not None and saved["epoch"] > 0:
            done = saved["epoch"]
            self._learner.restore_stage(saved["learner"])
            if self._held_out is not None:
                self._held_out.restore(saved["held_out"])
        last = False
        for epoch in range(done + 1, stage.epochs + 1):
            if last:
                break
            last = self._work_epoch(stage, epoch)
            with self._ranks.together():
                if last:
                    self.record.save(index + 1, 0, self._learner.state())
                elif self.record.checkpoint_due:
                    held = None if self._held_out is None else self._held_out.state()
                    self.record.save(index, epoch, self._learner.state(), held)
            self._on_progress(self.record.epochs_done, self.record.epochs)

    def _warn_of_what_is_left_out(
        self, stage: Stage, counted: Tensor, held_out: NDArray[np.int64]
    ) -> None:
        left_out = int((~counted.any(dim=1)).sum()) - len(held_out)
        if stage.images == "all" and left_out:
            self.record.warn(f"stage {stage.name!r} leaves out {left_out} images without a label")
        if stage.mirror and mirror_of(self._data.sparse.dense) is None:
            name = self._data.sparse.dense.name
            self.record.warn(
                f"stage {stage.name!r} mirrors no picture: {name} has no mirrored landmarks"
            )

    def _hold_out(self, stage: Stage, rows: NDArray[np.int64]) -> None:
        self._held_out = None
        if len(rows) > 0:
            with self._ranks.together():
                held = Validation(self._data.images.take(rows), self._data.sparse, self._config)
            with self._learner.resting():
                self._held_out = HeldOut(held, self._learner.network, stage.patience, self._ranks)

    def _work_epoch(self, stage: Stage, epoch: int) -> bool:
        """Learn and measure; whether it was the last epoch of the stage."""
        began = time.perf_counter()
        result = self._learner.epoch(self._stop)
        error, last = None, epoch == stage.epochs
        if self._held_out is not None:
            with self._learner.resting():
                error = self._held_out.end_epoch()
            last = last or self._held_out.over
        with self._ranks.together():
            measured = self._end_epoch(stage, epoch, result, last=last)
            seconds = round(time.perf_counter() - began, 3)
            row = {**measured, "held_out_nme": error, "seconds": seconds}
            message = f"stage {stage.name!r}, epoch {epoch} of {stage.epochs}"
            self.record.add_epoch(row, message, self._pace)
        return last

    def _end_epoch(
        self, stage: Stage, epoch: int, result: EpochResult, *, last: bool
    ) -> dict[str, Any]:
        """Look at an epoch: what it came to."""
        if not (math.isfinite(result.loss) and self._learner.is_finite):
            where = f"stage {stage.name!r}, epoch {epoch}"
            problem = f"the loss is no longer finite in {where}; begin a new run at a lower rate"
            raise TrainingError(problem)
        if last:
            self._end_stage(stage, epoch, result)
        measured = self._measured(epoch, last=last)
        return {"stage": stage.name, "epoch": epoch, **asdict(result), **measured}

    def _end_stage(self, stage: Stage, epoch: int, result: EpochResult) -> None:
        if self._held_out is None:
            self._compare_with_mean_shape(stage, result)
        self.record.leave_out(stage.epochs - epoch)
        if self._held_out is not None:
            self._held_out.restore_best()
            if not self._held_out.helped:
                self.record.undo(stage.name)

    def _compare_with_mean_shape(self, stage: Stage, result: EpochResult) -> None:
        """A network that gives the mean shape for every image looks like one that has learnt."""
        share = result.loss / result.mean_shape_loss
        if share <= _HARDLY_BETTER[stage.loss]:
            return
        how = "no" if share >= _NO_BETTER else "hardly"
        problem = (
            f"stage {stage.name!r} ended {how} better than the mean shape (loss "
            f"{result.loss:.3g}, the mean shape's {result.mean_shape_loss:.3g}): "
        )
        if share >= _NO_BETTER and stage.epochs * self._learner.steps >= _STEPS_TO_LEARN:
            raise TrainingError(f"{problem}begin a new run, longer or with another rate")
        self.record.warn(f"{problem}train for longer, or with another rate")

    def _measured(self, epoch: int, *, last: bool) -> dict[str, float | None]:
        measures, keeps = (
            every > 0 and (last or epoch % every == 0)
            for every in (self._config.validate_every, self._config.affinity_every)
        )
        nothing: dict[str, float | None] = {"valid_nme": None, "valid_nme_sparse": None}
        if self._validation is None or not (measures or keeps):
            return nothing
        with self._learner.resting():
            predicted = self._validation.predict(self._learner.network)
        if keeps:
            self._keep_affinity(self._validation, predicted)
        if not measures:
            return nothing
        whole, sparse = self._validation.nme(predicted)
        return {"valid_nme": whole, "valid_nme_sparse": sparse}

    def _keep_affinity(self, validation: Validation, predicted: NDArray[np.float64]) -> None:
        try:
            matrix = validation.affinity(predicted)
        except ShapeMismatchError as error:
            self.record.warn(f"affinities of the validation images are not kept: {error}")
            return
        self.record.add_affinity(matrix)


def _facts(data: TrainingData) -> dict[str, int]:
    samples = data.images.samples
    return {
        "images": len(data.images),
        "dense": len(data.dense_rows()),
        "valid": 0 if data.valid is None else len(data.valid),
        "landmarks": len(data.sparse.dense),
        "sparse": len(data.sparse),
        "boxed": int(samples[BOX_COLUMNS[0]].notna().sum()),
        "subjects": int(samples["subject"].nunique()),
    }
