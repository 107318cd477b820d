"""Which images a step looks at."""

import math

import torch
from torch import Tensor


def epoch_batches(
    rows: Tensor, dense: Tensor, share: float, steps: int, generator: torch.Generator
) -> list[Tensor]:
    """The images of an epoch, by step; as many as there are rows.

    The parts are of nearly equal size: a batch of one image would have no batch statistics.

    Parameters
    ----------
    rows
        int (n,): the images of the stage.
    dense
        bool (n,): those of them that have all landmarks.
    share
        Of every batch that is dense, where fewer of the rows are: these are drawn again. Where
        they are not fewer, the images come in any order, each once.
    steps
        Number of batches.
    generator
        Draws the order.
    """
    n = math.ceil(share * len(rows))
    if n <= dense.sum():
        return list(torch.tensor_split(_drawn(rows, len(rows), generator), steps))
    drawn = _drawn(rows[dense], n, generator), _drawn(rows[~dense], len(rows) - n, generator)
    # The larger parts come first: in the other order, they lie beside the smaller of the dense.
    first, second = (torch.tensor_split(part, steps) for part in drawn)
    return [torch.cat(pair) for pair in zip(first, reversed(second), strict=True)]


def _drawn(rows: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """So many of the rows: all of them in any order, and again where they are too few."""
    rounds = [torch.randperm(len(rows), generator=generator)]
    while len(rounds) * len(rows) < count:
        rounds.append(torch.randperm(len(rows), generator=generator))
    return rows[torch.cat(rounds)[:count]]
