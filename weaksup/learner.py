"""Learning itself: one network, one stage at a time, epoch by epoch; knows nothing of files.

All chance comes from two generators, one for the order of images and one for augmentation. They
are part of the state, so that a learner restored from it computes the same numbers as one that
was never stopped (bit for bit on the CPU).
"""

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from weaksup.augmentation import Augmentation, apply_change
from weaksup.batches import epoch_batches
from weaksup.config import TrainingConfig
from weaksup.losses import LOSSES
from weaksup.network import TwoBranchResNet
from weaksup.parts import BODY
from weaksup.prior import set_prior
from weaksup.ranks import Ranks
from weaksup.samples import Crops
from weaksup.schedule import LearningRate, make_optimiser
from weaksup.stage import Stage
from weaksup.stopping import StoppedError


@dataclass(frozen=True, slots=True)
class EpochResult:
    """What an epoch came to.

    Parameters
    ----------
    loss, mean_shape_loss
        Mean over the images; the second is what the mean shape would have had on the same ones.
    rate
        Learning rate of its last step.
    cuts
        How often the plateau rule has cut the rate in this stage so far.
    """

    loss: float
    mean_shape_loss: float
    rate: float
    cuts: int


@dataclass(frozen=True, slots=True)
class _StageWork:
    """What the steps of a stage share."""

    stage: Stage
    counted: Tensor
    rows: Tensor
    dense: Tensor  # of the rows, those with all landmarks
    steps: int
    augmentation: Augmentation
    network: Any  # Fabric wraps network and optimiser in classes of its own
    optimiser: Any  # None, as the rate, where the stage is solved in closed form
    rate: LearningRate | None


class Learner:
    """A network and all that changes while it learns.

    Parameters
    ----------
    ranks
        The processes that share every batch; their Fabric places tensors, wraps the network, and
        goes backwards.
    config
        Numbers of augmentation and optimisers; its seed begins the generators.
    network
        Starts at the mean shape.
    crops
        Training images and landmarks.
    mean_shape
        float32 (M, 2), what losses are compared with.
    """

    def __init__(
        self,
        ranks: Ranks,
        config: TrainingConfig,
        network: TwoBranchResNet,
        crops: Crops,
        mean_shape: Tensor,
    ) -> None:
        self._ranks, self._config, self._crops = ranks, config, crops
        self._fabric = ranks.fabric
        self.network = network.to(ranks.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._mean_shape = mean_shape.to(ranks.device)
        self._order = torch.Generator().manual_seed(config.seed)
        self._chance = torch.Generator().manual_seed(config.seed + 1)
        self._augmentation = Augmentation(
            config.rotation_deg, config.scaling, config.shift, config.brightness, config.contrast
        )
        self._work: _StageWork | None = None

    def begin(self, stage: Stage, counted: Tensor) -> None:
        """Freeze what does not learn, and begin with a new optimiser.

        Parameters
        ----------
        stage
            The stage.
        counted
            bool (N, M): the landmarks that count; images of which none does are left out.
        """
        rows = torch.nonzero(counted.any(dim=1))[:, 0]
        # An epoch of few images would be one step, and the epochs would be far too few of them.
        batch = min(stage.batch, max(2, len(rows) // 4))
        steps = math.ceil(len(rows) / batch)
        if BODY in stage.train:
            steps = min(steps, max(1, len(rows) // 2))  # one image has no batch statistics
        mirror = self._crops.mirror if stage.mirror else None
        augmentation = replace(self._augmentation, mirror=mirror)
        dense = self._crops.points[rows].isfinite().all(dim=2).all(dim=1)
        self.network.set_trained(stage.train)
        if stage.optimiser == "ridge":
            self._work = _StageWork(
                stage, counted, rows, dense, steps, augmentation, self.network, None, None
            )
            return
        self._ranks.require_shares(len(rows) // steps)
        optimiser = make_optimiser(stage, self._config, self.network.parameters())
        rate = LearningRate(stage, steps * stage.epochs, self._config.warm_up_steps)
        # Wrapped anew for every stage: what is frozen must be so before it is wrapped.
        wrapped, optimiser = self._fabric.setup(self.network, optimiser)
        self._work = _StageWork(
            stage, counted, rows, dense, steps, augmentation, wrapped, optimiser, rate
        )

    @property
    def steps(self) -> int:
        """Steps of an epoch of the stage."""
        return self._working().steps

    def epoch(self, stop: Callable[[], bool]) -> EpochResult:
        """Go once through the images of the stage.

        Raises
        ------
        StoppedError
            If `stop`, asked after every step, says yes.
        """
        work = self._working()
        if work.rate is None:
            return self._solved(work)
        sums = torch.zeros(2, device=self._ranks.device)
        rate = work.rate.now
        for batch in epoch_batches(
            work.rows, work.dense, work.stage.dense_share, work.steps, self._order
        ):
            rate = work.rate.now
            work.rate.apply(work.optimiser)
            sums += self._step(work, batch)
            if self._ranks.any(stop()):
                raise StoppedError
        loss, mean_shape_loss = (self._ranks.total(sums) / len(work.rows)).tolist()
        work.rate.end_epoch(loss)
        return EpochResult(loss, mean_shape_loss, rate, work.rate.cuts)

    @contextlib.contextmanager
    def resting(self) -> Iterator[None]:
        """Look at the network without teaching it: batch statistics stay as they are."""
        self.network.eval()
        try:
            yield
        finally:
            self.network.set_trained(self._working().stage.train)

    def _step(self, work: _StageWork, batch: Tensor) -> Tensor:
        """One step: the loss of this rank's part, and the mean shape's, summed over images."""
        part = self._ranks.part(len(batch))
        images, points, counted = self._changed(work, batch, part)
        predicted = work.network(images)
        loss = LOSSES[work.stage.loss](predicted, points, counted)
        work.optimiser.zero_grad()
        # Gradients are averaged over ranks: parts that differ in size count by their images.
        self._fabric.backward(loss * (len(images) * self._ranks.size / len(batch)))
        if self._config.clip_norm > 0:
            # In mixed precision infinite gradients are usual: the step is skipped. Otherwise the
            # end of the epoch tells of them.
            self._fabric.clip_gradients(
                work.network, work.optimiser, max_norm=self._config.clip_norm,
                error_if_nonfinite=False,
            )  # fmt: skip
        work.optimiser.step()
        return self._beside_mean_shape(work, loss.detach(), points, counted)

    def _solved(self, work: _StageWork) -> EpochResult:
        """Set the secondary branch, and look how good it is on changed crops."""
        shapes = self._crops.points[work.rows]
        set_prior(self.network, shapes)
        sums = torch.zeros(2, device=self._ranks.device)
        with torch.no_grad():
            for batch in torch.tensor_split(work.rows, work.steps):
                images, points, counted = self._changed(work, batch)
                loss = LOSSES[work.stage.loss](work.network(images), points, counted)
                sums += self._beside_mean_shape(work, loss, points, counted)
        loss, mean_shape_loss = (sums / len(work.rows)).tolist()
        return EpochResult(loss, mean_shape_loss, 0.0, 0)

    def _changed(
        self, work: _StageWork, batch: Tensor, part: slice = slice(None)
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Crops of a part of a batch, changed by chance, their landmarks, and which count."""
        device = self._ranks.device
        change = work.augmentation.draw(len(batch), self._chance).part(part)
        rows = batch[part]
        images, points = apply_change(
            self._crops.images[rows].to(device),
            self._crops.points[rows].to(device),
            change,
            self._config.image_size_px,
        )
        images = images.contiguous(memory_format=torch.channels_last)
        return images, points, change.reordered(work.counted[rows].to(device))

    def _beside_mean_shape(
        self, work: _StageWork, loss: Tensor, points: Tensor, counted: Tensor
    ) -> Tensor:
        """A loss, and what the mean shape's would have been, each times the images, as (2,)."""
        level = LOSSES[work.stage.loss](self._mean_shape.expand_as(points), points, counted)
        return torch.stack([loss, level]) * len(points)

    @property
    def is_finite(self) -> bool:
        """Whether every number of the network is."""
        values = self.network.state_dict().values()
        return all(bool(value.isfinite().all()) for value in values)

    def _working(self) -> _StageWork:
        if self._work is None:
            raise RuntimeError("begin a stage first")
        return self._work

    def state(self) -> dict[str, Any]:
        """All that `restore` needs, as tensors and plain values."""
        work = self._working()
        return {
            "network": self.network.state_dict(),
            "optimiser": None if work.rate is None else work.optimiser.state_dict(),
            "rate": None if work.rate is None else work.rate.state(),
            "order": self._order.get_state(),
            "chance": self._chance.get_state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on between two stages, where `state` was taken at the end of one."""
        self.network.load_state_dict(state["network"])
        self._order.set_state(state["order"])
        self._chance.set_state(state["chance"])

    def restore_stage(self, state: dict[str, Any]) -> None:
        """Go on within the stage that was just begun, as `state` was taken within it."""
        work = self._working()
        if work.rate is not None:
            work.optimiser.load_state_dict(state["optimiser"])
            work.rate.restore(state["rate"])
