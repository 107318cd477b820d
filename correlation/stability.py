"""Stability: what of a choice of landmarks would be another with other shapes.

Affinities are estimated from N shapes, and the chosen set is where a minimum of maxima of them
happens to be largest: it follows their sampling error. The bootstrap (Efron 1979) draws as many
shapes again, with replacement, and looks at what changes. Shapes of one subject come and go
together, for they are not independent.
"""

import itertools
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from correlation.affinity import FewmarkWarning, affinity_from_moments, points_with_pairs
from correlation.kcenter import k_center
from correlation.matrix import AffinityMatrix
from correlation.scores import score
from correlation.selection import search, select
from datasets.alignment import align, present_landmarks
from datasets.errors import SelectionError, ShapeMismatchError
from datasets.formats import LandmarkFormat
from datasets.moments import Moments
from datasets.progress import Progress, ignore_progress
from datasets.shapes import ShapeSet

Floats = NDArray[np.float64]
Interval = tuple[float, float]

ENOUGH = 0.02  # a choice that loses less of c than this is as good as any
FEWEST = 10  # draws of fewer subjects look alike because they can hardly differ


@dataclass(frozen=True, slots=True, eq=False)
class Stability:
    """What B resamples of the shapes say of the affinities and of the choice of m landmarks.

    Parameters
    ----------
    format
        The landmark format (M landmarks).
    chosen
        The m landmarks that all shapes choose.
    min_correlation
        c of these on all shapes.
    low, high
        float64 (M, M): the interval of every affinity.
    best_interval
        Interval of the best c on a resample, whatever it chooses.
    kept_interval
        Interval of c of `chosen` on the resamples.
    frequency
        float64 (M,): share of the resamples that choose a landmark.
    jaccard
        Mean Jaccard index of the sets that two resamples choose: 1 for the same, 0 for none in
        common.
    resamples
        B.
    confidence
        Share of the resamples within the intervals.
    n_shapes, n_subjects
        Shapes, and independent groups of them.
    """

    format: LandmarkFormat
    chosen: tuple[int, ...]
    min_correlation: float
    low: Floats
    high: Floats
    best_interval: Interval
    kept_interval: Interval
    frequency: Floats
    jaccard: float
    resamples: int
    confidence: float
    n_shapes: int
    n_subjects: int

    def details(self) -> dict[str, Any]:
        """Everything but what is told by landmark, by name, fit for JSON."""
        apart = ~np.eye(len(self.format), dtype=bool)
        wide = float(np.median((self.high - self.low)[apart])) if apart.any() else None
        return {
            "n_shapes": self.n_shapes,
            "n_subjects": self.n_subjects,
            "resamples": self.resamples,
            "confidence": self.confidence,
            "min_correlation": self.min_correlation,
            "interval_of_these": list(self.kept_interval),
            "interval_of_the_best": list(self.best_interval),
            "median_width_of_affinities": wide,
            "jaccard": self.jaccard,
        }

    def rows(self) -> list[dict[str, Any]]:
        """One row a landmark, the most frequently chosen first."""
        order = np.argsort(-self.frequency, kind="stable")
        return [
            {
                "index": int(i),
                "landmark": self.format.landmarks[i],
                "chosen": bool(i in self.chosen),
                "frequency": float(self.frequency[i]),
            }
            for i in order
        ]


def stability(  # noqa: PLR0913 - what a bootstrap is told
    shapes: ShapeSet | ArrayLike,
    m: int,
    rng: np.random.Generator,
    *,
    subjects: Sequence[str | None] | None = None,
    alignment: str = "centroid-rms",
    resamples: int = 100,
    confidence: float = 0.95,
    on_progress: Progress | None = None,
) -> Stability:
    """How much affinities and chosen landmarks owe to the shapes that happened to be there.

    Shapes are aligned once; a resample costs one product of the matrix of shapes with itself
    and one search. Intervals are percentiles of the resamples.

    Parameters
    ----------
    shapes
        N shapes, or float (N, M, D) with NaN = absent; those without a pair are passed over.
    m
        Number of landmarks to choose.
    rng
        Draws the resamples.
    subjects
        N names; shapes of one are drawn together. A shape without a name is its own subject.
    alignment
        See `datasets.alignment.align`.
    resamples
        B, two at least.
    confidence
        Share of the resamples within the intervals, in (0, 1).

    Raises
    ------
    ShapeMismatchError
        If there are not two subjects, or a pair of landmarks is in too few shapes.
    SelectionError
        If m landmarks cannot be chosen, or `resamples` or `confidence` makes no sense.
    """
    if resamples < 2 or not 0 < confidence < 1:
        problem = "a bootstrap needs two resamples and a confidence between 0 and 1, got"
        raise SelectionError(f"{problem} {resamples} and {confidence}")
    sample = _Sample.of(shapes, subjects, alignment)
    whole = sample.affinity(np.ones(sample.n_subjects))
    chosen = select(whole, m)
    watch = on_progress or ignore_progress
    values, best, kept, sets = [], [], [], []
    for done in range(resamples):
        watch(done, resamples)
        matrix = sample.resample(sample.n_subjects, rng)
        drawn = search(matrix, m)  # by the same rule as the choice: ties would hide what is chosen
        values.append(matrix.values)
        best.append(drawn.min_correlation)
        kept.append(score(matrix, chosen.sparse.chosen).min_correlation)
        sets.append(drawn.sparse.chosen)
    watch(resamples, resamples)
    tail = (1 - confidence) / 2
    low, high = np.quantile(np.array(values), (tail, 1 - tail), axis=0)
    return Stability(
        format=sample.format,
        chosen=chosen.sparse.chosen,
        min_correlation=chosen.min_correlation,
        low=low,
        high=high,
        best_interval=_interval(best, tail),
        kept_interval=_interval(kept, tail),
        frequency=_frequency(sets, len(sample.format)),
        jaccard=float(np.mean(_jaccards(sets))),
        resamples=resamples,
        confidence=confidence,
        n_shapes=len(sample.aligned),
        n_subjects=sample.n_subjects,
    )


@dataclass(frozen=True, slots=True, eq=False)
class CurveSpread:
    """The best c of every budget over B resamples (Yan 2020, fig. 5.16).

    Parameters
    ----------
    budgets
        Values of m.
    values
        float64 (B, len(budgets)): the best c of each resample.
    """

    budgets: tuple[int, ...]
    values: Floats

    @property
    def mean(self) -> Floats:
        """Mean over the resamples, one a budget."""
        return np.asarray(self.values.mean(axis=0))

    @property
    def deviation(self) -> Floats:
        """Standard deviation over the resamples, one a budget."""
        return np.asarray(self.values.std(axis=0, ddof=1))


def curve_spread(  # noqa: PLR0913 - what a bootstrap is told
    shapes: ShapeSet | ArrayLike,
    budgets: Sequence[int],
    rng: np.random.Generator,
    *,
    subjects: Sequence[str | None] | None = None,
    alignment: str = "centroid-rms",
    resamples: int = 10,
    on_progress: Progress | None = None,
) -> CurveSpread:
    """How much the budget curve owes to the shapes that happened to be there.

    A resample has each shape less often than the data it is drawn from, and its best c is a
    little higher: the spread is that of c, the mean is not free of this.

    Parameters
    ----------
    shapes, rng, subjects, alignment, on_progress
        See `stability`.
    budgets
        Values of m.
    resamples
        B, two at least; the thesis takes 10.

    Raises
    ------
    ShapeMismatchError, SelectionError
        As for `stability`.
    """
    if resamples < 2:
        raise SelectionError(f"a spread needs two resamples, got {resamples}")
    sample = _Sample.of(shapes, subjects, alignment)
    watch = on_progress or ignore_progress
    values = np.empty((resamples, len(budgets)))
    for done in range(resamples):
        watch(done, resamples)
        matrix = sample.resample(sample.n_subjects, rng)
        values[done] = [_chosen(matrix, m)[1] for m in budgets]
    watch(resamples, resamples)
    return CurveSpread(tuple(budgets), values)


def how_many_shapes(  # noqa: PLR0913 - what a bootstrap is told
    shapes: ShapeSet | ArrayLike,
    m: int,
    rng: np.random.Generator,
    *,
    subjects: Sequence[str | None] | None = None,
    alignment: str = "centroid-rms",
    sizes: Sequence[int] | None = None,
    resamples: int = 20,
    on_progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """How many dense images a stable choice needs: what sets chosen on n of them are worth on all.

    Parameters
    ----------
    shapes, m, rng, subjects, alignment, on_progress
        See `stability`.
    sizes
        Numbers of subjects to draw, with replacement; left out, 10 and its doubles up to all.
    resamples
        Draws of each size.

    Returns
    -------
    One row a size: ``subjects``; ``shapes`` (mean number drawn); ``draws`` that could be used (a
    pair of landmarks may be in too few shapes); ``jaccard``, mean index of two draws' sets;
    ``jaccard_to_all``, that to the set of all shapes; ``min_correlation``, mean c of the sets on
    all shapes; ``loss``, how much the best c is above; ``optimism``, how much c on the draw is.

    Raises
    ------
    ShapeMismatchError, SelectionError
        As for `stability`.
    """
    sample = _Sample.of(shapes, subjects, alignment)
    whole = sample.affinity(np.ones(sample.n_subjects))
    best = select(whole, m)
    wanted = _doubles(sample.n_subjects) if sizes is None else sorted(set(sizes))
    if resamples < 2 or any(n < 1 for n in wanted):
        problem = f"resamples must be 2 and sizes 1 at least, got {resamples} and {list(wanted)}"
        raise SelectionError(problem)
    watch = on_progress or ignore_progress
    rows = []
    for done, n in enumerate(wanted):
        watch(done, len(wanted))
        draws = [_draw(sample, n, m, rng) for _ in range(resamples)]
        usable = [draw for draw in draws if draw is not None]
        sets = [chosen for chosen, _, _ in usable]
        worth = [score(whole, chosen).min_correlation for chosen in sets]
        to_all = [_jaccard(chosen, best.sparse.chosen) for chosen in sets]
        row = {
            "subjects": n,
            "shapes": _mean([drawn for _, _, drawn in usable]),
            "draws": len(usable),
            "jaccard": _mean(_jaccards(sets)),
            "jaccard_to_all": _mean(to_all),
            "min_correlation": _mean(worth),
            "loss": _mean([best.min_correlation - c for c in worth]),
            "optimism": _mean([found - c for (_, found, _), c in zip(usable, worth, strict=True)]),
        }
        rows.append(row)
    watch(len(wanted), len(wanted))
    return rows


def enough(rows: Sequence[Mapping[str, Any]]) -> int | None:
    """The fewest subjects from which on every size loses less than `ENOUGH` of the best c.

    `rows` are what `how_many_shapes` gives; None where no size does, or where there are fewer
    than `FEWEST` subjects.
    """
    fewest = None
    for row in reversed(rows):
        if row["loss"] is None or row["loss"] >= ENOUGH or row["subjects"] < FEWEST:
            break
        fewest = int(row["subjects"])
    return fewest


def cautions(n_subjects: int) -> tuple[str, ...]:
    """What makes draws of so many subjects doubtful, in sentences."""
    if n_subjects >= FEWEST:
        return ()
    return (
        f"{n_subjects} subjects: draws of fewer than {FEWEST} can hardly differ, "
        "so the choice looks steadier than it is.",
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Sample:
    """Aligned shapes (N, M, D), and which of the subjects each belongs to."""

    format: LandmarkFormat
    aligned: Floats
    alignment: str
    group: NDArray[np.intp]
    n_subjects: int

    @classmethod
    def of(
        cls, shapes: ShapeSet | ArrayLike, subjects: Sequence[str | None] | None, alignment: str
    ) -> "_Sample":
        known = shapes if isinstance(shapes, ShapeSet) else ShapeSet.from_points(shapes)
        group = _groups(subjects, len(known))
        group = group[present_landmarks(known.points).sum(axis=1) >= 2]
        names, group = np.unique(group, return_inverse=True)
        if len(names) < 2:
            raise ShapeMismatchError(f"a bootstrap needs two subjects or shapes, got {len(names)}")
        aligned = align(points_with_pairs(known.points), alignment)
        return cls(known.format, aligned, alignment, group, len(names))

    def resample(self, n: int, rng: np.random.Generator) -> AffinityMatrix:
        """Affinities of n subjects drawn with replacement."""
        drawn = rng.integers(0, self.n_subjects, n)
        return self.affinity(np.bincount(drawn, minlength=self.n_subjects))

    def affinity(self, times: ArrayLike) -> AffinityMatrix:
        """Affinities of the shapes where each subject counts so many times."""
        weights = np.asarray(times, dtype=np.float64)[self.group]
        used = weights > 0
        moments = Moments.from_points(self.aligned[used], self.alignment, weights=weights[used])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FewmarkWarning)  # all shapes together have their own
            return affinity_from_moments(moments, landmark_format=self.format)


def _groups(subjects: Sequence[str | None] | None, N: int) -> NDArray[np.intp]:
    """A number for each shape, the same for those of one subject."""
    if subjects is None:
        return np.arange(N)
    if len(subjects) != N:
        raise ShapeMismatchError(f"{len(subjects)} subjects for {N} shapes")
    numbers: dict[tuple[str, str], int] = {}
    keys = [
        ("shape", str(i)) if pd.isna(name) else ("subject", str(name))
        for i, name in enumerate(subjects)
    ]
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.intp)


def _draw(
    sample: _Sample, n: int, m: int, rng: np.random.Generator
) -> tuple[tuple[int, ...], float, int] | None:
    """What n subjects choose, its c on them, and how many shapes they have; None if too few."""
    try:
        matrix = sample.resample(n, rng)
    except ShapeMismatchError:
        return None
    return *_chosen(matrix, m), matrix.n_shapes or 0


def _chosen(matrix: AffinityMatrix, m: int) -> tuple[tuple[int, ...], float]:
    """A set with the best c, any of them, and that c: to break ties costs twenty times as much."""
    centers = k_center(matrix.distance, m).centers
    return centers, score(matrix, centers).min_correlation


def _doubles(largest: int) -> list[int]:
    sizes = [10 * 2**k for k in range(64) if 10 * 2**k < largest]
    return [*sizes, largest]


def _interval(values: Sequence[float], tail: float) -> Interval:
    low, high = np.quantile(values, (tail, 1 - tail))
    return float(low), float(high)


def _frequency(sets: Sequence[tuple[int, ...]], M: int) -> Floats:
    counts = np.bincount(np.concatenate([np.array(s) for s in sets]), minlength=M)
    return np.asarray(counts / len(sets))


def _jaccard(a: Sequence[int], b: Sequence[int]) -> float:
    return len({*a} & {*b}) / len({*a} | {*b})


def _jaccards(sets: Sequence[tuple[int, ...]]) -> list[float]:
    return [_jaccard(a, b) for a, b in itertools.combinations(sets, 2)]


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
