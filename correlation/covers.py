"""Whether a few columns cover all rows: reductions, bounds and a small search; then a programme.

Nearly every question that a search for K centres asks of landmarks is settled by the reductions,
and the rest by a few hundred nodes of branch and bound on sets kept as the bits of integers.
"""

import functools
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from correlation.mip import Cover, Verdict, cover_at_most

Bools = NDArray[np.bool_]

_FEW = 250  # columns whose pairs are compared at once
MOST_NODES = 4000  # after so many the programme is faster than the search


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
    core = reduced(within)
    if core is None:
        return Cover(Verdict.NO)
    left = budget - len(core.forced)
    answer = _decide_core(within[np.ix_(core.rows, core.columns)], left, deadline)
    columns = (*core.forced, *(int(core.columns[j]) for j in answer.columns))
    return Cover(answer.verdict, columns if answer.verdict is Verdict.YES else ())


def _decide_core(part: Bools, budget: int, deadline: float) -> Cover:
    if len(packing(part)) > budget:
        return Cover(Verdict.NO)
    picked = _greedy_cover(part)
    if len(picked) <= budget:
        return Cover(Verdict.YES, tuple(picked))
    search = CoverSearch(part, MOST_NODES)
    try:
        found = search.cover(budget)
    except TooManyNodesError:
        return _by_programme(part, budget, deadline)
    return Cover(Verdict.NO) if found is None else Cover(Verdict.YES, found)


def _by_programme(part: Bools, budget: int, deadline: float) -> Cover:
    limit = None if np.isinf(deadline) else deadline - time.perf_counter()
    if limit is not None and limit <= 0:
        return Cover(Verdict.UNKNOWN)
    return cover_at_most(part, budget, limit)


class TooManyNodesError(Exception):
    """A search was given up."""


class CoverSearch:
    """Branch and bound over covers; sets of rows and of columns are the bits of integers.

    Parameters
    ----------
    within
        Bool (rows, columns).
    most_nodes
        The search is given up after so many.
    """

    def __init__(self, within: Bools, most_nodes: int) -> None:
        self._rows = _integers(within)
        self._columns = _integers(within.T)
        self._left = self._most = most_nodes

    @property
    def nodes(self) -> int:
        """Nodes looked at so far."""
        return self._most - self._left

    def cover(self, budget: int) -> tuple[int, ...] | None:
        """At most `budget` columns that cover all rows, or None where there are none.

        Raises
        ------
        TooManyNodesError
            If it was given up.
        """
        everything = (1 << len(self._rows)) - 1, (1 << len(self._columns)) - 1
        return self._cover(*everything, budget)

    def count(self, size: int, most: int) -> int:
        """How many sets of exactly `size` columns cover all rows; `most` stands for more.

        Raises
        ------
        TooManyNodesError
            If it was given up.
        """
        everything = (1 << len(self._rows)) - 1, (1 << len(self._columns)) - 1
        return self._count(*everything, size, most)

    def _count(self, open_: int, allowed: int, size: int, most: int) -> int:
        if not open_:
            return min(most, math.comb(allowed.bit_count(), size))
        self._left -= 1
        if self._left < 0:
            raise TooManyNodesError
        hardest = self._hardest_row(open_, allowed, size)
        if hardest is None:
            return 0
        total = 0
        for j in _bits(self._rows[hardest] & allowed):
            allowed &= ~(1 << j)  # sets with column j are counted here, and never again
            total += self._count(open_ & ~self._columns[j], allowed, size - 1, most - total)
            if total >= most:
                break
        return total

    def _cover(self, open_: int, allowed: int, budget: int) -> tuple[int, ...] | None:
        """Cover the open rows with allowed columns: some column must cover the hardest row."""
        if not open_:
            return ()
        if budget == 1:
            return self._one_column(open_, allowed)
        self._left -= 1
        if self._left < 0:
            raise TooManyNodesError
        hardest = self._hardest_row(open_, allowed, budget)
        if hardest is None:
            return None
        branches = [(self._columns[j] & open_, j) for j in _bits(self._rows[hardest] & allowed)]
        branches.sort(key=lambda branch: -branch[0].bit_count())
        for covered, j in branches:
            rest = self._cover(open_ & ~covered, allowed, budget - 1)
            if rest is not None:
                return (j, *rest)
            allowed &= ~(1 << j)
        return None

    def _one_column(self, open_: int, allowed: int) -> tuple[int, ...] | None:
        for i in _bits(open_):
            allowed &= self._rows[i]
            if not allowed:
                return None
        return ((allowed & -allowed).bit_length() - 1,)

    def _hardest_row(self, open_: int, allowed: int, budget: int) -> int | None:
        """The open row with the fewest columns; None where `budget` columns cannot do.

        They cannot where more than `budget` open rows share no column two by two.
        """
        choices = sorted(
            ((self._rows[i] & allowed).bit_count(), i, self._rows[i] & allowed)
            for i in _bits(open_)
        )
        if budget <= 0 or choices[0][0] == 0:
            return None
        taken, apart = 0, 0
        for _, _, columns in choices:
            if not columns & taken:
                taken |= columns
                apart += 1
                if apart > budget:
                    return None
        return choices[0][1]


def _integers(sets: Bools) -> list[int]:
    """Each of n sets, bool (n, members), as an integer whose bits are its members."""
    packed = np.packbits(sets, axis=1, bitorder="little")
    return [int.from_bytes(row.tobytes(), "little") for row in packed]


def _bits(number: int) -> Iterator[int]:
    """Places of the ones of a number, rising."""
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest


@dataclass(frozen=True, slots=True)
class Core:
    """What is left of a covering problem: columns that every cover can hold, open rows, columns."""

    forced: tuple[int, ...]
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]


def reduced(within: Bools) -> Core | None:
    """Drop implied rows and useless columns until nothing changes; None where a row has none."""
    rows, columns = np.arange(within.shape[0]), _distinct(within)
    forced: list[int] = []
    size = -1
    while size != len(rows) + len(columns):
        size = len(rows) + len(columns)
        rows = rows[~implied_rows(within[rows][:, columns])]
        columns = columns[~_within_another(within[rows][:, columns].T)]
        part = within[rows][:, columns]
        choices = part.sum(axis=1)
        if (choices == 0).any():
            return None
        only = part[choices == 1].any(axis=0)
        if only.any():
            forced += [int(j) for j in columns[only]]
            rows = rows[~part[:, only].any(axis=1)]
            columns = columns[~only]
    return Core(tuple(forced), rows, columns)


def _distinct(within: Bools) -> NDArray[np.intp]:
    """The first of all columns that cover the same rows, in order; all where there are few."""
    if within.shape[1] <= _FEW:
        return np.arange(within.shape[1])
    packed = np.packbits(within.T, axis=1)
    _, first = np.unique(packed, axis=0, return_index=True)
    return np.asarray(np.sort(first))


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
    return np.asarray(inside & ~(inside.T & _not_later(len(sets))))


@functools.lru_cache(maxsize=64)
def _not_later(n: int) -> Bools:
    """Bool (n, n): whether b does not come before a."""
    return np.asarray(np.tri(n, dtype=bool).T)


def _within_another(sets: Bools) -> Bools:
    return np.asarray(_subset(sets).any(axis=1))


def implied_rows(within: Bools) -> Bools:
    """Bool (rows,): what any cover of the other rows covers as well; of equal rows the later."""
    # Of equal rows the first stays, so here the order of twins is turned round.
    contains = np.asarray(_subset(within[::-1]).any(axis=0))
    return np.asarray(contains[::-1])


def packing(within: Bools) -> list[int]:
    """Rows no two of which share a column, found greedily: every cover has at least so many."""
    clash = _overlap(within)
    open_ = np.ones(len(within), dtype=bool)
    rows: list[int] = []
    while open_.any():
        clashes = np.where(open_, clash[:, open_].sum(axis=1), len(within) + 1)
        rows.append(int(np.argmin(clashes)))
        open_ &= ~clash[rows[-1]]
        open_[rows[-1]] = False  # a row without a column clashes not even with itself
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
