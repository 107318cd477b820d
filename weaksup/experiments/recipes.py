"""Recipes of an experiment over their seeds, and how they differ from a reference.

Runs differ by their seed more than most recipes do. So a difference is told over pairs of cells
with the same seed, images and people, with a bootstrap interval over seeds and people, and with
the number of seeds in which it has its sign; never as a bare mean.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from weaksup.experiments.grid import DENSE_ONLY, Cell
from weaksup.experiments.results import CellResult
from weaksup.intervals import MeanInterval, bootstrap_interval

FORMAT, METHOD = "format", "method"
REFERENCES = (FORMAT, METHOD, DENSE_ONLY)


@dataclass(frozen=True, slots=True)
class SeedDifference:
    """How much larger the errors of a recipe are than those of another one, seed by seed.

    Parameters
    ----------
    to
        The other one.
    interval
        Of the mean difference, as the errors are: parts of the span.
    lower
        In how many seeds the first one's error is the smaller.
    seeds
        How many both have.
    """

    to: str
    interval: MeanInterval
    lower: int
    seeds: int

    @property
    def text(self) -> str:
        """For people, in percent."""
        mean, low, high = (
            100 * v for v in (self.interval.mean, self.interval.low, self.interval.high)
        )
        return f"{mean:+.2f} [{low:+.2f}, {high:+.2f}], {self.lower} of {self.seeds} lower"


@dataclass(frozen=True, slots=True)
class Entry:
    """A recipe over its seeds.

    Parameters
    ----------
    cell
        That of any seed.
    results
        One a seed.
    differences
        By `REFERENCES`: against the same method with the first format, the first method with the
        same format, and a network of the dense images alone; without those that there are not.
    """

    cell: Cell
    results: tuple[CellResult, ...]
    differences: Mapping[str, SeedDifference] = field(default_factory=dict)

    @property
    def nme(self) -> float:
        """Mean over the seeds."""
        return float(np.mean([result.nme for result in self.results]))

    @property
    def deviation(self) -> float:
        """Standard deviation between the seeds; NaN for one."""
        values = [result.nme for result in self.results]
        return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")

    def mean_of(self, name: str) -> float:
        """Mean of another number over the seeds; NaN where it is not known."""
        values = [getattr(result, name) for result in self.results]
        known = [value for value in values if value is not None]
        return float(np.mean(known)) if known else float("nan")


def entries_of(
    results: Iterable[CellResult],
    subjects: Sequence[str | None],
    *,
    formats: Sequence[str],
    methods: Sequence[str],
) -> list[Entry]:
    """Recipes with their differences from a reference: the first format and the first method.

    Parameters
    ----------
    results
        Of any cells.
    subjects
        Of the images that they are measured on.
    formats, methods
        In the order of the grid.
    """
    order = {name: place for place, name in enumerate((*methods, *formats, ""))}

    def place(result: CellResult) -> tuple[int, int, int, float, int]:
        cell = result.cell
        return (cell.m, order.get(cell.format, -1), order.get(cell.method, -1), cell.ratio,
                cell.seed)  # fmt: skip

    def recipe(result: CellResult) -> Cell:
        return replace(result.cell, seed=0)

    groups = groupby(sorted(results, key=place), key=recipe)
    entries = {cell: Entry(cell, tuple(members)) for cell, members in groups}
    return [_compared(entry, entries, subjects, formats, methods) for entry in entries.values()]


def _compared(
    entry: Entry,
    known: Mapping[Cell, Entry],
    subjects: Sequence[str | None],
    formats: Sequence[str],
    methods: Sequence[str],
) -> Entry:
    cell = entry.cell
    if not cell.format:
        return entry
    others = {
        FORMAT: (formats[0], replace(cell, format=formats[0])),
        METHOD: (methods[0], replace(cell, method=methods[0])),
        DENSE_ONLY: (DENSE_ONLY, Cell(DENSE_ONLY, cell.ratio, cell.seed)),
    }
    found = {
        what: _difference(entry, known[other], subjects, name)
        for what, (name, other) in others.items()
        if other in known and other != cell
    }
    return replace(entry, differences={what: d for what, d in found.items() if d is not None})


def _difference(
    entry: Entry, other: Entry, subjects: Sequence[str | None], name: str
) -> SeedDifference | None:
    ours, theirs = ({r.cell.seed: r.errors for r in each.results} for each in (entry, other))
    seeds = [seed for seed in ours if seed in theirs]
    if not seeds:
        return None
    errors: NDArray[np.float64] = np.array(
        [np.subtract(ours[seed], theirs[seed]) for seed in seeds]
    )
    interval = bootstrap_interval(errors, subjects, rng=np.random.default_rng(0))
    return SeedDifference(name, interval, int((np.nanmean(errors, axis=1) < 0).sum()), len(seeds))
