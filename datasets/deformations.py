"""How shapes bend: smooth deformations, and what place, size and orientation do to a shape."""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from datasets.moments import Moments

_REACH = 0.9  # of smooth deformations, in root mean square radii of the mean shape

Array = NDArray[np.float64]


def regularised_covariance(moments: Moments, ridge: float, prior_shapes: float) -> Array:
    r"""Covariance of few shapes, with smooth deformations and a ridge added: positive definite.

    :math:`(n S + \nu K) / (n + \nu) + \rho v I`, with S the covariance of the n shapes, v its mean
    variance, and :math:`K_{ij} = v \exp(-d_{ij}^2 / 2 r^2) I` the smooth deformations of the mean
    shape, in which landmarks at a distance d move alike (Lüthi et al. 2018, sec. 3.2); r is 0.9
    of its root mean square radius. Negative directions, which absences can cause, are set to 0.

    Parameters
    ----------
    moments
        Of aligned shapes.
    ridge
        rho, variance of every coordinate by itself, as a share of v.
    prior_shapes
        nu, the number of shapes that the smooth deformations count for.

    Returns
    -------
    float64 (M, D, M, D) in the square of the shapes' unit.
    """
    sample = moments.covariance
    M, D = sample.shape[:2]
    variance = float(np.einsum("idid->", sample)) / (M * D)
    distances = np.linalg.norm(moments.mean[:, None] - moments.mean[None], axis=2)
    reach = _REACH * float(np.linalg.norm(moments.mean - moments.mean.mean(axis=0))) / M**0.5
    smooth = np.einsum("ij,ab->iajb", np.exp(-np.square(distances / reach) / 2), np.eye(D))
    weight = prior_shapes / (moments.n_shapes + prior_shapes)
    mixed = (1 - weight) * sample + weight * variance * smooth
    values, vectors = np.linalg.eigh(mixed.reshape(M * D, M * D))
    floored = np.maximum(values, 0.0) + ridge * variance
    return np.asarray((vectors * floored) @ vectors.T).reshape(sample.shape)


def similarity_modes(shape: Array) -> Array:
    """Moves of a shape's coordinates under small shifts, scale and rotations, (M D, modes)."""
    M, D = shape.shape
    shifts = [np.tile(axis, (M, 1)) for axis in np.eye(D)]
    turns = []
    for a, b in combinations(range(D), 2):
        generator = np.zeros((D, D))
        generator[a, b], generator[b, a] = 1.0, -1.0
        turns.append(shape @ generator)
    return np.stack([mode.ravel() for mode in (*shifts, shape, *turns)], axis=1)
