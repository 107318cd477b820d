"""How far a mean over images can be trusted: bootstrap over people, and over repeated runs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from correlation.linear_error import subject_numbers
from datasets.errors import ShapeMismatchError

_DRAWN_AT_ONCE = 2**22  # people, over all draws that are in memory


@dataclass(frozen=True, slots=True)
class MeanInterval:
    """A mean and what it may as well have been.

    Parameters
    ----------
    mean
        Of the values, of which every image counts the same.
    low, high
        Ends of the interval.
    confidence
        Share of the bootstrap means that lie within.
    subjects, repeats
        How many were drawn from: people, and runs.
    """

    mean: float
    low: float
    high: float
    confidence: float
    subjects: int
    repeats: int


def bootstrap_interval(
    values: ArrayLike,
    subjects: Sequence[str | None] | None,
    *,
    rng: np.random.Generator,
    confidence: float = 0.95,
    draws: int = 2000,
) -> MeanInterval:
    """The percentile interval of a mean whose images come in clusters (Efron 1979).

    People are drawn with replacement, each with all images; so are runs, apart from people, where
    there are several (Owen 2007, the pigeonhole bootstrap). For the difference of two runs give
    the differences of their errors, image by image: they share people, so it is paired.

    With very few runs or people the interval is too narrow: what was drawn can hardly differ.

    Parameters
    ----------
    values
        float (N,) of N images, or (R, N) of R runs on the same images; NaN counts nowhere.
    subjects
        N names of who is seen; a missing one stands for somebody of his own, and so do all
        when left out.
    rng
        Draws.
    confidence
        In (0, 1).
    draws
        How many means are looked at.

    Raises
    ------
    ShapeMismatchError
        If there is no value, or names and images are not equally many.
    ValueError
        If the confidence is not in (0, 1).

    Examples
    --------
    >>> found = bootstrap_interval([1.0, 3.0], ["a", "b"], rng=np.random.default_rng(0))
    >>> found.mean, found.low, found.high
    (2.0, 1.0, 3.0)
    """
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence lies between 0 and 1, got {confidence}")
    table = np.atleast_2d(np.asarray(values, dtype=np.float64))
    if np.isnan(table).all():
        raise ShapeMismatchError("there is no value to take the mean of")
    sums, counts = _per_subject(table, subject_numbers(subjects, table.shape[1]))
    runs, people = sums.shape
    at_once = max(1, _DRAWN_AT_ONCE // people)
    parts = [
        _drawn_means(sums, counts, min(at_once, draws - start), rng)
        for start in range(0, draws, at_once)
    ]
    means = np.concatenate(parts)
    low, high = np.quantile(means, ((1 - confidence) / 2, (1 + confidence) / 2))
    mean = float(sums.sum() / counts.sum())
    return MeanInterval(mean, float(low), float(high), confidence, people, runs)


def _drawn_means(
    sums: NDArray[np.float64], counts: NDArray[np.float64], draws: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Means over people and runs that are drawn; a draw without any value has none."""
    runs, people = sums.shape
    persons = rng.integers(people, size=(draws, people), dtype=np.int32)
    times = rng.multinomial(runs, np.full(runs, 1 / runs), size=draws)  # that a run is drawn
    by_run = (
        np.stack([row[persons].sum(axis=1) for row in part], axis=1) for part in (sums, counts)
    )
    total, count = ((times * each).sum(axis=1) for each in by_run)
    return np.asarray(total[count > 0] / count[count > 0])


def _per_subject(
    table: NDArray[np.float64], numbers: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums and counts of the values of each subject, both (R, G); only subjects with any."""
    known = ~np.isnan(table)
    _, groups = np.unique(numbers, return_inverse=True)

    def summed(rows: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack([np.bincount(groups, row).astype(np.float64) for row in rows])

    sums, counts = summed(np.where(known, table, 0.0)), summed(known.astype(np.float64))
    some = counts.any(axis=0)
    return sums[:, some], counts[:, some]
