"""How well chosen landmarks represent the others: the thesis' criterion c, for any choice.

c is the smallest affinity of a landmark that is not chosen to its best chosen one (Yan 2020,
eq. 5.4). It is a guarantee for the worst landmark on the shapes it was computed from, not a
forecast of the error: among formats of equal m it hardly tells the better ones, and on new shapes
a searched format's c is a little lower.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from correlation.demands import indices_of
from correlation.matrix import AffinityMatrix
from datasets.errors import SelectionError
from datasets.formats import SparseFormat, predefined_formats


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


def as_matrix(affinity: AffinityMatrix | ArrayLike) -> AffinityMatrix:
    """An affinity matrix, also from its plain values."""
    return (
        affinity if isinstance(affinity, AffinityMatrix) else AffinityMatrix.from_values(affinity)
    )


def served_affinity(matrix: AffinityMatrix, *, flip: bool) -> NDArray[np.float64]:
    """Affinity of landmark i (row) to what it gets from chosen landmark j (column), (M, M).

    With `flip`, a landmark that is marked in a picture is marked in its mirror image as well, so
    j also serves as the landmark it mirrors: the larger of A_ij and A_i,mirror(j).
    """
    values = matrix.values
    return np.maximum(values, values[:, list(matrix.format.mirror)]) if flip else values


def score(
    affinity: AffinityMatrix | ArrayLike, chosen: Iterable[int | str], *, flip: bool = False
) -> Score:
    """Score given landmarks: those of a predefined format, or of a searched one on other shapes.

    Parameters
    ----------
    affinity
        An affinity matrix, or its values (M, M).
    chosen
        Landmarks by index or name.
    flip
        See `served_affinity`.

    Raises
    ------
    SelectionError
        If no landmark is chosen or one is not known.
    """
    matrix = as_matrix(affinity)
    indices = indices_of(matrix.format, chosen)
    if not indices:
        raise SelectionError("no landmark is chosen")
    to_chosen = served_affinity(matrix, flip=flip)[:, list(indices)]
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
