"""The learning rate, step by step, and the optimiser it drives."""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from weaksup.config import TrainingConfig
from weaksup.stage import Stage

_CUT = 0.1
_ONE_CYCLE_RISE = 0.3  # share of the steps; Smith and Topin 2018 leave it open
_ONE_CYCLE_START = 0.04  # of the highest rate


def make_optimiser(
    stage: Stage, config: TrainingConfig, parameters: Iterable[nn.Parameter]
) -> torch.optim.Optimizer:
    """The stage's optimiser over what it trains."""
    learning = [p for p in parameters if p.requires_grad]
    if stage.optimiser == "adamw":
        return torch.optim.AdamW(learning, stage.rate, weight_decay=config.weight_decay)
    return torch.optim.SGD(
        learning, stage.rate, momentum=config.momentum, weight_decay=config.weight_decay
    )


class LearningRate:
    """The rate of a stage: a plateau rule or one cycle; its state is a few numbers.

    Parameters
    ----------
    stage
        Gives the highest rate and the rule.
    steps
        Steps of the whole stage.
    warm_up_steps
        Steps over which the rate rises linearly under the plateau rule.
    """

    def __init__(self, stage: Stage, steps: int, warm_up_steps: int) -> None:
        self._stage = stage
        self._steps = steps
        self._warm_up = max(1, min(warm_up_steps, steps // 2))
        self._step = 0
        self._lowest = math.inf
        self._waited = 0
        self.cuts = 0

    @property
    def now(self) -> float:
        """The rate of the next step."""
        if self._stage.decay == "one-cycle":
            return self._stage.rate * _one_cycle((self._step + 0.5) / self._steps)
        warm = min(1.0, (self._step + 1) / self._warm_up)
        return self._stage.rate * warm * _CUT**self.cuts

    def apply(self, optimiser: torch.optim.Optimizer) -> None:
        """Set the rate of the next step, and count it."""
        for group in optimiser.param_groups:
            group["lr"] = self.now
        self._step += 1

    def end_epoch(self, loss: float) -> None:
        """Take note of an epoch's loss, and cut the rate where it has not fallen for too long."""
        if self._stage.decay != "plateau":
            return
        if loss < self._lowest:
            self._lowest, self._waited = loss, 0
            return
        self._waited += 1
        if self._waited == self._stage.patience:
            self._waited = 0
            self.cuts += 1

    def state(self) -> dict[str, Any]:
        """What `restore` needs."""
        return {
            "step": self._step,
            "lowest": self._lowest,
            "waited": self._waited,
            "cuts": self.cuts,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken."""
        self._step, self._lowest = state["step"], state["lowest"]
        self._waited, self.cuts = state["waited"], state["cuts"]


def _one_cycle(place: float) -> float:
    """Factor of the rate at a place of [0, 1]: a cosine up, then a longer one down to nothing."""
    if place < _ONE_CYCLE_RISE:
        rise = (1 - math.cos(math.pi * place / _ONE_CYCLE_RISE)) / 2
        return _ONE_CYCLE_START + (1 - _ONE_CYCLE_START) * rise
    return (1 + math.cos(math.pi * (place - _ONE_CYCLE_RISE) / (1 - _ONE_CYCLE_RISE))) / 2
