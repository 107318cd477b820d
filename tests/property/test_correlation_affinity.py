"""Laws of affinity matrices for any shapes."""

import warnings

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from correlation.affinity import (
    FewmarkWarning,
    affinity,
    affinity_from_moments,
    affinity_of_groups,
)
from correlation.selection import select
from datasets.alignment import ALIGNMENTS
from datasets.moments import Moments, moments_of


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_any_shapes_give_a_matrix_in_bounds_without_nan(data):
    """Also where landmarks are constant, on a line, equal to each other, or huge."""
    N, M, D = data.draw(st.tuples(st.integers(3, 12), st.integers(2, 5), st.sampled_from([2, 3])))
    places = st.sampled_from([0.0, 1.0, 2.5, -3.0, 1e6])
    points = data.draw(hnp.arrays(np.float64, (N, M, D), elements=places))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FewmarkWarning)
        matrix = affinity_from_moments(Moments.from_points(points))
    assert ((matrix.values >= 0) & (matrix.values <= 1)).all()
    np.testing.assert_array_equal(matrix.values, matrix.values.T)
    np.testing.assert_array_equal(np.diagonal(matrix.values), 1)


@given(st.integers(0, 10_000), st.sampled_from(ALIGNMENTS), st.sampled_from([2, 3]))
@settings(max_examples=30, deadline=None)
def test_place_and_size_of_the_shapes_do_not_matter(seed, alignment, D):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(30, 6, D))
    moved = points * rng.uniform(0.1, 10, (30, 1, 1)) + rng.normal(0, 50, (30, 1, D))
    a, b = (affinity(p, alignment).values for p in (points, moved))
    np.testing.assert_allclose(a, b, atol=1e-6)


@given(st.integers(0, 10_000), st.permutations(range(6)))
@settings(max_examples=30, deadline=None)
def test_renumbering_the_landmarks_renumbers_the_answer(seed, order):
    points = np.random.default_rng(seed).normal(size=(40, 6, 2))
    a, b = affinity(points), affinity(points[:, order])
    np.testing.assert_allclose(a.values[np.ix_(order, order)], b.values, atol=1e-9)
    first, second = select(a, 2), select(b, 2)
    np.testing.assert_allclose(first.min_correlation, second.min_correlation, atol=1e-9)


def dependent(rng, N, M, D):
    """Landmarks that share half of their variance."""
    common = rng.normal(size=(N, 3)) @ rng.normal(size=(3, M * D))
    return (common + 1.5 * rng.normal(size=(N, M * D))).reshape(N, M, D)


@given(st.integers(0, 10_000), st.sampled_from([2, 3]))
@settings(max_examples=30, deadline=None)
def test_linear_maps_of_single_landmarks_do_not_matter(seed, D):
    rng = np.random.default_rng(seed)
    points = dependent(rng, 40, 5, D)
    turns = np.linalg.qr(rng.normal(size=(2, 5, D, D)))[0]  # singular values between .2 and 5
    maps = turns[0] * rng.uniform(0.2, 5, (5, 1, D)) @ turns[1]
    moved = np.einsum("mde,nme->nmd", maps, points) + rng.normal(0, 100, (5, D))
    a, b = (affinity_from_moments(Moments.from_points(p)).values for p in (points, moved))
    np.testing.assert_allclose(a, b, atol=1e-6)
    a, b = (
        affinity_from_moments(Moments.from_points(p), ridge=0.0).values for p in (points, moved)
    )
    np.testing.assert_allclose(a, b, atol=1e-10)


@given(st.integers(0, 10_000), st.lists(st.integers(1, 4), min_size=2, max_size=4))
@settings(max_examples=40, deadline=None)
def test_affinities_are_mean_canonical_correlations_by_another_route(seed, sizes):
    """Orthonormal bases by QR, cosines of their angles by SVD (Bjorck and Golub 1973)."""
    rng = np.random.default_rng(seed)
    columns = np.split(dependent(rng, 50, sum(sizes), 1)[:, :, 0], np.cumsum(sizes)[:-1], axis=1)
    bases = [np.linalg.qr(x - x.mean(axis=0))[0] for x in columns]
    expected = [[np.linalg.svd(a.T @ b, compute_uv=False).mean() for b in bases] for a in bases]
    found = affinity_of_groups(columns)
    np.testing.assert_allclose(found.values, expected, atol=1e-8)


@given(st.integers(0, 10_000), st.sampled_from(["centroid-rms", "box"]))
@settings(max_examples=30, deadline=None)
def test_shapes_in_any_parts_and_order_give_the_same_affinities(seed, alignment):
    rng = np.random.default_rng(seed)
    points = dependent(rng, 60, 5, 2)
    points[rng.random((60, 5)) < 0.1] = np.nan
    cuts = np.sort(rng.integers(0, 60, 4))
    parts = np.split(points[rng.permutation(60)], cuts)
    streamed = affinity_from_moments(moments_of(parts, alignment, pass_over=True))
    np.testing.assert_allclose(streamed.values, affinity(points, alignment).values, atol=1e-9)
