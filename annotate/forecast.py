"""When a project will be finished, going by what was finished so far. Plain numbers, no store."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datasets.errors import FewmarkError

DAY_S = 86_400.0
WINDOW_DAYS = 14
"""How many days back the pace is taken from: two weeks have two weekends."""
LEAST_DAYS, LEAST_PICTURES = 3, 20

_EIGHT_IN_TEN = 1.2816  # standard deviations on both sides of the mean, normal distribution


class TooLittleError(FewmarkError):
    """There is too little to go by; the text says how much there must be."""


@dataclass(frozen=True, slots=True)
class Range:
    """What is likely, and between which ends it lies eight times in ten; `high` None: no end."""

    low: float
    likely: float
    high: float | None


@dataclass(frozen=True, slots=True)
class Finish:
    """When the last picture is finished, if people go on as in the last days.

    Parameters
    ----------
    pictures_per_day
        Mean over the days that were looked at, days off included.
    at
        Seconds since 1970.
    days, pictures
        How many days were looked at, and how many pictures were finished in them.
    """

    pictures_per_day: float
    at: Range
    days: int
    pictures: int


def hours_left(open_pictures: int, seconds: Sequence[float]) -> Range:
    """Hours at work that the open pictures take, by the time that finished ones took.

    The mean time of a picture is known to its standard error, and the range follows from that.

    Parameters
    ----------
    open_pictures
        How many are left.
    seconds
        Time at work on each picture that was finished.

    Raises
    ------
    TooLittleError
        If fewer than `LEAST_PICTURES` were finished.

    Examples
    --------
    >>> hours_left(100, [36.0] * 20)
    Range(low=1.0, likely=1.0, high=1.0)
    """
    if len(seconds) < LEAST_PICTURES:
        raise TooLittleError(
            f"{_pictures(len(seconds))} marked by hand so far; an estimate of the time that is "
            f"left needs {LEAST_PICTURES}"
        )
    mean = float(np.mean(seconds))
    around = _EIGHT_IN_TEN * float(np.std(seconds, ddof=1)) / len(seconds) ** 0.5
    hours = [open_pictures * each / 3600 for each in (max(0.0, mean - around), mean, mean + around)]
    return Range(*hours)


def finish(open_pictures: int, finished: Sequence[float], now: float) -> Finish:
    """When the open pictures are finished, by the pictures of each of the last days.

    The days are counted back from now, `WINDOW_DAYS` at most, and none of them is a part of one.
    How much the days differ is what makes the range.

    Parameters
    ----------
    open_pictures
        How many are left.
    finished
        When each picture was finished, in seconds since 1970.
    now
        Seconds since 1970.

    Raises
    ------
    TooLittleError
        If there were fewer than `LEAST_DAYS` or `LEAST_PICTURES`, or nothing lately.
    """
    since = (now - min(finished)) / DAY_S if len(finished) else 0.0
    days = min(WINDOW_DAYS, int(since))
    if days < LEAST_DAYS or len(finished) < LEAST_PICTURES:
        raise TooLittleError(
            f"{_pictures(len(finished))} marked by hand in {since:.1f} days so far; a day of the "
            f"finish needs {LEAST_PICTURES} pictures and {LEAST_DAYS} days"
        )
    ago = (now - np.asarray(finished, dtype=np.float64)) / DAY_S
    counts, _ = np.histogram(ago, bins=np.arange(days + 1))
    mean = float(counts.mean())
    if mean == 0:
        raise TooLittleError(f"no picture was marked by hand in the last {days} days")
    around = _EIGHT_IN_TEN * float(counts.std(ddof=1)) / days**0.5
    soonest, likely = (now + open_pictures / rate * DAY_S for rate in (mean + around, mean))
    latest = now + open_pictures / (mean - around) * DAY_S if mean > around else None
    return Finish(mean, Range(soonest, likely, latest), days, int(counts.sum()))


def _pictures(count: int) -> str:
    return "1 picture was" if count == 1 else f"{count} pictures were"
