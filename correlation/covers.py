"""Whether a few columns cover all rows: bounds, reductions and a small search; then a programme.

Sets of rows and of columns are the bits of integers. Nearly every question that a search for K
centres asks of landmarks is settled by a packing or by the reductions, and the rest by a few
hundred nodes of branch and bound.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from correlation.mip import Cover, Verdict, cover_at_most

Bools = NDArray[np.bool_]

_FEW = 250  # columns of which equal ones are not looked for
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
    core = reduced(within, budget)
    if core is None:
        return Cover(Verdict.NO)
    left = budget - len(core.forced)
    try:
        found = CoverSearch(core.within, MOST_NODES).cover(left)
    except TooManyNodesError:
        answer = _by_programme(core.within, left, deadline)
    else:
        answer = Cover(Verdict.NO) if found is None else Cover(Verdict.YES, found)
    if answer.verdict is not Verdict.YES:
        return answer
    return Cover(Verdict.YES, (*core.forced, *(core.columns[j] for j in answer.columns)))


def _by_programme(within: Bools, budget: int, deadline: float) -> Cover:
    limit = None if np.isinf(deadline) else deadline - time.perf_counter()
    if limit is not None and limit <= 0:
        return Cover(Verdict.UNKNOWN)
    return cover_at_most(within, budget, limit)


@dataclass(frozen=True, slots=True, eq=False)
class Core:
    """What is left of a covering problem.

    Parameters
    ----------
    within
        Bool (rows, columns): what a few columns more have to cover.
    columns
        Which these were.
    forced
        Columns that a smallest cover can hold besides.
    """

    within: Bools
    columns: tuple[int, ...]
    forced: tuple[int, ...]


def reduced(within: Bools, budget: int) -> Core | None:
    """Drop implied rows and useless columns; None where it shows that `budget` columns cannot do.

    `within` is bool (rows, columns).
    """
    names = _distinct(within)
    within = within[:, names]
    search = CoverSearch(within, 0)
    if search.falls_short(budget):
        return None  # most questions whose answer is no end here
    rows, columns, forced = search.core()
    if len(forced) > budget:
        return None
    return Core(
        within[np.ix_(rows, columns)],
        tuple(int(names[j]) for j in columns),
        tuple(int(names[j]) for j in forced),
    )


def _distinct(within: Bools) -> NDArray[np.intp]:
    """The first of all columns that cover the same rows, in order; all where there are few."""
    if within.shape[1] <= _FEW:
        return np.arange(within.shape[1])
    packed = np.packbits(within, axis=0)
    first = {column.tobytes(): j for j, column in reversed(list(enumerate(packed.T.copy())))}
    return np.array(sorted(first.values()), dtype=np.intp)


class TooManyNodesError(Exception):
    """A search was given up."""


class CoverSearch:
    """Branch and bound over covers.

    Parameters
    ----------
    within
        Bool (rows, columns). Small sets first are fastest: what many sets have in common is then
        soon known to be little.
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
        return self._cover(*self._everything, budget)

    def count(self, size: int, most: int) -> int:
        """How many sets of exactly `size` columns cover all rows; `most` stands for more.

        Raises
        ------
        TooManyNodesError
            If it was given up.
        """
        rows, columns = self._everything
        return self._count(self._needed_rows(rows, columns, rows), columns, size, most)

    def falls_short(self, budget: int) -> bool:
        """Whether a packing shows at once that `budget` columns are too few."""
        rows, columns = self._everything
        return rows > 0 and self._hardest_row(rows, columns, budget) is None

    def core(self) -> tuple[list[int], list[int], list[int]]:
        """Rows and columns that no reduction drops, and columns that a smallest cover can hold.

        The smallest sets come first. Every row must have a column.
        """
        rows, columns = self._everything
        forced: list[int] = []
        shorter, lesser = rows, columns  # what has lost members since it was last looked at
        while lesser:
            useful = self._useful_columns(rows, columns, lesser & columns)
            shorter |= _joined(self._columns, columns ^ useful)
            columns = useful
            needed = self._needed_rows(rows, columns, shorter & rows)
            for i in _bits(shorter & needed):
                only = self._rows[i] & columns
                if needed >> i & 1 and not only & (only - 1):
                    forced.append(only.bit_length() - 1)
                    needed &= ~self._columns[forced[-1]]
                    columns ^= only
            lesser, shorter = _joined(self._rows, rows ^ needed), 0
            rows = needed
        return (
            sorted(_bits(rows), key=lambda i: (self._rows[i] & columns).bit_count()),
            sorted(_bits(columns), key=lambda j: (self._columns[j] & rows).bit_count()),
            forced,
        )

    def _useful_columns(self, rows: int, columns: int, suspects: int) -> int:
        """Columns without those suspects that another one can stand in for."""
        for j in _bits(suspects):
            covered = self._columns[j] & rows
            others = columns ^ 1 << j
            missed = covered
            while others and missed:  # one at least must cover the row that was missed
                others &= self._rows[(missed & -missed).bit_length() - 1]
                missed = covered & ~self._columns[others.bit_length() - 1]
            if others:
                columns ^= 1 << j
        return columns

    def _needed_rows(self, rows: int, columns: int, suspects: int) -> int:
        """Rows without those that are covered by whatever covers one of the suspects."""
        for i in _bits(suspects):
            if rows >> i & 1:
                rows &= ~_meet(self._columns, self._rows[i] & columns, rows) | 1 << i
        return rows

    @property
    def _everything(self) -> tuple[int, int]:
        return (1 << len(self._rows)) - 1, (1 << len(self._columns)) - 1

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
        hardest, fewest, taken, apart = None, len(self._columns) + 1, 0, 0
        for i in _bits(open_):
            columns = self._rows[i] & allowed
            if not columns & taken:
                taken |= columns
                apart += 1
                if not columns or apart > budget:
                    return None
            if columns.bit_count() < fewest:
                hardest, fewest = i, columns.bit_count()
        return hardest


def _integers(sets: Bools) -> list[int]:
    """Each of n sets, bool (n, members), as an integer whose bits are its members."""
    packed = np.packbits(sets, axis=1, bitorder="little")
    width, whole = packed.shape[1], packed.tobytes()
    places = range(0, len(whole), width) if width else ()
    numbers = [int.from_bytes(whole[at : at + width], "little") for at in places]
    return numbers or [0] * len(sets)


def _bits(number: int) -> Iterator[int]:
    """Places of the ones of a number, rising."""
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest


def _meet(sets: list[int], members: int, start: int) -> int:
    """What of `start`, one bit at least, all of some sets have in common."""
    while members:
        lowest = members & -members
        start &= sets[lowest.bit_length() - 1]
        if not start & (start - 1):  # one is left, and it stays
            break
        members ^= lowest
    return start


def _joined(sets: list[int], members: int) -> int:
    """What any of some sets has."""
    union = 0
    for k in _bits(members):
        union |= sets[k]
    return union


def packing(within: Bools) -> list[int]:
    """Rows no two of which share a column, found greedily: every cover has at least so many."""
    rows, columns = _integers(within), _integers(within.T)
    clash = [1 << i for i in range(len(rows))]
    for i, allowed in enumerate(rows):
        for j in _bits(allowed):
            clash[i] |= columns[j]
    open_ = (1 << len(rows)) - 1
    apart: list[int] = []
    while open_:
        apart.append(min(_bits(open_), key=lambda i: (clash[i] & open_).bit_count()))
        open_ &= ~clash[apart[-1]]
    return apart
