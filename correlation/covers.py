"""Whether a few columns cover all rows: reductions and greedy bounds, then one programme.

Nearly every question that a search for K centres asks is settled before the programme is needed.
"""

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from correlation.mip import Cover, Verdict, cover_at_most

Bools = NDArray[np.bool_]

_FEW = 3  # so few columns are found by looking at every combination
_STEP = 12  # rows added at once, about
_MANY = 100  # rows from which on it pays to begin with some of them


def decide_cover(within: Bools, budget: int, deadline: float = np.inf) -> Cover:
    """Decide exactly whether at most `budget` columns cover all rows.

    Parameters
    ----------
    within
        Bool (rows, columns): which column covers which row.
    budget
        The number of columns that may be used.
    deadline
        Moment of `time.perf_counter` after which the verdict may be UNKNOWN.
    """
    core = _reduced(within)
    if core is None:
        return Cover(Verdict.NO)
    left = budget - len(core.forced)
    answer = _decide_core(within[np.ix_(core.rows, core.columns)], left, deadline)
    columns = (*core.forced, *(int(core.columns[j]) for j in answer.columns))
    return Cover(answer.verdict, columns if answer.verdict is Verdict.YES else ())


def _decide_core(part: Bools, budget: int, deadline: float) -> Cover:
    packing = _packing(part)
    if len(packing) > budget:
        return Cover(Verdict.NO)
    picked = _greedy_cover(part)
    if len(picked) <= budget:
        return Cover(Verdict.YES, tuple(picked))
    if budget <= _FEW:
        few = _few_columns(part, budget)
        return Cover(Verdict.NO) if few is None else Cover(Verdict.YES, few)
    if len(part) > _MANY:
        return _decide_growing(part, packing, budget, deadline)
    return _by_programme(part, budget, deadline)


def _decide_growing(part: Bools, rows: list[int], budget: int, deadline: float) -> Cover:
    """Decide for a few rows first, and add rows that the columns found miss (Chen and Chen 2009).

    Few rows leave few columns that differ, so each step is quick, and a NO for some rows is a
    NO for all.
    """
    while len(rows) < len(part) / 2:
        answer = decide_cover(part[rows], budget, deadline)
        if answer.verdict is not Verdict.YES:
            return answer
        missed = np.flatnonzero(~part[:, list(answer.columns)].any(axis=1))
        if missed.size == 0:
            return answer
        apart = [int(missed[i]) for i in _packing(part[missed])]
        spread = missed[:: -(-len(missed) // _STEP)]
        rows = sorted({*rows, *apart, *(int(i) for i in spread)})
    return _by_programme(part, budget, deadline)


def _by_programme(part: Bools, budget: int, deadline: float) -> Cover:
    limit = None if np.isinf(deadline) else deadline - time.perf_counter()
    if limit is not None and limit <= 0:
        return Cover(Verdict.UNKNOWN)
    return cover_at_most(part, budget, limit)


@dataclass(frozen=True, slots=True)
class _Core:
    """What is left of a covering problem: columns that every cover can hold, open rows, columns."""

    forced: tuple[int, ...]
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]


def _reduced(within: Bools) -> _Core | None:
    """Drop implied rows and useless columns until nothing changes; None where a row has none."""
    rows, columns = np.arange(within.shape[0]), np.arange(within.shape[1])
    forced: list[int] = []
    size = -1
    while size != len(rows) + len(columns):
        size = len(rows) + len(columns)
        rows = rows[~_contains_another(within[np.ix_(rows, columns)])]
        columns = columns[~_within_another(within[np.ix_(rows, columns)].T)]
        part = within[np.ix_(rows, columns)]
        choices = part.sum(axis=1)
        if (choices == 0).any():
            return None
        only = part[choices == 1].any(axis=0)
        if only.any():
            forced += [int(j) for j in columns[only]]
            rows = rows[~part[:, only].any(axis=1)]
            columns = columns[~only]
    return _Core(tuple(forced), rows, columns)


def _words(sets: Bools) -> NDArray[np.uint64]:
    """Sets, bool (n, members), as bits: (words, n)."""
    packed = np.packbits(sets, axis=1)
    padded = np.zeros((len(sets), -(-packed.shape[1] // 8) * 8), dtype=np.uint8)
    padded[:, : packed.shape[1]] = packed
    return np.ascontiguousarray(padded.view(np.uint64).T)


def _overlap(sets: Bools) -> Bools:
    """Bool (n, n): whether two of n sets, bool (n, members), share a member."""
    result = np.zeros((len(sets), len(sets)), dtype=bool)
    for word in _words(sets):
        result |= (word[:, None] & word) != 0
    return result


def _subset(sets: Bools) -> Bools:
    """Bool (n, n): whether set a lies within set b; of two equal sets only the later in the former.

    `sets` is bool (n, members).
    """
    inside = np.ones((len(sets), len(sets)), dtype=bool)
    for word in _words(sets):
        inside &= (word[:, None] & ~word) == 0
    return np.asarray(inside & ~np.triu(inside & inside.T))


def _within_another(sets: Bools) -> Bools:
    return np.asarray(_subset(sets).any(axis=1))


def _contains_another(sets: Bools) -> Bools:
    # Of equal rows the first stays, so here the order of twins is turned round.
    contains = np.asarray(_subset(sets[::-1]).any(axis=0))
    return np.asarray(contains[::-1])


def _packing(within: Bools) -> list[int]:
    """Rows no two of which share a column, found greedily: every cover has at least so many."""
    clash = _overlap(within)
    open_ = np.ones(len(within), dtype=bool)
    rows: list[int] = []
    while open_.any():
        clashes = np.where(open_, clash[:, open_].sum(axis=1), len(within) + 1)
        rows.append(int(np.argmin(clashes)))
        open_ &= ~clash[rows[-1]]
    return rows


def _greedy_cover(within: Bools) -> list[int]:
    """Columns that cover all rows, each time the one with most rows, without superfluous ones."""
    open_ = np.ones(len(within), dtype=bool)
    picked: list[int] = []
    while open_.any():
        best = int(np.argmax(within[open_].sum(axis=0)))
        picked.append(best)
        open_ &= ~within[:, best]
    for j in list(picked):
        others = [i for i in picked if i != j]
        if within[:, others].any(axis=1).all():
            picked = others
    return picked


def _few_columns(within: Bools, budget: int) -> tuple[int, ...] | None:
    """One to three columns that cover all rows, or None: every combination is looked at.

    Two columns cover all rows when no row is missed by both.
    """
    if budget == 1:
        alone = within.all(axis=0)
        return (int(np.argmax(alone)),) if alone.any() else None
    if budget == 2:
        both_miss = _overlap(~within.T)
        a, b = divmod(int(np.argmin(both_miss)), len(both_miss))
        return None if both_miss[a, b] else (a, b)
    hardest = within[int(np.argmin(within.sum(axis=1)))]
    for first in np.flatnonzero(hardest):
        rest = _few_columns(within[~within[:, first]], budget - 1)
        if rest is not None:
            return (int(first), *rest)
    return None
