import numpy as np
import pytest

from datasets.errors import ShapeMismatchError
from datasets.formats import landmark_format
from datasets.shapes import ShapeSet, Visibility, empty_shapes

THREE = landmark_format("points-3")


def test_points_with_a_missing_coordinate_are_absent_as_a_whole():
    shapes = ShapeSet.from_points([[[0, 1], [2, np.nan], [4, 5]]])
    assert np.isnan(shapes.points[0, 1]).all()
    assert shapes.visibility.tolist() == [[2, 0, 2]]
    assert shapes.present.tolist() == [[True, False, True]]
    assert shapes.complete.tolist() == [False]


def test_points_without_a_format_are_nameless():
    assert ShapeSet.from_points(np.zeros((2, 3, 2))).format == THREE


def test_points_handed_over_are_copied_by_from_points():
    array = np.zeros((1, 3, 2))
    shapes = ShapeSet.from_points(array)
    array[:] = 9
    assert shapes.points.max() == 0


@pytest.mark.parametrize(
    ("points", "visibility", "problem"),
    [
        (np.zeros((1, 3, 2), np.float32), np.full((1, 3), 2, np.uint8), "float64"),
        (np.zeros((1, 3, 4)), np.full((1, 3), 2, np.uint8), "2 or 3"),
        (np.zeros((3, 2)), np.full((1, 3), 2, np.uint8), "float64"),
        (np.zeros((1, 4, 2)), np.full((1, 4), 2, np.uint8), "has 3 landmarks, the points have 4"),
        (np.zeros((1, 3, 2)), np.full((1, 2), 2, np.uint8), "visibility must be uint8"),
        (np.zeros((1, 3, 2)), np.full((1, 3), 2), "visibility must be uint8"),
        (np.zeros((1, 3, 2)), np.full((1, 3), 3, np.uint8), "0, 1 or 2, got 3"),
        (np.full((1, 3, 2), np.inf), np.full((1, 3), 2, np.uint8), "got inf"),
        (np.zeros((1, 3, 2)), np.array([[2, 0, 2]], np.uint8), "shape 0, landmark 1"),
        (np.full((1, 3, 2), np.nan), np.array([[0, 0, 1]], np.uint8), "shape 0, landmark 2"),
    ],
)
def test_shapes_that_contradict_themselves_are_refused(points, visibility, problem):
    with pytest.raises(ShapeMismatchError, match=problem):
        ShapeSet(THREE, points, visibility)


def test_half_a_point_is_refused():
    points = np.zeros((1, 3, 2))
    points[0, 1, 0] = np.nan
    with pytest.raises(ShapeMismatchError, match="NaN must stand exactly"):
        ShapeSet(THREE, points, np.full((1, 3), 2, np.uint8))


def test_a_flat_array_is_refused():
    with pytest.raises(ShapeMismatchError, match=r"\(N, M, D\)"):
        ShapeSet.from_points([[1.0, 2.0]])


def test_no_shapes_at_all_are_allowed():
    shapes = ShapeSet.from_points(np.zeros((0, 3, 2)))
    assert len(shapes) == 0
    assert shapes.complete.shape == (0,)


def test_rows_are_taken_by_index_or_by_mask():
    shapes = ShapeSet.from_points(np.arange(18).reshape(3, 3, 2))
    assert shapes.take([2, 0]).points[:, 0, 0].tolist() == [12, 0]
    assert shapes.take([False, True, False]).points[:, 0, 0].tolist() == [6]


def test_keeping_landmarks_makes_the_others_absent_and_leaves_the_original():
    shapes = ShapeSet.from_points(np.ones((2, 3, 2)))
    kept = shapes.keep([2, 0])
    assert kept.present.tolist() == [[True, False, True]] * 2
    assert shapes.complete.all()


def test_a_subset_has_the_other_format():
    inner = landmark_format("300w-inner-41")
    points = np.arange(136.0).reshape(1, 68, 2)
    whole = ShapeSet.from_points(points, landmark_format("300w-68"))
    part = whole.subset(inner, inner.maps["300w-68"])
    assert part.format == inner
    np.testing.assert_array_equal(part.points, points[:, 27:])


def test_empty_shapes_have_nothing_present():
    shapes = empty_shapes(THREE, 2, D=3)
    assert shapes.points.shape == (2, 3, 3)
    assert not shapes.present.any()
    assert (shapes.visibility == Visibility.ABSENT).all()


@pytest.mark.parametrize("value", [1e200, -1.1e9, np.inf, -np.inf])
def test_a_coordinate_beyond_any_picture_is_refused_by_shape_and_landmark(value):
    points = np.ones((3, 2, 2))
    points[1, 0, 1] = value
    with pytest.raises(ShapeMismatchError, match=r"shape 1, landmark 0: .*, got "):
        ShapeSet.from_points(points)
