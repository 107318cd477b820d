"""What a run tells of itself while it works; of several ranks, only the first writes it."""

import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from correlation.matrix import AffinityMatrix
from weaksup.card import write_card
from weaksup.checkpoints import read_checkpoint, require_same, save_checkpoint
from weaksup.config import TrainingConfig
from weaksup.event_log import EventLog
from weaksup.pace import Pace
from weaksup.run_folder import RunFolder
from weaksup.run_state import FINISHED, RUNNING, RunState, this_process

logger = logging.getLogger(__name__)

_OF_NETWORK = ("width", "image_size_px", "margin")  # what whoever uses it must not change


class RunRecord:
    """State, metrics, affinities and checkpoints of a run at work.

    Parameters
    ----------
    folder
        Where they are written.
    config
        What the run was told.
    data
        Fingerprint of its data.
    writes
        Whether this process writes at all; any other only keeps count.
    """

    def __init__(
        self, folder: RunFolder, config: TrainingConfig, data: str, *, writes: bool
    ) -> None:
        self._folder, self._config, self._data, self._writes = folder, config, data, writes
        process, created = this_process()
        self._state = RunState(RUNNING, "", 0, config.epochs, process=process, created=created)
        self._saved_at = time.monotonic()
        self._events: EventLog | None = None
        self._undone: tuple[str, ...] = ()

    def close(self) -> None:
        """Write no more."""
        if self._events is not None:
            self._events.close()

    @property
    def epochs_done(self) -> int:
        """Epochs over all stages."""
        return self._state.epochs_done

    @property
    def epochs(self) -> int:
        """Epochs of the run, as far as is known: a stage may end early."""
        return self._state.epochs

    @property
    def passed(self) -> int:
        """Epochs that are done or will not be."""
        return self._config.epochs - self._state.epochs + self._state.epochs_done

    def leave_out(self, epochs: int) -> None:
        """Note that so many epochs will not be done."""
        self._state = replace(self._state, epochs=self._state.epochs - epochs)

    def undo(self, stage: str) -> None:
        """Note that a stage has left the network as it was."""
        self._undone = (*self._undone, stage)

    def tell(self, status: str, message: str) -> None:
        """Write the state of the run."""
        self._state = replace(self._state, status=status, message=message)
        if self._writes:
            self._folder.set_state(self._state)

    def note(self, facts: Mapping[str, Any]) -> None:
        """Keep what is known of the run; it is written with the next `tell`."""
        self._state = replace(self._state, facts=facts)

    def warn(self, text: str) -> None:
        """Keep what a person should know about the result."""
        if self._writes:
            logger.warning("%s: %s", self._folder.name, text)
        if text not in self._state.warnings:
            self._state = replace(self._state, warnings=(*self._state.warnings, text))

    # Going on

    def saved(self) -> dict[str, Any] | None:
        """The last checkpoint, if there is one and it is of this config and these data."""
        if not self._folder.checkpoints:
            return None
        saved = read_checkpoint(self._folder)
        require_same(self._folder, saved, self._config, self._data)
        return saved

    def take_over(self, saved: Mapping[str, Any]) -> None:
        """Take the state of a run that has ended, if it has one."""
        before = self._folder.state()
        self._state = before or replace(self._state, epochs_done=saved["epochs_done"])
        self._undone = tuple(saved.get("undone", ()))

    def go_back(self, saved: Mapping[str, Any] | None) -> None:
        """Forget what came after the checkpoint: those epochs are computed again."""
        done = 0 if saved is None else saved["epochs_done"]
        if self._writes:
            self._folder.keep_metrics(done)
            self._folder.keep_affinities(done)
            self._events = EventLog(self._folder)
        if saved is not None:
            epochs = saved.get("epochs", self._config.epochs)
            told = tuple(saved["warnings"])
            self._state = replace(self._state, epochs_done=done, epochs=epochs, warnings=told)
            self._undone = tuple(saved.get("undone", ()))

    def finish(self, message: str) -> None:
        """Write that the run is finished, which stages did not help, and its card."""
        undone = (f"; stage {name!r} did not help, and is undone" for name in self._undone)
        self.tell(FINISHED, message + "".join(undone))
        if self._writes:
            write_card(self._folder)

    # Epochs

    def add_epoch(self, row: Mapping[str, Any], message: str, pace: Pace) -> None:
        """Write the metrics of an epoch, that it is done, and how long the others will take."""
        if self._writes:
            self._folder.add_metrics(row)
        if self._events is not None:
            self._events.add(self.epochs_done + 1, row)
        self._state = replace(self._state, epochs_done=self.epochs_done + 1)
        self._state = replace(self._state, left_s=pace.add_epoch(self.passed))
        self.tell(RUNNING, message)

    def add_affinity(self, matrix: AffinityMatrix) -> None:
        """Write the matrix of the epoch that is not added yet."""
        if self._writes:
            self._folder.add_affinity(self.epochs_done + 1, matrix)

    @property
    def checkpoint_due(self) -> bool:
        """Whether the last one was written long enough ago."""
        return time.monotonic() - self._saved_at >= self._config.checkpoint_every_s

    def save(
        self,
        stage: int,
        epoch: int,
        learner: Mapping[str, Any],
        held_out: Mapping[str, Any] | None = None,
    ) -> None:
        """Write a checkpoint: the run goes on with this stage after this epoch of it."""
        content = {
            "config": self._config.identity,
            "learnt_with": {name: getattr(self._config, name) for name in _OF_NETWORK},
            "data": self._data,
            "stage": stage,
            "epoch": epoch,
            "epochs_done": self.epochs_done,
            "epochs": self.epochs,
            "undone": list(self._undone),
            "held_out": held_out,
            "warnings": list(self._state.warnings),
            "learner": learner,
        }
        if self._writes:
            save_checkpoint(self._folder, content)
        self._saved_at = time.monotonic()
