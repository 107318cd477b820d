"""The bootstrap against the same draws done the long way, and against what is known."""

import itertools

import numpy as np
import pytest

from correlation.affinity import affinity, affinity_from_moments
from correlation.scores import score
from correlation.selection import select
from correlation.stability import curve_spread, how_many_shapes, stability
from datasets.alignment import align
from datasets.errors import SelectionError, ShapeMismatchError
from datasets.formats import landmark_format
from datasets.moments import Moments
from datasets.shapes import ShapeSet

M = 8


def related(N, seed=0, noise=0.5):
    """Shapes that all depend on the same four common variables."""
    places, ways = np.random.default_rng(1), np.random.default_rng(2)
    rng = np.random.default_rng(seed)
    flat = 20 * places.normal(size=2 * M) + rng.normal(size=(N, 4)) @ ways.normal(size=(4, 2 * M))
    return (flat + noise * rng.normal(size=(N, 2 * M))).reshape(N, M, 2)


def jaccard(sets):
    return np.mean([len(a & b) / len(a | b) for a, b in itertools.combinations(sets, 2)])


def test_resamples_are_those_of_subjects_drawn_and_laid_out_one_by_one():
    points = related(50)
    points[7, 3] = np.nan
    subjects = [f"p{i % 20}" if i < 40 else None for i in range(50)]  # 20 pairs and 10 alone
    found = stability(points, 3, np.random.default_rng(3), subjects=subjects, resamples=12)
    groups = [[i, i + 20] for i in range(20)] + [[i] for i in range(40, 50)]
    aligned, rng = align(points), np.random.default_rng(3)
    chosen = select(affinity(points), 3)
    values, best, kept, sets = [], [], [], []
    for _ in range(12):
        rows = [i for k in rng.integers(0, 30, 30) for i in groups[k]]
        matrix = affinity_from_moments(Moments.from_points(aligned[rows]))
        values.append(matrix.values)
        sets.append(set(select(matrix, 3).sparse.chosen))
        best.append(score(matrix, sets[-1]).min_correlation)
        kept.append(score(matrix, chosen.sparse.chosen).min_correlation)
    ends = (0.025, 0.975)
    both = (found.low, found.high)
    np.testing.assert_allclose(both, np.quantile(values, ends, axis=0), atol=1e-9)
    np.testing.assert_allclose(found.best_interval, np.quantile(best, ends), atol=1e-9)
    np.testing.assert_allclose(found.kept_interval, np.quantile(kept, ends), atol=1e-9)
    frequency = [np.mean([j in s for s in sets]) for j in range(M)]
    np.testing.assert_allclose(found.frequency, frequency)
    assert found.jaccard == pytest.approx(jaccard(sets))
    assert found.chosen == chosen.sparse.chosen
    assert found.min_correlation == pytest.approx(chosen.min_correlation)
    assert (found.n_shapes, found.n_subjects, found.resamples) == (50, 30, 12)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    truth = affinity(related(200_000, seed=99)).values
    pairs = ~np.eye(M, dtype=bool)
    held = []
    for seed in range(8):
        found = stability(
            related(150, seed), 2, np.random.default_rng(seed), resamples=80, confidence=0.9
        )
        held.append(((found.low <= truth) & (truth <= found.high))[pairs].mean())
    assert 0.75 < np.mean(held) < 0.97


def test_shapes_that_come_several_times_by_subject_tell_no_more():
    points = related(40)
    often, subjects = np.repeat(points, 5, axis=0), np.repeat(np.arange(40), 5).astype(str)
    once = stability(points, 3, np.random.default_rng(0), resamples=30)
    grouped = stability(often, 3, np.random.default_rng(0), subjects=list(subjects), resamples=30)
    blind = stability(often, 3, np.random.default_rng(0), resamples=30)
    np.testing.assert_allclose(grouped.low, once.low, atol=1e-6)
    assert grouped.jaccard == once.jaccard
    widths = [(s.high - s.low).sum() for s in (grouped, blind)]
    assert widths[1] < 0.6 * widths[0]


def test_rows_name_the_landmarks_the_most_frequent_first():
    shapes = ShapeSet.from_points(related(60)[:, :5], landmark_format("mafl-5"))
    found = stability(shapes, 2, np.random.default_rng(0), resamples=10)
    rows = found.rows()
    frequencies = [row["frequency"] for row in rows]
    assert frequencies == sorted(frequencies, reverse=True)
    assert sum(frequencies) == pytest.approx(2)
    assert sorted(row["landmark"] for row in rows) == sorted(shapes.format.landmarks)
    assert {row["index"] for row in rows if row["chosen"]} == set(found.chosen)


def test_shapes_without_a_pair_are_passed_over_with_their_subjects():
    points = related(40)
    lone = np.full((2, M, 2), np.nan)
    lone[:, 0] = 1.0
    more = np.concatenate([lone[:1], points, lone[1:]])
    subjects = ["nobody", *(f"p{i}" for i in range(40)), "p3"]
    a = stability(points, 3, np.random.default_rng(0), resamples=5)
    b = stability(more, 3, np.random.default_rng(0), subjects=subjects, resamples=5)
    np.testing.assert_array_equal(a.low, b.low)
    assert (b.n_shapes, b.n_subjects) == (40, 40)


def test_more_shapes_choose_more_alike_and_lose_less():
    rows = how_many_shapes(
        related(600), 3, np.random.default_rng(0), sizes=[600, 12, 12, 80], resamples=15
    )
    assert [row["subjects"] for row in rows] == [12, 80, 600]
    assert [row["draws"] for row in rows] == [15, 15, 15]
    assert rows[0]["jaccard"] < rows[-1]["jaccard"]
    assert rows[0]["loss"] > rows[-1]["loss"] >= 0
    assert rows[0]["optimism"] > rows[-1]["optimism"]
    best = select(affinity(related(600)), 3).min_correlation
    assert rows[0]["min_correlation"] + rows[0]["loss"] == pytest.approx(best)


def test_sizes_double_up_to_all_and_draws_of_too_few_shapes_are_counted_out():
    points = related(45)
    points[:42, 0] = np.nan
    seen = []
    rows = how_many_shapes(
        points, 2, np.random.default_rng(0), resamples=4, on_progress=lambda *a: seen.append(a)
    )
    assert [row["subjects"] for row in rows] == [10, 20, 40, 45]
    assert rows[0]["draws"] < 4
    assert seen == [(k, 4) for k in range(5)]
    nothing = how_many_shapes(points, 2, np.random.default_rng(0), sizes=[1], resamples=4)[0]
    assert nothing["draws"] == 0
    assert nothing["jaccard"] is None


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"resamples": 1}, SelectionError, "two resamples"),
        ({"confidence": 1.0}, SelectionError, "between 0 and 1"),
        ({"m": 9}, SelectionError, "cannot choose 9"),
        ({"subjects": ["a"]}, ShapeMismatchError, "1 subjects for 30 shapes"),
        ({"subjects": ["a"] * 30}, ShapeMismatchError, "two subjects or shapes, got 1"),
    ],
)
def test_what_makes_no_sense_is_refused(how, error, message):
    with pytest.raises(error, match=message):
        stability(related(30), how.pop("m", 3), np.random.default_rng(0), **how)


def test_sizes_that_make_no_sense_are_refused():
    with pytest.raises(SelectionError, match="sizes 1 at least"):
        how_many_shapes(related(30), 3, np.random.default_rng(0), sizes=[0])


def test_the_spread_of_the_curve_is_that_of_the_best_c_of_each_draw():
    points = related(60)
    found = curve_spread(points, (2, 4), np.random.default_rng(5), resamples=4)
    rng, aligned = np.random.default_rng(5), align(points)
    for values in found.values:
        rows = rng.integers(0, 60, 60)
        matrix = affinity_from_moments(Moments.from_points(aligned[rows]))
        expected = [select(matrix, m).min_correlation for m in (2, 4)]
        np.testing.assert_allclose(values, expected, atol=1e-9)
    np.testing.assert_allclose(found.mean, found.values.mean(axis=0))
    np.testing.assert_allclose(found.deviation, found.values.std(axis=0, ddof=1))
    with pytest.raises(SelectionError, match="two resamples, got 1"):
        curve_spread(points, (2,), np.random.default_rng(0), resamples=1)
