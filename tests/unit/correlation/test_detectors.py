import dataclasses

import numpy as np
import pytest

from correlation.affinity import affinity
from correlation.detectors import compare_shapes, matched, resampled_errors
from datasets.dataset import LandmarkDataset
from datasets.errors import ShapeMismatchError, UnknownNameError
from datasets.formats import index_map, landmark_format
from datasets.samples import sample_table
from datasets.shapes import ShapeSet

INNER = landmark_format("300w-inner-41")


def dataset(points, names, known=None, **columns):
    shapes = ShapeSet.from_points(points, known)
    return LandmarkDataset(shapes, sample_table(names, **columns))


@pytest.fixture
def truth():
    points = np.random.default_rng(1).normal(size=(40, 6, 2)).cumsum(axis=1)
    return dataset(points, [f"s{i}" for i in range(40)], subject=[f"p{i // 4}" for i in range(40)])


def noisy(truth, seed=0, scale=0.3):
    noise = np.random.default_rng(seed).normal(0, scale, truth.shapes.points.shape)
    return truth.with_shapes(ShapeSet.from_points(truth.shapes.points + noise, truth.format))


def test_shapes_are_joined_by_their_name_in_the_order_of_the_truth(truth):
    predicted = noisy(truth)
    rows = np.random.default_rng(2).permutation(40)[:30]
    ours, theirs = matched(predicted.take(rows), truth)
    assert ours.samples["shape_id"].tolist() == theirs.samples["shape_id"].tolist()
    np.testing.assert_array_equal(theirs.shapes.points, truth.shapes.points[np.sort(rows)])
    np.testing.assert_array_equal(ours.shapes.points, predicted.shapes.points[np.sort(rows)])


def test_the_comparison_is_that_of_the_common_shapes(truth):
    predicted = noisy(truth)
    found = compare_shapes(predicted.take(np.arange(5, 40)), truth, "procrustes")
    a, b = (affinity(d.shapes.points[5:], "procrustes") for d in (predicted, truth))
    np.testing.assert_allclose(found.error, a.values - b.values, atol=1e-12)
    assert found.cautions == ("5 of 40 true shapes have no prediction and are left out.",)
    assert compare_shapes(truth, truth).largest == 0
    assert compare_shapes(truth, truth).cautions == ()


def test_what_a_model_placed_is_said_to_be_no_truth(truth):
    placed = dataclasses.replace(truth, inferred=True)
    (caution,) = compare_shapes(truth, placed).cautions
    assert "model placed what is taken for true" in caution
    assert compare_shapes(placed, truth).cautions == ()


def test_a_landmark_absent_in_one_counts_in_neither(truth):
    lacking = truth.shapes.points.copy()
    lacking[3, 2] = np.nan
    lacking[7] = np.nan
    lacking[8, 1:] = np.nan
    predicted = dataset(lacking, truth.samples["shape_id"])
    ours, theirs = matched(predicted, truth)
    assert len(theirs) == 38
    assert not theirs.shapes.present[3, 2]
    assert theirs.shapes.present.sum() == ours.shapes.present.sum() == 38 * 6 - 1
    assert compare_shapes(predicted, truth).largest == 0


def test_a_format_that_is_part_of_the_other_takes_its_landmarks_only():
    points = np.random.default_rng(5).normal(size=(20, 41, 2))
    names = [f"s{i}" for i in range(20)]
    dense, five = dataset(points, names, INNER), landmark_format("mafl-5")
    inside = index_map(five, INNER)
    few = dataset(points[:, inside], names, five)
    for pair in ((few, dense), (dense, few)):
        found = compare_shapes(*pair)
        assert found.format.landmarks == five.landmarks
        assert found.largest == 0


def test_data_that_have_nothing_in_common_are_refused(truth):
    other = dataset(truth.shapes.points, [f"t{i}" for i in range(40)])
    names = "predictions are named t0 and t1, true ones s0 and s1"
    with pytest.raises(ShapeMismatchError, match=f"no shape is in both: {names}"):
        compare_shapes(other, truth)
    with pytest.raises(ShapeMismatchError, match=r"points-4.*points-6: no map"):
        compare_shapes(dataset(truth.shapes.points[:, :4], truth.samples["shape_id"]), truth)
    solid = dataset(np.zeros((40, 6, 3)), truth.samples["shape_id"])
    with pytest.raises(ShapeMismatchError, match="predictions have 3 dimensions, true shapes 2"):
        compare_shapes(solid, truth)
    empty = dataset(np.full((40, 6, 2), np.nan), truth.samples["shape_id"])
    with pytest.raises(ShapeMismatchError, match="two landmarks both predicted and true"):
        compare_shapes(empty, truth)
    with pytest.raises(UnknownNameError, match="alignment"):
        compare_shapes(truth, truth, "by-eye")


def test_resampling_draws_whole_subjects_and_both_sides_together(truth):
    predicted = noisy(truth)
    found = resampled_errors(predicted, truth, 3, np.random.default_rng(4))
    rng = np.random.default_rng(4)
    expected = []
    for _ in range(3):
        drawn = rng.integers(10, size=10)
        rows = np.concatenate([np.arange(4 * k, 4 * k + 4) for k in drawn])
        a, b = (affinity(d.shapes.points[rows]).values for d in (predicted, truth))
        expected.append((a - b)[np.triu_indices(6, 1)].mean())
    np.testing.assert_allclose(found["all pairs"], expected)
    assert resampled_errors(truth, truth, 2, rng)["all pairs"].tolist() == [0, 0]


def test_shapes_without_a_subject_are_drawn_one_by_one(truth):
    nameless = LandmarkDataset(truth.shapes, truth.samples.assign(subject=None))
    seen = []
    predicted = noisy(nameless)
    found = resampled_errors(
        predicted, nameless, 4, np.random.default_rng(0), on_progress=lambda *n: seen.append(n)
    )
    rows = np.random.default_rng(0).integers(40, size=40)
    a, b = (affinity(d.shapes.points[rows]).values for d in (predicted, nameless))
    assert found["all pairs"][0] == pytest.approx((a - b)[np.triu_indices(6, 1)].mean())
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_the_spread_of_the_samples_is_that_of_new_data():
    """Beside the spread over many independent sets of shapes."""
    rng = np.random.default_rng(0)

    def draw():
        steps = rng.normal(size=(60, 6, 2)) + 3.0
        true = dataset(steps.cumsum(axis=1), [f"s{i}" for i in range(60)])
        return noisy(true, rng.integers(10**6)), true

    means = [compare_shapes(*draw()).mean for _ in range(100)]
    spreads = [resampled_errors(*draw(), 30, rng)["all pairs"].std() for _ in range(10)]
    assert np.mean(spreads) == pytest.approx(np.std(means), rel=0.35)
