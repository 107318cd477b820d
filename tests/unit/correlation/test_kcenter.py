"""K-center: demands, proofs, ties, time limits and instances with known optima."""

import json
from pathlib import Path

import numpy as np
import pytest

import correlation.kcenter as module
from correlation.demands import Demands
from correlation.kcenter import break_ties, k_center
from correlation.mip import Cover, Found, Verdict
from datasets.errors import SelectionError, ShapeMismatchError

KNOWN = Path(__file__).parents[3].parent / "shared" / "data" / "k_center"
needs_shared = pytest.mark.skipif(not KNOWN.exists(), reason="no shared data beside the checkout")


def distances(M, seed, D=2):
    points = np.random.default_rng(seed).random((M, D))
    return np.linalg.norm(points[:, None] - points, axis=2)


def test_one_centre_is_the_middle_of_a_line():
    line = np.abs(np.subtract.outer(np.arange(7.0), np.arange(7.0)))
    result = k_center(line, 1)
    assert result.centers == (3,)
    assert (result.radius, result.bound, result.gap, result.proven) == (3.0, 3.0, 0.0, True)


def test_all_points_as_centres_leave_no_radius():
    result = k_center(distances(6, 0), 6)
    assert result.centers == (0, 1, 2, 3, 4, 5)
    assert result.radius == 0.0


def test_demands_are_met_and_cost_radius():
    d = distances(12, 1)
    free = k_center(d, 4)
    held = k_center(d, 4, Demands(include=(0, 5), exclude=free.centers[-1:]))
    assert {0, 5} <= set(held.centers)
    assert free.centers[-1] not in held.centers or free.centers[-1] in {0, 5}
    assert held.radius >= free.radius


def test_only_included_centres_are_taken_when_they_fill_k():
    d = distances(9, 2)
    result = k_center(d, 3, Demands(include=(7, 2, 4)))
    assert result.centers == (2, 4, 7)
    assert result.radius == d[:, [2, 4, 7]].min(axis=1).max()


@pytest.mark.parametrize(
    ("demands", "message"),
    [
        ({"k": 0}, "cannot choose 0 of 5"),
        ({"k": 6}, "cannot choose 6 of 5"),
        ({"k": 1, "demands": Demands(include=(0, 1))}, "2 included"),
        ({"k": 4, "demands": Demands(exclude=(0, 1))}, "2 excluded"),
        ({"k": 2, "demands": Demands(include=(5,))}, "counted 0 to 4"),
        ({"k": 2, "demands": Demands(exclude=(-1,))}, "counted 0 to 4"),
        ({"k": 2, "demands": Demands(together=((0, 9),))}, "counted 0 to 4"),
        ({"k": 2, "demands": Demands(cost=(1.0, 1.0))}, "expected 5 costs, got 2"),
        ({"k": 2, "demands": Demands(at_least=(((0, 1, 2), 3),))}, "takes 3 points at least"),
        ({"k": 2, "demands": Demands(include=(3,), most_cost=0.5)}, "no set meets all demands"),
        ({"k": 2, "demands": Demands(most_cost=0.5)}, "no point that may be chosen"),
        (
            {"k": 2, "demands": Demands(include=(3,), exclude=(4,), together=((3, 4),))},
            "comes in with its pair and is excluded",
        ),
        ({"k": 2, "method": "guess"}, "search, mip"),
    ],
)
def test_demands_that_cannot_be_met_are_explained(demands, message):
    with pytest.raises(SelectionError, match=message):
        k_center(distances(5, 0), **demands)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.zeros((2, 3)), "square"),
        (np.zeros((0, 0)), "square"),
        ([[0, np.nan], [np.nan, 0]], "finite"),
        ([[0, -1], [-1, 0]], "not negative"),
        ([[1, 1], [1, 1]], "zero on the diagonal"),
        ([[0, 1], [2, 0]], "symmetric"),
    ],
)
def test_what_is_no_distance_matrix_is_refused(matrix, message):
    with pytest.raises(ShapeMismatchError, match=message):
        k_center(matrix, 1)


@pytest.mark.parametrize("M", [30, 300])
def test_bounds_close_in_on_the_optimum_while_the_search_runs(M):
    told = []
    result = k_center(distances(M, 3), 5, on_bounds=lambda *bounds: told.append(bounds))
    assert result.decisions > 2
    assert len(told) > result.decisions  # and once before the first question of every round
    low, high = np.array(told).T
    assert (np.diff(low) >= 0).all()
    assert (np.diff(high) <= 0).all()
    assert (low <= result.radius).all()
    assert (high >= result.radius).all()
    assert low[0] < high[0]
    assert low[-1] == high[-1] == result.radius


def test_without_time_the_bounds_hold_and_nothing_is_called_proven(monkeypatch):
    d = distances(20, 4)
    optimum = k_center(d, 4)
    monkeypatch.setattr(module, "decide_cover", lambda *_: Cover(Verdict.UNKNOWN))
    result = k_center(d, 4, time_limit_s=0.0)
    assert not result.proven
    assert result.bound < result.radius
    assert result.bound <= optimum.radius <= result.radius
    assert result.gap == result.radius - result.bound
    assert result.radius == d[:, result.centers].min(axis=1).max()


def test_an_unknown_decision_is_never_taken_for_a_no(monkeypatch):
    d = distances(20, 5)
    optimum = k_center(d, 4)
    decide = module.decide_cover

    def forgetful(within, budget, deadline):
        answer = decide(within, budget, deadline)
        return Cover(Verdict.UNKNOWN) if answer.verdict is Verdict.NO else answer

    monkeypatch.setattr(module, "decide_cover", forgetful)
    result = k_center(d, 4)
    assert result.radius == optimum.radius  # found all the same
    assert not result.proven
    assert result.bound < optimum.radius


@pytest.mark.parametrize("k", [2, 5, 9])
def test_few_rows_grow_until_they_speak_for_all(monkeypatch, k):
    d = distances(160, 9)
    whole = k_center(d, k)
    monkeypatch.setattr(module, "_MANY", 4)
    monkeypatch.setattr(module, "_ROWS", 3)
    grown = k_center(d, k)
    assert (grown.radius, grown.proven) == (whole.radius, True)


def test_a_programme_without_a_set_is_an_error(monkeypatch):
    monkeypatch.setattr(module, "p_center_mip", lambda *_, **__: Found(None, proven=False))
    with pytest.raises(SelectionError, match="time"):
        k_center(distances(5, 0), 2, method="mip", time_limit_s=0.0)


def test_a_programme_that_is_stopped_proves_nothing(monkeypatch):
    monkeypatch.setattr(module, "p_center_mip", lambda *_, **__: Found((0, 1), proven=False))
    result = k_center(distances(5, 0), 2, method="mip")
    assert (result.proven, result.bound) == (False, 0.0)


def test_ties_that_run_out_of_time_keep_the_proven_set():
    d = distances(15, 6)
    result = k_center(d, 3)
    tied = break_ties(d, result, 3, time_limit_s=0.0)
    assert (tied.radius, tied.proven, tied.ties_broken) == (result.radius, True, False)
    assert tied.centers == result.centers


@pytest.mark.parametrize("stage", [1, 2, 3])
def test_ties_stopped_between_two_keys_give_an_optimal_set(monkeypatch, stage):
    from correlation import mip

    d = 1 - np.eye(8)
    result = k_center(d, 3)
    least = mip._KMedian.least
    calls = []

    def stopping(programme, objective, deadline):
        calls.append(1)
        found = least(programme, objective, deadline)
        return found if len(calls) <= stage else Found(found.chosen, proven=False)

    monkeypatch.setattr(mip._KMedian, "least", stopping)
    tied = break_ties(d, result, 3)
    assert tied.radius == result.radius
    assert not tied.ties_broken


@needs_shared
@pytest.mark.parametrize("name", ["A41", "A68", "A98"])
def test_whole_curves_of_real_affinities_equal_the_known_ones(name):
    optima = json.loads((KNOWN / "optima.json").read_text())[name]["curve_m1..M"]
    d = 1.0 - np.load(KNOWN / f"{name}.npy")
    np.fill_diagonal(d, 0.0)
    for k, c in enumerate(optima, start=1):
        result = k_center(d, k)
        assert result.proven
        assert len(result.centers) == k
        assert 1 - result.radius == pytest.approx(c, abs=1e-12)


def graph_distances(path):
    """All shortest paths of an OR-Library graph and its k; a repeated edge takes its last cost."""
    numbers = np.array(path.read_text().split(), dtype=int)
    M, k = numbers[0], numbers[2]
    d = np.full((M, M), np.inf)
    np.fill_diagonal(d, 0)
    for a, b, cost in numbers[3:].reshape(-1, 3):
        d[a - 1, b - 1] = d[b - 1, a - 1] = cost
    for via in range(M):
        d = np.minimum(d, d[:, [via]] + d[[via]])
    return d, int(k)


@needs_shared
@pytest.mark.parametrize("name", ["pmed1", "pmed3", "pmed5", "pmed9"])
def test_or_library_graphs_have_their_published_radius(name):
    optimum = json.loads((KNOWN / "optima.json").read_text())["pmed_odd"][name]
    d, k = graph_distances(KNOWN / f"{name}.txt")
    result = k_center(d, k)
    assert (result.radius, result.proven) == (optimum, True)
