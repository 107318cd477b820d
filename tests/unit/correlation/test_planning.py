"""Plans: what they cost, and which one is chosen."""

import math

import pytest

from correlation.planning import (
    Rates,
    best_plan,
    cheapest_plan,
    plans,
    points_saved,
    usual_budgets,
    usual_dense,
)
from datasets.errors import SelectionError

ERRORS = {(5, 100): 0.05, (10, 100): 0.03, (10, 50): 0.035, (20, 100): 0.02, (68, 0): None}


def test_points_saved_are_counted_as_in_the_thesis():
    assert points_saved(68, 10, 1000, 100) == 58 * 900


def test_a_plan_counts_points_hours_and_money():
    rates = Rates(seconds_per_point=2.0, seconds_per_image=4.0, wage_per_hour=30.0)
    (plan,) = plans(68, 1000, rates, {(10, 100): 0.03})
    assert plan.points == 100 * 68 + 900 * 10
    assert plan.points + plan.points_saved == 68 * 1000
    assert plan.hours == pytest.approx((15_800 * 2 + 1000 * 4) / 3600)
    assert plan.cost == pytest.approx(plan.hours * 30)


def test_without_a_point_to_complete_there_is_no_error():
    made = plans(68, 100, Rates(), {(68, 10): None, (5, 100): 0.05, (5, 99): 0.05})
    assert {(p.m, p.n): p.expected_nme for p in made} == {(68, 10): 0, (5, 100): 0, (5, 99): 0.05}
    assert {p.points_saved for p in made} == {0, 63}


def test_budgets_and_dense_images_to_compare_are_round_numbers_that_are_possible():
    assert usual_budgets(68) == (3, 5, 8, 10, 15, 20, 30)
    assert usual_budgets(10) == (3, 5, 8)
    assert usual_budgets(2) == (2,)
    assert usual_dense(10_000, 2000) == (10, 20, 50, 100, 200, 500, 1000, 2000)
    assert usual_dense(200, 2000) == (10, 20, 50, 100)
    assert usual_dense(1, 2000) == (0,)
    assert usual_dense(10_000, 6) == (6,)


def test_plans_stand_in_order_of_their_hours():
    made = plans(68, 1000, Rates(), ERRORS)
    assert [(p.m, p.n) for p in made] == [(5, 100), (10, 50), (10, 100), (20, 100), (68, 0)]


def test_the_cheapest_plan_is_good_enough_and_the_best_one_short_enough():
    made = plans(68, 1000, Rates(), ERRORS)
    assert (cheapest_plan(made, 0.035).m, cheapest_plan(made, 0.035).n) == (10, 50)
    assert cheapest_plan(made, 0.01).m == 68
    assert cheapest_plan(made[:-1], 0.01) is None
    hours = {(p.m, p.n): p.hours for p in made}
    assert best_plan(made, hours[10, 100]).expected_nme == 0.03
    assert best_plan(made[:-1], math.inf).m == 20
    assert best_plan(made, 0.0) is None


@pytest.mark.parametrize("values", [(-1, 1, 1), (math.nan, 1, 1), (1, math.inf, 1), (0, 0, 5)])
def test_times_that_make_no_sense_are_refused(values):
    with pytest.raises(SelectionError, match="must not be negative"):
        Rates(*values)


@pytest.mark.parametrize("pair", [(0, 5), (69, 5), (5, -1), (5, 1001)])
def test_plans_beyond_the_data_are_refused(pair):
    with pytest.raises(SelectionError, match="no plan has"):
        plans(68, 1000, Rates(), {pair: 0.1})
