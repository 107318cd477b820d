import numpy as np
import pytest

from datasets.errors import ShapeMismatchError, UnknownNameError
from datasets.formats import format_from_table, landmark_format
from datasets.metrics import (
    auc,
    ced,
    failure_rate,
    image_errors,
    landmark_failure_rate,
    nme,
    normalised_errors,
    span_lengths,
)
from datasets.shapes import ShapeSet

FORMAT = format_from_table(
    {"name": "t", "landmarks": ["a", "b", "c"], "spans": {"base": [0, 1], "side": [0, 2]}}
)


def shapes(*points) -> ShapeSet:
    return ShapeSet.from_points(points, FORMAT)


TRUTH = shapes([[0, 0], [10, 0], [0, 4]], [[0, 0], [0, 5], [12, 0]])


def test_errors_are_distances_in_parts_of_the_span():
    predicted = shapes([[3, 4], [10, 1], [0, 4]], [[0, 1], [0, 5], [9, 4]])
    expected = [[0.5, 0.1, 0.0], [0.2, 0.0, 1.0]]
    np.testing.assert_allclose(normalised_errors(predicted, TRUTH), expected)
    by_side = normalised_errors(predicted, TRUTH, "side")
    np.testing.assert_allclose(by_side, [[5 / 4, 1 / 4, 0], [1 / 12, 0, 5 / 12]])


def test_the_box_is_the_root_of_its_area():
    np.testing.assert_allclose(span_lengths(TRUTH, "box"), [np.sqrt(40), np.sqrt(60)])
    solid = ShapeSet.from_points([[[0, 0, 0], [2, 4, 8]]])
    np.testing.assert_allclose(span_lengths(solid), [4.0])


def test_a_format_without_spans_is_normalised_by_the_box():
    nameless = ShapeSet.from_points(TRUTH.points)
    np.testing.assert_allclose(span_lengths(nameless), span_lengths(TRUTH, "box"))


def test_the_box_is_that_of_the_landmarks_present():
    gaps = ShapeSet.from_points([[[0, 0], [np.nan, 99], [3, 12]]])
    np.testing.assert_allclose(span_lengths(gaps), [6.0])


def test_absent_landmarks_give_nan_not_zero():
    errors = normalised_errors(shapes([[0, 0], [10, 0], [np.nan, 0]]), TRUTH.take([0]))
    np.testing.assert_array_equal(errors, [[0, 0, np.nan]])
    truth = shapes([[0, 0], [10, 0], [np.nan, 0]])
    errors = normalised_errors(shapes([[0, 1], [10, 0], [0, 0]]), truth)
    np.testing.assert_allclose(errors, [[0.1, 0, np.nan]])


def test_an_unknown_span_is_refused_and_known_ones_are_listed():
    with pytest.raises(UnknownNameError, match="no span 'eyes'; it has: base, side, box"):
        span_lengths(TRUTH, "eyes")


@pytest.mark.parametrize(
    ("points", "span"),
    [
        ([[0, 0], [0, 0], [1, 1]], "base"),
        ([[np.nan, 0], [1, 0], [1, 1]], "base"),
        ([[0, 0], [1, 0], [2, 0]], "box"),
        ([[np.nan, 0], [np.nan, 0], [np.nan, 1]], "box"),
    ],
)
def test_a_span_without_length_is_refused_by_row(points, span):
    both = shapes([[0, 0], [1, 0], [1, 1]], points)
    with pytest.raises(ShapeMismatchError, match=f"shape 1: the span '{span}' has no length"):
        span_lengths(both, span)


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ShapeMismatchError, match="cannot compare points-3 with t"):
        normalised_errors(ShapeSet.from_points(TRUTH.points), TRUTH)
    with pytest.raises(ShapeMismatchError, match="cannot compare"):
        normalised_errors(TRUTH.take([0]), TRUTH)


ERRORS = np.array([[0.02, 0.04], [0.10, np.nan], [0.05, 0.15]])


def test_the_mean_error_of_a_shape_is_over_its_landmarks():
    np.testing.assert_allclose(image_errors(ERRORS), [0.03, 0.10, 0.10])
    np.testing.assert_array_equal(image_errors([[np.nan, np.nan]]), [np.nan])


def test_every_shape_counts_the_same_however_many_landmarks_it_has():
    assert nme(ERRORS) == pytest.approx((0.03 + 0.10 + 0.10) / 3)


def test_shapes_without_landmarks_do_not_count():
    with_empty = np.vstack([ERRORS, [np.nan, np.nan]])
    assert nme(with_empty) == pytest.approx(nme(ERRORS))
    assert auc(with_empty) == pytest.approx(auc(ERRORS))
    assert failure_rate(with_empty) == failure_rate(ERRORS)


def test_failure_rates_by_hand():
    assert failure_rate(ERRORS) == pytest.approx(2 / 3)
    assert failure_rate(ERRORS, 0.10) == 0.0
    assert landmark_failure_rate(ERRORS) == pytest.approx((1 / 3 + 1 / 2) / 2)
    assert landmark_failure_rate([[np.nan, 0.2]]) == 1.0


def test_the_distribution_counts_errors_at_the_threshold():
    np.testing.assert_allclose(ced(ERRORS, [0.0, 0.03, 0.05, 0.10, 1.0]), [0, 1 / 3, 1 / 3, 1, 1])


def test_the_area_by_hand():
    assert auc(ERRORS) == pytest.approx((1 - 0.03 / 0.08) / 3)
    assert auc([[0.0]]) == 1.0
    assert auc([[0.5]]) == 0.0


@pytest.mark.parametrize("threshold", [0, -1.0])
def test_a_threshold_that_is_not_positive_is_refused(threshold):
    with pytest.raises(ShapeMismatchError, match="must be positive"):
        auc(ERRORS, threshold)


@pytest.mark.parametrize("judge", [nme, failure_rate, landmark_failure_rate, auc])
def test_nothing_to_judge_is_refused(judge):
    with pytest.raises(ShapeMismatchError, match="no landmark to judge"):
        judge([[np.nan, np.nan]])
    with pytest.raises(ShapeMismatchError, match="no landmark to judge"):
        judge(np.zeros((0, 2)))


def test_faces_are_normalised_by_the_outer_eye_corners():
    points = np.random.default_rng(0).normal(size=(2, 68, 2))
    lengths = span_lengths(ShapeSet.from_points(points, landmark_format("300w-68")))
    np.testing.assert_allclose(lengths, np.hypot(*(points[:, 36] - points[:, 45]).T))
