"""The losses: of coordinates, summed over the landmarks that count and averaged over images."""

import math
from collections.abc import Callable, Mapping

from torch import Tensor

_WING, _CURVATURE = 10 / 128, 2 / 128  # 10 and 2 px of a crop of 256 px, as Feng et al. have them

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


def squared_distance_loss(predicted: Tensor, truth: Tensor, counts: Tensor) -> Tensor:
    """L2 loss of a batch, a number.

    The sum over landmarks, not the mean, keeps the step of the shared body independent of m.

    Parameters
    ----------
    predicted, truth
        (B, M, 2); `truth` may be NaN where `counts` is false.
    counts
        bool (B, M): the landmarks that count, of which each image should have one.
    """
    return _summed(_difference(predicted, truth, counts).square(), counts)


def wing_loss(predicted: Tensor, truth: Tensor, counts: Tensor) -> Tensor:
    """Wing loss of a batch (Feng et al. 2018, eq. 5), a number; see `squared_distance_loss`.

    Small errors count by their logarithm, so that they are still worth mending beside large ones,
    which count by themselves and not by their squares.
    """
    distance = _difference(predicted, truth, counts).abs()
    small = _WING * (distance / _CURVATURE).log1p()
    step = _WING - _WING * math.log1p(_WING / _CURVATURE)
    return _summed(small.where(distance < _WING, distance - step), counts)


LOSSES: Mapping[str, Loss] = {"squared": squared_distance_loss, "wing": wing_loss}


def _difference(predicted: Tensor, truth: Tensor, counts: Tensor) -> Tensor:
    # Masked before the difference: 0 * NaN would be NaN, in the gradient as well.
    return predicted - truth.where(counts[..., None], predicted.detach())


def _summed(values: Tensor, counts: Tensor) -> Tensor:
    return values.where(counts[..., None], 0.0).sum(dim=(1, 2)).mean()
