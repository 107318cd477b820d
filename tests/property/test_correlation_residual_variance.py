"""Laws of choices by residual variance on small random models, against brute force."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correlation.demands import Demands
from correlation.residual_variance import least_variance, residual_variance, variance_curve
from correlation.units import units_of
from correlation.variance_bound import projection_bound, relaxation_bound
from datasets.errors import SelectionError
from datasets.shape_model import ShapeModel

seeds = st.integers(0, 2**32 - 1)


def drawn_model(M: int, D: int, seed: int) -> ShapeModel:
    """Shapes that bend in one to five ways, clicked with certainty or not."""
    rng = np.random.default_rng(seed)
    modes = rng.integers(1, 6)
    base, bends = rng.normal(size=(M, D)), rng.normal(size=(modes, M, D))
    bends *= rng.random((modes, M, 1)) < 0.6
    draws = np.einsum("nk,kmd->nmd", rng.normal(size=(30, modes)), bends)
    noise = rng.choice([0.0, 0.01, 0.04, 0.2])
    return ShapeModel.fit(base + rng.choice([0.02, 0.1]) * draws, noise=noise)


@st.composite
def models(draw):
    M, D = draw(st.integers(3, 8)), draw(st.sampled_from([2, 3]))
    seed = draw(seeds)
    precision = draw(st.sampled_from([None, np.random.default_rng(seed).uniform(0, 0.2, M)]))
    return drawn_model(M, D, seed), draw(st.integers(1, M)), precision


@st.composite
def demands(draw, M):
    """Demands without limits of cost; groups may overlap in every way but with each other."""
    order = draw(st.permutations(range(M)))
    include = tuple(order[: draw(st.integers(0, 1))])
    exclude = tuple(order[M - draw(st.integers(0, 1)) :])
    pairs = draw(st.permutations(range(M)))
    together = tuple((pairs[2 * i], pairs[2 * i + 1]) for i in range(draw(st.integers(0, M // 2))))
    group = tuple(draw(st.permutations(range(M)))[: draw(st.integers(1, M))])
    least = draw(st.integers(0, min(2, len(group))))
    return Demands(include, exclude, together, ((group, least),) if least else ())


def allowed_sets(M, m, demands):
    for size in range(1, m + 1):
        for chosen in itertools.combinations(range(M), size):
            if demands.allow(chosen):
                yield chosen


def click_by_click(model, chosen, sd):
    """Independent route: every coordinate of a click taken in by itself (Kalman 1960)."""
    M, D = model.mean.shape
    left = model.spread_given([]).reshape(M * D, M * D)
    for row in (i * D + axis for i in chosen for axis in range(D)):
        gain = left[row] / (left[row, row] + sd[row // D] ** 2 / M)
        left = left - np.outer(left[row], gain)
    each = left.diagonal().reshape(M, D).sum(axis=1)
    each[list(chosen)] = D * sd[list(chosen)] ** 2 / M
    return each.sum()


@given(models(), st.data())
@settings(max_examples=80, deadline=None)
def test_the_variance_is_that_of_click_by_click_and_of_the_shape_model(question, data):
    model, m, precision = question
    M, D = model.mean.shape
    chosen = data.draw(st.permutations(range(M)))[:m]
    found = residual_variance(model, chosen, precision=precision)
    certain = np.maximum(model.noise if precision is None else precision, 0.01) + np.zeros(M)
    expected = click_by_click(model, chosen, certain)
    assert residual_variance(model, chosen, precision=certain) == pytest.approx(expected, rel=1e-6)
    if precision is None:
        spread = np.einsum("idid->", model.spread_given(chosen))
        assert found == pytest.approx(spread + m * D * model.noise**2 / M, rel=1e-9, abs=1e-15)


@given(models())
@settings(max_examples=120, deadline=None)
def test_no_choice_is_better_than_the_optimum_and_no_bound_above_it(question):
    model, m, precision = question
    M = len(model.format)
    found = least_variance(model, m, precision=precision)
    values = {
        chosen: residual_variance(model, chosen, precision=precision)
        for chosen in allowed_sets(M, m, Demands())
    }
    least = min(value for chosen, value in values.items() if len(chosen) == m)
    assert len(found.chosen) == m
    assert found.variance == values[found.chosen]
    assert found.variance >= least
    assert found.bound <= min(values.values()) * (1 + 1e-9)


def test_the_choice_is_the_optimum_nine_times_in_ten():
    hits = 0
    for seed in range(100):
        model = drawn_model(7, 2, seed)
        found = least_variance(model, 3)
        sets = itertools.combinations(range(7), 3)
        hits += found.variance <= min(residual_variance(model, s) for s in sets) * (1 + 1e-7)
    assert hits >= 90


@given(models(), st.data())
@settings(max_examples=150, deadline=None)
def test_demands_are_obeyed_and_bounds_hold_under_them(question, data):
    model, m, precision = question
    M = len(model.format)
    wanted = data.draw(demands(M))
    sets = list(allowed_sets(M, m, wanted))
    try:
        found = least_variance(model, m, wanted, precision=precision)
    except SelectionError:
        assert not sets
        return
    assert wanted.allow(found.chosen)
    assert len(found.chosen) == max(map(len, sets))
    values = [residual_variance(model, chosen, precision=precision) for chosen in sets]
    assert min(values) <= found.variance * (1 + 1e-9)
    assert found.bound <= min(values) * (1 + 1e-9)


@given(models(), st.data())
@settings(max_examples=80, deadline=None)
def test_both_bounds_hold_under_costs(question, data):
    model, m, _ = question
    M = len(model.format)
    cost = tuple(data.draw(st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.5]), min_size=M, max_size=M)))
    wanted = Demands(cost=cost, most_cost=data.draw(st.sampled_from([0.5, 1.5, 3.0])))
    sets = list(allowed_sets(M, m, wanted))
    if not sets:
        with pytest.raises(SelectionError):
            least_variance(model, m, wanted)
        return
    found = least_variance(model, m, wanted)
    assert wanted.allow(found.chosen)
    least = min(residual_variance(model, chosen) for chosen in sets)
    assert found.bound <= least * (1 + 1e-9)
    prior = model.spread_given([]).reshape(model.mean.size, -1)
    clicks = np.full(M, model.noise**2 / M)
    for bound in (projection_bound, relaxation_bound):
        value = bound(prior, clicks + 1e-12, clicks, units_of(M, m, wanted))
        assert value <= least * (1 + 1e-9) + 1e-12


@given(seed=seeds, order=st.permutations(range(7)), m=st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_renumbering_the_landmarks_renumbers_the_choice(seed, order, m):
    model = drawn_model(7, 2, seed)
    moved = ShapeModel(
        model.format,
        model.mean[order],
        model.covariance[order][:, :, order],
        model.size_px,
        noise=0.03,
    )
    still = ShapeModel(model.format, model.mean, model.covariance, model.size_px, noise=0.03)
    first, second = least_variance(still, m), least_variance(moved, m)
    assert first.variance == pytest.approx(second.variance, rel=1e-6)
    assert first.chosen == tuple(sorted(order[i] for i in second.chosen))


@given(models(), st.data())
@settings(max_examples=40, deadline=None)
def test_a_curve_is_no_worse_than_its_budgets_by_themselves(question, data):
    model, m, precision = question
    wanted = data.draw(demands(len(model.format)))
    budgets = sorted({max(m - 2, 1), m})
    try:
        alone = [least_variance(model, k, wanted, precision=precision) for k in budgets]
    except SelectionError:
        return
    curve = variance_curve(model, budgets, wanted, precision=precision)
    for one, other in zip(curve, alone, strict=True):
        assert wanted.allow(one.chosen)
        assert one.variance <= other.variance * (1 + 1e-9)
        assert one.bound == pytest.approx(other.bound)
