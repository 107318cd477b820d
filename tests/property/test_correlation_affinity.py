"""Laws of affinity matrices for any shapes."""

import warnings

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from correlation.affinity import FewmarkWarning, affinity, affinity_from_moments
from correlation.selection import select
from datasets.alignment import ALIGNMENTS
from datasets.moments import Moments


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
