"""Laws of affinity errors for any matrices."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from correlation.comparison import compare
from correlation.matrix import AffinityMatrix
from correlation.series import stages
from datasets.formats import landmark_format


@st.composite
def values(draw, M):
    upper = np.triu(draw(hnp.arrays(np.float64, (M, M), elements=st.floats(0, 1))), 1)
    return upper + upper.T + np.eye(M)


@st.composite
def two(draw):
    M = draw(st.integers(1, 6))
    return draw(values(M)), draw(values(M))


def compared(a, b):
    return compare(AffinityMatrix.from_values(a), AffinityMatrix.from_values(b))


@given(two())
@settings(deadline=None)
def test_exchanging_the_two_changes_the_sign(pair):
    forth, back = compared(*pair), compared(*reversed(pair))
    np.testing.assert_array_equal(forth.error, -back.error)
    over, under = forth.ranked(100), back.ranked(100, -1)
    assert [(p.first, p.second) for p in over] == [(p.first, p.second) for p in under]
    assert all(p.difference > 0 for p in over)


@given(two())
@settings(deadline=None)
def test_equal_matrices_have_no_error(pair):
    found = compared(pair[0], pair[0])
    assert not found.error.any()
    assert found.ranked(100) == found.ranked(100, -1) == ()


@given(two(), st.randoms())
@settings(deadline=None)
def test_renumbering_the_landmarks_renumbers_the_errors(pair, random):
    order = list(range(len(pair[0])))
    random.shuffle(order)
    found = compared(*pair)
    other = compared(*(a[np.ix_(order, order)] for a in pair))
    np.testing.assert_array_equal(other.error, found.error[np.ix_(order, order)])
    np.testing.assert_allclose(other.mean, found.mean, atol=1e-12)
    np.testing.assert_allclose(other.mean_absolute, found.mean_absolute, atol=1e-12)


@given(st.integers(1, 5).flatmap(lambda M: st.lists(values(M), min_size=1, max_size=6)))
@settings(deadline=None)
def test_changes_add_up_to_the_total_and_deviations_are_bounded(steps):
    known = landmark_format(f"points-{len(steps[0])}")
    series = stages([AffinityMatrix.from_values(a, known) for a in steps])
    np.testing.assert_allclose(series.changes.sum(axis=0), series.total, atol=1e-12)
    for window in range(1, len(steps) + 1):
        found = series.deviation(window)
        assert found.shape[0] == len(steps) - window + 1
        assert ((found >= 0) & (found <= 0.5 + 1e-12)).all()  # of values in [0, 1]
