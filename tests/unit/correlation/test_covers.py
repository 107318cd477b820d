"""Covering questions against brute force."""

import itertools
import time

import numpy as np
import pytest

from correlation.covers import CoverSearch, TooManyNodesError, decide_cover
from correlation.mip import Verdict, cover_at_most


def smallest_cover(within):
    """Size of the smallest cover by trying all, infinite where there is none."""
    rows, columns = within.shape
    for size in range(columns + 1):
        for chosen in itertools.combinations(range(columns), size):
            if within[:, list(chosen)].any(axis=1).sum() == rows:
                return size
    return np.inf


def instances():
    rng = np.random.default_rng(4)
    for _ in range(150):
        rows, columns = rng.integers(1, 10, size=2)
        yield rng.random((rows, columns)) < rng.uniform(0.15, 0.7)


def test_every_budget_is_decided_as_brute_force_does():
    for within in instances():
        least = smallest_cover(within)
        for budget in range(within.shape[1] + 1):
            answer = decide_cover(within, budget)
            assert answer.verdict is (Verdict.YES if least <= budget else Verdict.NO)
            if answer.verdict is Verdict.YES:
                assert len(answer.columns) <= budget
                assert within[:, list(answer.columns)].any(axis=1).all()


def test_the_programme_alone_decides_as_brute_force_does():
    for within in itertools.islice(instances(), 15):
        least = smallest_cover(within)
        for budget in (2, 3):
            answer = cover_at_most(within, budget, None)
            assert answer.verdict is (Verdict.YES if least <= budget else Verdict.NO)


def steiner_triples(copies):
    """Covering by Steiner triples: bounds and reductions do not decide it; 9 points need 5."""
    triples = [(0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8)]
    triples += [(0, 4, 8), (1, 5, 6), (2, 3, 7), (0, 5, 7), (1, 3, 8), (2, 4, 6)]
    within = np.zeros((12 * copies, 9 * copies), dtype=bool)
    for copy in range(copies):
        for row, triple in enumerate(triples):
            within[12 * copy + row, [9 * copy + j for j in triple]] = True
    return within


@pytest.mark.parametrize("most_nodes", [0, 4000])
def test_what_bounds_leave_open_is_searched_and_then_goes_to_the_programme(monkeypatch, most_nodes):
    import correlation.covers as module

    monkeypatch.setattr(module, "MOST_NODES", most_nodes)
    within = steiner_triples(2)
    assert decide_cover(within, 9).verdict is Verdict.NO
    assert decide_cover(within, 10).verdict is Verdict.YES


def test_without_time_an_open_question_stays_unknown(monkeypatch):
    import correlation.covers as module

    monkeypatch.setattr(module, "MOST_NODES", 0)
    within = steiner_triples(2)
    assert decide_cover(within, 9, deadline=time.perf_counter() - 1).verdict is Verdict.UNKNOWN
    assert cover_at_most(within, 9, 0.0).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("budget", [0, 1, 2])
def test_no_rows_need_no_columns(budget):
    assert decide_cover(np.zeros((0, 4), dtype=bool), budget).columns == ()
    assert decide_cover(np.zeros((0, 0), dtype=bool), budget).verdict is Verdict.YES
    assert decide_cover(np.zeros((2, 0), dtype=bool), budget).verdict is Verdict.NO


def test_the_search_alone_decides_as_brute_force_does():
    for within in instances():
        least = smallest_cover(within)
        for budget in range(within.shape[1] + 1):
            found = CoverSearch(within, 10_000).cover(budget)
            assert (found is None) == (least > budget)
            assert found is None or within[:, list(found)].any(axis=1).all()


def test_a_search_of_too_many_nodes_is_given_up():
    with pytest.raises(TooManyNodesError):
        CoverSearch(steiner_triples(2), 3).cover(9)


def test_equal_columns_of_large_problems_count_once(monkeypatch):
    import correlation.covers as module

    monkeypatch.setattr(module, "_FEW", 3)
    for within in instances():
        doubled = np.repeat(within, 2, axis=1)
        for budget in range(1, 5):
            assert decide_cover(doubled, budget).verdict is decide_cover(within, budget).verdict
