"""Covering questions against brute force."""

import itertools
import time

import numpy as np
import pytest

from correlation.covers import decide_cover
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


def test_what_bounds_leave_open_goes_to_the_programme():
    within = steiner_triples(2)
    assert decide_cover(within, 9).verdict is Verdict.NO
    assert decide_cover(within, 10).verdict is Verdict.YES


def test_without_time_an_open_question_stays_unknown():
    within = steiner_triples(2)
    assert decide_cover(within, 9, deadline=time.perf_counter() - 1).verdict is Verdict.UNKNOWN
    assert cover_at_most(within, 9, 0.0).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("budget", [0, 1, 2])
def test_no_rows_need_no_columns(budget):
    assert decide_cover(np.zeros((0, 4), dtype=bool), budget).columns == ()
    assert decide_cover(np.zeros((0, 0), dtype=bool), budget).verdict is Verdict.YES
    assert decide_cover(np.zeros((2, 0), dtype=bool), budget).verdict is Verdict.NO


def test_growing_rows_decide_as_the_whole_programme_does():
    points = np.random.default_rng(9).random((160, 2))
    within = np.linalg.norm(points[:, None] - points, axis=2) <= 0.18
    for budget in (4, 13, 14, 15, 16, 17):
        whole = cover_at_most(within, budget, None)
        answer = decide_cover(within, budget)
        assert answer.verdict is whole.verdict
        if answer.verdict is Verdict.YES:
            assert within[:, list(answer.columns)].any(axis=1).all()


def test_rows_grow_until_the_programme_takes_all(monkeypatch):
    import correlation.covers as module

    monkeypatch.setattr(module, "_MANY", 4)
    for within in instances():
        for budget in (4, 5):
            least = smallest_cover(within)
            assert decide_cover(within, budget).verdict is (
                Verdict.YES if least <= budget else Verdict.NO
            )
    assert decide_cover(steiner_triples(2), 9).verdict is Verdict.NO
    assert decide_cover(steiner_triples(2), 10).verdict is Verdict.YES
