"""Choosing the sparse format: the m landmarks that leave no landmark without a close relative.

The criterion is c, the smallest affinity of a landmark that is not chosen to its best chosen one
(Yan 2020, eq. 5.4 and 5.5). It is a guarantee for the worst landmark on the shapes it was
computed from, not a forecast of the error: among formats of equal m it hardly tells the better
ones, and on new shapes a searched format's c is a little lower.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from correlation.affinity import AffinityMatrix
from correlation.kcenter import KCenterResult, break_ties, k_center
from datasets.errors import SelectionError, UnknownNameError
from datasets.formats import LandmarkFormat, SparseFormat, predefined_formats
from datasets.progress import Progress, ignore_progress

CRITERION = "k-center"

# Choosing among optimal sets is worth this much waiting where no limit is given.
_TIES_LIMIT_S = 20.0


@dataclass(frozen=True, slots=True)
class Score:
    """How well chosen landmarks represent the others, by an affinity matrix.

    Parameters
    ----------
    sparse
        The chosen landmarks, and who represents whom.
    min_correlation
        c: the smallest affinity of a landmark that is not chosen to its best chosen one;
        1 where all are chosen.
    mean_correlation
        The mean of the same affinities.
    bottleneck
        Index of the landmark that c belongs to; None where all are chosen.
    """

    sparse: SparseFormat
    min_correlation: float
    mean_correlation: float
    bottleneck: int | None

    @property
    def bottleneck_name(self) -> str | None:
        """Name of the landmark that c belongs to."""
        return None if self.bottleneck is None else self.sparse.dense.landmarks[self.bottleneck]


@dataclass(frozen=True, slots=True)
class Selection(Score):
    """A searched sparse format, what is proven about it, and what it rests on.

    Parameters
    ----------
    proven
        Whether no other format that meets the demands has a larger c.
    bound
        Proven: no format that meets the demands has a c above this.
    ties_broken
        Whether the set is proven to be the first of all with this c: by `mean_correlation`,
        then by affinity of the chosen to all, then by smallest indices.
    seconds
        Wall time.
    include, exclude
        Landmarks that had to be and could not be chosen.
    n_shapes, alignment
        Of the affinity matrix; None where unknown.
    criterion
        What was searched for.
    """

    proven: bool
    bound: float
    ties_broken: bool
    seconds: float
    include: tuple[int, ...]
    exclude: tuple[int, ...]
    n_shapes: int | None
    alignment: str | None
    criterion: str = CRITERION

    @property
    def gap(self) -> float:
        """How much larger c could be at best, bound - c."""
        return self.bound - self.min_correlation

    def details(self) -> dict[str, Any]:
        """Everything but the format, by name, fit for TOML and JSON; unknowns are left out."""
        names = self.sparse.dense.landmarks
        values = {
            "criterion": self.criterion,
            "min_correlation": self.min_correlation,
            "mean_correlation": self.mean_correlation,
            "bottleneck": self.bottleneck_name,
            "proven": self.proven,
            "bound": self.bound,
            "gap": self.gap,
            "ties_broken": self.ties_broken,
            "include": [names[i] for i in self.include],
            "exclude": [names[i] for i in self.exclude],
            "n_shapes": self.n_shapes,
            "alignment": self.alignment,
            "seconds": round(self.seconds, 3),
        }
        return {name: value for name, value in values.items() if value is not None}

    def save(self, path: str | Path) -> None:
        """Write the sparse format as TOML, with `details` beside it."""
        self.sparse.save(path, self.details())


@dataclass(frozen=True, slots=True)
class BudgetCurve:
    """The best c for a series of budgets (Yan 2020, fig. 5.16).

    Parameters
    ----------
    selections
        One for each budget, in increasing order of m.
    """

    selections: tuple[Selection, ...]

    @property
    def budgets(self) -> tuple[int, ...]:
        """The values of m."""
        return tuple(len(s.sparse) for s in self.selections)

    @property
    def min_correlations(self) -> tuple[float, ...]:
        """The best c of each budget."""
        return tuple(s.min_correlation for s in self.selections)

    def rows(self) -> list[dict[str, Any]]:
        """One row a budget: m, c, whether it is proven, bound and chosen landmarks."""
        return [
            {
                "m": len(s.sparse),
                "min_correlation": s.min_correlation,
                "mean_correlation": s.mean_correlation,
                "proven": s.proven,
                "bound": s.bound,
                "chosen": " ".join(s.sparse.names),
            }
            for s in self.selections
        ]


def select(
    affinity: AffinityMatrix | ArrayLike,
    m: int,
    include: Iterable[int | str] = (),
    exclude: Iterable[int | str] = (),
    time_limit_s: float | None = None,
) -> Selection:
    """Choose the m landmarks with the largest c, proven (Yan 2020, eq. 5.4 to 5.6).

    Among the many sets with the same c it takes the one with the largest mean affinity, then
    the one whose landmarks are closest to all, then the one with the smallest indices.

    Parameters
    ----------
    affinity
        An affinity matrix, or its values (M, M).
    m
        Number of landmarks to choose, 1 to M.
    include, exclude
        Landmarks that must and must not be chosen, by index or name. With what is annotated
        already included, this extends an existing format.
    time_limit_s
        After so many seconds the best set so far is returned with ``proven=False``; None waits.

    Raises
    ------
    SelectionError
        If no choice meets the demands, a landmark is not known, or the limit is negative.

    Examples
    --------
    >>> chosen = select([[1.0, 0.9, 0.2], [0.9, 1.0, 0.3], [0.2, 0.3, 1.0]], 2)
    >>> chosen.sparse.chosen, chosen.min_correlation
    ((1, 2), 0.9)
    """
    matrix = _as_matrix(affinity)
    must, mustnot = _indices(matrix.format, include), _indices(matrix.format, exclude)
    _require_possible(matrix.format, m, must, mustnot)
    if time_limit_s is not None and not time_limit_s >= 0:  # also where NaN
        raise SelectionError(f"a time limit must not be negative, got {time_limit_s}")
    return _selected(matrix, m, must, mustnot, time_limit_s)


def score(affinity: AffinityMatrix | ArrayLike, chosen: Iterable[int | str]) -> Score:
    """Score given landmarks: those of a predefined format, or of a searched one on other shapes.

    Raises
    ------
    SelectionError
        If no landmark is chosen or one is not known.
    """
    matrix = _as_matrix(affinity)
    indices = _indices(matrix.format, chosen)
    if not indices:
        raise SelectionError("no landmark is chosen")
    to_chosen = matrix.values[:, list(indices)]
    represented_by = np.asarray(indices)[to_chosen.argmax(axis=1)]
    represented_by[list(indices)] = indices  # also where a twin has affinity 1
    sparse = SparseFormat(matrix.format, indices, tuple(int(i) for i in represented_by))
    rest = np.array(sparse.rest, dtype=int)
    if rest.size == 0:
        return Score(sparse, 1.0, 1.0, None)
    best = to_chosen[rest].max(axis=1)
    worst = int(rest[best.argmin()])
    return Score(sparse, float(best.min()), float(best.mean()), worst)


def predefined_scores(affinity: AffinityMatrix) -> dict[str, Score]:
    """Scores of the known formats that are part of this one, such as MAFL's five."""
    known = predefined_formats(affinity.format)
    return {name: score(affinity, indices) for name, indices in known.items()}


def budget_curve(
    affinity: AffinityMatrix | ArrayLike,
    budgets: Sequence[int] | None = None,
    on_progress: Progress | None = None,
    *,
    ties: bool = True,
) -> BudgetCurve:
    """The best c for every budget m.

    Parameters
    ----------
    affinity
        An affinity matrix, or its values (M, M).
    budgets
        Values of m; 1 to M when left out.
    on_progress
        Told the number of budgets done.
    ties
        False takes any optimal set of each budget: the same c, several times faster.

    Raises
    ------
    SelectionError
        If a budget is not between 1 and M.
    """
    matrix = _as_matrix(affinity)
    wanted = sorted(set(range(1, len(matrix) + 1) if budgets is None else budgets))
    for m in wanted:
        _require_possible(matrix.format, m, (), ())
    selections = []
    watch = on_progress or ignore_progress
    for done, m in enumerate(wanted):
        watch(done, len(wanted))
        selections.append(_selected(matrix, m, (), (), None, ties=ties))
    watch(len(wanted), len(wanted))
    return BudgetCurve(tuple(selections))


def points_saved(M: int, m: int, N: int, n: int) -> int:
    """Points nobody has to mark: (M - m)(N - n) (Yan 2020, sec. 5.5.2).

    N images in all get the m sparse landmarks; only n of them all M.
    """
    return (M - m) * (N - n)


def _selected(
    matrix: AffinityMatrix,
    m: int,
    include: tuple[int, ...],
    exclude: tuple[int, ...],
    time_limit_s: float | None,
    *,
    ties: bool = True,
) -> Selection:
    began = time.perf_counter()
    result = k_center(
        matrix.distance, m, include=include, exclude=exclude, time_limit_s=time_limit_s
    )
    if ties:
        result = _with_ties_broken(matrix, result, include, exclude, time_limit_s)
    found = score(matrix, result.centers)
    bound = found.min_correlation if result.proven else 1.0 - result.bound
    return Selection(
        sparse=found.sparse,
        min_correlation=found.min_correlation,
        mean_correlation=found.mean_correlation,
        bottleneck=found.bottleneck,
        proven=result.proven,
        bound=bound,
        ties_broken=result.ties_broken,
        seconds=time.perf_counter() - began,
        include=include,
        exclude=exclude,
        n_shapes=matrix.n_shapes,
        alignment=matrix.alignment,
    )


def _with_ties_broken(
    matrix: AffinityMatrix,
    result: KCenterResult,
    include: tuple[int, ...],
    exclude: tuple[int, ...],
    time_limit_s: float | None,
) -> KCenterResult:
    limit = _TIES_LIMIT_S if time_limit_s is None else time_limit_s - result.seconds
    return break_ties(
        matrix.distance, result, include=include, exclude=exclude, time_limit_s=max(limit, 0.0)
    )


def _as_matrix(affinity: AffinityMatrix | ArrayLike) -> AffinityMatrix:
    return (
        affinity if isinstance(affinity, AffinityMatrix) else AffinityMatrix.from_values(affinity)
    )


def _indices(known: LandmarkFormat, landmarks: Iterable[int | str]) -> tuple[int, ...]:
    """Increasing indices of landmarks given by index or name."""
    indices: set[int] = set()
    for landmark in [landmarks] if isinstance(landmarks, str) else landmarks:
        try:
            index = known.index_of(landmark) if isinstance(landmark, str) else int(landmark)
        except UnknownNameError as error:
            raise SelectionError(str(error)) from error
        if not 0 <= index < len(known):
            problem = f"{known.name} has no landmark {index}; they are counted 0 to"
            raise SelectionError(f"{problem} {len(known) - 1}")
        indices.add(index)
    return tuple(sorted(indices))


def _require_possible(
    known: LandmarkFormat, m: int, include: Sequence[int], exclude: Sequence[int]
) -> None:
    M = len(known)
    both = sorted(set(include) & set(exclude))
    if both:
        raise SelectionError(f"{known.landmarks[both[0]]} is both included and excluded")
    if not 1 <= m <= M:
        raise SelectionError(f"cannot choose {m} of the {M} landmarks of {known.name}")
    if len(include) > m:
        problem = f"{len(include)} landmarks must be included, but only {m} can be chosen"
        raise SelectionError(f"{problem}: raise m or include fewer")
    if m > M - len(exclude):
        problem = f"{m} landmarks are to be chosen, but only {M - len(exclude)} of {M} are left"
        raise SelectionError(f"{problem} after {len(exclude)} were excluded")
