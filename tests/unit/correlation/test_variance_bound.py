"""Bounds of the residual variance where the least is known in closed form."""

import numpy as np
import pytest

from correlation.demands import Demands
from correlation.units import units_of
from correlation.variance_bound import lower_bound, projection_bound, relaxation_bound

BOUNDS = [projection_bound, relaxation_bound, lower_bound]
M, D = 6, 2


def independent(variances):
    """Landmarks that tell nothing of each other."""
    return np.diag(np.repeat(np.asarray(variances, dtype=float), D))


@pytest.mark.parametrize("bound", BOUNDS)
@pytest.mark.parametrize("m", [1, 3, 6])
def test_independent_landmarks_of_one_variance_leave_it_for_each_that_is_not_chosen(bound, m):
    noise = np.full(M, 0.1)
    found = bound(independent([1.0] * M), noise, noise, units_of(M, m, Demands()))
    assert found == pytest.approx(D * (M - m) + D * 0.1 * m, rel=1e-6)


@pytest.mark.parametrize(
    ("bound", "close"), [(projection_bound, 1e-9), (relaxation_bound, 0.3), (lower_bound, 1e-9)]
)
def test_independent_landmarks_are_chosen_by_their_variance(bound, close):
    variances = [5.0, 1.0, 4.0, 2.0, 3.0, 6.0]
    noise = np.full(M, 0.01)
    found = bound(independent(variances), noise, noise, units_of(M, 2, Demands()))
    least = D * (1 + 2 + 3 + 4) + 2 * D * 0.01
    assert (1 - close) * least <= found <= least * (1 + 1e-9)


@pytest.mark.parametrize("bound", BOUNDS)
def test_a_demand_raises_what_is_left_open(bound):
    rng = np.random.default_rng(0)
    root = rng.normal(size=(M * D, M * D))
    noise = rng.uniform(0.1, 0.5, M)
    free, held = (
        bound(root @ root.T, noise, noise, units_of(M, 2, demands))
        for demands in (Demands(), Demands(include=(3, 4)))
    )
    assert free < held


def test_included_landmarks_that_fill_the_choice_are_bounded_by_what_they_leave_open():
    rng = np.random.default_rng(1)
    root = rng.normal(size=(M * D, M * D))
    prior, noise = root @ root.T, rng.uniform(0.1, 0.5, M)
    units = units_of(M, 2, Demands(include=(1, 4)))
    rows = np.array([2, 3, 8, 9])
    system = prior[np.ix_(rows, rows)] + np.diag(np.repeat(noise[[1, 4]], D))
    left = prior - prior[:, rows] @ np.linalg.inv(system) @ prior[rows]
    expected = np.delete(np.diag(left), rows).sum() + D * noise[[1, 4]].sum()
    for bound in BOUNDS:
        assert bound(prior, noise, noise, units) == pytest.approx(expected)


def test_excluding_and_a_cost_limit_tighten_the_relaxation():
    noise = np.full(M, 0.01)
    prior = independent([5.0, 1.0, 4.0, 2.0, 3.0, 6.0])
    free = relaxation_bound(prior, noise, noise, units_of(M, 2, Demands()))
    without = relaxation_bound(prior, noise, noise, units_of(M, 2, Demands(exclude=(5, 0))))
    dear = Demands(cost=(1.0, 1.0, 1.0, 1.0, 1.0, 9.0), most_cost=2.0)
    limited = relaxation_bound(prior, noise, noise, units_of(M, 2, dear))
    assert free < without <= D * (5 + 1 + 2 + 6) + 2 * D * 0.01 + 1e-9
    assert free < limited <= D * (1 + 2 + 3 + 6) + 2 * D * 0.01 + 1e-9


def test_what_is_free_costs_the_bound_nothing():
    noise = np.full(M, 0.01)
    prior = independent([1.0] * M)
    units = units_of(M, 4, Demands(cost=(0.0, 1.0, 1.0, 1.0, 1.0, 1.0), most_cost=2.0))
    found = relaxation_bound(prior, noise, noise, units)
    assert found == pytest.approx(D * 3 + 3 * D * 0.01, rel=0.02)
    assert found <= D * 3 + 3 * D * 0.01 + 1e-9


def test_near_to_singular_the_relaxation_says_nothing_and_the_other_bound_stays():
    prior = np.ones((M * D, M * D))
    noise = np.full(M, 1e-12)
    units = units_of(M, 2, Demands())
    assert relaxation_bound(prior, noise, np.zeros(M), units) == -np.inf
    assert lower_bound(prior, noise, np.zeros(M), units) == pytest.approx(0, abs=1e-9)
