"""Choosing the sparse format: the m landmarks that leave no landmark without a close relative.

The criterion is c (see `correlation.scores`), the search is exact (Yan 2020, eq. 5.4 to 5.6).
"""

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from correlation.certificates import Certificate, certify
from correlation.demands import Demands, demands_of, table_from_demands
from correlation.kcenter import KCenterResult, OnBounds, break_ties, k_center
from correlation.linear_error import ExpectedError, table_from_expected
from correlation.matrix import AffinityMatrix
from correlation.mip import fewest
from correlation.scores import Score, as_matrix, score, served_affinity
from correlation.ties import Ties, ties_of
from datasets.errors import SelectionError
from datasets.formats import LandmarkFormat

CRITERION = "k-center"

# Choosing among optimal sets is worth this much waiting where no limit is given.
_TIES_LIMIT_S = 20.0

_FREE = Demands()


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
    demands
        What had to be obeyed.
    n_shapes, alignment
        Of the affinity matrix; None where unknown.
    certificate
        Why c cannot be larger; None where that was not asked, not proven, or plain.
    ties
        How many sets have the same c, and what they share; None where that was not asked.
    flip
        Whether a landmark also serves the others as the one it mirrors.
    expected
        The error to expect on new shapes; None where that was not asked.
    criterion
        What was searched for.
    """

    proven: bool
    bound: float
    ties_broken: bool
    seconds: float
    demands: Demands
    n_shapes: int | None
    alignment: str | None
    certificate: Certificate | None = None
    ties: Ties | None = None
    flip: bool = False
    expected: ExpectedError | None = None
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
            **self._told(names),
            **table_from_expected(self.expected),
            **table_from_demands(self.demands, names),
            "flip": self.flip or None,
            "n_shapes": self.n_shapes,
            "alignment": self.alignment,
            "seconds": round(self.seconds, 3),
        }
        return {name: value for name, value in values.items() if value is not None}

    def _told(self, names: Sequence[str]) -> dict[str, Any]:
        proof = None if self.certificate is None else self.certificate.sentence(names)
        if self.ties is None:
            return {"certificate": proof}
        return {
            "certificate": proof,
            "equally_good": self.ties.count,
            "more_equally_good": self.ties.capped or None,
            "in_all_of_them": [names[i] for i in self.ties.forced],
        }

    def save(self, path: str | Path) -> None:
        """Write the sparse format as TOML, with `details` beside it."""
        self.sparse.save(path, self.details())


def select(  # noqa: PLR0913 - one argument a demand
    affinity: AffinityMatrix | ArrayLike,
    m: int,
    include: Iterable[int | str] = (),
    exclude: Iterable[int | str] = (),
    time_limit_s: float | None = None,
    *,
    pairs: bool = False,
    at_least: Mapping[str, int] | None = None,
    cost: Mapping[int | str, float] | Sequence[float] | None = None,
    most_cost: float = math.inf,
    flip: bool = False,
    on_bounds: OnBounds | None = None,
) -> Selection:
    """Choose the m landmarks with the largest c, proven (Yan 2020, eq. 5.4 to 5.6).

    Among the many sets with the same c it takes the one with the largest mean affinity, then
    the one whose landmarks are closest to all, then the one with the smallest indices.

    Parameters
    ----------
    affinity
        An affinity matrix, or its values (M, M).
    m
        Number of landmarks to choose, 1 to M; the most where groups or costs are demanded.
    include, exclude, pairs, at_least, cost, most_cost
        What the choice must obey, see `correlation.demands.demands_of`.
    time_limit_s
        After so many seconds the best set so far is returned with ``proven=False``; None waits.
    flip
        Whether a landmark also serves the others as the one it mirrors, as it does where mirrored
        pictures are learnt from (`correlation.scores.served_affinity`).
    on_bounds
        Told while the search runs the largest c found and what no choice exceeds.

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
    matrix = as_matrix(affinity)
    demands = demands_of(
        matrix.format,
        include=include,
        exclude=exclude,
        pairs=pairs,
        at_least=at_least,
        cost=cost,
        most_cost=most_cost,
    )
    if time_limit_s is not None and not time_limit_s >= 0:  # also where NaN
        raise SelectionError(f"a time limit must not be negative, got {time_limit_s}")
    return search(
        matrix,
        m,
        demands,
        time_limit_s=time_limit_s,
        flip=flip,
        explain=True,
        on_bounds=on_bounds,
    )


def search(  # noqa: PLR0913 - what one search may be asked
    matrix: AffinityMatrix,
    m: int,
    demands: Demands = _FREE,
    *,
    time_limit_s: float | None = None,
    flip: bool = False,
    ties: bool = True,
    explain: bool = False,
    on_bounds: OnBounds | None = None,
) -> Selection:
    """What `select` does, for demands that are made already.

    Parameters
    ----------
    ties
        Whether ties are broken; otherwise any optimal set is taken.
    explain
        Whether a certificate is given and ties are counted.
    """
    began = time.perf_counter()
    require_possible(matrix.format, m, demands)
    distance = 1.0 - served_affinity(matrix, flip=flip)
    result = k_center(
        distance,
        m,
        demands,
        time_limit_s=time_limit_s,
        directed=flip,
        on_bounds=on_bounds and (lambda low, high: on_bounds(1.0 - high, 1.0 - low)),
    )
    if ties:
        left = _TIES_LIMIT_S if time_limit_s is None else time_limit_s - result.seconds
        result = break_ties(distance, result, m, demands, time_limit_s=max(left, 0.0))
    found = score(matrix, result.centers, flip=flip)
    selection = Selection(
        sparse=found.sparse,
        min_correlation=found.min_correlation,
        mean_correlation=found.mean_correlation,
        bottleneck=found.bottleneck,
        proven=result.proven,
        bound=found.min_correlation if result.proven else 1.0 - result.bound,
        ties_broken=result.ties_broken,
        seconds=time.perf_counter() - began,
        demands=demands,
        n_shapes=matrix.n_shapes,
        alignment=matrix.alignment,
        flip=flip,
    )
    return _explained(selection, distance, result, m) if explain and result.proven else selection


def _explained(
    selection: Selection, distance: ArrayLike, result: KCenterResult, m: int
) -> Selection:
    return replace(
        selection,
        certificate=certify(distance, result.radius, m, selection.demands),
        ties=ties_of(distance, result, m, selection.demands),
    )


def require_possible(known: LandmarkFormat, m: int, demands: Demands) -> None:
    """Refuse demands that no choice of at most m landmarks meets, and say what is in the way.

    Raises
    ------
    SelectionError
        If there is no such choice.
    """
    M, include, exclude = len(known), demands.include, demands.exclude
    if not 1 <= m <= M:
        raise SelectionError(f"cannot choose {m} of the {M} landmarks of {known.name}")
    if len(include) > m:
        problem = f"{len(include)} landmarks must be included, but only {m} can be chosen"
        raise SelectionError(f"{problem}: raise m or include fewer")
    if demands.simple and m > M - len(exclude):
        problem = f"{m} landmarks are to be chosen, but only {M - len(exclude)} of {M} are left"
        raise SelectionError(f"{problem} after {len(exclude)} were excluded")
    if demands.simple or _can(M, m, demands):
        return
    needed = fewest(M, demands)
    if needed is not None and len(needed) > m:
        problem = f"what is demanded takes {len(needed)} landmarks at least, and m is {m}"
        raise SelectionError(f"{problem}: raise m, or demand less of {_in_the_way(M, m, demands)}")
    problem = "no choice meets all demands, whatever m is; one does without "
    raise SelectionError(f"{problem}{_in_the_way(M, M, demands)}{_price(M, demands)}")


def _can(M: int, m: int, demands: Demands) -> bool:
    """Whether some choice of 1 to m landmarks meets the demands."""
    some = replace(demands, at_least=(*demands.at_least, (tuple(range(M)), 1)))
    needed = fewest(M, some)
    return needed is not None and len(needed) <= m


_PARTS: Mapping[str, Mapping[str, Any]] = {
    "the landmarks that are included": {"include": ()},
    "the landmarks that are excluded": {"exclude": ()},
    "pairs together": {"together": ()},
    "the numbers of components": {"at_least": ()},
    "the most cost": {"most_cost": math.inf},
}


def _in_the_way(M: int, m: int, demands: Demands) -> str:
    """The demands without any one of which the others could be met."""
    ways = [what for what, none in _PARTS.items() if _can(M, m, replace(demands, **none))]
    return " or ".join(ways) or "several demands at once"


def _price(M: int, demands: Demands) -> str:
    cheapest = fewest(M, replace(demands, most_cost=math.inf), cheapest=True)
    if cheapest is None or math.isinf(demands.most_cost):
        return ""
    return f" (what else is demanded costs {demands.price(cheapest):g} at least)"
