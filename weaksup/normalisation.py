"""Batch normalisation over the whole batch, also where several processes share it."""

from typing import Any

import torch
from torch import Tensor, distributed, nn


class BatchNorm(nn.BatchNorm2d):
    """`torch.nn.BatchNorm2d` whose batch is that of all ranks.

    PyTorch's `SyncBatchNorm` does the same on GPUs only; and without it every rank would normalise
    by its own few images, so that the numbers of a run depended on how many ranks there are.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - its name in the base class
        """(B, C, H, W) to the same."""
        if not self.training or not _several():
            return super().forward(input)
        features = input.float()
        count = _total(features.new_tensor([features.numel() / features.shape[1]]))
        mean = _total(features.sum(dim=(0, 2, 3))) / count
        centred = features - mean[:, None, None]
        variance = _total(centred.square().sum(dim=(0, 2, 3))) / count
        self._remember(mean.detach(), (variance * count / (count - 1)).detach())
        scale = self.weight * torch.rsqrt(variance + self.eps)
        result = centred * scale[:, None, None] + self.bias[:, None, None]
        return result.to(input.dtype)

    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        """Running statistics: of the same kind as the base class keeps."""
        if self.running_mean is None or self.running_var is None or self.momentum is None:
            return
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)


def _several() -> bool:
    return distributed.is_available() and distributed.is_initialized()


def _total(values: Tensor) -> Tensor:
    total: Tensor = _Total.apply(values)  # type: ignore[no-untyped-call]
    return total


class _Total(torch.autograd.Function):
    """Sum over ranks; a gradient of it is the sum of what every rank makes of it."""

    @staticmethod
    def forward(_context: Any, values: Tensor) -> Tensor:  # noqa: ANN401
        total = values.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(_context: Any, *gradients: Tensor) -> Tensor:  # noqa: ANN401
        total = gradients[0].clone()
        distributed.all_reduce(total)
        return total
