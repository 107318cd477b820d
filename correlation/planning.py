"""What annotation costs, and which plan is worth it: hours, money and the error to expect."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from datasets.errors import SelectionError

_SECONDS_PER_HOUR = 3600.0
_BUDGETS = (3, 5, 8, 10, 15, 20, 30)


def usual_budgets(M: int) -> tuple[int, ...]:
    """Values of m to compare where none are asked for; all are below M."""
    return tuple(m for m in _BUDGETS if m < M) or (M,)


def usual_dense(N: int, largest: int) -> tuple[int, ...]:
    """Values of n to compare where none are asked for: 10, 20, 50, 100, ..., at most `largest`.

    Examples
    --------
    >>> usual_dense(1000, 240)
    (10, 20, 50, 100, 200)
    """
    last = min(N - 1, largest)
    powers = (step * 10**power for power in range(1, len(str(last))) for step in (1, 2, 5))
    return tuple(n for n in powers if n <= last) or (max(last, 0),)


def points_saved(M: int, m: int, N: int, n: int) -> int:
    """Points nobody has to mark: (M - m)(N - n) (Yan 2020, sec. 5.5.2).

    N images in all get the m sparse landmarks; only n of them all M.
    """
    return (M - m) * (N - n)


@dataclass(frozen=True, slots=True)
class Rates:
    """How long marking takes and what an hour of it costs.

    Parameters
    ----------
    seconds_per_point
        For one landmark. The default is a keystroke-level estimate (Card, Moran and Newell
        1980): 1.1 s to point and 0.2 s to click, so a lower bound; take your own where known.
    seconds_per_image
        For what comes once an image, however few the points: one mental preparation, 1.35 s.
    wage_per_hour
        In any currency.

    Raises
    ------
    SelectionError
        If one is negative or not finite, or both times are zero.
    """

    seconds_per_point: float = 1.3
    seconds_per_image: float = 1.35
    wage_per_hour: float = 0.0

    def __post_init__(self) -> None:
        """Check the numbers."""
        values = (self.seconds_per_point, self.seconds_per_image, self.wage_per_hour)
        if not all(0 <= value < math.inf for value in values) or not any(values[:2]):
            raise SelectionError(f"times and wage must not be negative, got {values}")

    def hours(self, points: int, images: int) -> float:
        """Working hours for so many points on so many images."""
        seconds = points * self.seconds_per_point + images * self.seconds_per_image
        return seconds / _SECONDS_PER_HOUR


@dataclass(frozen=True, slots=True)
class Plan:
    """Mark m landmarks on all N images and all M on n of them.

    Parameters
    ----------
    m, n
        See above.
    points, points_saved
        What is marked, and what is not.
    hours, cost
        Working hours, and those times the wage.
    expected_nme
        Of the N - n images that are completed, in parts of the span; 0 where all landmarks of all
        images are marked, None where not known.
    """

    m: int
    n: int
    points: int
    points_saved: int
    hours: float
    cost: float
    expected_nme: float | None = None


def plans(
    M: int, N: int, rates: Rates, expected_nme: Mapping[tuple[int, int], float | None]
) -> tuple[Plan, ...]:
    """A plan for every (m, n) whose error is asked about, the shortest first.

    Parameters
    ----------
    M
        Landmarks of the dense format.
    N
        Images in all.
    rates
        Times and wage.
    expected_nme
        For pairs (m, n) the error to expect of the images that are completed, None where it is
        not known. Without a point left to complete it is 0 whatever is said here.

    Raises
    ------
    SelectionError
        If m is not in 1..M or n not in 0..N.
    """
    made = []
    for (m, n), nme in expected_nme.items():
        if not (1 <= m <= M and 0 <= n <= N):
            raise SelectionError(f"no plan has m = {m} of {M} landmarks and n = {n} of {N} images")
        points = M * n + m * (N - n)
        hours = rates.hours(points, N)
        saved = points_saved(M, m, N, n)
        left = nme if saved else 0.0
        made.append(Plan(m, n, points, saved, hours, hours * rates.wage_per_hour, left))
    return tuple(sorted(made, key=lambda plan: (plan.hours, plan.m)))


def cheapest_plan(of: Iterable[Plan], most_nme: float) -> Plan | None:
    """The plan of fewest hours with an expected error of at most `most_nme`; None if none is."""
    good = [p for p in of if p.expected_nme is not None and p.expected_nme <= most_nme]
    return min(good, key=lambda plan: (plan.hours, plan.expected_nme), default=None)


def best_plan(of: Iterable[Plan], most_hours: float) -> Plan | None:
    """The plan of the smallest expected error within `most_hours`; None if none is."""
    short = [p for p in of if p.expected_nme is not None and p.hours <= most_hours]
    return min(short, key=lambda plan: (plan.expected_nme, plan.hours), default=None)
