"""Laws of K-center and its ties on small random matrices, against brute force."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from correlation.kcenter import break_ties, k_center


@st.composite
def questions(draw):
    """A symmetric matrix, often with equal distances, k, and demands that can be met."""
    M = draw(st.integers(2, 8))
    levels = draw(st.sampled_from([2, 5, 1000]))
    seed = draw(st.integers(0, 10_000))
    upper = np.triu(np.random.default_rng(seed).integers(1, levels + 1, (M, M)), 1) / levels
    order = draw(st.permutations(range(M)))
    k = draw(st.integers(1, M))
    include = tuple(order[: draw(st.integers(0, k - 1))])
    exclude = tuple(order[k:][: draw(st.integers(0, M - k))])
    return upper + upper.T, k, include, exclude


def possible_sets(M, k, include, exclude):
    for chosen in itertools.combinations(range(M), k):
        if set(include) <= set(chosen) and not set(exclude) & set(chosen):
            yield list(chosen)


def radius(d, chosen):
    return d[:, chosen].min(axis=1).max()


@given(questions())
@settings(max_examples=150, deadline=None)
def test_the_radius_is_that_of_the_best_of_all_sets(question):
    d, k, include, exclude = question
    result = k_center(d, k, include=include, exclude=exclude)
    assert result.proven
    assert len(result.centers) == k
    assert result.radius == radius(d, list(result.centers))
    assert result.radius == min(radius(d, s) for s in possible_sets(len(d), k, include, exclude))


@given(questions())
@settings(max_examples=60, deadline=None)
def test_ties_are_broken_in_the_stated_order(question):
    d, k, include, exclude = question
    result = break_ties(
        d, k_center(d, k, include=include, exclude=exclude), include=include, exclude=exclude
    )
    optimal = [
        s for s in possible_sets(len(d), k, include, exclude) if radius(d, s) == result.radius
    ]

    def key(s):
        return round(d[:, s].min(axis=1).sum(), 9), round(d[:, s].sum(), 9), s

    assert result.ties_broken
    assert list(result.centers) == min(optimal, key=key)


@given(questions())
@settings(max_examples=25, deadline=None)
def test_the_programme_of_the_thesis_agrees(question):
    d, k, _, _ = question
    search, programme = k_center(d, k), k_center(d, k, method="mip")
    assert programme.proven
    assert abs(search.radius - programme.radius) <= 1e-6


@given(questions(), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_renumbering_the_points_leaves_the_radius(question, random):
    d, k, _, _ = question
    order = list(range(len(d)))
    random.shuffle(order)
    assert k_center(d, k).radius == k_center(d[np.ix_(order, order)], k).radius
