"""The loss: squared distances, summed over the landmarks that count and averaged over images."""

from torch import Tensor


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
    # Masked before the difference: 0 * NaN would be NaN, in the gradient as well.
    difference = (predicted - truth.where(counts[..., None], predicted.detach())).square()
    return difference.where(counts[..., None], 0.0).sum(dim=(1, 2)).mean()
