"""The processes that train one network together, as torchrun started them; usually there is one.

Every rank holds all the data and draws the same numbers; of each batch it takes its part. So the
numbers of a run do not depend on how many ranks there are, but for the rounding of sums, and a run
may go on with another number of them. Only the first rank writes, measures and prints.
"""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, distributed

from datasets.errors import FewmarkError, TrainingError
from weaksup.stopping import StoppedError


def is_first() -> bool:
    """Whether this process is the one that writes and prints."""
    return _torchrun("RANK", 0) == 0


def _torchrun(name: str, otherwise: int) -> int:
    """A number that torchrun tells its processes."""
    return int(os.environ[name]) if "TORCHELASTIC_RUN_ID" in os.environ else otherwise


class Ranks:
    """The processes of a run, seen from one of them.

    Parameters
    ----------
    device, precision
        As `Fabric` takes them.

    Raises
    ------
    TrainingError
        If this machine has fewer GPUs than processes.
    """

    def __init__(self, device: str, precision: str) -> None:
        self.size, here = (_torchrun(name, 1) for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"))
        if device == "cuda" and here > torch.cuda.device_count():
            problem = f"this machine has {torch.cuda.device_count()} GPUs for {here} processes"
            raise TrainingError(f"{problem}; start as many as there are GPUs")
        self.fabric = Fabric(
            accelerator=device,
            devices=here,
            num_nodes=self.size // here,
            strategy="ddp" if self.size > 1 else "auto",
            precision=precision,  # type: ignore[arg-type]  # one of `weaksup.config.Precision`
        )
        if self.size > 1:
            self.fabric.launch()
        self.first = self.fabric.global_rank == 0
        self.device = self.fabric.device

    def part(self, count: int) -> slice:
        """Which of `count` samples are this rank's; the parts differ by one at most."""
        number = self.fabric.global_rank
        return slice(count * number // self.size, count * (number + 1) // self.size)

    def require_shares(self, count: int) -> None:
        """Refuse to share fewer samples than there are ranks.

        Raises
        ------
        TrainingError
            If a rank would have none.
        """
        if count < self.size:
            problem = f"{self.size} processes cannot share batches of {count} images"
            raise TrainingError(f"{problem}; start fewer, or take larger batches")

    def total(self, values: Tensor) -> Tensor:
        """The sum over ranks."""
        if self.size > 1:
            distributed.all_reduce(values)
        return values

    def mean(self, value: float) -> float:
        """The mean over ranks: the same number on all of them."""
        if self.size == 1:
            return value
        return float(self.total(torch.tensor(value, device=self.device))) / self.size

    def any(self, flag: bool) -> bool:  # noqa: FBT001 - a value, not a choice
        """Whether it is so on any rank."""
        if self.size == 1:
            return flag
        return bool(self.total(torch.tensor(float(flag), device=self.device)) > 0)

    def require_alike(self, value: object, what: str) -> None:
        """Refuse to go on where ranks differ.

        Raises
        ------
        TrainingError
            If `value` is not the same on all of them.
        """
        values = self._gathered(value)
        if any(other != values[0] for other in values):
            raise TrainingError(f"the {self.size} processes do not see the same {what}")

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """A block that may fail on some ranks: then it ends on all, and none waits for another.

        Raises
        ------
        StoppedError, TrainingError
            If another rank was asked to stop, or failed.
        """
        problem: Exception | None = None
        try:
            yield
        except Exception as error:
            if self.size == 1:
                raise
            problem = error
        told = None if problem is None else (str(problem), isinstance(problem, StoppedError))
        everybody = self._gathered(told) if self.size > 1 else []
        if problem is not None:
            raise problem
        for number, found in enumerate(everybody):
            if found is not None:
                text, asked = found
                raise StoppedError if asked else TrainingError(f"process {number}: {text}")

    def explained(self, error: Exception) -> Exception:
        """The error, or in words what it means: another process is gone."""
        lost = any(word in str(error) for word in ("Connection", "gloo", "NCCL"))
        if self.size == 1 or isinstance(error, FewmarkError) or not lost:
            return error
        problem = f"another of the {self.size} processes is gone, what it printed says why"
        return TrainingError(f"{problem}; when resumed, the run goes on from its last checkpoint")

    def _gathered(self, value: object) -> list[Any]:
        everybody: list[Any] = [value] * self.size
        if self.size > 1:
            distributed.all_gather_object(everybody, value)
        return everybody
