import functools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from datasets.shape_model import ShapeModel
from datasets.shapes import ShapeSet

M = 10
seeds = st.integers(0, 2**32 - 1)
dimensions = st.sampled_from([2, 3])
orders = st.permutations(range(M))


@functools.cache
def model_of(D: int) -> ShapeModel:
    rng = np.random.default_rng(D)
    base, bends = rng.normal(size=(M, D)), rng.normal(size=(4, M, D))
    draws = np.einsum("nk,kmd->nmd", rng.normal(size=(150, 4)), bends)
    return ShapeModel.fit(100 * (base + 0.05 * draws))


def incomplete(D: int, seed: int, order: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """A shape of the population in pixels, and the landmarks known of it: D + 1 at least."""
    shape = 200 * model_of(D).sample(1, np.random.default_rng(seed))[0]
    count = D + 1 + seed % (M - D - 1)
    return shape, np.array(order[:count])


def completed(model: ShapeModel, shape: np.ndarray, known: np.ndarray) -> np.ndarray:
    return model.complete(ShapeSet.from_points(shape[None]).keep(known)).points[0]


@given(seed=seeds, D=dimensions, order=orders)
def test_moving_scaling_and_turning_what_is_known_moves_the_whole_alike(seed, D, order):
    shape, known = incomplete(D, seed, order)
    rng = np.random.default_rng(seed)
    rotation, _ = np.linalg.qr(rng.normal(size=(D, D)))
    rotation[:, 0] *= np.linalg.det(rotation)
    scale, shift = float(np.exp(rng.normal())), 1000 * rng.normal(size=D)
    moved = scale * shape @ rotation.T + shift
    expected = scale * completed(model_of(D), shape, known) @ rotation.T + shift
    np.testing.assert_allclose(
        completed(model_of(D), moved, known), expected, atol=1e-5 * scale * 200
    )


@given(seed=seeds, D=dimensions, order=orders)
def test_the_covariance_grows_with_the_square_of_the_size(seed, D, order):
    shape, known = incomplete(D, seed, order)
    kept = ShapeSet.from_points(shape[None]).keep(known).points[0]
    _, small = model_of(D).condition(kept)
    _, large = model_of(D).condition(3 * kept + 7)
    np.testing.assert_allclose(large, 9 * small, rtol=1e-3, atol=1e-6 * large.max() + 1e-9)


@given(seed=seeds, D=dimensions, order=orders)
def test_known_landmarks_are_returned_to_the_last_bit(seed, D, order):
    shape, known = incomplete(D, seed, order)
    whole = completed(model_of(D), shape, known)
    np.testing.assert_array_equal(whole[known], shape[known])
    assert np.isfinite(whole).all()


@given(seed=seeds, order=orders)
def test_one_more_landmark_leaves_less_open(seed, order):
    count = seed % M
    fewer, more = (model_of(2).spread_given(order[:k]) for k in (count, count + 1))
    for landmark in range(M):
        left = np.linalg.eigvalsh((fewer - more)[landmark, :, landmark])
        assert left.min() > -1e-12 - 1e-9 * left.max()
