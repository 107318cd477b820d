"""Ties: how many choices are equally good, against counting them all."""

import itertools

import numpy as np
import pytest

import correlation.ties as module
from correlation.demands import Demands
from correlation.kcenter import k_center
from correlation.mip import Verdict
from correlation.ties import ties_of


def matrices():
    rng = np.random.default_rng(3)
    for _ in range(25):
        M = int(rng.integers(3, 9))
        upper = np.triu(rng.integers(1, 4, (M, M)), 1) / 3
        yield upper + upper.T


def optimal(d, k, radius, demands):
    return [
        set(s)
        for s in itertools.combinations(range(len(d)), k)
        if demands.allow(s) and d[:, list(s)].min(axis=1).max() <= radius
    ]


@pytest.mark.parametrize("demands", [Demands(), Demands(include=(1,)), Demands(exclude=(0,))])
def test_every_equally_good_choice_is_counted_once(demands):
    for d in matrices():
        for k in range(1, len(d) - len(demands.exclude) + 1):
            result = k_center(d, k, demands)
            sets = optimal(d, k, result.radius, demands)
            ties = ties_of(d, result, k, demands)
            assert (ties.count, ties.capped) == (len(sets), False)
            assert set(ties.forced) == set.intersection(*sets)


def test_counting_stops_where_it_is_told():
    d = 1 - np.eye(9)
    result = k_center(d, 4)
    assert ties_of(d, result, 4, Demands(), most=126).count == 126
    capped = ties_of(d, result, 4, Demands(), most=100)
    assert (capped.count, capped.capped) == (100, True)


def test_with_demands_on_groups_only_what_is_forced_is_told():
    d = np.abs(np.subtract.outer(np.arange(6.0), np.arange(6.0)))
    demands = Demands(together=((0, 5),), at_least=(((0, 1), 1),))
    result = k_center(d, 3, demands)
    ties = ties_of(d, result, 3, demands)
    assert ties.count is None
    everything = [s for k in (1, 2, 3) for s in optimal(d, k, result.radius, demands)]
    assert set(ties.forced) == set.intersection(*everything)


def test_a_count_that_takes_too_long_is_given_up(monkeypatch):
    monkeypatch.setattr(module, "_MOST_NODES", 1)
    d = np.abs(np.subtract.outer(np.arange(9.0), np.arange(9.0)))
    assert ties_of(d, k_center(d, 4), 4, Demands()).count is None


def test_what_cannot_be_chosen_is_out_of_reach():
    assert module.reachable(1 - np.eye(3), 5.0, 3, Demands(exclude=(0,))) is Verdict.NO
