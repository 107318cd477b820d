"""Choices of m landmarks to compare: searched, worst, by chance, and of the catalogue."""

import numpy as np

from correlation.error_selection import select_for_error
from correlation.matrix import AffinityMatrix
from correlation.selection import search
from datasets.errors import SelectionError
from datasets.formats import predefined_formats
from datasets.shapes import ShapeSet
from weaksup.experiments.grid import EXPECTED_ERROR, K_CENTER, RANDOM, WORST


def chosen_landmarks(
    name: str, m: int, shapes: ShapeSet, matrix: AffinityMatrix, seed: int
) -> tuple[int, ...]:
    """The m landmarks that a kind of format chooses, increasing.

    Parameters
    ----------
    name
        One of `weaksup.experiments.grid.SEARCHED`, or a format of the catalogue.
    shapes, matrix
        Complete shapes to search on, and their affinities.
    seed
        Of ``random``.

    Raises
    ------
    SelectionError
        If m is more than there are.
    """
    M = len(matrix.format)
    if not 1 <= m <= M:
        raise SelectionError(f"cannot choose {m} of the {M} landmarks of {matrix.format.name}")
    if name == K_CENTER:
        return search(matrix, m).sparse.chosen
    if name == EXPECTED_ERROR:
        return select_for_error(shapes, m, affinity=matrix).sparse.chosen
    if name == WORST:
        return worst_landmarks(matrix, m)
    if name == RANDOM:
        drawn = np.random.default_rng((seed, m)).permutation(M)[:m]
        return tuple(int(i) for i in np.sort(drawn))
    return predefined_formats(matrix.format)[name]


def worst_landmarks(matrix: AffinityMatrix, m: int) -> tuple[int, ...]:
    """The m landmarks with the smallest c: those most foreign to one that they leave alone.

    A landmark's best affinity to m others is least for the m with the smallest affinities to it.
    """
    others = matrix.values.copy()
    np.fill_diagonal(others, np.inf)
    order = np.argsort(others, axis=1)[:, :m]
    left_alone = int(np.take_along_axis(others, order[:, -1:], axis=1).argmin())
    return tuple(sorted(int(i) for i in order[left_alone]))
