"""How rare shapes are; how implausible, `tests/unit/annotate/test_priority.py` checks beside it."""

import numpy as np
from numpy.testing import assert_allclose

from datasets.formats import landmark_format
from datasets.plausibility import implausibility, rarity
from datasets.shape_model import ShapeModel
from datasets.shapes import ShapeSet

FACE = np.array([[10.0, 10], [20, 10], [15, 15], [11, 20], [19, 20]])
SLANT = np.array([[-3.0, 0], [3, 0], [0, 5], [-2, -2], [2, -2]])


def faces(count, seed=0):
    """Faces that differ in one way, and each point a little in its own."""
    rng = np.random.default_rng(seed)
    ways = rng.normal(size=(count, 1, 1)) * SLANT
    return FACE + 0.3 * ways + 0.1 * rng.normal(size=(count, 5, 2))


MODEL = ShapeModel.fit(ShapeSet.from_points(faces(200), landmark_format("mafl-5")))


def test_the_distance_is_what_likelihoods_say():
    """Against log densities of the clicks, place, size and turn being as good as free."""
    from scipy.stats import multivariate_normal

    from datasets.deformations import similarity_modes

    modes = similarity_modes(MODEL.mean)
    system = MODEL.covariance.reshape(10, 10) + modes @ modes.T + MODEL.noise**2 / 5 * np.eye(10)
    shape = MODEL.mean + 0.02 * np.random.default_rng(2).normal(size=(5, 2))
    z, w = (shape - shape.mean(axis=0)) @ [1, 1j], MODEL.mean @ [1, 1j]
    aligned = (z.conj() @ w) / (z.conj() @ z) * z  # to the mean, in complex numbers
    density = multivariate_normal(MODEL.mean.ravel(), system)
    placed = np.stack([aligned.real, aligned.imag], axis=1).ravel()
    fallen = density.logpdf(MODEL.mean.ravel()) - density.logpdf(placed)
    assert_allclose(rarity(MODEL, shape[None]), [np.sqrt(2 * fallen / 10)], rtol=1e-5)


def test_a_rare_face_whose_points_agree_is_rare_and_hardly_implausible():
    rare = (FACE + 0.3 * 6 * SLANT)[None]
    usual = faces(200, seed=1)
    ratios = [
        float(f(MODEL, rare)[0] / np.median(f(MODEL, usual))) for f in (rarity, implausibility)
    ]
    assert np.median(rarity(MODEL, usual)) < 1
    assert ratios[0] > 2.5
    assert ratios[0] > 1.5 * ratios[1]


def test_place_size_and_turn_are_not_rare():
    shapes = faces(3)
    turned = 7 * shapes @ np.array([[0.6, -0.8], [0.8, 0.6]]) + (300, -20)
    assert_allclose(rarity(MODEL, turned), rarity(MODEL, shapes), rtol=1e-5)


def test_shapes_in_space_are_measured_alike():
    """Against log densities of all points, and of each given the others, placed by SciPy."""
    from scipy.spatial.transform import Rotation
    from scipy.stats import multivariate_normal

    from datasets.deformations import similarity_modes

    rng = np.random.default_rng(0)
    shapes = 30 * rng.normal(size=(6, 3)) + rng.normal(scale=3.0, size=(50, 6, 3))
    model = ShapeModel.fit(shapes[1:])
    modes = similarity_modes(model.mean)
    system = model.covariance.reshape(18, 18) + modes @ modes.T + model.noise**2 / 6 * np.eye(18)
    centred = shapes[0] - shapes[0].mean(axis=0)
    turned = Rotation.align_vectors(model.mean, centred)[0].apply(centred)
    offset = (turned * (turned * model.mean).sum() / (turned**2).sum() - model.mean).ravel()
    density = multivariate_normal(np.zeros(18), system)
    fallen = density.logpdf(np.zeros(18)) - density.logpdf(offset)
    assert_allclose(rarity(model, shapes[:1]), [np.sqrt(2 * fallen / 18)], rtol=1e-5)
    total = 0.0
    for own in np.arange(18).reshape(6, 3):
        rest = np.setdiff1d(np.arange(18), own)
        gain = system[np.ix_(own, rest)] @ np.linalg.inv(system[np.ix_(rest, rest)])
        spread = system[np.ix_(own, own)] - gain @ system[np.ix_(rest, own)]
        residual = offset[own] - gain @ offset[rest]
        total += residual @ np.linalg.solve(spread, residual)
    assert_allclose(implausibility(model, shapes[:1]), [np.sqrt(total / 18)], rtol=1e-5)


def test_of_fewer_than_three_points_nothing_is_told():
    shapes = faces(3)
    shapes[0, 2:] = np.nan
    shapes[1] = 7.0
    shapes[2, 4] = np.nan
    assert np.isfinite(rarity(MODEL, shapes)).tolist() == [False, False, True]
