"""Selections: what is chosen, what is told about it, and what is refused."""

import itertools
import tomllib
from dataclasses import replace

import numpy as np
import pytest

import correlation.selection as module
from correlation.affinity import affinity
from correlation.certificates import verify
from correlation.curve import budget_curve
from correlation.demands import Demands
from correlation.matrix import AffinityMatrix
from correlation.scores import predefined_scores, score
from correlation.selection import select
from datasets.errors import SelectionError
from datasets.formats import SparseFormat, index_map, landmark_format
from datasets.shapes import ShapeSet


def random_matrix(M, seed=0):
    values = np.triu(np.random.default_rng(seed).random((M, M)), 1)
    return values + values.T + np.eye(M)


def smallest_best(values, chosen):
    """c by its definition: eq. 5.4 of Yan 2020, with loops."""
    rest = [j for j in range(len(values)) if j not in chosen]
    return min((max(values[i, j] for i in chosen) for j in rest), default=1.0)


@pytest.fixture(scope="module")
def faces():
    """An affinity matrix in the format of 300-W, of shapes that are drawn at random."""
    points = np.random.default_rng(5).normal(size=(40, 68, 2)).cumsum(axis=1)
    return affinity(ShapeSet.from_points(points, landmark_format("300w-68")))


@pytest.mark.parametrize("m", range(1, 8))
def test_c_is_the_largest_of_all_choices(m):
    values = random_matrix(7)
    chosen = select(values, m)
    best = max(smallest_best(values, s) for s in itertools.combinations(range(7), m))
    assert chosen.min_correlation == smallest_best(values, chosen.sparse.chosen) == best
    assert (chosen.proven, chosen.bound, chosen.gap) == (True, best, 0.0)
    assert chosen.ties_broken
    assert len(chosen.sparse) == m


def test_every_landmark_is_represented_by_its_closest_chosen_one():
    values = random_matrix(9, seed=3)
    chosen = select(values, 3)
    for i, by in enumerate(chosen.sparse.represented_by):
        assert values[i, by] == max(values[i, j] for j in chosen.sparse.chosen)
    best = [values[i, chosen.sparse.represented_by[i]] for i in chosen.sparse.rest]
    assert chosen.mean_correlation == pytest.approx(np.mean(best))
    assert best[chosen.sparse.rest.index(chosen.bottleneck)] == chosen.min_correlation


def test_chosen_landmarks_represent_themselves_even_beside_a_twin():
    found = score(np.ones((4, 4)), [1, 3])
    assert found.sparse.represented_by == (1, 1, 1, 3)


def test_all_landmarks_chosen_leave_no_bottleneck():
    found = select(random_matrix(4), 4)
    assert (found.min_correlation, found.mean_correlation) == (1.0, 1.0)
    assert (found.bottleneck, found.bottleneck_name) == (None, None)
    assert "bottleneck" not in found.details()


def test_demands_are_taken_by_name_and_by_index(faces):
    by_name = select(faces, 6, include=["nose_tip", 8], exclude="contour_00")
    assert {8, 30} <= set(by_name.sparse.chosen)
    assert 0 not in by_name.sparse.chosen
    assert by_name.demands.include == (8, 30)
    assert by_name.demands.exclude == (0,)
    assert by_name.details()["include"] == ["contour_08", "nose_tip"]
    by_index = select(faces, 6, include=np.array([30, 8]), exclude=[0])
    assert by_index.sparse == by_name.sparse
    assert by_name.min_correlation <= select(faces, 6).min_correlation


@pytest.mark.parametrize(
    ("m", "include", "exclude", "message"),
    [
        (0, (), (), "cannot choose 0 of the 5"),
        (6, (), (), "cannot choose 6 of the 5"),
        (1, (0, 1), (), "raise m or include fewer"),
        (4, (), (0, 1), "only 3 of 5 are left"),
        (3, (2,), (2,), "both included and excluded"),
        (3, ("nose",), (), "no landmark 'nose'"),
        (3, (9,), (), "counted 0 to 4"),
        (3, (), (-1,), "counted 0 to 4"),
    ],
)
def test_impossible_demands_are_explained(m, include, exclude, message):
    with pytest.raises(SelectionError, match=message):
        select(random_matrix(5), m, include, exclude)


def test_a_score_needs_a_choice():
    with pytest.raises(SelectionError, match="no landmark is chosen"):
        score(random_matrix(5), [])


def test_bounds_of_c_are_told_while_the_search_runs(faces):
    told = []
    chosen = select(faces, 6, on_bounds=lambda low, high: told.append((low, high)))
    assert told[0][0] < told[0][1]
    assert all(low <= chosen.min_correlation + 1e-12 for low, _ in told)
    assert all(high >= chosen.min_correlation - 1e-12 for _, high in told)
    assert told[-1] == pytest.approx((chosen.min_correlation,) * 2, abs=1e-12)


def test_a_search_without_time_says_what_is_not_proven(faces):
    hurried = select(faces, 6, time_limit_s=0.0)
    calm = select(faces, 6)
    assert not hurried.ties_broken
    assert hurried.min_correlation <= calm.min_correlation <= hurried.bound
    if not hurried.proven:
        assert hurried.gap > 0


def test_ties_that_time_out_keep_the_proven_c(faces, monkeypatch):
    monkeypatch.setattr(module, "_TIES_LIMIT_S", 0.0)
    found = select(faces, 6)
    assert found.proven
    assert not found.ties_broken
    assert found.min_correlation == pytest.approx(budget_curve(faces, [6]).min_correlations[0])


def test_predefined_formats_are_scored_by_the_definition(faces):
    found = predefined_scores(faces)
    assert {"mafl-5", "aflw-19"} <= set(found)
    for name, one in found.items():
        indices = index_map(landmark_format(name), faces.format)
        assert one.sparse.chosen == tuple(sorted(indices))
        expected = smallest_best(faces.values, one.sparse.chosen)
        assert one.min_correlation == expected
        searched = select(faces, len(one.sparse))
        assert searched.min_correlation >= expected


def test_a_selection_can_be_scored_on_other_shapes(faces):
    chosen = select(faces, 8).sparse.chosen
    other = AffinityMatrix.from_values(random_matrix(68), faces.format)
    assert score(other, chosen).min_correlation == smallest_best(other.values, chosen)


def test_a_saved_selection_is_a_sparse_format_with_its_details(faces, tmp_path):
    chosen = select(faces, 7, include=["nose_tip"])
    chosen.save(tmp_path / "formats" / "m7.toml")
    assert SparseFormat.load(tmp_path / "formats" / "m7.toml") == chosen.sparse
    details = tomllib.loads((tmp_path / "formats" / "m7.toml").read_text())["details"]
    assert details["min_correlation"] == chosen.min_correlation
    assert details["n_shapes"] == 40
    assert details["alignment"] == "centroid-rms"
    assert details["criterion"] == "k-center"
    assert details["proven"] is True


def test_what_is_not_known_of_a_plain_matrix_is_left_out(tmp_path):
    chosen = select(random_matrix(5), 2)
    assert (chosen.n_shapes, chosen.alignment) == (None, None)
    chosen.save(tmp_path / "m2.toml")
    details = tomllib.loads((tmp_path / "m2.toml").read_text())["details"]
    assert "n_shapes" not in details


def test_the_curve_rises_and_agrees_with_single_selections():
    values = random_matrix(9, seed=8)
    seen = []
    curve = budget_curve(values, on_progress=lambda done, total=None: seen.append((done, total)))
    assert curve.budgets == tuple(range(1, 10))
    assert list(curve.min_correlations) == sorted(curve.min_correlations)
    assert seen == [(done, 9) for done in range(10)]
    for one in curve.selections:
        assert one.sparse == select(values, len(one.sparse)).sparse
    rows = curve.rows()
    assert rows[2]["m"] == 3
    assert len(rows[2]["chosen"].split()) == 3


def test_a_curve_without_ties_has_the_same_c(faces):
    quick, full = (budget_curve(faces, [12, 3, 3], ties=t) for t in (False, True))
    assert quick.budgets == (3, 12)
    assert quick.min_correlations == full.min_correlations
    assert full.selections[0].mean_correlation >= quick.selections[0].mean_correlation - 1e-12


def test_a_curve_over_impossible_budgets_is_refused():
    with pytest.raises(SelectionError, match="cannot choose 9"):
        budget_curve(random_matrix(5), [2, 9])


def test_a_selection_tells_why_nothing_is_better_and_how_forced_it_is(faces):
    chosen = select(faces, 8)
    assert verify(chosen.certificate, faces.distance, Demands(), 1 - chosen.min_correlation, 8)
    assert chosen.ties.count >= 1
    assert set(chosen.ties.forced) <= set(chosen.sparse.chosen)
    told = chosen.details()
    assert told["certificate"].startswith(("No landmark would serve two", "These landmarks carry"))
    assert len(told["in_all_of_them"]) == len(chosen.ties.forced)
    assert budget_curve(faces, [8]).selections[0].certificate is None


def test_pairs_components_and_costs_are_obeyed(faces):
    pairs = select(faces, 9, pairs=True)
    assert {faces.format.mirror[i] for i in pairs.sparse.chosen} == set(pairs.sparse.chosen)
    nose = next(c for c in faces.format.components if c.name == "nose").indices
    parts = select(faces, 6, at_least={"nose": 3})
    assert len(set(parts.sparse.chosen) & set(nose)) >= 3
    cheap = select(faces, 68, cost=[2.0] * 34 + [0.5] * 34, most_cost=5)
    assert cheap.demands.price(cheap.sparse.chosen) <= 5
    free = select(faces, 9)
    assert all(s.proven for s in (pairs, parts, cheap))
    assert pairs.min_correlation <= free.min_correlation
    assert pairs.details()["together"][0] == ["contour_00", "contour_16"]
    assert parts.details()["at_least"][0]["number"] == 3
    assert cheap.details()["most_cost"] == 5


def test_a_flipped_landmark_serves_its_mirror_as_well(faces):
    flipped, plain = select(faces, 6, flip=True), select(faces, 6)
    mirror = list(faces.format.mirror)
    served = np.maximum(faces.values, faces.values[:, mirror])
    rest = list(flipped.sparse.rest)
    best = served[np.ix_(rest, list(flipped.sparse.chosen))].max(axis=1)
    assert flipped.min_correlation == best.min() >= plain.min_correlation
    assert flipped.proven
    assert flipped.details()["flip"] is True


@pytest.mark.parametrize(
    ("m", "demands", "message"),
    [
        (
            2,
            {"at_least": {"nose": 3}},
            "takes 3 landmarks at least, and m is 2: raise m, or demand",
        ),
        (2, {"at_least": {"nose": 3}}, "less of the numbers of components"),
        (3, {"include": [0], "cost": [5.0] * 68, "most_cost": 4}, "whatever m is"),
        (3, {"include": [0], "cost": [5.0] * 68, "most_cost": 4}, "one does without the most cost"),
        (3, {"include": [0], "cost": [5.0] * 68, "most_cost": 4}, "costs 5 at least"),
        (3, {"most_cost": 0.5}, "one does without the most cost"),
        (68, {"include": [0], "exclude": [16], "pairs": True}, "included or .* excluded or pairs"),
        (9, {"include": [0], "pairs": True, "exclude": [16], "most_cost": 0}, "several demands"),
    ],
)
def test_demands_nothing_meets_are_explained(faces, m, demands, message):
    with pytest.raises(SelectionError, match=message):
        select(faces, m, **demands)


def test_budgets_pay_where_no_mixture_of_others_gives_as_much(faces):
    curve = budget_curve(faces, [1, 2, 3])
    steps = [
        replace(s, min_correlation=c)
        for s, c in zip(curve.selections, (0.2, 0.3, 0.8), strict=True)
    ]
    assert replace(curve, selections=tuple(steps)).worthwhile == (1, 3)
    whole = budget_curve(faces, range(1, 30), ties=False)
    c = dict(zip(whole.budgets, whole.min_correlations, strict=True))
    pays = whole.worthwhile
    for m in set(whole.budgets) - set(pays):
        below, above = max(k for k in pays if k < m), min(k for k in pays if k > m)
        share = (m - below) / (above - below)
        assert c[m] <= (1 - share) * c[below] + share * c[above] + 1e-12
