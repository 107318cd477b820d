"""Ridge regression of a landmark's move on what is seen around it and its neighbours."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from weaksup.appearance import Described

_COMPONENTS = 24  # principal components of a landmark's description
_NEIGHBOURS = 6
_REACH = 0.2  # of a neighbour's weight, a Gaussian's width in parts of the shape's radius

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """Descriptions made small: principal components, and for R landmarks those nearby.

    Parameters
    ----------
    centre, basis
        float64 (M, F) and (M, F, q), the latter scaled to components of a total variance of 1.
    near, weight
        (R, k): indices of the landmarks nearest to each of the R, itself first, and what their
        components are multiplied by.
    """

    centre: Array
    basis: Array
    near: NDArray[np.intp]
    weight: Array

    @classmethod
    def fit(cls, described: Described, mean: Array, rest: Sequence[int]) -> "Surroundings":
        """Learn from descriptions (S, M, F) what is told of the landmarks `rest`."""
        centre = described.mean(axis=0, dtype=np.float64)
        count = min(_COMPONENTS, len(described) - 1)
        basis = np.stack(
            [_components(described[:, k] - centre[k], count) for k in range(len(mean))]
        )
        radius = np.sqrt(np.square(mean).sum(axis=1).mean())
        apart = np.linalg.norm(mean[list(rest), None] - mean[None], axis=2) / radius
        near = np.argsort(apart, axis=1, kind="stable")[:, :_NEIGHBOURS]
        weight = np.exp(-np.square(np.take_along_axis(apart, near, axis=1) / _REACH) / 2)
        return cls(centre, basis, near, weight / np.linalg.norm(weight, axis=1, keepdims=True))

    def told(self, described: Described) -> Array:
        """Descriptions (S, M, F) as what is regressed on, (R, S, k q)."""
        parts = np.einsum("smf,mfq->msq", described - self.centre, self.basis, optimize=True)
        chosen = parts[self.near] * self.weight[:, :, None, None]
        R, k, S, q = chosen.shape
        return np.asarray(chosen.transpose(0, 2, 1, 3).reshape(R, S, k * q))


def _components(offsets: Array, count: int) -> Array:
    """The first principal directions of offsets (S, F), scaled by their total deviation."""
    values, vectors = np.linalg.eigh(offsets.T @ offsets / len(offsets))
    spread = np.sqrt(max(values[-count:].sum(), np.finfo(float).tiny))
    return np.asarray(vectors[:, ::-1][:, :count] / spread)


def solve(told: Array, moves: Array, penalties: Sequence[float]) -> Array:
    """Coefficients (P, R, p, 2) of the ridge from `told` (R, S, p) to moves (S, R, 2)."""
    R, S, p = told.shape
    found = np.empty((len(penalties), R, p, 2))
    for landmark, known in enumerate(told):
        gram, aim = known.T @ known, known.T @ moves[:, landmark]
        for number, penalty in enumerate(penalties):
            found[number, landmark] = np.linalg.solve(gram + penalty * S * np.eye(p), aim)
    return found


def predict(told: Array, coefficients: Array) -> Array:
    """Moves (S, R, 2) from `told` (R, S, p) and coefficients (R, p, 2)."""
    return np.asarray((told @ coefficients).transpose(1, 0, 2))
