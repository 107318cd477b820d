"""The error against n: what is learnt from, who judges, and how far the curve may be trusted."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from correlation.learning_curve import ErrorCurve, LearningCurve, errors_of_plans
from correlation.linear_error import ErrorForecast
from datasets.errors import SelectionError, ShapeMismatchError
from datasets.formats import landmark_format
from datasets.shapes import ShapeSet

SHARED = Path(__file__).parents[3].parent / "shared" / "data" / "annotations"
needs_shared = pytest.mark.skipif(not SHARED.exists(), reason="no shared data beside the checkout")
M = 9


def population(N, seed=0, D=2):
    fixed = np.random.default_rng(99)
    base, bends = fixed.normal(size=(M, D)), fixed.normal(size=(4, M, D))
    rng = np.random.default_rng(seed)
    shapes = base + 0.08 * np.einsum("nk,kmd->nmd", rng.normal(size=(N, 4)), bends)
    return 100 * (shapes + 0.02 * rng.normal(size=shapes.shape)) + rng.uniform(0, 500, (N, 1, D))


def learnt(shapes, seed=0, **options):
    return LearningCurve.fit(shapes, rng=np.random.default_rng(seed), **options)


def curve(sizes=(5, 10, 20, 40), nme=(0.06, 0.04, 0.03, 0.025)):
    return ErrorCurve(sizes, np.array(nme), np.full(len(sizes), 0.01), "box", 50)


@pytest.fixture(scope="module")
def faces():
    return learnt(population(300))


def test_more_shapes_to_learn_from_make_smaller_errors(faces):
    found = faces.of([0, 4, 7])
    assert found.sizes == (5, 10, 20, 50, 100, 240)
    assert (np.diff(found.nme) < 0).all()
    assert found.n_shapes == 300


def test_with_all_there_is_the_error_is_that_of_the_forecast(faces):
    shapes = population(300)
    forecast = ErrorForecast.fit(shapes, rng=np.random.default_rng(0))
    found, expected = faces.of([0, 4, 7]), forecast.of([0, 4, 7])
    assert found.nme[-1] == pytest.approx(expected.nme, rel=1e-9)  # the same folds, all of each
    assert found.span == expected.span


def test_every_size_is_judged_by_the_same_shapes_that_none_learnt_from():
    names = [f"s{i // 4}" for i in range(60)]
    found = learnt(population(60), subjects=names)
    for fold in zip(*found.forecasts, strict=True):
        first, *others = fold
        for other in others:
            np.testing.assert_array_equal(other.shapes.points, first.shapes.points)
            assert other.seed == first.seed
    judged = [set(parts[0].subject) for parts in zip(*found.forecasts, strict=True)]
    assert len(set.union(*judged)) == sum(len(subjects) for subjects in judged) == 15


def test_what_is_learnt_from_fewer_is_part_of_what_is_learnt_from_more(monkeypatch):
    import correlation.learning_curve as module

    seen = []
    real = module.ShapeModel.fit
    monkeypatch.setattr(
        module.ShapeModel, "fit", lambda shapes: seen.append(shapes) or real(shapes)
    )
    found = learnt(population(40), folds=2)
    per_fold = len(found.sizes)
    for start in (0, per_fold):
        rows = [{p.tobytes() for p in one.points} for one in seen[start : start + per_fold]]
        assert [len(r) for r in rows] == list(found.sizes) == [5, 10, 20]
        assert rows[0] < rows[1] < rows[2]


def test_landmarks_that_are_all_clicked_leave_no_error(faces):
    assert (faces.of(range(M)).nme == 0).all()
    assert (faces.of(range(M), noise=0.02).nme > 0).all()


def test_progress_tells_the_models():
    seen = []
    learnt(population(40), on_progress=lambda done, total=None: seen.append((done, total)))
    assert seen == [(k, 20) for k in range(21)]


def test_few_and_uneven_shapes_have_a_short_curve():
    assert learnt(population(8)).sizes == (6,)
    assert learnt(population(10), subjects=["a"] * 7 + ["b"] * 3).sizes == (3,)
    with pytest.raises(ShapeMismatchError, match="expected 8 shapes"):
        learnt(population(5))
    with pytest.raises(ValueError, match="two folds"):
        learnt(population(20), folds=1)
    with pytest.raises(SelectionError, match="no landmark"):
        learnt(population(20)).of([])


def test_between_two_sizes_the_error_is_linear_in_one_over_n():
    for n in (5, 10, 20, 40):
        assert curve().at(n) == pytest.approx(dict(zip(curve().sizes, curve().nme, strict=True))[n])
    a, b = np.linalg.solve([[1, 1 / 10], [1, 1 / 20]], [0.04, 0.03])
    assert curve().at(13) == pytest.approx(a + b / 13)


def test_beyond_the_largest_size_the_curve_goes_on_and_ends():
    a, b = np.linalg.solve([[1, 1 / 20], [1, 1 / 40]], [0.03, 0.025])
    assert curve().farthest == 160
    assert curve().at(160) == pytest.approx(a + b / 160)
    assert curve().at(161) is None
    assert curve().at(4) is None
    rising = curve(nme=(0.06, 0.04, 0.02, 0.025))
    assert rising.at(80) == 0.025  # more shapes are not said to make it worse
    steep = curve(nme=(0.06, 0.04, 0.03, 0.001))
    assert steep.at(160) == 0


def test_from_few_shapes_nothing_is_extrapolated():
    short = curve((5, 10, 20), (0.06, 0.04, 0.03))
    assert short.farthest == 20
    assert short.at(21) is None
    assert curve((50,), (0.03,)).at(60) is None


def test_plans_get_the_error_of_their_m_and_n():
    curves = {3: curve(), 5: curve(nme=(0.05, 0.03, 0.02, 0.015))}
    assert errors_of_plans(curves, [10, 2, 10]) == {
        (3, 2): None, (3, 10): 0.04, (5, 2): None, (5, 10): 0.03,
    }  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [{"sizes": ()}, {"sizes": (0, 1, 2, 3)}, {"sizes": (5, 5, 6, 7)}, {"nme": np.zeros(3)},
     {"spread": np.zeros(3)}, {"nme": np.array([1, 1, 1, -1.0])}],
)  # fmt: skip
def test_a_curve_that_cannot_be_true_is_refused(changes):
    with pytest.raises(ShapeMismatchError):
        replace(curve(), **changes)


@needs_shared
@pytest.mark.parametrize("name", ["300w_valid_68", "wflw_test_part1_98", "dogflw_train_46"])
def test_on_real_shapes_four_times_as_many_are_forecast_right(name):
    with np.load(SHARED / f"{name}.npz") as fields:
        points = fields["points"].astype(np.float64)
    rows = np.random.default_rng(1).permutation(np.flatnonzero(np.isfinite(points).all((1, 2))))
    known = landmark_format("300w-68") if points.shape[1] == 68 else None
    shapes = ShapeSet.from_points(points[rows[:600]], known)
    chosen = np.random.default_rng(0).permutation(points.shape[1])[:10]
    whole = learnt(shapes).of(chosen)
    known_sizes = [n for n in whole.sizes if n <= 100]
    part = replace(
        whole, sizes=tuple(known_sizes), nme=whole.nme[: len(known_sizes)],
        spread=whole.spread[: len(known_sizes)],
    )  # fmt: skip
    assert part.at(400) == pytest.approx(whole.at(400), rel=0.05)
