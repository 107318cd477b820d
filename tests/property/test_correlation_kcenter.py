"""Laws of K-center and its ties on small random matrices, against brute force."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correlation.demands import Demands
from correlation.kcenter import break_ties, k_center
from datasets.errors import SelectionError


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
    result = k_center(d, k, Demands(include, exclude))
    assert result.proven
    assert len(result.centers) == k
    assert result.radius == radius(d, list(result.centers))
    assert result.radius == min(radius(d, s) for s in possible_sets(len(d), k, include, exclude))


@given(questions())
@settings(max_examples=60, deadline=None)
def test_ties_are_broken_in_the_stated_order(question):
    d, k, include, exclude = question
    demands = Demands(include, exclude)
    result = break_ties(d, k_center(d, k, demands), k, demands)
    optimal = [
        s for s in possible_sets(len(d), k, include, exclude) if radius(d, s) == result.radius
    ]

    def key(s):
        return round(d[:, s].min(axis=1).sum(), 9), round(d[:, s].sum(), 9), s

    assert result.ties_broken
    assert list(result.centers) == min(optimal, key=key)


@given(questions(), st.sampled_from(["mip", "mip-aggregated"]))
@settings(max_examples=40, deadline=None)
def test_the_programmes_of_the_thesis_agree(question, method):
    d, k, include, exclude = question
    demands = Demands(include, exclude)
    search, programme = k_center(d, k, demands), k_center(d, k, demands, method=method)
    assert programme.proven
    assert abs(search.radius - programme.radius) <= 1e-6


@given(questions(), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_renumbering_the_points_leaves_the_radius(question, random):
    d, k, _, _ = question
    order = list(range(len(d)))
    random.shuffle(order)
    assert k_center(d, k).radius == k_center(d[np.ix_(order, order)], k).radius


@st.composite
def demanding_questions(draw):
    """A matrix, k, and demands on groups and costs, which it may be impossible to meet."""
    M = draw(st.integers(3, 8))
    seed = draw(st.integers(0, 10_000))
    upper = np.triu(np.random.default_rng(seed).integers(1, 6, (M, M)), 1) / 5
    places = st.integers(0, M - 1)
    groups = st.lists(places, min_size=1, max_size=3, unique=True).map(tuple)
    order = draw(st.permutations(range(M)))
    together = tuple((order[2 * i], order[2 * i + 1]) for i in range(draw(st.integers(0, M // 2))))
    least = [
        (group, draw(st.integers(0, len(group)))) for group in draw(st.lists(groups, max_size=2))
    ]
    cost = tuple(draw(st.lists(st.integers(0, 4), min_size=M, max_size=M)))
    demands = Demands(
        include=tuple(draw(st.lists(places, max_size=1))),
        together=together,
        at_least=tuple(least),
        cost=cost,
        most_cost=draw(st.sampled_from([3.0, 6.0, float("inf")])),
    )
    return upper + upper.T, draw(st.integers(1, M)), demands


def allowed_sets(M, k, demands):
    for size in range(1, k + 1):
        for chosen in itertools.combinations(range(M), size):
            if demands.allow(chosen):
                yield list(chosen)


@given(demanding_questions())
@settings(max_examples=200, deadline=None)
def test_demands_on_groups_and_costs_are_met_by_the_best_of_all_sets(question):
    d, k, demands = question
    radii = [radius(d, s) for s in allowed_sets(len(d), k, demands)]
    if not radii:
        with pytest.raises(SelectionError):
            k_center(d, k, demands)
        return
    result = k_center(d, k, demands)
    assert result.proven
    assert demands.allow(result.centers)
    assert len(result.centers) <= k
    assert result.radius == min(radii)
    tied = break_ties(d, result, k, demands)
    assert (tied.radius, tied.ties_broken) == (result.radius, True)
    assert demands.allow(tied.centers)


@given(demanding_questions())
@settings(max_examples=30, deadline=None)
def test_the_programme_meets_the_same_demands(question):
    d, k, demands = question
    if any(allowed_sets(len(d), k, demands)):
        programme = k_center(d, k, demands, method="mip-aggregated")
        assert programme.proven
        assert abs(k_center(d, k, demands).radius - programme.radius) <= 1e-6
