"""The prior: the secondary branch in closed form, from how landmarks of true shapes move together.

The main branch is linear. So the best linear map from the m landmarks to the others, put behind it,
is a linear map of the same features: the secondary branch, without a step of training. This is
ours, in the place of the thesis' stage 2.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from weaksup.network import TwoBranchResNet

# Of a predicted landmark, in parts of half the crop: what keeps the map calm. Of shapes as they lie
# in their crops: turned, scaled and shifted copies made errors larger, by 5 % (docs/results.md).
_NOISE = 0.07


def linear_map(shapes: Tensor, chosen: Sequence[int], rest: Sequence[int]) -> tuple[Tensor, Tensor]:
    """The best linear prediction of some landmarks from others that are known but for noise.

    Ridge regression; its penalty is what noise on the known landmarks comes to (Bishop 1995).

    Parameters
    ----------
    shapes
        (n, M, 2), complete.
    chosen, rest
        m indices of what is known, and those of what is to be predicted.

    Returns
    -------
    matrix
        float64 (2 len(rest), 2 m).
    offset
        float64 (2 len(rest),).
    """
    known, wanted = (shapes[:, list(part)].double().flatten(1) for part in (chosen, rest))
    means = known.mean(dim=0), wanted.mean(dim=0)
    known, wanted = known - means[0], wanted - means[1]
    penalty = len(shapes) * _NOISE**2 * torch.eye(known.shape[1], dtype=torch.float64)
    matrix = torch.linalg.solve(known.T @ known + penalty, known.T @ wanted).T
    return matrix, means[1] - matrix @ means[0]


def set_prior(network: TwoBranchResNet, shapes: Tensor) -> None:
    """Set the secondary branch to the linear map of true shapes behind the main branch.

    Parameters
    ----------
    network
        Its main branch is trained.
    shapes
        float (n, M, 2) in [-1, 1] across the frame, complete.
    """
    order = network.order.argsort()
    m = network.main.out_features // 2
    matrix, offset = linear_map(shapes, order[:m].tolist(), order[m:].tolist())
    main, secondary = network.main, network.secondary
    with torch.no_grad():
        weight, bias = (part.detach().cpu().double() for part in (main.weight, main.bias))
        secondary.weight.copy_(matrix @ weight)
        secondary.bias.copy_(matrix @ bias + offset)
