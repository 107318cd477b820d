"""Choosing by residual variance: the objective, demands, and what real faces leave open."""

from pathlib import Path

import numpy as np
import pytest

from correlation.demands import Demands, demands_of
from correlation.residual_variance import (
    VarianceChoice,
    least_variance,
    residual_variance,
    variance_curve,
)
from datasets.errors import SelectionError, ShapeMismatchError
from datasets.formats import landmark_format
from datasets.shape_model import ShapeModel
from datasets.shapes import ShapeSet

SHARED = Path(__file__).parents[3].parent / "shared" / "data" / "annotations"
needs_shared = pytest.mark.skipif(not SHARED.exists(), reason="no shared data beside the checkout")
M = 10


def model_of(M=M, D=2, seed=0, noise=0.04):
    rng = np.random.default_rng(seed)
    base, bends = rng.normal(size=(M, D)), rng.normal(size=(4, M, D))
    draws = np.einsum("nk,kmd->nmd", rng.normal(size=(60, 4)), bends)
    return ShapeModel.fit(100 * (base + 0.1 * draws), noise=noise)


@pytest.fixture(scope="module")
def model():
    return model_of()


@pytest.mark.parametrize("D", [2, 3])
@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_it_is_what_the_shape_model_leaves_open_and_the_clicks(D, noise):
    model = model_of(D=D, noise=noise)
    for chosen in ([3], [0, 9], [1, 2, 5, 7], range(M)):
        spread = np.einsum("idid->", model.spread_given(list(chosen)))
        expected = spread + len(chosen) * D * noise**2 / M
        assert residual_variance(model, chosen) == pytest.approx(expected, rel=1e-9)


def test_a_click_that_is_less_certain_leaves_more_open(model):
    precision = np.full(M, model.noise)
    before = residual_variance(model, [0, 4, 8], precision=precision)
    assert before == residual_variance(model, [0, 4, 8])
    precision[4] *= 2
    after = residual_variance(model, [0, 4, 8], precision=precision)
    assert after > before + 2 * 3 * model.noise**2 / M * 0.999
    precision[5] *= 100  # not chosen: its clicks are not made
    assert residual_variance(model, [0, 4, 8], precision=precision) == after


def test_who_is_placed_badly_is_not_chosen(model):
    first = least_variance(model, 3).chosen[0]
    precision = np.full(M, model.noise)
    precision[first] = 2.0
    assert first not in least_variance(model, 3, precision=precision).chosen


def test_landmarks_that_move_by_themselves_are_chosen_first():
    rng = np.random.default_rng(0)
    base = 100 * rng.normal(size=(M, 2))
    model = ShapeModel.fit(base + np.zeros((20, M, 2)) + rng.normal(size=(20, 1, 2)))
    covariance = np.zeros((M, 2, M, 2))
    for i, variance in enumerate(np.where(np.isin(np.arange(M), [2, 5, 6, 9]), 0.1, 1e-6)):
        covariance[i, :, i] = variance * np.eye(2)
    wild = ShapeModel(model.format, model.mean, covariance, 1.0, noise=0.01)
    steady = (0, 1)  # place, size and orientation come from two that stay where they are
    assert least_variance(wild, 6, Demands(include=steady)).chosen == (0, 1, 2, 5, 6, 9)


def test_what_a_choice_leaves_open_lies_between_its_bound_and_that_of_others(model):
    choice = least_variance(model, 4)
    assert len(choice.chosen) == 4
    assert choice.variance == residual_variance(model, choice.chosen)
    assert 0 < choice.bound <= choice.variance
    assert choice.gap == choice.variance - choice.bound
    rng = np.random.default_rng(0)
    for _ in range(50):
        assert choice.variance <= residual_variance(model, rng.permutation(M)[:4])


def test_all_landmarks_leave_open_what_their_clicks_do(model):
    choice = least_variance(model, M)
    assert choice.chosen == tuple(range(M))
    assert choice.variance == pytest.approx(2 * model.noise**2)
    exact = least_variance(model_of(noise=0.0), M)
    assert (exact.variance, exact.bound) == (0.0, 0.0)


def test_shapes_that_are_all_the_same_have_a_choice_too():
    base = np.random.default_rng(0).normal(size=(M, 2))
    choice = least_variance(ShapeModel.fit(np.stack([base] * 4), noise=0.0), 3)
    assert len(choice.chosen) == 3
    assert choice.variance == pytest.approx(0, abs=1e-8)


def test_of_equally_good_landmarks_the_smallest_index_is_taken():
    """A regular polygon: every landmark is as good as its neighbours."""
    angles = 2 * np.pi * np.arange(M) / M
    ring = np.stack([np.cos(angles), np.sin(angles)], axis=1) / np.sqrt(M)
    covariance = np.einsum("ij,ab->iajb", 1e-3 * np.eye(M), np.eye(2))
    model = ShapeModel(landmark_format(f"points-{M}"), ring, covariance, 1.0)
    assert least_variance(model, 1).chosen == (0,)


def test_demands_are_obeyed(model):
    demands = Demands(
        include=(7,), exclude=(1,), together=((0, 2), (3, 4)), at_least=(((5, 6, 8), 2),)
    )
    choice = least_variance(model, 5, demands)
    assert demands.allow(choice.chosen)
    assert len(choice.chosen) == 5
    assert choice.bound <= least_variance(model, 5).variance * 100
    assert choice.variance >= least_variance(model, 5).bound


def test_a_pair_is_given_up_for_two_better_single_ones_and_the_other_way_round(model):
    free = least_variance(model, 4)
    apart = [i for i in range(M) if i not in free.chosen]
    bad_pair = least_variance(model, 4, Demands(together=((free.chosen[0], apart[0]),)))
    good_pair = least_variance(model, 4, Demands(together=(free.chosen[:2],)))
    assert good_pair.variance == pytest.approx(free.variance, rel=0.05)
    assert free.variance <= bad_pair.variance


def test_pairs_leave_one_out_of_an_odd_number():
    face = landmark_format("mafl-5")
    points = np.random.default_rng(0).normal(size=(30, 5, 2)) * 5 + 100 * np.eye(5)[:, :2]
    model = ShapeModel.fit(ShapeSet.from_points(points, face))
    nose = face.mirror.index(next(i for i in range(5) if face.mirror[i] == i))
    choice = least_variance(model, 3, demands_of(face, pairs=True, exclude=[nose]))
    assert len(choice.chosen) == 2
    assert choice.chosen == tuple(sorted({face.mirror[i] for i in choice.chosen}))


def test_costs_limit_the_choice(model):
    cost = tuple(np.linspace(1, 3, M))
    demands = Demands(cost=cost, most_cost=6.0)
    choice = least_variance(model, 5, demands)
    assert 2 <= len(choice.chosen) <= 5
    assert demands.price(choice.chosen) <= 6.0
    assert choice.bound <= choice.variance
    free = Demands(cost=(0.0, *cost[1:]), most_cost=1.0)
    assert least_variance(model, 3, free).chosen == (0,)


def test_a_limit_that_nothing_meets_is_an_error(model):
    with pytest.raises(SelectionError, match="allow more"):
        least_variance(model, 2, Demands(most_cost=0.5))
    with pytest.raises(SelectionError, match="found no choice"):
        least_variance(model, 2, Demands(include=(0,), most_cost=0.5))


def test_a_curve_is_no_worse_than_each_of_its_budgets(model):
    curve = variance_curve(model)
    assert [len(choice.chosen) for choice in curve] == list(range(1, M + 1))
    for m, choice in enumerate(curve, start=1):
        assert choice.variance <= least_variance(model, m).variance * (1 + 1e-9)
    assert [len(c.chosen) for c in variance_curve(model, [6, 2, 6])] == [2, 6]
    assert variance_curve(model, []) == ()


def test_a_curve_obeys_demands(model):
    demands = Demands(include=(3,), together=((0, 1), (4, 5)))
    for choice in variance_curve(model, [1, 2, 3, 4, 5], demands):
        assert demands.allow(choice.chosen)


def test_progress_counts_what_is_put_in(model):
    seen = []
    least_variance(model, 3, on_progress=lambda done, _total=None: seen.append(done))
    assert seen == list(range(1, len(seen) + 1))
    assert len(seen) >= 6


@pytest.mark.parametrize("precision", [np.ones(M - 1), -np.ones(M), np.full(M, np.nan)])
def test_a_precision_that_is_none_is_refused(model, precision):
    with pytest.raises(ShapeMismatchError, match="precision must be 10 finite numbers"):
        residual_variance(model, [0], precision=precision)


def test_landmarks_may_be_named(model):
    assert residual_variance(model, ["3", 5]) == residual_variance(model, [5, 3])
    with pytest.raises(SelectionError, match="has no landmark"):
        residual_variance(model, ["nose"])


@pytest.mark.parametrize(
    ("chosen", "bound"), [((), 0.0), ((2, 1), 0.0), ((1, 1), 0.0), ((1,), 2.0), ((1,), -0.1)]
)
def test_a_choice_that_cannot_be_true_is_refused(chosen, bound):
    with pytest.raises(SelectionError):
        VarianceChoice(chosen, 1.0, bound)


@needs_shared
def test_real_faces_are_chosen_near_the_bound():
    with np.load(SHARED / "300w_valid_68.npz") as fields:
        model = ShapeModel.fit(fields["points"].astype(np.float64))
    choice = least_variance(model, 19)
    assert len(choice.chosen) == 19
    assert choice.bound > 0.87 * choice.variance
    rng = np.random.default_rng(0)
    drawn = [residual_variance(model, rng.permutation(68)[:19]) for _ in range(100)]
    assert choice.variance < 0.95 * min(drawn)
