"""How a project comes along: what is done, how fast, by whom, and when it will be finished.

Counts and times at work are of the whole project. What needs the labels themselves, such as
seconds a landmark, is taken from the pictures that were finished last: the median of some hundred
is as good, and the answer does not take longer in a project of many thousand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from annotate.forecast import DAY_S, WINDOW_DAYS, Finish, Range, TooLittleError, finish, hours_left
from annotate.store import AnnotationStore, Project, Revision, States, Work
from annotate.timing import Marked, Timing, marked_in, timing_of

RECENT = 300
"""How many pictures, the last finished ones, medians are taken from."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A picture that was marked by hand until it was done: by whom, when, and how long it took."""

    item: int
    annotator: str
    at: float
    active_s: float


@dataclass(frozen=True, slots=True)
class Pace:
    """What was done and how fast, by one person or by all.

    Parameters
    ----------
    annotator
        None: all.
    pictures
        How many were marked by hand until they were done; each counts for who did so first.
    hours
        Time at work in the project, that on other pictures included; pauses cut to 10 s.
    points_per_hour, seconds_per_picture
        Of those pictures, as a mean; None where there are none.
    per_day
        Pictures a day in the last `WINDOW_DAYS`, days off included.
    last
        When the last of them was finished, in seconds since 1970.
    timing
        Medians over the pictures that were finished last; None where nothing was timed.
    """

    annotator: str | None
    pictures: int
    hours: float
    points_per_hour: float | None
    seconds_per_picture: float | None
    per_day: float
    last: float | None
    timing: Timing | None


@dataclass(frozen=True, slots=True)
class Slice:
    """Pictures that one person finished in a day, or in an hour where all was done in two days."""

    start: datetime
    annotator: str
    pictures: int
    points_per_hour: float


@dataclass(frozen=True, slots=True)
class Progress:
    """See `progress_of`.

    Parameters
    ----------
    states
        Of the whole project, whoever asks.
    everybody
        All that was looked at, together.
    annotators
        Each person, by name.
    seconds_per_landmark
        float64 (m,), median time at work on each landmark, corrections included, over the pictures
        that were finished last; NaN where there is none.
    timed_pictures
        How many these are.
    throughput
        In the order of time.
    hours_left, finish
        Forecasts; None where there is too little to go by, and `too_little` says what is missing.
    """

    states: States
    everybody: Pace
    annotators: tuple[Pace, ...]
    seconds_per_landmark: NDArray[np.float64]
    timed_pictures: int
    throughput: tuple[Slice, ...]
    hours_left: Range | None
    finish: Finish | None
    too_little: str | None


def progress_of(
    store: AnnotationStore, project: Project, now: float, annotator: str | None = None
) -> Progress:
    """How a project comes along.

    Parameters
    ----------
    now
        Seconds since 1970.
    annotator
        Look at the work of this person alone; the forecasts are then as if nobody else went on.
    """
    m = len(project.sparse)
    whole = store.worklog.work(project)
    finished = [one for one in finished_pictures(whole) if annotator in {None, one.annotator}]
    history = store.worklog.history_of([one.item for one in finished[-RECENT:]])
    work = [one for one in whole if annotator in {None, one.annotator}]
    parts = _Parts(work, finished, marked_in(history))
    states = store.worklog.states(project)
    left, end, too_little = _forecasts(states.open, finished, now)
    people = sorted({one.annotator for one in work if one.active_s > 0})
    return Progress(
        states=states,
        everybody=_pace(annotator, parts, m, now),
        annotators=tuple(_pace(name, parts.of(name), m, now) for name in people),
        seconds_per_landmark=seconds_per_landmark(history, m),
        timed_pictures=min(RECENT, len(finished)),
        throughput=tuple(throughput(finished, m)),
        hours_left=left,
        finish=end,
        too_little=too_little,
    )


def finished_pictures(work: Sequence[Work]) -> list[Finished]:
    """The pictures that were marked by hand until done, in the order of time.

    A picture counts once, for whom it was done by first; where that took no time at work, it was
    imported or computed, and does not count.
    """
    first: dict[int, Work] = {}
    for one in work:
        if one.done is not None:
            known = first.get(one.item)
            if known is None or known.done is None or one.done < known.done:
                first[one.item] = one
    found = [
        Finished(one.item, one.annotator, one.done, one.active_s)
        for one in first.values()
        if one.done is not None and one.active_s > 0
    ]
    return sorted(found, key=lambda one: (one.at, one.item))


def seconds_per_landmark(history: Sequence[Revision], m: int) -> NDArray[np.float64]:
    """Median time on each landmark by the last revision of each item; NaN where none is known."""
    last = [list(revisions)[-1] for _, revisions in groupby(history, key=lambda r: r.item)]
    times = np.full((len(last), m), np.nan)
    for row, revision in enumerate(last):
        for k, point in enumerate(revision.points):
            if point is not None and point.ms is not None:
                times[row, k] = point.ms / 1000
    known = np.isfinite(times).any(axis=0)
    medians = np.full(m, np.nan)
    medians[known] = np.nanmedian(times[:, known], axis=0)
    return medians


def throughput(finished: Sequence[Finished], m: int) -> list[Slice]:
    """Pictures by day, or by hour where all were finished within two days, and by person."""
    if not finished:
        return []
    by_hour = finished[-1].at - finished[0].at < 2 * DAY_S
    groups: dict[tuple[datetime, str], list[float]] = {}
    for one in finished:
        start = datetime.fromtimestamp(one.at).replace(minute=0, second=0, microsecond=0)
        key = (start if by_hour else start.replace(hour=0), one.annotator)
        groups.setdefault(key, []).append(one.active_s)
    return [
        Slice(start, name, len(seconds), 3600 * m * len(seconds) / sum(seconds))
        for (start, name), seconds in sorted(groups.items())
    ]


@dataclass(frozen=True, slots=True)
class _Parts:
    """What paces are taken from."""

    work: Sequence[Work]
    finished: Sequence[Finished]
    marked: Sequence[Marked]

    def of(self, name: str) -> "_Parts":
        return _Parts(
            [one for one in self.work if one.annotator == name],
            [one for one in self.finished if one.annotator == name],
            [one for one in self.marked if one.annotator == name],
        )


def _pace(annotator: str | None, parts: _Parts, m: int, now: float) -> Pace:
    finished = parts.finished
    seconds = sum(one.active_s for one in finished)
    lately = sum(one.at > now - WINDOW_DAYS * DAY_S for one in finished)
    age = (now - finished[0].at) / DAY_S if finished else 0.0
    return Pace(
        annotator=annotator,
        pictures=len(finished),
        hours=sum(one.active_s for one in parts.work) / 3600,
        points_per_hour=3600 * m * len(finished) / seconds if finished else None,
        seconds_per_picture=seconds / len(finished) if finished else None,
        per_day=lately / min(WINDOW_DAYS, max(1.0, age)),
        last=finished[-1].at if finished else None,
        timing=timing_of(parts.marked) if parts.marked else None,
    )


def _forecasts(
    left: int, finished: Sequence[Finished], now: float
) -> tuple[Range | None, Finish | None, str | None]:
    """Both forecasts as far as they go, and why they go no further."""
    hours = None
    try:
        hours = hours_left(left, [one.active_s for one in finished])
        return hours, finish(left, [one.at for one in finished], now), None
    except TooLittleError as error:
        return hours, None, str(error)
