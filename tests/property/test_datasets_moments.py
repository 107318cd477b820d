import functools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from datasets.moments import Moments

seeds = st.integers(0, 2**32 - 1)


def random_parts(seed: int, gaps: float) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    M, D = int(rng.integers(1, 6)), int(rng.integers(2, 4))
    sizes = rng.integers(0, 9, int(rng.integers(1, 7)))
    offset = 10.0 ** rng.integers(0, 4)
    parts = [offset + rng.normal(size=(size, M, D)) for size in sizes]
    for part in parts:
        part[rng.random(part.shape[:2]) < gaps] = np.nan
    return parts


def assert_same(a: Moments, b: Moments) -> None:
    assert a.n_shapes == b.n_shapes
    np.testing.assert_array_equal(a.count, b.count)
    np.testing.assert_allclose(a.pair_mean, b.pair_mean, rtol=1e-12)
    np.testing.assert_allclose(a.scatter, b.scatter, rtol=1e-9, atol=1e-7)


@given(seed=seeds, gaps=st.sampled_from([0.0, 0.3, 0.8]))
def test_merged_parts_are_the_whole(seed, gaps):
    parts = random_parts(seed, gaps)
    merged = functools.reduce(Moments.merged, map(Moments.from_points, parts))
    assert_same(merged, Moments.from_points(np.concatenate(parts)))


@given(seed=seeds, gaps=st.sampled_from([0.0, 0.3, 0.8]))
def test_the_order_of_merging_does_not_matter(seed, gaps):
    moments = [Moments.from_points(part) for part in random_parts(seed, gaps)]
    forth = functools.reduce(Moments.merged, moments)
    back = functools.reduce(Moments.merged, reversed(moments))
    nested = functools.reduce(lambda total, part: part.merged(total), moments)
    assert_same(forth, back)
    assert_same(forth, nested)


@given(seed=seeds)
def test_the_covariance_is_symmetric_and_without_gaps_not_negative(seed):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(int(rng.integers(2, 20)), 4, 2))
    covariance = Moments.from_points(points).covariance.reshape(8, 8)
    np.testing.assert_allclose(covariance, covariance.T)
    assert np.linalg.eigvalsh(covariance).min() > -1e-12


@given(seed=seeds, scale=st.floats(0.01, 100), shift=st.floats(-1e3, 1e3))
def test_moving_shapes_leaves_and_scaling_squares_the_covariance(seed, scale, shift):
    points = np.random.default_rng(seed).normal(size=(9, 3, 2))
    moved = Moments.from_points(scale * points + shift)
    expected = scale**2 * Moments.from_points(points).covariance
    np.testing.assert_allclose(moved.covariance, expected, rtol=1e-6, atol=1e-9)
