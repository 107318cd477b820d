"""The budget curve: the best c for every number of landmarks m (Yan 2020, fig. 5.16)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike

from correlation.matrix import AffinityMatrix
from correlation.scores import as_matrix
from correlation.selection import Selection, search
from datasets.progress import Progress, ignore_progress


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

    @property
    def worthwhile(self) -> tuple[int, ...]:
        """The budgets that pay: no mixture of a smaller and a larger one gives as much c.

        These are the corners of the curve's upper convex hull, such as 9 instead of 8.
        """
        corners: list[tuple[int, float]] = []
        for m, c in zip(self.budgets, self.min_correlations, strict=True):
            while len(corners) > 1 and _bends_up(corners[-2], corners[-1], (m, c)):
                corners.pop()
            corners.append((m, c))
        return tuple(m for m, _ in corners)

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


def _bends_up(a: tuple[int, float], b: tuple[int, float], c: tuple[int, float]) -> bool:
    """Whether b lies on or below the line from a to c."""
    return (b[1] - a[1]) * (c[0] - a[0]) <= (c[1] - a[1]) * (b[0] - a[0])


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
    matrix = as_matrix(affinity)
    wanted = sorted(set(range(1, len(matrix) + 1) if budgets is None else budgets))
    selections = []
    watch = on_progress or ignore_progress
    for done, m in enumerate(wanted):
        watch(done, len(wanted))
        selections.append(search(matrix, m, ties=ties))
    watch(len(wanted), len(wanted))
    return BudgetCurve(tuple(selections))
