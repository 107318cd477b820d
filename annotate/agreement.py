"""How far people agree who marked the same shapes, and what they agree on.

Everything here is about plain arrays: K copies of N shapes with m landmarks, NaN where absent.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datasets.shapes import Visibility


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement on each of m landmarks, in percent of a length of each shape.

    Parameters
    ----------
    pairs
        int (m,), how many pairs of copies of a shape have the landmark both.
    distance_percent
        float64 (m,), mean distance of the two in a pair; NaN where there is none.
    sigma_percent
        float64 (m,), standard deviation of one person's click in x and in y, estimated from the
        pairs: the mean square of their differences is twice its square. NaN where there is none.
    presence
        float64 (m,), share of the pairs of decided landmarks that agree whether it is there.
    """

    pairs: NDArray[np.int64]
    distance_percent: NDArray[np.float64]
    sigma_percent: NDArray[np.float64]
    presence: NDArray[np.float64]


def agreement(
    points: NDArray[np.float64],
    lengths: NDArray[np.float64],
    decided: NDArray[np.bool_] | None = None,
) -> Agreement:
    """How far K copies of N shapes agree, from all pairs of copies of a shape.

    Parameters
    ----------
    points
        float64 (K, N, m, 2) in pixels, NaN where absent or not marked.
    lengths
        float64 (N,) in pixels: the span or the size of the box that is 100 percent.
    decided
        bool (K, N, m), where the landmark was marked or said to be absent; None: where it has a
        place.

    Returns
    -------
    Agreement

    Examples
    --------
    >>> two = np.array([[[[0.0, 0.0]]], [[[3.0, 4.0]]]])
    >>> agreement(two, np.array([50.0])).distance_percent
    array([10.])
    """
    first, second = np.triu_indices(len(points), k=1)
    difference = (points[first] - points[second]) / lengths[:, None, None] * 100
    squares = (difference**2).sum(axis=-1)
    both = np.isfinite(squares)
    pairs = both.sum(axis=(0, 1))
    present = np.asarray(np.isfinite(points).all(axis=-1))
    known = present if decided is None else decided
    compared = known[first] & known[second]
    alike = compared & (present[first] == present[second])
    with np.errstate(invalid="ignore", divide="ignore"):
        distance = np.where(both, np.sqrt(squares), 0).sum(axis=(0, 1)) / pairs
        sigma = np.sqrt(np.where(both, squares, 0).sum(axis=(0, 1)) / pairs / 4)
        presence = alike.sum(axis=(0, 1)) / compared.sum(axis=(0, 1))
    return Agreement(pairs, distance, sigma, presence)


def consensus(
    points: NDArray[np.float64],
    visibility: NDArray[np.uint8],
    decided: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """What K copies of a shape agree on, landmark by landmark.

    A landmark is there, and visible, where at least half of those say so who decided about it; its
    place is the median, in x and in y, of the copies that have one.

    Parameters
    ----------
    points
        float64 (K, m, 2), or (K, N, m, 2) for N shapes; NaN where absent.
    visibility
        uint8 (K, m).
    decided
        bool (K, m), which copies have an opinion; None: all.

    Returns
    -------
    float64 (m, 2), NaN where absent, and uint8 (m,); with N before m for N shapes.
    """
    known = np.ones(visibility.shape, bool) if decided is None else decided
    visible = (visibility == Visibility.VISIBLE).sum(axis=0)
    occluded = (visibility == Visibility.OCCLUDED).sum(axis=0)
    absent = (known & (visibility == Visibility.ABSENT)).sum(axis=0)
    there = np.asarray((visible + occluded > 0) & (visible + occluded >= absent))
    seen = np.where(visible >= occluded, Visibility.VISIBLE, Visibility.OCCLUDED)
    place = np.full(points.shape[1:], np.nan)
    place[there] = np.nanmedian(points[:, there], axis=0)
    return place, np.where(there, seen, Visibility.ABSENT).astype(np.uint8)
