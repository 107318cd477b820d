"""Certificates: what proves an optimum, and that a wrong proof is not believed."""

from dataclasses import replace

import numpy as np
import pytest

from correlation.certificates import DUAL, PACKING, SEARCH, Certificate, certify, verify
from correlation.demands import Demands
from correlation.kcenter import k_center

FREE = Demands()


def distances(M, seed):
    points = np.random.default_rng(seed).random((M, 2))
    return np.linalg.norm(points[:, None] - points, axis=2)


def proof(d, k, demands=FREE):
    radius = k_center(d, k, demands).radius
    return certify(d, radius, k, demands), radius


@pytest.mark.parametrize("demands", [FREE, Demands(include=(3,), exclude=(0, 8))])
def test_packings_and_duals_stand_before_an_independent_check(demands):
    kinds = set()
    for seed in range(12):
        d = distances(20, seed)
        for k in range(2, 14):
            found, radius = proof(d, k, demands)
            kinds.add(found.kind)
            assert found.kind == SEARCH or verify(found, d, demands, radius, k)
    assert {PACKING, DUAL} <= kinds


def test_a_packing_is_one_point_more_than_there_are_centres_and_no_two_share_one():
    d = distances(25, 1)
    found, radius = proof(d, 5)
    assert found.kind == PACKING
    assert len(found.points) == 6
    near = d[list(found.points)] < radius
    assert near.sum(axis=0).max() == 1


def test_a_proof_of_something_else_is_not_believed():
    d = distances(25, 1)
    found, radius = proof(d, 5)
    doubled = replace(found, weights=tuple(2 * w for w in found.weights))
    fewer = replace(found, points=found.points[1:], weights=found.weights[1:])
    for wrong in (doubled, fewer, replace(found, k=6), replace(found, kind=SEARCH)):
        assert not verify(wrong, d, FREE, radius, 5)
    assert not verify(found, d, FREE, radius, 4)
    assert not verify(replace(found, radius=radius * 1.5), d, FREE, radius * 1.5, 5)
    assert not verify(found, d, Demands(include=(found.points[0],)), radius, 5)
    negative = Certificate(DUAL, radius, 5, (0, 1), (-1, 10**9))
    assert not verify(negative, d, FREE, radius, 5)


def steiner_distances():
    """Nine points of which five are needed where weights only prove four: lines of a plane."""
    lines = [(0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8)]
    lines += [(0, 4, 8), (1, 5, 6), (2, 3, 7), (0, 5, 7), (1, 3, 8), (2, 4, 6)]
    d = np.full((21, 21), 3.0)
    for i, line in enumerate(lines):
        for j in line:
            d[9 + i, j] = d[j, 9 + i] = 1.0
    d[:9, :9] = 1.0
    np.fill_diagonal(d, 0.0)
    return d


def test_what_neither_proves_tells_how_many_cases_were_looked_at():
    d = steiner_distances()
    found, radius = proof(d, 4, Demands(exclude=tuple(range(9, 21))))
    assert (found.kind, radius) == (SEARCH, 3.0)
    assert found.nodes > 0
    assert "cases" in found.sentence([])
    assert not verify(found, d, FREE, radius, 4)


def test_demands_on_groups_may_be_proven_by_a_programme_only():
    d = distances(12, 3)
    found, _ = proof(d, 4, Demands(together=tuple((i, i + 6) for i in range(6))))
    assert found.kind == SEARCH
    assert "programme" in found.sentence([])


def test_nothing_is_to_be_proven_where_every_point_is_a_centre():
    assert proof(distances(5, 0), 5)[0] is None


def test_a_point_that_nothing_serves_better_is_proof_enough():
    d = np.abs(np.subtract.outer(np.arange(5.0), np.arange(5.0)))
    demands = Demands(exclude=(3, 4))
    found, radius = proof(d, 2, demands)
    assert (found.points, radius) == ((4,), 2.0)
    assert verify(found, d, demands, radius, 2)
    assert (
        found.sentence("abcde") == "No landmark that may be chosen would serve this one better: e."
    )


def test_proofs_are_told_in_words():
    names = [f"point {i}" for i in range(25)]
    packing = proof(distances(25, 1), 5)[0]
    assert packing.sentence(names).startswith("No landmark would serve two of these 6 better: po")
    dual = Certificate(DUAL, 0.1, 2, (0, 4), (1_500_000, 600_000))
    assert "weights of 2.1000 in all" in dual.sentence(names)
    assert "point 0, point 4" in dual.sentence(names)
